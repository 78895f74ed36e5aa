package tensorfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlpodyssey/safetensors"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
)

func small() map[string]Tensor {
	return map[string]Tensor{
		"b":            {Shape: []int{2, 3}, Data: []float32{1, -2, 3, float32(math.Copysign(0, -1)), 5e-40, 6}},
		"layers.0.eta": {Shape: []int{1}, Data: []float32{0.25}},
		"a":            {Shape: []int{4}, Data: []float32{7, 8, float32(math.Inf(-1)), 10}},
	}
}

func encode(t testing.TB, tensors map[string]Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tensors, map[string]string{"format": "engram/1"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parse(b []byte) (map[string]Tensor, error) {
	tensors, _, err := Parse[float32]("f", b)
	return tensors, err
}

// raw makes a file of any header and data.
func raw(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, data)...)
}

func TestRoundTrip(t *testing.T) {
	want := small()
	b := encode(t, want)
	for range 5 {
		if !bytes.Equal(b, encode(t, want)) {
			t.Fatal("the same tensors gave other bytes")
		}
	}
	if n := binary.LittleEndian.Uint64(b); n%8 != 0 {
		t.Errorf("header of %d bytes; want a multiple of 8", n)
	}
	path := filepath.Join(t.TempDir(), "f.safetensors")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if math.Signbit(float64(got["b"].Data[3])) != true {
		t.Error("-0 lost its sign")
	}
	other, err := safetensors.Deserialize(b)
	if err != nil || other.Len() != len(want) {
		t.Errorf("the library reads %d tensors, %v; want %d", other.Len(), err, len(want))
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, tensors := range map[string]map[string]Tensor{
		"too few values": {"a": {Shape: []int{2}, Data: []float32{1}}},
		"empty":          {"a": {Shape: []int{0}}},
		"negative":       {"a": {Shape: []int{-1, -1}, Data: []float32{1}}},
		"overflow":       {"a": {Shape: []int{1 << 20, 1 << 20, 1 << 24}, Data: nil}},
		"reserved name":  {"__metadata__": {Shape: []int{1}, Data: []float32{1}}},
		"not UTF-8":      {"a\xff": {Shape: []int{1}, Data: []float32{1}}},
	} {
		if err := Write(&bytes.Buffer{}, tensors, nil); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		file []byte
		want string
	}{
		{nil, "too few"},
		{make([]byte, 7), "too few"},
		{raw("", 0), "not a JSON object"},
		{raw(" {}", 0), "not a JSON object"},
		{raw("[]", 0), "not a JSON object"},
		{raw("null", 0), "not a JSON object"},
		{raw("{", 0), "ends in the middle"},
		{raw("{}x", 0), "more text"},
		{raw("{}", 1), "cut short or too long"},
		{append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...), "header length"},
		{append(binary.LittleEndian.AppendUint64(nil, 3), "{}"...), "header length"},
		{[]byte("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."), "is a Python pickle"},
		{[]byte("PK\x03\x04 and more bytes"), "is a zip archive"},
		{[]byte("\x89HDF\r\n\x1a\n and more"), "is an HDF5 file"},
		{[]byte("GGUF\x03\x00\x00\x00 and more"), "is a GGUF file"},
		{[]byte("\x93NUMPY\x01\x00 and more"), "is a NumPy array"},
		{[]byte("version https://git-lfs.github.com/spec/v1"), "Git LFS"},
		{raw(`{"a":1}`, 0), "header"},
		{raw(`{"a":null}`, 0), "header"},
		{raw(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "3 keys"},
		{raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4), "3 keys"},
		{raw(`{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}`, 4), "header"},
		{raw(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 4), "a: has dtype F16; want F32"},
		{raw(`{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, 8), "a: has dtype F64; want F32"},
		{raw(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), "header"},
		{raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), "header"},
		{raw(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, 4), "header"},
		{raw(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0), "no dimension of 0"},
		{raw(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, 4), "at most 8"},
		{raw(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}`, 4), "a: has shape"},
		{raw(`{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}`, 4), "a: has shape"},
		{raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 8), "want 8 bytes"},
		{raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "want 4 bytes"},
		{raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "want them to start at 0"},
		{raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), "start at 4"},
		{raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12), "start at 4"},
		{raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "a: appears twice"},
		{raw(`{"__metadata__":{"x":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), "header"},
		{raw("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "UTF-8"},
	} {
		_, err := parse(c.file)
		var bad *badfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one line with %q", c.file, err, c.want)
		}
	}
	one := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(one, []byte{1}, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(one); err == nil || !strings.Contains(err.Error(), ": has 1 byte, too few") {
		t.Errorf("a file of one byte: %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder was read as a file")
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// Any length of a header is a file's good right, also one whose bytes begin as another
// kind of file does: 640 is 80 02, as a pickle.
func TestHeadersOfAnyLength(t *testing.T) {
	const header = `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	lengths := []int{640 + 1<<16, MaxHeader}
	for n := len(header); n < 1<<11; n++ {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		got, err := parse(raw(header+strings.Repeat(" ", n-len(header)), 4))
		if err != nil || len(got) != 1 {
			t.Errorf("header of %d bytes: %d tensors, %v", n, len(got), err)
		}
	}
}

// TestEveryTruncationIsRefused also lengthens the file by one byte.
func TestEveryTruncationIsRefused(t *testing.T) {
	b := encode(t, small())
	for n := range len(b) {
		var bad *badfile.Error
		if _, err := parse(b[:n]); !errors.As(err, &bad) {
			t.Fatalf("%d of %d bytes: error %v", n, len(b), err)
		}
	}
	if _, err := parse(append(b, 0)); err == nil {
		t.Error("a byte too many was accepted")
	}
}

// TestAChangedHeaderKeepsTheValues: all 255 other values of every header byte
// either give an error or the same values, perhaps under another name or shape,
// which the model folder's and the checkpoint's own checks refuse.
func TestAChangedHeaderKeepsTheValues(t *testing.T) {
	b := encode(t, small())
	want, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	header := 8 + int(binary.LittleEndian.Uint64(b))
	for i := range header {
		for x := 1; x < 256; x++ {
			changed := bytes.Clone(b)
			changed[i] ^= byte(x)
			got, err := parse(changed)
			var bad *badfile.Error
			if err != nil && !errors.As(err, &bad) {
				t.Fatalf("byte %d: untyped error %v", i, err)
			}
			if err == nil && (len(got) != len(want) || count(got) != count(want)) {
				t.Fatalf("byte %d ^ %#x: %d tensors of %d values, want %d of %d", i, x, len(got), count(got), len(want), count(want))
			}
		}
	}
}

func count(tensors map[string]Tensor) (n int) {
	for _, t := range tensors {
		n += len(t.Data)
	}
	return n
}

// TestMemoryIsBounded: the most wasteful headers cost less than 64 MB, and a
// large file twice its size.
func TestMemoryIsBounded(t *testing.T) {
	entries := func(format string) string {
		var b strings.Builder
		b.WriteString("{")
		for i := 0; b.Len() < MaxHeader-200; i++ {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + "}"
	}
	fill := func(start, unit, end string) string {
		return start + strings.Repeat(unit, (MaxHeader-len(start)-len(end))/len(unit)) + end
	}
	large := raw(`{"a":{"dtype":"F32","shape":[8388608],"data_offsets":[0,33554432]}}`, 32<<20)
	for name, c := range map[string]struct {
		file []byte
		ok   bool
	}{
		"shape":    {raw(fill(`{"a":{"shape":[0`, ",0", `]}}`), 0), false},
		"strings":  {raw(fill(`{"a":{"shape":[""`, `,""`, `]}}`), 0), false},
		"arrays":   {raw(fill(`{"a":{"shape":[[]`, `,[]`, `]}}`), 0), false},
		"objects":  {raw(fill(`{"a":{"shape":[{}`, `,{}`, `]}}`), 0), false},
		"nesting":  {raw(fill(`{"a":`, `[`, ``), 0), false},
		"tensors":  {raw(entries(`"%d":{}`), 0), false},
		"metadata": {raw(`{"__metadata__":`+entries(`"%d":""`)+`}`, 0), true},
		"large":    {large, true},
	} {
		var err error
		membound.Check(t, len(c.file), membound.Tensors, func() { _, err = parse(c.file) })
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// FuzzRead: what is read fits into the file, and is the same in every bit when it
// is written and read again; all else is an error of one line.
func FuzzRead(f *testing.F) {
	f.Add(encode(f, small()))
	f.Add(raw(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4))
	f.Add(raw(`{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  `, 8))
	f.Add(raw(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		var tensors map[string]Tensor
		var err error
		membound.Check(t, len(b), membound.Tensors, func() { tensors, err = parse(b) })
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("error %v, want a *badfile.Error of one line", err)
			}
			return
		}
		if 4*count(tensors) > len(b) {
			t.Fatalf("%d values from %d bytes", count(tensors), len(b))
		}
		for name, tensor := range tensors {
			if tensor.Size() != len(tensor.Data) {
				t.Fatalf("%q: shape %v and %d values", name, tensor.Shape, len(tensor.Data))
			}
			if name == "" {
				return // readable, but Write refuses the name
			}
		}
		again, err := parse(encode(t, tensors))
		if err != nil || len(again) != len(tensors) {
			t.Fatalf("written again: %v", err)
		}
		for name, want := range tensors {
			got := again[name]
			if !slices.Equal(got.Shape, want.Shape) || !slices.EqualFunc(got.Data, want.Data, sameBits) {
				t.Fatalf("%q became %v, want %v", name, got, want)
			}
		}
	})
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
