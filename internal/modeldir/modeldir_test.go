package modeldir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/atomicdir/faultfs"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/tensorfile"
)

const cases = "../lm/testdata/cases"

// list writes the tensors of c as "name [shape]".
func list(c Config) (lines []string) {
	for _, s := range c.Tensors() {
		lines = append(lines, fmt.Sprintf("%s %v", s.Name, s.Shape))
	}
	return lines
}

// tiny is a model of every kind of tensor shape, with values of its own.
func tiny() *Model {
	c := Config{Format: Format, Model: Modulated, VocabSize: 4, EmbeddingSize: 2, HiddenSize: 3, NumLayers: 1,
		Plasticity: &Plasticity{Alpha: "connection", Rate: "neuron", ModulatorInput: "hidden", Rule: "clip", Clip: 2}}
	m := &Model{Config: c, Tensors: map[string][]float32{}, TokenizerJSON: []byte(`{"model": {"vocab": {"a": 0}}}`)}
	for i, s := range c.Tensors() {
		x := make([]float32, s.Size())
		for j := range x {
			x[j] = float32(i) + float32(j)/64
		}
		m.Tensors[s.Name] = x
	}
	return m
}

func save(t *testing.T, m *Model) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run", "best")
	if err := Save(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCasesLoad(t *testing.T) {
	dirs, err := filepath.Glob(cases + "/*/model")
	if err != nil || len(dirs) != 5 {
		t.Fatalf("%d cases, %v; want 5", len(dirs), err)
	}
	for _, dir := range dirs {
		m, err := Load(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		after, err := ReadTensors(filepath.Join(filepath.Dir(dir), "after2.safetensors"))
		if err != nil {
			t.Error(err)
			continue
		}
		if len(after) != len(m.Tensors) {
			t.Errorf("%s: %d tensors after two steps, %d before", dir, len(after), len(m.Tensors))
		}
		for name, x := range m.Tensors {
			if len(after[name]) != len(x) || slices.Equal(after[name], x) {
				t.Errorf("%s: %s did not change its values and keep its size in two steps", dir, name)
			}
		}
		again, err := Load(save(t, m))
		if err != nil {
			t.Error(err)
		} else if d := cmp.Diff(m, again); d != "" {
			t.Errorf("%s saved and loaded: %s", dir, d)
		}
	}
}

// TestEveryFailure lets a save meet every fault: a whole model stands there after
// it, the one before or the new one, and the next save leaves nothing beside.
func TestEveryFailure(t *testing.T) {
	before, after := tiny(), tiny()
	after.Tensors["decoder.bias"][0]++
	met := 0
	for fsys := range faultfs.Every() {
		dir := filepath.Join(t.TempDir(), "best")
		if err := saveTo(&faultfs.FS{}, dir, before); err != nil {
			t.Fatal(err)
		}
		err := saveTo(fsys, dir, after)
		if wrong := fsys.Misreported(err, dir); wrong != nil {
			t.Fatalf("%v: %v", fsys, wrong)
		}
		if fsys.Failed() {
			met++
		}
		got, err := Load(dir)
		if err != nil {
			t.Fatalf("%v: %v", fsys, err)
		}
		if cmp.Diff(before, got) != "" && cmp.Diff(after, got) != "" {
			t.Errorf("%v: left neither the model before nor the new one", fsys)
		}
		if err := saveTo(&faultfs.FS{}, dir, after); err != nil {
			t.Fatalf("%v: the next save: %v", fsys, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
			t.Errorf("%v: %d entries beside the model, want it alone", fsys, len(entries))
		}
	}
	if met < 30 {
		t.Errorf("%d faults were met; want at least 30", met)
	}
}

func TestSaveIsDeterministicAndReplaces(t *testing.T) {
	m := tiny()
	dir := save(t, m)
	first := read(t, dir)
	m.Tensors["decoder.bias"][0]++
	if err := Save(dir, m); err != nil {
		t.Fatal(err)
	}
	if second := read(t, dir); bytes.Equal(first[TensorsFile], second[TensorsFile]) {
		t.Error("the folder was not replaced")
	}
	m.Tensors["decoder.bias"][0]--
	if err := Save(dir, m); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first, read(t, dir)); d != "" {
		t.Errorf("the same model gave other bytes: %s", d)
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("%d entries beside the model, want it alone", len(entries))
	}
}

// The sum of the tensors tells whether they are what was saved.
func TestVerify(t *testing.T) {
	m := tiny()
	dir := save(t, m)
	sum, err := Sum(dir)
	if err != nil || Verify(dir, sum) != nil {
		t.Fatalf("%v, %v", err, Verify(dir, sum))
	}
	m.Tensors["decoder.bias"][0]++
	if err := Save(dir, m); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir, sum); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, TensorsFile)+" has SHA-256 ") {
		t.Errorf("other tensors: %v", err)
	}
	if err := Verify(t.TempDir(), sum); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no model: %v", err)
	}
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if content[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return content
}

func TestSaveRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Model)
		want   string
	}{
		"config":         {func(m *Model) { m.Config.Model = "gru" }, `model: is "gru"`},
		"missing tensor": {func(m *Model) { delete(m.Tensors, "layers.0.alpha") }, "layers.0.alpha: has 0 values; want 9"},
		"wrong size":     {func(m *Model) { m.Tensors["layers.0.bias"] = make([]float32, 11) }, "layers.0.bias: has 11 values; want 12"},
		"surplus":        {func(m *Model) { m.Tensors["x"] = []float32{1} }, "want the 11 of model modulated"},
		"NaN":            {func(m *Model) { m.Tensors["decoder.bias"][2] = float32(math.NaN()) }, "decoder.bias: is NaN at element 2"},
		"tokenizer":      {func(m *Model) { m.TokenizerJSON = nil }, "tokenizer.json: ends"},
	} {
		m := tiny()
		c.change(m)
		parent := t.TempDir()
		err := Save(filepath.Join(parent, "m"), m)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if entries, _ := os.ReadDir(parent); len(entries) != 0 {
			t.Errorf("%s: left %v", name, entries)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), []byte("years"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Save(dir, tiny()); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("somebody's folder: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	write := func(dir, name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tensors := func(dir string, change func(map[string]tensorfile.Tensor)) {
		path := filepath.Join(dir, TensorsFile)
		x, err := tensorfile.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		change(x)
		var b bytes.Buffer
		if err := tensorfile.Write(&b, x, nil); err != nil {
			t.Fatal(err)
		}
		write(dir, TensorsFile, b.Bytes())
	}
	for name, c := range map[string]struct {
		change func(dir string)
		want   string
	}{
		"unknown key":  {func(d string) { write(d, ConfigFile, []byte(`{"hidden": 3, "format": "engram/1"}`)) }, "config.json: hidden: unknown key"},
		"another's":    {func(d string) { write(d, ConfigFile, []byte(`{"architectures": ["X"], "hidden_size": 3}`)) }, `config.json: format: is missing; want "engram/1"`},
		"PyTorch":      {func(d string) { write(d, TensorsFile, []byte("PK\x03\x04 and more bytes")) }, "model.safetensors: is a zip archive, as PyTorch saves weights; want a safetensors file"},
		"Git LFS":      {func(d string) { write(d, TensorsFile, []byte("version https://git-lfs.github.com/spec/v1\n")) }, "model.safetensors: is the pointer of a file that Git LFS has not fetched"},
		"other sizes":  {func(d string) { write(d, ConfigFile, []byte(lstmJSON)) }, "model.safetensors: embedding.weight: has shape [4 2]; config.json wants [23 5]"},
		"large config": {func(d string) { write(d, ConfigFile, make([]byte, 1<<20)) }, "want at most 65536"},
		"tokenizer":    {func(d string) { write(d, TokenizerFile, []byte(`{"a": 1, "a": 2}`)) }, "tokenizer.json: a: appears twice"},
		"large tensors": {func(d string) { write(d, TensorsFile, make([]byte, 1<<20)) },
			"model.safetensors: has 1048576 bytes; want some 460 for the 115 parameters"},
		"missing tensor": {func(d string) {
			tensors(d, func(x map[string]tensorfile.Tensor) { delete(x, "layers.0.bias") })
		}, "layers.0.bias: is missing; config.json wants it with shape [12]"},
		"surplus tensor": {func(d string) {
			tensors(d, func(x map[string]tensorfile.Tensor) { x["y"] = x["layers.0.bias"] })
		}, "y: is not a tensor of the model"},
		"wrong shape": {func(d string) {
			tensors(d, func(x map[string]tensorfile.Tensor) {
				x["layers.0.alpha"] = tensorfile.Tensor{Shape: []int{9}, Data: x["layers.0.alpha"].Data}
			})
		}, "layers.0.alpha: has shape [9]; config.json wants [3 3]"},
		"infinite": {func(d string) {
			tensors(d, func(x map[string]tensorfile.Tensor) { x["decoder.bias"].Data[1] = float32(math.Inf(1)) })
		}, "decoder.bias: is +Inf at element 1"},
	} {
		dir := save(t, tiny())
		c.change(dir)
		_, err := Load(dir)
		var bad *badfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), dir) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	for _, name := range files {
		dir := save(t, tiny())
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// What is given in the place of a model folder is named, and a run's folder tells
// where its models are.
func TestLoadElsewhere(t *testing.T) {
	run := t.TempDir()
	model := filepath.Join(run, "lstm-seed1", "best")
	if err := Save(model, tiny()); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		run:                                   "want one in it: " + model,
		filepath.Join(run, "lstm-seed1"):      "want one in it: " + model,
		filepath.Join(model, ConfigFile):      ConfigFile + " is not a model folder but a file: want the folder of config.json",
		filepath.Join(run, "none"):            "none is not a model folder",
		filepath.Join(model, "none"):          "want the folder of config.json",
		filepath.Join(model, ConfigFile, "x"): "not a directory",
	} {
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}

// TestEveryChangedByte flips a bit in each byte of the three files, one that
// changes a letter's case and one that does not, and cuts them at every length:
// Load gives a typed error, or the same names and sizes with other values.
func TestEveryChangedByte(t *testing.T) {
	m := tiny()
	dir := save(t, m)
	whole := read(t, dir)
	load := func(name string, b []byte) (*Model, error) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Load(dir)
		var bad *badfile.Error
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%s: untyped error %v", name, err)
		}
		return got, err
	}
	header := 8 + int(binary.LittleEndian.Uint64(whole[TensorsFile]))
	for _, name := range files {
		for i := range whole[name] {
			if _, err := load(name, whole[name][:i]); err == nil && !(name == ConfigFile && i == len(whole[name])-1) {
				t.Fatalf("%s cut to %d bytes was accepted", name, i) // config.json may lose its newline
			}
			for _, bit := range []int{0, 5} {
				changed := bytes.Clone(whole[name])
				changed[i] ^= 1 << bit
				got, err := load(name, changed)
				if err == nil && name == TensorsFile && (len(got.Tensors) != len(m.Tensors) || i < header && !sameValues(got, m)) {
					t.Fatalf("%s byte %d bit %d: a header that lies was accepted", name, i, bit)
				}
			}
		}
		if _, err := load(name, whole[name]); err != nil {
			t.Fatal(err)
		}
	}
}

// sameValues reports whether a and b hold the same numbers, perhaps with tensors
// of equal shape named the other way round.
func sameValues(a, b *Model) bool {
	sum := func(m *Model) (s float64) {
		for _, x := range m.Tensors {
			for _, v := range x {
				s += float64(v)
			}
		}
		return s
	}
	return sum(a) == sum(b)
}
