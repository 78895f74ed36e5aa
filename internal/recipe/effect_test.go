package recipe

import (
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// idle are the settings without effect in a run of 13 epochs of 5 windows.
func idle(t *testing.T, r *Recipe, asked map[string]bool) []string {
	arms, err := r.Arms()
	if err != nil {
		t.Fatal(err)
	}
	of := &run.Run{Program: &run.Program{Presets: Presets()}, Settings: r, Given: asked}
	for _, a := range arms {
		of.Arms = append(of.Arms, &run.Arm{Idle: func(key string) string { return a.Idle(key, a.Recipe.Passes(5)) }})
	}
	return of.WithoutEffect()
}

// Every setting that can be without effect is named when it is, and only then.
func TestIdle(t *testing.T) {
	for _, c := range []struct{ settings, idle string }{
		{"models=lstm", ""},
		{"models=lstm rule=clip", ""}, // as it is anyway
		{"models=lstm rule=oja", "rule oja has no effect: a standard LSTM has no traces"},
		{"models=lstm,plastic rule=oja", ""},
		{"models=lstm clip=1 alpha=neuron rate=layer", "clip 1 | alpha neuron | rate layer"},
		{"models=plastic clip=1 rule=additive", "clip 1 has no effect: rule additive does not clip"},
		{"models=plastic clip=1 rule=decay", ""},
		{"models=lstm,plastic modulator_input=cell", "modulator_input cell has no effect: "},
		{"models=retroactive modulator_input=cell", ""},
		{"models=lstm divide_alpha=true", "divide_alpha true has no effect: a standard LSTM has no traces"},
		{"divide_alpha=true", "divide_alpha true has no effect: with alpha connection none is shared"},
		{"divide_alpha=true alpha=layer", ""},
		{"average_from=3", "average_from 3 has no effect: optimizer sgd averages nothing"},
		{"average_from=3 models=a=lstm:optimizer=asgd,lstm", ""},
		{"average_from=3 optimizer=adam", "average_from 3 has no effect: optimizer adam averages nothing"},
		{"average_from=3 optimizer=asgd", ""},
		{"hidden=20 params=10000", ""}, // overruled, as documented
		{"hidden=20", ""},
		{"epochs=9 steps=7", ""}, // likewise
		{"decay=0.7 decay_start=0", "decay 0.7 has no effect: decay_start 0 keeps the rate"},
		{"decay=0.7 decay_start=0 plateau=true", "decay_start 0 has no effect: plateau says when the rate decays"},
		{"decay=0.7 plateau=true", ""},
		{"decay_start=2 decay=1", "decay_start 2 has no effect: decay 1 keeps the rate"},
		{"decay_start=13", ""},
		{"decay_start=14", "decay_start 14 has no effect: decay_start 14 is after the last of 13 epochs"},
		{"decay=0.7 decay_start=14", "decay 0.7 | decay_start 14"},
		{"plateau=true decay=1", "plateau true has no effect: decay 1 keeps the rate"},
		{"models=plastic modulator_lr=2", "modulator_lr 2 has no effect: model plastic has no neuromodulator"},
		{"models=lstm modulator_lr=2 thaw=2 start=published", "modulator_lr 2 | thaw 2 | start published"},
		{"models=modulated modulator_lr=2", ""},
		{"models=modulated eta_start=0.1", "eta_start 0.1 has no effect: model modulated has no trained rate of its own"},
		{"models=modulated fanout_bias_start=0.1", "fanout_bias_start 0.1 has no effect: with rate connection the fan-out has no bias"},
		{"models=modulated rate=layer fanout_start=0.1", "fanout_start 0.1 has no effect: with rate layer there is no fan-out"},
		{"models=still alpha_lr=2", "alpha_lr 2 has no effect: hold_alpha keeps the coefficients at 0"},
		{"models=still,modulated alpha_lr=2", ""},
		{"models=lstm,a=plastic:rule=additive clip=1", "clip 1 has no effect: "},
		{"models=a=plastic:rule=additive,plastic clip=1", ""},
		{"models=lstm clip_groups=true", "clip_groups true has no effect: a standard LSTM has the one group"},
		{"clip_groups=true clip_norm=0", "clip_groups true has no effect: clip_norm 0 clips nothing"},
		{"init=x init_scale=0.05 start=published", "init_scale 0.05 has no effect: the model of init is the start | start published"},
		{"rollbacks=7", "rollbacks 7 has no effect: with on_nan stop nothing is rolled back"},
		{"rollbacks=7 on_nan=rollback", ""},
	} {
		r, err := New("ptb-small")
		if err != nil {
			t.Fatal(err)
		}
		asked := map[string]bool{}
		for _, s := range strings.Fields(c.settings) {
			key, err := r.Fields().Set(s)
			if err != nil {
				t.Fatal(err)
			}
			asked[key] = true
		}
		var want []string
		if c.idle != "" {
			want = strings.Split(c.idle, " | ")
		}
		got := idle(t, &r, asked)
		same := len(got) == len(want)
		for _, w := range want {
			same = same && slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) })
		}
		if !same {
			t.Errorf("%s: %q, want %q", c.settings, got, want)
		}
		if got := idle(t, &r, nil); got != nil {
			t.Errorf("%s: %q, though nobody asked", c.settings, got)
		}
	}
}

// asgd averages from half of the epochs on, or is refused where it never would.
func TestASGDAverages(t *testing.T) {
	for _, c := range []struct{ from, epochs, steps, windows, want int }{
		{0, 1, 0, 10, 1}, {0, 2, 0, 10, 2}, {0, 13, 0, 10, 7}, {2, 2, 0, 10, 2}, {3, 2, 0, 10, 0},
		{0, 9, 25, 10, 2}, {3, 9, 25, 10, 3}, {4, 9, 25, 10, 0}, {4, 1, 31, 10, 4},
	} {
		r := Recipe{Models: settings.List{"lstm"}, Optimizer: "asgd", AverageFrom: c.from, Epochs: c.epochs, Steps: c.steps}
		epochs := r.Passes(c.windows)
		err := r.CheckLength(c.windows)
		if (err == nil) != (c.want > 0) || err == nil && r.AveragesFrom(epochs) != c.want {
			t.Errorf("%+v: from %d of %d epochs, %v", c, r.AveragesFrom(epochs), epochs, err)
		}
		if r.Optimizer = "sgd"; r.CheckLength(c.windows) != nil {
			t.Errorf("%+v: sgd is refused", c)
		}
	}
}
