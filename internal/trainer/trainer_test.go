package trainer

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
)

// tensors are those of a model folder of the job.
func tensors(t *testing.T, j *job, folder string) map[string][]float32 {
	t.Helper()
	x, err := modeldir.ReadTensors(filepath.Join(j.Dir, folder, modeldir.TensorsFile))
	must(t, err)
	return x
}

// initial draws the parameters that a job without any would start from.
func initial(t *testing.T, j *job) map[string][]float32 {
	t.Helper()
	m, err := lm.New[float32](j.Model, j.Seed)
	must(t, err)
	return m.Tensors()
}

func TestMetrics(t *testing.T) {
	j := newJob(t, t.TempDir(), "modulated")
	j.Initial = initial(t, j)
	for name, x := range j.Initial { // a new model's traces do next to nothing
		if strings.HasSuffix(name, ".alpha") || strings.HasSuffix(name, ".fanout.weight") {
			for i := range x {
				x[i] = 0.5
			}
		}
	}
	out := train(t, j)
	all := lines(t, j)
	epochs, steps := 0, 0.0
	for _, l := range all {
		for _, key := range []string{"model", "seed", "epoch", "step", "tokens", "train_nll", "lr", "grad_norm", "tokens_per_s"} {
			if _, ok := l[key]; !ok {
				t.Errorf("no %s in %v", key, l)
			}
		}
		if l["model"] != "modulated" || l["seed"] != 5.0 || l["tokens"].(float64) <= steps*10 || !(l["grad_norm"].(float64) > 0) {
			t.Errorf("%v", l)
		}
		if l["step"].(float64) < steps {
			t.Errorf("step %v after %v", l["step"], steps)
		}
		steps = l["step"].(float64)
		if valid, ok := l["valid_nll"]; ok {
			e := out.Epochs[epochs]
			if epochs++; valid != e.ValidNLL || l["train_nll"] != e.TrainNLL || l["epoch"] != float64(epochs) || steps != float64(7*epochs) {
				t.Errorf("%v at the end of %+v", l, e)
			}
			layers, _ := l["traces"].([]any)
			if len(l) != 13 || len(layers) != j.Model.NumLayers {
				t.Errorf("%d keys: %v", len(l), l)
			}
			for _, key := range []string{"mean_abs", "at_clip", "alpha_mean_abs", "rate_mean_abs"} {
				if _, ok := layers[0].(map[string]any)[key]; !ok {
					t.Errorf("no %s in %v", key, layers[0])
				}
			}
			if off, mean := *e.ValidNLLOff, *e.ValidNLLMean; l["valid_nll_off"] != off || l["valid_nll_mean"] != mean || off == mean || off == valid {
				t.Errorf("off %v and mean %v beside %v: %v", off, mean, valid, l)
			}
		}
	}
	// Every other of 21 steps, and three epochs.
	if len(all) != 13 || epochs != 3 {
		t.Errorf("%d lines, %d epochs: %v", len(all), epochs, all)
	}
	// The streams have 33 tokens and 32 targets: 6 windows of 5 and one of 2.
	if tokens := all[len(all)-1]["tokens"]; tokens != 288.0 {
		t.Errorf("%v tokens, want 3 x 3 x 32", tokens)
	}
}

func TestStepsOverrideEpochs(t *testing.T) {
	for _, c := range []struct {
		steps          string
		epochs, within int
	}{{"3", 1, 3}, {"7", 1, 7}, {"8", 2, 1}, {"30", 5, 2}} {
		j := newJob(t, t.TempDir(), "lstm", "steps="+c.steps, "epochs=2")
		out := train(t, j)
		e := out.Epochs[len(out.Epochs)-1]
		if len(out.Epochs) != c.epochs || e.Step != 7*(c.epochs-1)+c.within || !strings.Contains(j.said.String(), fmt.Sprintf("epoch  %d/%[1]d  ", c.epochs)) {
			t.Errorf("--steps %s: %d epochs, %+v, and said %q", c.steps, len(out.Epochs), e, j.said.String())
		}
		tensors(t, j, last)
		tensors(t, j, best)
	}
}

// Every epoch begins with the zero state: without learning they are all alike.
func TestEpochsBeginAnew(t *testing.T) {
	for _, kind := range modeldir.Models {
		out := train(t, newJob(t, t.TempDir(), kind, "lr=1e-12", "dropout=0"))
		for _, e := range out.Epochs[1:] {
			if first := out.Epochs[0]; !(math.Abs(e.TrainNLL-first.TrainNLL) < 1e-9) || !(math.Abs(e.ValidNLL-first.ValidNLL) < 1e-9) {
				t.Errorf("%s: epoch %d: %v, %v; epoch 1: %v, %v", kind, e.Epoch, e.TrainNLL, e.ValidNLL, first.TrainNLL, first.ValidNLL)
			}
		}
	}
}

// The best epoch is the one of lowest validation loss, and best/ is the model
// that had it.
func TestBestOnValidation(t *testing.T) {
	j := newJob(t, t.TempDir(), "plastic", "epochs=6", "lr=25", "clip_norm=0", "dropout=0")
	out := train(t, j)
	lowest := out.Epochs[0]
	for _, e := range out.Epochs {
		if e.ValidNLL < lowest.ValidNLL {
			lowest = e
		}
	}
	if out.BestEpoch != lowest.Epoch || out.BestEpoch == len(out.Epochs) {
		t.Fatalf("best epoch %d of %+v; the test wants one that is not the last", out.BestEpoch, out.Epochs)
	}
	m, err := lm.FromTensors[float32](j.Model, tensors(t, j, best))
	must(t, err)
	e, err := m.Evaluate(context.Background(), j.Valid.Tokens, 3, 5, nil)
	must(t, err)
	if e.NLL != lowest.ValidNLL {
		t.Errorf("best/ has a validation loss of %v, epoch %d had %v", e.NLL, lowest.Epoch, lowest.ValidNLL)
	}
}

// Averaged SGD takes the steps of SGD, and saves the mean of the parameters
// after each step from the first of average_from on.
func TestAveragedSGD(t *testing.T) {
	for _, c := range []struct {
		setting    string
		first, end int
	}{{"average_from=2", 8, 14}, {"average_from=0", 8, 14}, {"average_from=3", 15, 14}} {
		j := newJob(t, t.TempDir(), "lstm", "optimizer=asgd", "epochs=2", c.setting)
		train(t, j)
		got := tensors(t, j, last)
		mean, n := map[string][]float64{}, 0.0
		for step := min(c.first, c.end); step <= c.end; step++ {
			plain := newJob(t, t.TempDir(), "lstm", "optimizer=sgd", "log_every=1")
			plain.Recipe.Steps = step
			train(t, plain)
			n++
			for name, x := range tensors(t, plain, last) {
				if mean[name] == nil {
					mean[name] = make([]float64, len(x))
				}
				for i, v := range x {
					mean[name][i] += float64(v)
				}
			}
		}
		for name, x := range got {
			for i, v := range x {
				if want := mean[name][i] / n; !(math.Abs(float64(v)-want) < 1e-5) {
					t.Fatalf("%s: %s[%d] is %v, the mean %v", c.setting, name, i, v, want)
				}
			}
		}
	}
}

func TestDivideAlpha(t *testing.T) {
	changes := []string{"alpha=neuron", "steps=1", "clip_norm=0", "dropout=0", "optimizer=sgd"}
	plain := newJob(t, t.TempDir(), "plastic", changes...)
	divided := newJob(t, t.TempDir(), "plastic", append(changes, "divide_alpha=true")...)
	from := initial(t, plain)
	for _, layer := range []string{"layers.0.", "layers.1."} { // traces that alpha can be felt through
		fill(from[layer+"eta"], 1)
		fill(from[layer+"alpha"], 0)
	}
	plain.Initial, divided.Initial = from, from
	train(t, plain)
	train(t, divided)
	a, b := tensors(t, plain, last), tensors(t, divided, last)
	moved := false
	for name := range from {
		by := 1.0
		if strings.HasSuffix(name, ".alpha") {
			by = 4 // neurons
		}
		for i, x := range from[name] {
			want, got := float64(a[name][i]-x)/by, float64(b[name][i]-x)
			if !(math.Abs(want-got) <= 1e-3*math.Abs(want)+1e-8) {
				t.Errorf("%s[%d] moved by %v, want %v", name, i, got, want)
			}
			moved = moved || by > 1 && got != 0
		}
	}
	if !moved {
		t.Error("alpha did not move")
	}
}

func TestLearningRates(t *testing.T) {
	rates := func(changes ...string) (rates []float64, out *Outcome) {
		out = train(t, newJob(t, t.TempDir(), "lstm", append([]string{"epochs=5", "lr=20", "clip_norm=0", "decay=0.5"}, changes...)...))
		for _, e := range out.Epochs {
			rates = append(rates, e.LR)
		}
		return rates, out
	}
	for setting, want := range map[string][]float64{
		"decay_start=0": {20, 20, 20, 20, 20}, "decay_start=1": {10, 5, 2.5, 1.25, 0.625}, "decay_start=4": {20, 20, 20, 10, 5},
	} {
		got, _ := rates(setting)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", setting, got, want)
			}
		}
	}
	got, out := rates("plateau=true")
	rate, lowest, fell := 20.0, math.Inf(1), false
	for i, e := range out.Epochs {
		if got[i] != rate {
			t.Errorf("epoch %d at %v, want %v", e.Epoch, got[i], rate)
		}
		if e.ValidNLL < lowest {
			lowest = e.ValidNLL
		} else {
			rate, fell = rate/2, true
		}
	}
	if !fell {
		t.Error("no plateau was met; the test wants one")
	}
}

// What is not finite stops the training within its step, and is named.
func TestDiverges(t *testing.T) {
	for name, c := range map[string]struct {
		kind    string
		changes []string
		start   func(map[string][]float32)
		step    int
		want    string
	}{
		"large rate":  {"plastic", []string{"lr=1e9", "weight_decay=1"}, func(map[string][]float32) {}, 0, ""},
		"loss":        {"lstm", nil, func(x map[string][]float32) { fill(x["layers.1.bias"], 10); fill(x["decoder.weight"], 3e38) }, 1, "the loss is"},
		"NaN weight":  {"lstm", nil, func(x map[string][]float32) { fill(x["layers.1.weight_hh"], float32(math.NaN())) }, 1, "layers.1"},
		"NaN alpha":   {"modulated", nil, func(x map[string][]float32) { fill(x["layers.0.alpha"], float32(math.NaN())) }, 1, "layers.0"},
		"wild trace":  {"plastic", []string{"rule=additive", "models=plastic"}, func(x map[string][]float32) { fill(x["layers.0.eta"], 3e38) }, 0, "Hebbian trace of layers.0"},
		"wild memory": {"retroactive", []string{"rule=additive"}, func(x map[string][]float32) { fill(x["layers.1.modulator.weight"], float32(math.NaN())) }, 1, "layers.1"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJob(t, t.TempDir(), c.kind, append([]string{"checkpoint_every=1"}, c.changes...)...)
			j.Initial = initial(t, j)
			c.start(j.Initial)
			_, err := start(t, context.Background(), j)
			var step, epoch int
			if _, bad := fmt.Sscanf(fmt.Sprint(err), "diverged at step %d, epoch %d:", &step, &epoch); bad != nil {
				t.Fatalf("%v, want a divergence", err)
			}
			if c.step > 0 && step != c.step || epoch != 1 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want step %d and %q", err, c.step, c.want)
			}
			t.Log(err)
			if kept, err := os.ReadDir(filepath.Join(j.Dir, "checkpoints")); err != nil || len(kept) != min(j.Recipe.KeepCheckpoints, step-1) {
				t.Errorf("%d checkpoints of %d good steps, %v", len(kept), step-1, err)
			}
		})
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

func TestTextsTooShort(t *testing.T) {
	j := newJob(t, t.TempDir(), "lstm")
	j.Train = text("train", 5)
	if _, err := start(t, context.Background(), j); err == nil || !strings.Contains(err.Error(), "train text: 5 tokens are too few") {
		t.Error(err)
	}
	j = newJob(t, t.TempDir(), "lstm")
	j.Valid = text("valid", 1)
	if _, err := start(t, context.Background(), j); err == nil || !strings.Contains(err.Error(), "valid text: 1 tokens are too few") {
		t.Error(err)
	}
	j = newJob(t, t.TempDir(), "lstm")
	j.Valid = text("valid", 4) // fewer than two for each of three streams
	train(t, j)
}
