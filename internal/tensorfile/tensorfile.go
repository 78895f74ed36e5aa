// Package tensorfile reads and writes named tensors in the safetensors format: eight
// bytes of little-endian header length, a JSON header of
// {"name": {"dtype", "shape", "data_offsets"}}, and the data.
//
// The header's fields and the writer are github.com/nlpodyssey/safetensors. What
// stands here is what that library leaves to its caller: the bounds are checked
// before memory is asked for, a name that appears twice is an error instead of
// the last one winning, gaps and overlaps are refused without the whole file in
// memory, and every message is one line that names the tensor. All tensors are
// of the one type that is asked for, F32 (a model folder's, by contract) or F64:
// rounding another in silence would change its numbers.
package tensorfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
)

const (
	// MaxHeader bounds the header in bytes. It is some five thousand tensors, and
	// keeps what decoding a hostile header costs below 64 MB.
	MaxHeader = 1 << 19
	maxRank   = 8
	chunk     = 64 << 10 // bytes converted at a time
)

// Of is a dense row-major tensor: len(Data) is the product of Shape.
type Of[F kernel.Float] struct {
	Shape []int
	Data  []F
}

// Tensor is one of a model folder.
type Tensor = Of[float32]

// Size returns the number of elements that Shape asks for.
func (t Of[F]) Size() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Read returns all tensors of the file at path. It asks for the size of the
// data plus a constant, however the header lies. A file that is not such a file,
// whole and of F32 only, is a *badfile.Error; values may be NaN or infinite.
func Read(path string) (map[string]Tensor, error) {
	f, size, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tensors, _, err := read[float32](path, f, size, all)
	return tensors, err
}

// Parse is Read for a file in memory, whose name is for the messages; it returns the
// file's metadata as well.
func Parse[F kernel.Float](name string, b []byte) (map[string]Of[F], map[string]string, error) {
	return read[F](name, bytes.NewReader(b), int64(len(b)), all)
}

// Select is Parse for a file of any length, of which want names the tensors that it
// returns: it asks for no more memory than these take. An error of want ends it.
func Select[F kernel.Float](name string, r io.Reader, want func(tensor string, shape []int) (bool, error)) (map[string]Of[F], error) {
	tensors, _, err := read[F](name, r, unknown, want)
	return tensors, err
}

func all(string, []int) (bool, error) { return true, nil }

// unknown is a size that is no one's to know: no more can be read.
const unknown = 8 + MaxHeader + 4*math.MaxInt32

// read parses size bytes from r and returns the tensors that want names; path is for
// the messages.
func read[F kernel.Float](path string, r io.Reader, size int64, want func(string, []int) (bool, error)) (map[string]Of[F], map[string]string, error) {
	header, err := readHeader(path, r, size)
	if err != nil {
		return nil, nil, err
	}
	entries, metadata, err := layout(path, header, uint64(size)-8-uint64(len(header)), dtype[F](), size == unknown)
	if err != nil {
		return nil, nil, err
	}
	tensors := make(map[string]Of[F], len(entries))
	in := bufio.NewReaderSize(r, chunk)
	buffer := make([]byte, chunk)
	width := int(dtype[F]().Size())
	for _, e := range entries {
		wanted, err := want(e.name, e.shape)
		if err != nil {
			return nil, nil, err
		}
		if !wanted {
			if _, err := io.CopyN(io.Discard, in, int64(e.end-e.start)); err != nil {
				return nil, nil, shortRead(path, e.name, err)
			}
			continue
		}
		data := make([]F, e.count)
		for rest := data; len(rest) > 0; {
			n := min(len(rest), chunk/width)
			if _, err := io.ReadFull(in, buffer[:width*n]); err != nil {
				return nil, nil, shortRead(path, e.name, err)
			}
			decode(rest[:n], buffer)
			rest = rest[n:]
		}
		tensors[e.name] = Of[F]{Shape: e.shape, Data: data}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return nil, nil, cmp.Or(err, error(badfile.New(path, "", "goes on behind its tensors; the file is too long")))
	}
	return tensors, metadata, nil
}

func dtype[F kernel.Float]() safetensors.DType {
	if _, ok := any(F(0)).(float32); ok {
		return safetensors.F32
	}
	return safetensors.F64
}

func decode[F kernel.Float](to []F, from []byte) {
	switch to := any(to).(type) {
	case []float32:
		for i := range to {
			to[i] = math.Float32frombits(binary.LittleEndian.Uint32(from[4*i:]))
		}
	case []float64:
		for i := range to {
			to[i] = math.Float64frombits(binary.LittleEndian.Uint64(from[8*i:]))
		}
	}
}

// otherKind names the file of weights that begins so and is no safetensors file;
// empty for any other beginning. A header of 640 bytes begins as a pickle does: ask of
// a beginning that is no length of a header.
func otherKind(prefix []byte) string {
	for _, k := range []struct{ magic, name string }{
		{"PK\x03\x04", "a zip archive, as PyTorch saves weights"},
		{"\x80\x02", "a Python pickle, as older PyTorch saves weights"},
		{"\x89HDF", "an HDF5 file, as Keras saves weights"},
		{"GGUF", "a GGUF file"},
		{"\x93NUMPY", "a NumPy array"},
		{"version ", "the pointer of a file that Git LFS has not fetched"},
	} {
		if bytes.HasPrefix(prefix, []byte(k.magic)) {
			return k.name
		}
	}
	return ""
}

func readHeader(path string, r io.Reader, size int64) ([]byte, error) {
	if size < 8 {
		return nil, badfile.New(path, "", "has %s, too few for a safetensors file; copy it again", badfile.Bytes(size))
	}
	var prefix [8]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, shortRead(path, "header length", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	switch kind := otherKind(prefix[:]); {
	case n > MaxHeader && kind != "":
		return nil, badfile.New(path, "", "is %s; want a safetensors file", kind)
	case n > MaxHeader:
		return nil, badfile.New(path, "header length", "is %d; want at most %d", n, MaxHeader)
	case n > uint64(size)-8:
		return nil, badfile.New(path, "header length", "is %d; want at most %d, for the file has %d bytes", n, size-8, size)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, shortRead(path, "header", err)
	}
	if n == 0 || header[0] != '{' {
		return nil, badfile.New(path, "header", "is not a JSON object; want a safetensors file")
	}
	return header, nil
}

// entry is one tensor of a checked header.
type entry struct {
	name       string
	shape      []int
	count      uint64 // elements
	start, end uint64 // bytes from the end of the header
}

// layout decodes the header and returns its tensors in the order of their data,
// which must fill exactly dataSize bytes, or with room at most as many, without a gap
// or an overlap.
func layout(path string, header []byte, dataSize uint64, dtype safetensors.DType, room bool) ([]entry, map[string]string, error) {
	if err := strictjson.Check(path, header); err != nil {
		return nil, nil, err
	}
	var decoded safetensors.Metadata
	if err := decoded.UnmarshalJSON(header); err != nil {
		return nil, nil, badfile.New(path, "header", "%v", err)
	}
	infos := decoded.Tensors()
	entries := make([]entry, 0, len(infos))
	for name, info := range infos {
		e, err := newEntry(path, name, info, dataSize, dtype)
		if err != nil {
			return nil, nil, err
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.start, b.start) })
	var at uint64
	for _, e := range entries {
		if e.start != at {
			return nil, nil, badfile.New(path, e.name, "has data_offsets %d to %d; want them to start at %d, where the tensor before ends",
				e.start, e.end, at)
		}
		at = e.end
	}
	if at != dataSize && !room {
		return nil, nil, badfile.New(path, "", "has %s of data and its tensors take %d; the file is cut short or too long", badfile.Bytes(int64(dataSize)), at)
	}
	return entries, decoded.Metadata(), nil
}

func newEntry(path, name string, info *safetensors.TensorInfo, dataSize uint64, dtype safetensors.DType) (entry, error) {
	width := dtype.Size()
	e := entry{name: name, count: 1, start: info.DataOffsets[0], end: info.DataOffsets[1]}
	if info.DType != dtype {
		return e, badfile.New(path, name, "has dtype %s; want %s", info.DType, dtype)
	}
	if len(info.Shape) > maxRank {
		return e, badfile.New(path, name, "has %d dimensions; want at most %d", len(info.Shape), maxRank)
	}
	for _, d := range info.Shape {
		if d == 0 || d > dataSize/width/e.count {
			return e, badfile.New(path, name, "has shape %v; want no dimension of 0 and no more than the file's %d bytes of data",
				info.Shape, dataSize)
		}
		e.shape = append(e.shape, int(d))
		e.count *= d
	}
	if e.end < e.start || e.end-e.start != width*e.count {
		return e, badfile.New(path, name, "has data_offsets %d to %d; want %d bytes for shape %v", e.start, e.end, width*e.count, info.Shape)
	}
	return e, nil
}

// shortRead tells a file that shrank while it was read from a failing disk.
func shortRead(path, field string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return badfile.New(path, field, "ends early; the file is cut short")
	}
	return err
}
