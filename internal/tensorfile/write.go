package tensorfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/nlpodyssey/safetensors"
)

// Write writes the tensors, ordered by name, with a header padded by spaces to
// a multiple of eight bytes. The same tensors and metadata give the same bytes.
func Write[F kernel.Float](w io.Writer, tensors map[string]Of[F], metadata map[string]string) error {
	views := make(map[string]view[F], len(tensors))
	for name, t := range tensors {
		if err := writable(name, t); err != nil {
			return err
		}
		views[name] = view[F]{t}
	}
	return safetensors.SerializeToWriter(views, metadata, w)
}

// writable reports what Read would refuse, before it reaches a disk.
func writable[F kernel.Float](name string, t Of[F]) error {
	size := 1
	for _, d := range t.Shape {
		if d < 1 || d > math.MaxInt32/size {
			return fmt.Errorf("tensor %s: shape %v; want dimensions of at least 1 and fewer than 2^31 elements", name, t.Shape)
		}
		size *= d
	}
	if size != len(t.Data) || len(t.Shape) > maxRank {
		return fmt.Errorf("tensor %s: %d values for shape %v; want %d in at most %d dimensions", name, len(t.Data), t.Shape, size, maxRank)
	}
	if name == "" || name == "__metadata__" || !utf8.ValidString(name) {
		return fmt.Errorf("tensor %q: the format has no such name; want other UTF-8 text", name)
	}
	return nil
}

// view shows a Tensor to the safetensors writer, which asks for the data of one
// tensor at a time.
type view[F kernel.Float] struct{ tensor Of[F] }

func (v view[F]) DType() safetensors.DType { return dtype[F]() }

func (v view[F]) Shape() []uint64 {
	shape := make([]uint64, len(v.tensor.Shape))
	for i, d := range v.tensor.Shape {
		shape[i] = uint64(d)
	}
	return shape
}

func (v view[F]) DataLen() uint64 { return v.DType().Size() * uint64(len(v.tensor.Data)) }

func (v view[F]) Data() []byte {
	b := make([]byte, 0, v.DataLen())
	switch data := any(v.tensor.Data).(type) {
	case []float32:
		for _, x := range data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	case []float64:
		for _, x := range data {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	}
	return b
}
