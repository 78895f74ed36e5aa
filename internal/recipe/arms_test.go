package recipe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/lstm"
)

// sample is the recipe of the preset sample with some of its values set.
func sample(t *testing.T, settings ...string) Recipe {
	t.Helper()
	r, err := New("sample")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if _, err := r.Fields().Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// A rate for SGD is none for adam, nor the other way round.
func TestArmOptimizerWantsItsRate(t *testing.T) {
	for _, c := range []struct{ optimizer, models, want string }{
		{"sgd", "a=lstm:optimizer=adam", "models: a has optimizer adam, and the run's lr 10 is meant for sgd: want an lr of its own, as in a=lstm:optimizer=adam:lr=0.002"},
		{"sgd", "a=lstm:optimizer=adam:lr=0.01", ""},
		{"sgd", "a=lstm:optimizer=asgd", ""},
		{"adam", "a=lstm:optimizer=sgd", "as in a=lstm:optimizer=sgd:lr=10"},
		{"adam", "lstm,a=lstm:optimizer=adam", ""},
	} {
		r, err := New("sample")
		if err != nil {
			t.Fatal(err)
		}
		r.Optimizer, r.Models = c.optimizer, strings.Split(c.models, ",")
		_, err = r.Arms()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: %v, want %q", c.optimizer, c.models, err, c.want)
		}
	}
}

func TestArms(t *testing.T) {
	r := sample(t, "rule=oja", "models=lstm:l2=1e-5,still,slow=modulated:rule=decay:alpha=neuron:alpha-start=-0.1..0.1:lr=2,plastic")
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	arms, _, err := match(&r, 50)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range arms {
		s, rule := a.Recipe, "none"
		if p := a.Model.Plasticity; p != nil {
			rule = p.Rule + " " + p.Alpha
		}
		got = append(got, fmt.Sprint(a.Label, " ", a.Model.Model, ": ", rule, ", ", s.AlphaStart, " ", s.LR, " ", s.L2, " ", s.HoldAlpha))
		if a.Kind != a.Model.Model {
			t.Errorf("%s is of kind %s and model %s", a.Label, a.Kind, a.Model.Model)
		}
	}
	if d := cmp.Diff([]string{
		"lstm lstm: none,  10 1e-05 false",
		"still modulated: oja connection,  10 0 true",
		"slow modulated: decay neuron, -0.1..0.1 2 0 false",
		"plastic plastic: oja connection,  10 0 false",
	}, got); d != "" {
		t.Error(d)
	}
	if r.LR != 10 || r.L2 != 0 || r.HoldAlpha {
		t.Errorf("an arm changed the run: %+v", r)
	}
}

// The same models in a file are the same arms, and go through YAML unchanged.
func TestArmsInAFile(t *testing.T) {
	flag, file := sample(t, "models=lstm,slow=modulated:rule=decay:thaw=2"), sample(t)
	if _, err := file.Fields().Apply("f", []byte("models: [lstm, 'slow=modulated:rule=decay:thaw=2']\n")); err != nil {
		t.Fatal(err)
	}
	var again Recipe
	if _, err := again.Fields().Apply("f", flag.Fields().YAML()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(flag, file); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(flag, again); d != "" {
		t.Error(d)
	}
}

func TestArmsRefuses(t *testing.T) {
	for models, want := range map[string]string{
		"gru":                             `"gru": want lstm, plastic, modulated, retroactive, readout or still`,
		"a=gru":                           `"gru"`,
		"=lstm":                           `label "" of =lstm`,
		"A=lstm":                          `label "A" of A=lstm: want at most 64 letters a to z, digits and -`,
		strings.Repeat("a", 65) + "=lstm": `aaa" of aaa`,
		"a_b=lstm":                        `label "a_b"`,
		"lstm=modulated":                  `label "lstm" of lstm=modulated is the name of another kind`,
		"still=modulated":                 `label "still" of still=modulated is the name of another kind`,
		"a=lstm,a=plastic":                "models: a is given twice: want each once, or a label",
		"a=plastic:hidden=3":              `setting "hidden=3" of a: want KEY=VALUE with one of optimizer, lr`,
		"a=plastic:":                      `setting "" of a`,
		"a=plastic:rule":                  `setting "rule": want key=value`,
		"a=plastic:clip=high":             `models: a: clip "high": want a finite number`,
		"a=plastic:clip=0":                "models: a: clip 0",
		"a=plastic:rule=hebb":             `models: a: rule "hebb": want one of`,
		"a=plastic:alpha_start=1..0":      `models: a: alpha_start "1..0"`,
		"a=retroactive:rule=oja":          "models: a: rule oja does not go with model retroactive",
		"a=retroactive:eta_start=2":       `models: a: eta_start "2": it is where the trace rate`,
		"lstm:rule=oja":                   `setting "rule=oja" of lstm, which is a standard LSTM and has no traces`,
		"a=lstm:hold_alpha=true":          "which is a standard LSTM",
	} {
		r := sample(t, "models="+models)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", models, err, want)
		}
	}
	// A rate outside 0..1 is no trace rate, but a rate eta.
	if r := sample(t, "models=plastic:eta_start=-2..2"); r.Validate() != nil {
		t.Error(r.Validate())
	}
}

// layer lists parameters as plastic layers name them, with bounds of their own.
func layer() (params []lstm.Param) {
	for _, name := range []string{
		"weight_hh", "alpha", "alpha.post", "eta", "modulator.weight", "modulator.bias", "fanout.weight", "fanout.bias", "trace_rate",
	} {
		p := lstm.Param{Name: name, Lo: -7, Hi: 7}
		if name == "modulator.bias" {
			p.Lo, p.Hi = 0, 0
		}
		params = append(params, p)
	}
	return params
}

func TestStartLayer(t *testing.T) {
	for settings, want := range map[string]string{
		"start=small": "",
		// arXiv:2002.10585, the released code of its large model.
		"start=published":       "alpha 0..0.0001 alpha.post 0..0.0001 modulator.bias -7..7 fanout.weight -1..1 fanout.bias -1..1 ",
		"alpha_start=-0.1..0.2": "alpha -0.1..0.2 alpha.post -0.1..0.2 ",
		"eta_start=0.5":         "eta 0.5..0.5 trace_rate 0.5..0.5 ",
		"start=published fanout_start=0.1 fanout_bias_start=-2..-1 alpha_start=0 modulator_start=-1e-1..0": "alpha 0..0 alpha.post 0..0 modulator.weight -0.1..0 modulator.bias -0.1..0 fanout.weight 0.1..0.1 fanout.bias -2..-1 ",
		"alpha_start=1 hold_alpha=true": "alpha 0..0 alpha.post 0..0 ",
	} {
		r := sample(t, strings.Fields(settings)...)
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		got, own := "", layer()
		params := layer()
		r.StartLayer(params)
		for i, p := range params {
			if p.Lo != own[i].Lo || p.Hi != own[i].Hi || settings == "start=published" && p.Name == "alpha.post" {
				got += fmt.Sprintf("%s %v..%v ", p.Name, p.Lo, p.Hi)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", settings, got, want)
		}
	}
}

func TestRateFactor(t *testing.T) {
	roles := []modeldir.Role{modeldir.Weights, modeldir.Coefficients, modeldir.Rates, modeldir.Modulator}
	for settings, want := range map[string]string{
		"":                                    "1 1 1 1, 1 1 1 1",
		"alpha_lr=2 rate_lr=3 modulator_lr=0": "1 2 3 0, 1 2 3 0",
		"thaw=2 rate_lr=3":                    "1 0 0 0, 1 1 3 1",
		"hold_alpha=true alpha_lr=2":          "1 0 1 1, 1 0 1 1",
	} {
		r := sample(t, strings.Fields(settings)...)
		var epochs []string
		for epoch := 1; epoch <= 2; epoch++ {
			var factors []string
			for _, role := range roles {
				factors = append(factors, fmt.Sprint(r.RateFactor(role, epoch)))
			}
			epochs = append(epochs, strings.Join(factors, " "))
		}
		if got := strings.Join(epochs, ", "); got != want {
			t.Errorf("%s: %s, want %s", settings, got, want)
		}
	}
}

// Every tensor of every kind has the role that its place in the layer gives it.
func TestRoles(t *testing.T) {
	want := map[modeldir.Role]string{
		modeldir.Coefficients: "alpha", modeldir.Rates: "eta fanout.weight fanout.bias trace_rate", modeldir.Modulator: "modulator.weight modulator.bias",
	}
	for _, kind := range Kinds {
		r := sample(t, "rate=neuron")
		c, err := r.Model(kind, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range c.Tensors() {
			name := tensor.Name[strings.LastIndex(tensor.Name[:min(9, len(tensor.Name))], ".")+1:]
			role := modeldir.Weights
			for plastic, names := range want {
				if strings.HasPrefix(tensor.Name, "layers.") && strings.Contains(" "+names+" ", " "+name+" ") {
					role = plastic
				}
			}
			if got := modeldir.RoleOf(tensor.Name); got != role {
				t.Errorf("%s: %s is of the %s, want %s", kind, tensor.Name, got, role)
			}
		}
	}
	if modeldir.RoleOf("alpha.post") != modeldir.Coefficients || modeldir.RoleOf("layers.12.fanout.weight.pre") != modeldir.Rates {
		t.Error("factors have not the role of what they make")
	}
}
