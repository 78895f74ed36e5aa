package recipe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// other is a recipe in which no value is a preset's.
func other() Recipe {
	return Recipe{
		Data: "my/corpus: a # b", Preset: "ptb-small", Models: settings.List{"modulated", "lstm"}, Seeds: "2,7", MinCount: 3, Init: "runs/x y/'best'",
		Hidden: 33, Embed: 21, Layers: 3, Tie: true, Params: 12345,
		Epochs: 5, Steps: 17, Batch: 6, BPTT: 11, Optimizer: "asgd",
		LR: 1e-3, ClipNorm: 0.125, Dropout: 0.35, WeightDecay: 1.2e-6, Decay: 0.9, DecayStart: 2, Plateau: true, AverageFrom: 4, DivideAlpha: true,
		Alpha: "layer", Rate: "neuron", ModulatorInput: "cell", Rule: "oja", Clip: 0.75, ReadoutKey: 12, ReadoutSlots: 34, ReadoutAlone: 0.25,
		L2: 2e-5, ClipGroups: true, InitScale: 0.11,
		Start: "published", AlphaStart: "-0.1..0.1", EtaStart: "0.05", FanoutStart: "-1..1", FanoutBiasStart: "0..0", ModulatorStart: "1e-1",
		AlphaLR: 0.5, RateLR: 2, ModulatorLR: 0, Thaw: 3, HoldAlpha: true,
		Precision: "bf16", LogEvery: 9,
		Common: run.Common{Threads: 2, CheckpointEvery: "2m", KeepCheckpoints: 3, OnNaN: "rollback", Rollbacks: 2, TensorBoard: true},
	}
}

func TestPresetsAreValid(t *testing.T) {
	for _, p := range Presets() {
		r, err := New(p.Name)
		if err != nil || r.Validate() != nil {
			t.Errorf("%s: %v, %v", p.Name, err, r.Validate())
		}
		if r.Preset != p.Name || p.About == "" {
			t.Errorf("%s is called %q, about %q", p.Name, r.Preset, p.About)
		}
		for _, f := range r.Fields() {
			o := other()
			if is, err := o.Fields().Find(f.Key); err != nil || f.Key != "preset" && is.String() == f.String() {
				t.Errorf("%s: %s is %s in the recipe that has nothing of a preset, %v", p.Name, f.Key, f, err)
			}
		}
	}
	if _, err := New("large"); err == nil || !strings.Contains(err.Error(), "sample, ptb-small") {
		t.Errorf("no preset: %v", err)
	}
}

// Every key can be set by a file, by a setting, by its field (as flags do), and
// comes back from what YAML writes, next to a comment.
func TestEveryKeyEveryWay(t *testing.T) {
	want := other()
	var file, setting, flag Recipe
	text := want.Fields().YAML()
	keys, err := file.Fields().Apply("config.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range want.Fields() {
		if f.Help == "" || f.Key == "" {
			t.Errorf("field %d lacks a key or a help text", i)
		}
		if keys[i] != f.Key {
			t.Errorf("key %d of the file is %s, want %s", i, keys[i], f.Key)
		}
		if !strings.Contains(string(text), f.Key+": ") || !strings.Contains(string(text), " # "+f.Help) {
			t.Errorf("no line or comment for %s in %s", f.Key, text)
		}
		if key, err := setting.Fields().Set(f.Flag() + "=" + f.String()); err != nil || key != f.Key {
			t.Errorf("--set %s=%s: key %q, %v", f.Flag(), f, key, err)
		}
		if err := flag.Fields()[i].Set(f.String()); err != nil {
			t.Errorf("--%s %s: %v", f.Flag(), f, err)
		}
	}
	for name, got := range map[string]Recipe{"file": file, "--set": setting, "flags": flag} {
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if lines := strings.Count(string(text), "\n"); lines != len(keys) {
		t.Errorf("%d lines for %d keys", lines, len(keys))
	}
}

func TestYAMLKeepsOddStrings(t *testing.T) {
	for _, s := range []string{"", "~", "null", "3", "true", "a\nb", " a ", "- a", "{a", "x # y", "é\t", `\`, "'", `"`} {
		r := other()
		r.Data, r.Init = s, s
		var got Recipe
		if _, err := got.Fields().Apply("f", r.Fields().YAML()); err != nil || got.Data != s || got.Init != s {
			t.Errorf("%q came back as %q, %v", s, got.Data, err)
		}
	}
}

func TestApply(t *testing.T) {
	var r Recipe
	keys, err := r.Fields().Apply("f", []byte("# mine\nmodels: [lstm, plastic]\nseeds: 3 # three\nlr: 2e1\ntie: true\n"))
	if err != nil || strings.Join(keys, ",") != "models,seeds,lr,tie" {
		t.Fatal(keys, err)
	}
	if d := cmp.Diff(Recipe{Models: settings.List{"lstm", "plastic"}, Seeds: "3", LR: 20, Tie: true}, r); d != "" {
		t.Error(d)
	}
	if _, err := r.Fields().Apply("f", []byte("models: modulated, lstm\n")); err != nil || r.Models.String() != "modulated,lstm" || r.LR != 20 {
		t.Errorf("a list as a flag takes it: %v, %v", r, err)
	}
	for _, empty := range []string{"", "# nothing\n", "---\n", "~\n"} {
		if keys, err := r.Fields().Apply("f", []byte(empty)); err != nil || keys != nil {
			t.Errorf("%q: %v, %v", empty, keys, err)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"lr: 1\nhiden: 3\n":              `f.yaml: line 2: no key "hiden" (did you mean hidden?): want one of data, preset`,
		"lr: fast\n":                     `f.yaml: line 1: lr "fast": want a finite number`,
		"lr: .inf\n":                     "want a finite number",
		"lr: nan\n":                      "want a finite number",
		"epochs: 2.5\n":                  `epochs "2.5": want a whole number`,
		"epochs: 99999999999999999999\n": "want a whole number",
		"tie: perhaps\n":                 "want true or false",
		"epochs:\n":                      "epochs: want a plain value: a whole number",
		"epochs: [1]\n":                  "want a plain value",
		"data: {a: b}\n":                 "want a plain value",
		"models: [[lstm]]\n":             "want a plain value",
		"data: &a x\ninit: *a\n":         "want a plain value",
		"lr: 1\nlr: 2\n":                 "lr",
		"- lr\n":                         "want lines of the form key: value",
		"lr\n":                           "want lines of the form key: value",
		"lr: 1\n---\nlr: 2\n":            "more than one YAML document",
		"lr: [1\n":                       "f.yaml: ",
		"\x00":                           "f.yaml: ",
	} {
		var r Recipe
		if _, err := r.Fields().Apply("f.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f.yaml: ") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestSet(t *testing.T) {
	var r Recipe
	for setting, want := range map[string]string{
		"lr":       `"lr": want key=value`,
		"l r=3":    `no key "l r"`,
		"=3":       `no key ""`,
		"batch=":   `batch "": want a whole number`,
		"tie=3":    "want true or false",
		"bptt=0x4": "want a whole number",
	} {
		if _, err := r.Fields().Set(setting); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", setting, err, want)
		}
	}
	if _, err := r.Fields().Set("data=a=b"); err != nil || r.Data != "a=b" {
		t.Errorf("%q, %v", r.Data, err)
	}
}

func TestValidate(t *testing.T) {
	for setting, want := range map[string]string{
		"models=":              "models: none",
		"models=lstm,gru":      `"gru"`,
		"models=lstm,lstm":     "given twice",
		"hidden=0":             "want 1 to 65536",
		"hidden=65537":         "want 1 to 65536",
		"embed=-1":             "embed -1",
		"layers=0":             "layers 0",
		"layers=65":            "layers 65",
		"params=-1":            "params -1",
		"min_count=-1":         "want at least 0",
		"epochs=0":             "want at least 1",
		"steps=-1":             "want at least 0",
		"batch=0":              "batch 0",
		"batch=70000":          "batch 70000",
		"bptt=0":               "bptt 0",
		"optimizer=rmsprop":    `optimizer "rmsprop": want one of sgd, asgd, adam`,
		"lr=0":                 "above 0",
		"lr=-1":                "lr -1",
		"clip_norm=-0.1":       "clip_norm -0.1",
		"dropout=1":            "dropout 1: want 0 to 0.99",
		"dropout=-0.1":         "dropout -0.1",
		"weight_decay=2":       "weight_decay 2",
		"decay=0":              "decay 0",
		"decay=1.1":            "decay 1.1",
		"decay_start=-1":       "decay_start -1",
		"average_from=-1":      "average_from -1",
		"alpha=axon":           `alpha "axon": want one of connection, neuron, layer`,
		"rate=axon":            `rate "axon"`,
		"modulator_input=gate": `want one of hidden, previous_hidden, cell`,
		"rule=hebb":            `rule "hebb": want one of ` + strings.Join(modeldir.Rules, ", "),
		"rule=oja":             "does not go with model retroactive",
		"rule=decay":           "does not go with model retroactive",
		"clip=0":               "clip 0",
		"clip=1e39":            "clip 1e+39",
		"l2=-1":                "l2 -1: want 0 to 1",
		"init_scale=11":        "init_scale 11: want 0 to 10",
		"start=large":          `start "large": want one of small, published`,
		"alpha_start=x":        `alpha_start "x": want a number or LO..HI such as -0.05..0.05, within +-100`,
		"alpha_start=1..-1":    "alpha_start",
		"alpha_start=1..":      "alpha_start",
		"alpha_start=101":      "within +-100",
		"alpha_start=nan":      "alpha_start",
		"eta_start=-0.1":       "trace rate of model retroactive starts: want 0 to 1",
		"fanout_start=-1:1":    "fanout_start",
		"fanout_bias_start=-":  "fanout_bias_start",
		"modulator_start=..1":  "modulator_start",
		"alpha_lr=-1":          "alpha_lr -1: want 0 to 1000",
		"rate_lr=1001":         "rate_lr 1001",
		"modulator_lr=-2":      "modulator_lr -2",
		"thaw=-1":              "thaw -1",
		"readout_key=0":        "readout_key 0: want 1 to 65536",
		"readout_slots=0":      "readout_slots 0: want 1 to 65536",
		"readout_alone=-1":     "readout_alone -1: want 0 to 100",
		"threads=-1":           "threads -1",
		"checkpoint_every=-5":  "want a number (50) or a time (2m)",
		"checkpoint_every=0s":  "want a number (50) or a time (2m)",
		"checkpoint_every=x":   "want a number (50) or a time (2m)",
		"log_every=0":          "log_every 0",
		"keep_checkpoints=0":   "keep_checkpoints 0: want 1 to 1000",
		"rollbacks=51":         "rollbacks 51: want 0 to 50",
		"on_nan=ignore":        `on_nan "ignore": want one of stop, rollback`,
		"seeds=0":              "seeds",
	} {
		r, err := New("sample")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Fields().Set(setting); err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
	r := other()
	r.Models = settings.List{"plastic", "lstm"}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
}

func TestChanges(t *testing.T) {
	a, b := other(), other()
	b.Threads, b.CheckpointEvery = 1, "7"
	b.KeepCheckpoints, b.OnNaN, b.Rollbacks, b.TensorBoard = 9, "rollback", 7, false
	for _, c := range a.Fields().Changes(b.Fields()) {
		t.Errorf("%s counts", c.Is.Key)
	}
	b.LogEvery, b.Hidden = 10, 77
	var got string
	for _, c := range a.Fields().Changes(b.Fields()) {
		got += fmt.Sprintf("%s %s, %s, %v; ", c.Is.Key, c.Is, c.Was, c.Is.Forced())
	}
	if want := fmt.Sprintf("hidden %d, 77, false; log_every 9, 10, true; ", a.Hidden); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// match returns the recipe's arms within its budget.
func match(r *Recipe, vocab int) ([]Arm, int, error) {
	budget, err := r.Budget(vocab)
	if err != nil {
		return nil, 0, err
	}
	arms, err := r.Within(budget, vocab)
	return arms, budget, err
}

// The counts of DESIGN's known answers: vocabulary 10,000, 2 layers of 200.
func TestMatch(t *testing.T) {
	r, err := New("ptb-small")
	if err != nil {
		t.Fatal(err)
	}
	check := func(wantBudget int, want ...string) {
		t.Helper()
		arms, budget, err := match(&r, 10000)
		if err != nil || budget != wantBudget {
			t.Fatalf("budget %d, %v, want %d", budget, err, wantBudget)
		}
		var got []string
		for _, a := range arms {
			c := a.Model
			got = append(got, fmt.Sprintf("%s %d %d %d", c.Model, c.HiddenSize, c.EmbeddingSize, c.ParamCount()))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	check(4812004, "lstm 206 206 4810624", "plastic 200 200 4811600", "modulated 200 200 4812002", "retroactive 200 200 4812004", "readout 205 205 4797434")
	r.Models = settings.List{"lstm"}
	check(4651600, "lstm 200 200 4651600")
	r.Params = 4812004
	check(4812004, "lstm 206 206 4810624")
	r.Params = 10
	if _, _, err := match(&r, 10000); err == nil || !strings.Contains(err.Error(), "too small") {
		t.Errorf("a budget of 10: %v", err)
	}
}

// Whatever the sizes, an arm is within the budget, and one neuron more is not.
func TestMatchIsTheLargestThatFits(t *testing.T) {
	for _, setting := range []string{"hidden=200", "hidden=3", "embed=50", "tie=true", "layers=1", "alpha=layer", "rate=neuron", "params=700000"} {
		r, err := New("ptb-small")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Fields().Set(setting); err != nil {
			t.Fatal(err)
		}
		arms, budget, err := match(&r, 3000)
		if err != nil {
			t.Fatal(err)
		}
		largest := 0
		for _, a := range arms {
			c := a.Model
			larger := c
			larger.HiddenSize++
			if r.Embed == 0 {
				larger.EmbeddingSize++
			}
			if c.ParamCount() > budget || larger.ParamCount() <= budget {
				t.Errorf("%s: %s %d has %d parameters, one more %d, budget %d", setting, c.Model, c.HiddenSize, c.ParamCount(), larger.ParamCount(), budget)
			}
			largest = max(largest, c.ParamCount())
		}
		if r.Params == 0 && largest != budget {
			t.Errorf("%s: the budget is %d, and no model has as many", setting, budget)
		}
	}
}

func TestModel(t *testing.T) {
	r := other()
	c, err := r.Model("modulated", 50)
	want := modeldir.Config{
		Format: modeldir.Format, Model: "modulated", VocabSize: 50, EmbeddingSize: 21, HiddenSize: 33, NumLayers: 3, TieWeights: true,
		Plasticity: &modeldir.Plasticity{Alpha: "layer", Rate: "neuron", ModulatorInput: "cell", Rule: "oja", Clip: 0.75},
		Precision:  "bf16",
	}
	if d := cmp.Diff(want, c); d != "" || err != nil {
		t.Error(d, err)
	}
	if c, err := r.Model("lstm", 50); err != nil || c.Plasticity != nil {
		t.Errorf("%v, %v", c, err)
	}
}
