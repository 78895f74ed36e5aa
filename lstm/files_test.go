package lstm_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/membound"
	"github.com/engram-lm/engram/lstm"
)

// written is the file of a layer's parameters drawn from a seed.
func written[F lstm.Float](t testing.TB, prefix string, l lstm.Layer, seed uint64) (file []byte, params [][]F) {
	t.Helper()
	params, _ = lstm.NewParams[F](l.Params(), seed)
	params[0][0] = F(math.Inf(-1)) // whatever the numbers are
	var b bytes.Buffer
	if err := lstm.WriteParams(&b, prefix, l.Params(), params); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), params
}

func testParams[F lstm.Float](t *testing.T) {
	l := lstm.LSTM{In: 3, Hidden: 2}
	file, params := written[F](t, "layers.0.", l, 1)
	again, _ := written[F](t, "layers.0.", l, 1)
	if !bytes.Equal(file, again) {
		t.Error("the same parameters gave other bytes")
	}
	back, err := lstm.ReadParams[F](bytes.NewReader(file), "layers.0.", l.Params())
	if err != nil || !reflect.DeepEqual(back, params) {
		t.Errorf("%v, %v, want %v", back, err, params)
	}
}

// Parameters that were written and read back are the same, bit by bit, under the names
// of a model folder.
func TestParamsThroughAFile(t *testing.T) {
	t.Run("float32", testParams[float32])
	t.Run("float64", testParams[float64])
	file, _ := written[float32](t, "layers.0.", lstm.LSTM{In: 3, Hidden: 2}, 1)
	for _, name := range []string{`"layers.0.weight_ih"`, `"layers.0.weight_hh"`, `"layers.0.bias"`} {
		if !bytes.Contains(file, []byte(name)) {
			t.Errorf("no tensor is called %s", name)
		}
	}
}

// A layer is found among others, and what is not its own is refused.
func TestParamsThatDoNotFit(t *testing.T) {
	l := lstm.LSTM{In: 3, Hidden: 2}
	two := append(named("layers.0.", l.Params()), named("layers.1.", lstm.RNN{In: 2, Hidden: 2}.Params())...)
	params, _ := lstm.NewParams[float32](two, 3)
	var b bytes.Buffer
	if err := lstm.WriteParams(&b, "", two, params); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	first, err := lstm.ReadParams[float32](bytes.NewReader(file), "layers.0.", l.Params())
	if err != nil || !reflect.DeepEqual(first, params[:3]) {
		t.Errorf("%v, %v", first, err)
	}
	small := lstm.LSTM{In: 3, Hidden: 1}
	huge := binary.LittleEndian.AppendUint64(nil, 90)
	huge = append(huge, fmt.Sprintf("%-90s", `{"bias":{"dtype":"F32","shape":[8,250000000],"data_offsets":[0,8000000000]}}`)...)
	for _, c := range []struct {
		name, want, prefix string
		file               []byte
		layer              lstm.Layer
	}{
		{"another layer", "lstm: parameters: layers.1.bias: has shape [2]; want [8]", "layers.1.", file, l},
		{"another size", "has shape [8]; want [4]", "layers.0.", file, small},
		{"without a prefix", "is none of the layer's; want it left out", "", file, l},
		{"nobody's prefix", "lstm: parameters: layers.2.weight_ih: is missing; want it with shape [8 3]", "layers.2.", file, l},
		{"cut short", "the file is cut short", "layers.1.", file[:len(file)-3], lstm.RNN{In: 2, Hidden: 2}},
		{"too long", "the file is too long", "layers.0.", append(bytes.Clone(file), 0), l},
		{"nothing", "lstm: parameters: header length: ends early; the file is cut short", "", nil, l},
		{"no such file", "is not a JSON object; want a safetensors file", "", []byte("\x02\x00\x00\x00\x00\x00\x00\x00[]"), l},
		{"claims of gigabytes", "bias: has shape [8 250000000]; want [8]", "", huge, l},
	} {
		_, err := lstm.ReadParams[float32](bytes.NewReader(c.file), c.prefix, c.layer.Params())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := lstm.ReadParams[float64](bytes.NewReader(file), "layers.0.", l.Params()); err == nil || !strings.Contains(err.Error(), "has dtype F32; want F64") {
		t.Errorf("float32 read as float64: %v", err)
	}
	for want, err := range map[string]error{
		"lstm: 2 parameters to write: want the 3 of the layer":            lstm.WriteParams(&b, "", l.Params(), params[:2]),
		"lstm: parameter weight_ih [4 3] of 24 numbers to write: want 12": lstm.WriteParams(&b, "", small.Params(), params[:3]),
	} {
		if fmt.Sprint(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func named(prefix string, specs []lstm.Param) []lstm.Param {
	for i := range specs {
		specs[i].Name = prefix + specs[i].Name
	}
	return specs
}

// A state read back is the same, and goes into one of the same layer only.
func TestStateThroughBytes(t *testing.T) {
	s := ramp(lstm.LSTM{In: 3, Hidden: 2}, 2)
	s.Data[1] = float32(math.NaN())
	b, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back lstm.State[float32]
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	again, err := back.MarshalBinary()
	if err != nil || !bytes.Equal(again, b) || !reflect.DeepEqual(back.Parts, s.Parts) || back.Batch != 2 {
		t.Errorf("%+v, %v", back, err)
	}
	three := lstm.NewState[float32](lstm.LSTM{In: 3, Hidden: 2}, 3) // streams may be others
	if err := three.UnmarshalBinary(b); err != nil || three.Batch != 2 {
		t.Error(err)
	}
	rnn := ramp(lstm.RNN{In: 3, Hidden: 4}, 1)
	const other = "lstm: a state of the parts [h [4]] cannot become one of [h [2] c [2]]: want one of the same layer"
	if err := rnn.UnmarshalBinary(b); fmt.Sprint(err) != other || !reflect.DeepEqual(rnn, ramp(lstm.RNN{In: 3, Hidden: 4}, 1)) {
		t.Errorf("%v, want %s", err, other)
	}
	var double lstm.State[float64]
	if err := double.UnmarshalBinary(b); err == nil || !strings.Contains(err.Error(), "want F64") {
		t.Errorf("float32 read as float64: %v", err)
	}
	none := lstm.NewState[float64](lstm.Dense{In: 3, Out: 2}, 2) // carries nothing
	if b, err = none.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	if err := double.UnmarshalBinary(b); err != nil || double.Batch != 2 || len(double.Data) != 0 {
		t.Errorf("%+v, %v", double, err)
	}
	if _, err := (lstm.State[float32]{Batch: 1, Data: []float32{1}}).MarshalBinary(); err == nil {
		t.Error("a state of no parts that holds a number was written")
	}
}

// Whatever the bytes, they are refused in a line or are a state that writes the same
// one again, and no memory is asked for beyond what they hold.
func FuzzState(f *testing.F) {
	for _, l := range []lstm.Layer{lstm.LSTM{In: 3, Hidden: 2}, lstm.Dense{In: 3, Out: 2}} {
		b, err := ramp(l, 2).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.Replace(b, []byte(`"2"`), []byte(`"9"`), 1))
		f.Add(bytes.Replace(b, []byte(`\"c\"`), []byte(`\"h\"`), 1))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s lstm.State[float32]
		var err error
		membound.Check(t, len(b), membound.Tensors, func() { err = s.UnmarshalBinary(b) })
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !reflect.DeepEqual(s, lstm.State[float32]{}) {
				t.Errorf("%+v, %v", s, err)
			}
			return
		}
		again, err := s.MarshalBinary()
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", s, err)
		}
		var back lstm.State[float32]
		if err := back.UnmarshalBinary(again); err != nil || back.Batch != s.Batch || !reflect.DeepEqual(back.Parts, s.Parts) {
			t.Errorf("%+v is read back as %+v, %v", s, back, err)
		}
	})
}

// Likewise parameters, whose memory the layer bounds.
func FuzzParams(f *testing.F) {
	l := lstm.LSTM{In: 3, Hidden: 2}
	for _, prefix := range []string{"", "layers.0."} {
		file, _ := written[float32](f, prefix, l, 1)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var err error
		var params [][]float32
		membound.Check(t, len(b), membound.Tensors, func() { params, err = lstm.ReadParams[float32](bytes.NewReader(b), "", l.Params()) })
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Error(err)
			}
			return
		}
		if err := lstm.WriteParams(&bytes.Buffer{}, "", l.Params(), params); err != nil {
			t.Error(err)
		}
	})
}
