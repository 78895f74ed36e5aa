package genotype

import (
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/tensorfile"
	"github.com/engram-lm/engram/lstm"
)

func config(model string) Config {
	c := Config{Format: Format, Model: model, Hidden: 6, Inputs: 4, Outputs: 3, Modulation: "after", Birth: "zero"}
	if !c.Plastic() {
		c.Modulation, c.Birth = "none", ""
	}
	return c
}

func draw(c Config, seed uint64) *Genotype {
	r := rand.New(rand.NewPCG(seed, 0))
	g := &Genotype{Config: c}
	for _, n := range c.Segments() {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(0.5 * r.NormFloat64())
		}
		g.Tensors = append(g.Tensors, x)
	}
	return g
}

func outputs(g *Genotype, steps int) (all []float32) {
	r, life := rand.New(rand.NewPCG(9, 0)), g.Config.NewLife()
	life.Begin(g.Config.NewGenome(g.Tensors), r)
	for range steps {
		x, o := make([]float32, g.Config.Inputs), make([]float32, g.Config.Outputs)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		life.Step(x, o)
		all = append(all, o...)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	for _, model := range Models {
		g, dir := draw(config(model), 1), filepath.Join(t.TempDir(), "a", "genotype")
		for range 2 { // the second replaces the first
			if err := g.Save(dir); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got.Config != g.Config || !slices.Equal(outputs(got, 20), outputs(g, 20)) {
			t.Errorf("%s: another genotype came back: %+v", model, got.Config)
		}
	}
}

// The weights of rnn and lstm do what lstm.RNN and lstm.LSTM do with them.
func TestBaselines(t *testing.T) {
	for model, layer := range map[string]lstm.Layer{
		"rnn":  lstm.RNN{In: 4, Hidden: 6, Feed: lstm.Projected},
		"lstm": lstm.LSTM{In: 4, Hidden: 6},
	} {
		g := draw(config(model), 2)
		const steps = 15
		r := rand.New(rand.NewPCG(9, 0))
		x := make([]float32, 4*steps)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		byName := map[string][]float32{}
		for i, p := range g.Config.Tensors() {
			byName[p.Name] = g.Tensors[i]
		}
		var params [][]float32
		for _, p := range layer.Params() {
			if len(byName[p.Name]) != p.Size() {
				t.Fatalf("%s: tensor %v has %d values", model, p, len(byName[p.Name]))
			}
			params = append(params, byName[p.Name])
		}
		scan, h := lstm.NewScan[float32](layer), make([]float32, steps*6)
		scan.Begin(1, steps, params, make([]float32, lstm.StateSize(layer, 1)))
		scan.Forward(steps, x, h)
		got := outputs(g, steps)
		for s := range steps {
			for k := range 3 {
				want := float64(byName["readout.bias"][k])
				for i, v := range h[s*6:][:6] {
					want += float64(byName["readout.weight"][k*6+i]) * float64(v)
				}
				if v := float64(got[s*3+k]); !(math.Abs(v-want) < 1e-5) {
					t.Fatalf("%s: output %d of step %d is %v, want %v", model, k, s, v, want)
				}
			}
		}
	}
}

func TestParamCounts(t *testing.T) {
	for _, c := range []struct {
		model  string
		hidden int
		want   int
	}{{"decomposed", 64, 1347}, {"full", 64, 20743}, {"lstm", 64, 20805}, {"lstm", 128, 74373}, {"rnn", 64, 5445}, {"rnn", 16, 597}, {"lstm", 16, 2133}, {"decomposed", 16, 387}} {
		g := config(c.model)
		g.Hidden, g.Inputs, g.Outputs = c.hidden, 15, 5
		if got := g.ParamCount(); got != c.want {
			t.Errorf("%s of %d: %d numbers, want %d", c.model, c.hidden, got, c.want)
		}
	}
}

// A life that is begun anew has nothing of the one before, and an LSTM whose state
// is forgotten begins anew.
func TestLives(t *testing.T) {
	for _, model := range Models {
		g := draw(config(model), 3)
		life, genome := g.Config.NewLife(), g.Config.NewGenome(g.Tensors)
		other := draw(config(model), 4)
		play := func() (all []float32) {
			o := make([]float32, 3)
			for range 10 {
				life.Step([]float32{1, -1, 0.5, 0}, o)
				all = append(all, o...)
			}
			return all
		}
		life.Begin(genome, nil)
		first := play()
		life.Begin(g.Config.NewGenome(other.Tensors), nil)
		play()
		life.Begin(genome, nil)
		if !slices.Equal(play(), first) {
			t.Errorf("%s: a life depends on the one before", model)
		}
		life.ForgetHidden()
		life.ForgetWeights()
		if !slices.Equal(play(), first) {
			t.Errorf("%s: a life that forgets all does not begin anew", model)
		}
	}
}

func TestRefuses(t *testing.T) {
	good := draw(config("decomposed"), 1)
	save := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "g")
		if err := good.Save(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, c := range map[string]struct{ was, is, says string }{
		"format":     {"engram-genotype/1", "engram-genotype/2", "format"},
		"model":      {"decomposed", "gru", "model"},
		"hidden":     {`"hidden": 6`, `"hidden": 0`, "hidden"},
		"larger":     {`"hidden": 6`, `"hidden": 7`, "readout.weight"},
		"modulation": {`"after"`, `"simple"`, "modulation"},
		"none":       {`"after"`, `"none"`, "modulator"},
		"birth":      {`"zero"`, `"one"`, "birth"},
		"no birth":   {",\n \"birth\": \"zero\"", "", "birth: is missing or empty; want zero or normal"},
		"other key":  {`"hidden"`, `"size": 3, "hidden"`, "size"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := save(t)
			path := filepath.Join(dir, configFile)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(b), c.was, c.is, 1)
			if text == string(b) {
				t.Fatalf("%q is not in %s", c.was, b)
			}
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err = Load(dir)
			if _, ok := errors.AsType[*badfile.Error](err); !ok || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v; want one of a bad file that names %s", err, c.says)
			}
		})
	}
	run := t.TempDir()
	if _, err := Load(run); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "want the folder of genotype.json and genotype.safetensors") {
		t.Errorf("an empty folder: %v", err)
	}
	inside := filepath.Join(run, "full-seed1", "genotype")
	if err := good.Save(inside); err != nil {
		t.Fatal(err)
	}
	for _, outer := range []string{run, filepath.Dir(inside)} {
		if _, err := Load(outer); !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "; want one in it: "+inside) {
			t.Errorf("the folder of a run or of a training: %v, want %s named", err, inside)
		}
	}
	dir := save(t)
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := good.Save(dir); err == nil {
		t.Error("a folder with other files is replaced")
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	bad := draw(good.Config, 1)
	bad.Tensors[2][1] = float32(math.NaN())
	if err := bad.Save(filepath.Join(t.TempDir(), "g")); err == nil {
		t.Error("a NaN is saved")
	}
	dir = save(t)
	f, err := os.Create(filepath.Join(dir, tensorsFile))
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]tensorfile.Tensor{}
	for i, p := range bad.Config.Tensors() {
		tensors[p.Name] = tensorfile.Tensor{Shape: p.Shape, Data: bad.Tensors[i]}
	}
	if err := errors.Join(tensorfile.Write(f, tensors, nil), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "modulator.weight") {
		t.Errorf("a NaN is loaded: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"format": "engram-genotype/1", "model": "decomposed", "hidden": 64, "inputs": 15, "outputs": 5, "modulation": "after", "birth": "zero"}`))
	f.Add([]byte(`{"format": "engram-genotype/1", "model": "lstm", "hidden": 4096, "inputs": 15, "outputs": 5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parse("genotype.json", b); err == nil {
			if c.Validate() != nil || c.ParamCount() < 1 {
				t.Errorf("%s is accepted as %+v", b, c)
			}
		}
	})
}
