package lstm

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/tensorfile"
)

// Parameters and states in the safetensors format, which other programs read as well.
// What is read back has the same bits.

// WriteParams writes parameters, flat as NewParams makes them, each under the name that
// specs give it, after prefix: "layers.0." makes those of a model folder's first layer.
// float32 is written as F32, float64 as F64.
func WriteParams[F Float](w io.Writer, prefix string, specs []Param, params [][]F) error {
	if len(params) != len(specs) {
		return fmt.Errorf("lstm: %d parameters to write: want the %d of the layer", len(params), len(specs))
	}
	tensors := map[string]tensorfile.Of[F]{}
	for i, p := range specs {
		if len(params[i]) != p.Size() {
			return fmt.Errorf("lstm: parameter %s of %d numbers to write: want %d", p, len(params[i]), p.Size())
		}
		tensors[prefix+p.Name] = tensorfile.Of[F]{Shape: p.Shape, Data: params[i]}
	}
	return tensorfile.Write(w, tensors, nil)
}

// ReadParams reads what WriteParams wrote, or a layer of a model folder's
// model.safetensors: it returns the tensors that specs name after prefix, in their
// order. A tensor that is missing, of another shape or type, or whose name begins with
// prefix and is none of specs', is an error in one line, and so is what is no such file.
// Tensors of other names are passed over, without memory for them.
func ReadParams[F Float](r io.Reader, prefix string, specs []Param) ([][]F, error) {
	const file = "lstm: parameters"
	wanted := map[string]Param{}
	for _, p := range specs {
		wanted[prefix+p.Name] = p
	}
	read, err := tensorfile.Select[F](file, r, func(name string, shape []int) (bool, error) {
		p, ok := wanted[name]
		switch {
		case !ok && strings.HasPrefix(name, prefix):
			return false, badfile.New(file, name, "is none of the layer's; want it left out")
		case ok && !slices.Equal(shape, p.Shape):
			return false, badfile.New(file, name, "has shape %v; want %v", shape, p.Shape)
		}
		return ok, nil
	})
	if err != nil {
		return nil, err
	}
	params := make([][]F, len(specs))
	for i, p := range specs {
		t, ok := read[prefix+p.Name]
		if !ok {
			return nil, badfile.New(file, prefix+p.Name, "is missing; want it with shape %v", p.Shape)
		}
		params[i] = t.Data
	}
	return params, nil
}

var (
	_ encoding.BinaryMarshaler   = State[float32]{}
	_ encoding.BinaryUnmarshaler = (*State[float32])(nil)
)

// stateFormat is what the metadata of a state's tensors say of their form.
const stateFormat = "engram-state/1"

// listed is a Part in the metadata.
type listed struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	Role  Role   `json:"role"`
}

// MarshalBinary writes the state as safetensors: a tensor [B, Shape...] for each part,
// under its name, and in the metadata what the parts are. encoding/gob uses it.
func (s State[F]) MarshalBinary() ([]byte, error) {
	if err := s.check(0); err != nil {
		return nil, err
	}
	tensors, parts := map[string]tensorfile.Of[F]{}, []listed{}
	for _, p := range s.Parts {
		if _, twice := tensors[p.Name]; twice {
			return nil, fmt.Errorf("lstm: a state with two parts %s: want each once", p.Name)
		}
		tensors[p.Name] = tensorfile.Of[F]{Shape: append([]int{s.Batch}, p.Shape...), Data: s.Part(p.Name)}
		parts = append(parts, listed(p))
	}
	list, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = tensorfile.Write(&b, tensors, map[string]string{"format": stateFormat, "streams": strconv.Itoa(s.Batch), "parts": string(list)})
	return b.Bytes(), err
}

// UnmarshalBinary reads what MarshalBinary wrote. A state that has Parts already, as
// one from NewState, takes no other; the number of streams may be another. Anything
// else is refused in one line, and the state stays as it is.
func (s *State[F]) UnmarshalBinary(b []byte) error {
	const file = "lstm: state"
	tensors, metadata, err := tensorfile.Parse[F](file, b)
	if err != nil {
		return err
	}
	if got := metadata["format"]; got != stateFormat {
		return badfile.New(file, "format", "is %q; want %q", got, stateFormat)
	}
	batch, err := strconv.Atoi(metadata["streams"])
	if err != nil || batch < 1 {
		return badfile.New(file, "streams", "is %q; want a number of at least 1", metadata["streams"])
	}
	var list []listed
	if err := strictjson.Decode(file+": parts", []byte(metadata["parts"]), &list); err != nil {
		return err
	}
	read := State[F]{Batch: batch}
	for _, p := range list {
		t, ok := tensors[p.Name]
		if want := append([]int{batch}, p.Shape...); !ok || !slices.Equal(t.Shape, want) {
			return badfile.New(file, p.Name, "is missing or has shape %v; want %v, or a part %s once", t.Shape, want, p.Name)
		}
		delete(tensors, p.Name)
		read.Parts, read.Data = append(read.Parts, Part(p)), append(read.Data, t.Data...)
	}
	if len(tensors) > 0 {
		return badfile.New(file, "", "has %d tensors that are no part of it; want them left out", len(tensors))
	}
	if s.Parts != nil && !reflect.DeepEqual(s.Parts, read.Parts) {
		return fmt.Errorf("lstm: a state of the parts %v cannot become one of %v: want one of the same layer", s.Parts, read.Parts)
	}
	*s = read
	return nil
}
