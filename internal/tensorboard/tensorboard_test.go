package tensorboard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The reader here is written from the format's description, with nothing of the
// writer's: its CRC goes bit by bit, its protocol buffers byte by byte.

// read is an event as the reader understands it.
type read struct {
	At      float64
	Step    int64
	Version string
	Scalars map[string]float32
}

func readEvents(t *testing.T, path string) (all []read) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b[:8])
		if got, want := binary.LittleEndian.Uint32(b[8:12]), mask(crcBitwise(b[:8])); got != want {
			t.Fatalf("CRC of the length %08x, want %08x", got, want)
		}
		payload := b[12 : 12+n]
		if got, want := binary.LittleEndian.Uint32(b[12+n:16+n]), mask(crcBitwise(payload)); got != want {
			t.Fatalf("CRC of the payload %08x, want %08x", got, want)
		}
		all = append(all, readEvent(t, payload))
		b = b[16+n:]
	}
	return all
}

func readEvent(t *testing.T, b []byte) (e read) {
	t.Helper()
	fields(t, b, func(number int, bits uint64, inner []byte) {
		switch number {
		case 1:
			e.At = math.Float64frombits(bits)
		case 2:
			e.Step = int64(bits)
		case 3:
			e.Version = string(inner)
		case 5:
			e.Scalars = map[string]float32{}
			fields(t, inner, func(_ int, _ uint64, v []byte) {
				var name string
				var value float32
				fields(t, v, func(number int, bits uint64, inner []byte) {
					if number == 1 {
						name = string(inner)
					} else {
						value = math.Float32frombits(uint32(bits))
					}
				})
				e.Scalars[name] = value
			})
		}
	})
	return e
}

// fields takes a message apart: varints, 64 bits, lengths, 32 bits.
func fields(t *testing.T, b []byte, f func(number int, bits uint64, inner []byte)) {
	t.Helper()
	varint := func() (v uint64) {
		for shift := 0; ; shift += 7 {
			c := b[0]
			b = b[1:]
			v |= uint64(c&0x7f) << shift
			if c < 0x80 {
				return v
			}
		}
	}
	for len(b) > 0 {
		key := varint()
		number := int(key >> 3)
		switch key & 7 {
		case 0:
			f(number, varint(), nil)
		case 1:
			f(number, binary.LittleEndian.Uint64(b), nil)
			b = b[8:]
		case 2:
			n := varint()
			f(number, 0, b[:n])
			b = b[n:]
		case 5:
			f(number, uint64(binary.LittleEndian.Uint32(b)), nil)
			b = b[4:]
		default:
			t.Fatalf("wire type %d", key&7)
		}
	}
}

// crcBitwise is CRC-32C: the polynomial 0x1EDC6F41, reflected.
func crcBitwise(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			c = c>>1 ^ 0x82f63b78*(c&1)
		}
	}
	return ^c
}

func mask(c uint32) uint32 { return (c>>15 | c<<17) + 0xa282ead8 }

func TestReaderItself(t *testing.T) {
	if c := crcBitwise([]byte("123456789")); c != 0xe3069283 { // the check value of CRC-32C
		t.Errorf("%08x", c)
	}
}

func line(step int) []byte {
	return fmt.Appendf(nil, `{"model":"lstm","seed":3,"epoch":1,"step":%d,"tokens":70,"train_nll":%v,"lr":20,"grad_norm":0.25,"tokens_per_s":1000}`+"\n", step, 0.5*float64(step))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is written is what an independent reader reads.
func TestEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	w, err := Open(path, nil)
	must(t, err)
	must(t, w.Add(line(2)))
	must(t, w.Add([]byte(`{"model":"lstm","seed":3,"epoch":1,"step":300,"train_nll":1,"valid_nll":2,"valid_nll_off":3,"lr":5,"grad_norm":1e3,"traces":[{"mean_abs":1}]}`)))
	must(t, w.Add([]byte(`{"model":"rnn","seed":1,"episode":70000,"metric":"bit_error","value":0.125,"loss":null,"grad_norm":2,"seconds":7,"event":"rollback"}`)))
	must(t, w.Add(line(8)))
	must(t, w.Add([]byte(`{"step":8,"train_nll":4,"valid_nll":2,"lr":10,"grad_norm":0.25,"tokens_per_s":1000}`))) // the end of an epoch
	must(t, w.Sync())
	must(t, w.Close())
	e := func(x float64) float32 { return float32(math.Exp(x)) }
	want := []read{
		{Version: "brain.Event:2"},
		{Step: 2, Scalars: map[string]float32{"nll/train": 1, "perplexity/train": e(1), "lr": 20, "grad_norm": 0.25, "tokens_per_s": 1000}},
		{Step: 300, Scalars: map[string]float32{"nll/train": 1, "perplexity/train": e(1), "nll/valid": 2, "perplexity/valid": e(2), "nll/valid_off": 3, "perplexity/valid_off": e(3), "lr": 5, "grad_norm": 1000}},
		{Step: 70000, Scalars: map[string]float32{"bit_error": 0.125, "grad_norm": 2}},
		{Step: 8, Scalars: map[string]float32{"nll/train": 4, "perplexity/train": e(4), "lr": 20, "grad_norm": 0.25, "tokens_per_s": 1000}},
		{Step: 8, Scalars: map[string]float32{"nll/valid": 2, "perplexity/valid": e(2), "lr": 10}},
	}
	got := readEvents(t, path)
	for i := range got {
		if got[i].At < 1.5e9 || got[i].At > 1e11 || i > 0 && got[i].At < got[i-1].At {
			t.Errorf("event %d at %v, want the time in seconds, rising", i, got[i].At)
		}
		got[i].At = 0
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%v, want\n%v", got, want)
	}
}

// A file that is opened again holds the events of the lines, each once: those of lines
// that have gone go, those that are missing come, be it after a torn write, and what
// stays keeps its time.
func TestReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	w, err := Open(path, [][]byte{line(1)})
	must(t, err)
	for step := 2; step <= 5; step++ {
		must(t, w.Add(line(step)))
	}
	must(t, w.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	before := readEvents(t, path)
	for cut := len(whole); cut >= 0; cut -= 31 {
		must(t, os.WriteFile(path, whole[:cut], 0o666))
		w, err := Open(path, [][]byte{line(1), line(2), line(3)})
		must(t, err)
		must(t, w.Add(line(4)))
		must(t, w.Close())
		got := readEvents(t, path)
		if len(got) != 5 {
			t.Fatalf("cut to %d bytes: %d events, want the version and 4", cut, len(got))
		}
		for i, e := range got {
			if e.Step != int64(i) || cut == len(whole) && i < 4 && e.At != before[i].At {
				t.Errorf("cut to %d bytes: event %d is of step %d at %v", cut, i, e.Step, e.At)
			}
		}
	}
	// A damaged one is written anew.
	for i := 0; i < len(whole); i += 11 {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 16
		must(t, os.WriteFile(path, damaged, 0o666))
		w, err := Open(path, [][]byte{line(1), line(2)})
		must(t, err)
		must(t, w.Close())
		if got := readEvents(t, path); len(got) != 3 || got[2].Scalars["nll/train"] != 1 {
			t.Fatalf("byte %d damaged: %v", i, got)
		}
	}
}

// Nothing is written where the file is as it should be: a finished run may lie in a
// folder that cannot be written.
func TestUnchanged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, File)
	w, err := Open(path, [][]byte{line(1)})
	must(t, err)
	must(t, w.Close())
	before, err := os.Stat(path)
	must(t, err)
	w, err = Open(path, [][]byte{line(1)})
	must(t, err)
	must(t, w.Close())
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced, %v", err)
	}
}

func TestNoLine(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), File), [][]byte{[]byte("{")}); err == nil {
		t.Error("half a line is an event")
	}
}
