package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/run"
)

// Validate reports the first value that cannot be.
func (r *Recipe) Validate() error {
	if err := r.validate(); err != nil {
		return err
	}
	arms, err := r.Arms()
	if err != nil {
		return err
	}
	for _, a := range arms {
		if err := a.validate(); err != nil {
			return err
		}
	}
	return nil
}

// validate reports what an arm's own settings make impossible.
func (a *Arm) validate() error {
	r := &a.Recipe
	err := r.validate()
	if fit := modeldir.RulesOf(a.Kind); err == nil && fit != nil && !slices.Contains(fit, r.Rule) {
		err = fmt.Errorf("rule %s does not go with model %s: want rule %s, or models without it", r.Rule, a.Kind, strings.Join(fit, " or "))
	}
	if err == nil {
		err = r.validateStarts(a.Kind)
	}
	if err == nil {
		_, err = r.Model(a.Kind, 1)
	}
	if err != nil && a.Label != a.Kind {
		return fmt.Errorf("models: %s: %w", a.Label, err)
	}
	return err
}

// validate reports the first value that can be in no run.
func (r *Recipe) validate() error {
	if _, err := run.Check(r); err != nil {
		return err
	}
	if r.LR == 0 {
		return fmt.Errorf("lr 0: want a number above 0")
	}
	return nil
}

// Model returns the configuration of a model kind at the recipe's own hidden
// size, for a vocabulary of vocab types.
func (r *Recipe) Model(kind string, vocab int) (modeldir.Config, error) {
	c := modeldir.Config{
		Format: modeldir.Format, Model: kind, VocabSize: vocab,
		EmbeddingSize: r.Embed, HiddenSize: r.Hidden, NumLayers: r.Layers, TieWeights: r.Tie,
	}
	if r.Embed == 0 {
		c.EmbeddingSize = r.Hidden
	}
	c = r.Rounded(c)
	switch kind {
	case modeldir.LSTM:
	case modeldir.Readout:
		c.Memory = &modeldir.Memory{KeySize: r.ReadoutKey, Slots: r.ReadoutSlots}
	default:
		c.Plasticity = &modeldir.Plasticity{
			Alpha: r.Alpha, Rate: r.Rate, ModulatorInput: r.ModulatorInput, Rule: r.Rule, Clip: r.Clip,
		}
	}
	return c, c.Validate()
}

// Rounded returns c with the recipe's precision; f32 needs no word in a model's
// folder.
func (r *Recipe) Rounded(c modeldir.Config) modeldir.Config {
	c.Precision = ""
	if r.Precision != modeldir.F32 {
		c.Precision = r.Precision
	}
	return c
}

// Budget is the parameter count that no model exceeds: that of the largest of the models
// at the recipe's hidden size, unless the recipe gives one.
func (r *Recipe) Budget(vocab int) (budget int, err error) {
	arms, err := r.Arms()
	if err != nil || r.Params > 0 {
		return r.Params, err
	}
	for _, a := range arms {
		m, err := a.Recipe.Model(a.Kind, vocab)
		if err != nil {
			return 0, err
		}
		budget = max(budget, m.ParamCount())
	}
	return budget, nil
}

// Within returns the recipe's arms, each with the largest model whose parameter count
// does not exceed the budget.
func (r *Recipe) Within(budget, vocab int) (arms []Arm, err error) {
	if arms, err = r.Arms(); err != nil {
		return nil, err
	}
	for i, a := range arms {
		if arms[i].Model, err = a.Recipe.Model(a.Kind, vocab); err == nil {
			arms[i].Model, err = modeldir.Match(budget, arms[i].Model, r.Embed)
		}
		if err != nil {
			return nil, err
		}
	}
	return arms, nil
}

// AdamLR is the learning rate with adam where nothing but a preset, whose rates are
// for plain SGD, gives one: Adam's steps are as long as its rate, whatever the
// gradient.
const AdamLR = 0.002

// Passes is how many epochs there will be, the last of which may be cut short, if
// each has so many windows.
func (r *Recipe) Passes(windows int) int {
	if r.Steps > 0 {
		return (r.Steps + windows - 1) / windows
	}
	return r.Epochs
}

// End is where a training ends whose epochs have so many windows.
func (r *Recipe) End(windows int) run.End {
	if r.Steps > 0 {
		return run.End{Steps: r.Steps}
	}
	return run.End{Steps: r.Epochs * windows, Epochs: r.Epochs}
}

// AveragesFrom is the first of so many epochs whose steps averaged SGD averages.
func (r *Recipe) AveragesFrom(epochs int) int {
	if r.AverageFrom > 0 {
		return r.AverageFrom
	}
	return epochs/2 + 1
}

// CheckLength reports what cannot be in a run of so many epochs, each of so many
// windows.
func (r *Recipe) CheckLength(windows int) error {
	arms, err := r.Arms()
	if err != nil {
		return err
	}
	for _, a := range arms {
		epochs := a.Recipe.Passes(windows)
		if from := a.Recipe.AveragesFrom(epochs); a.Recipe.Optimizer == "asgd" && from > epochs {
			return fmt.Errorf("average_from %d: asgd would average nothing in the run's %d epochs, and be plain SGD; want 1 to %[2]d, or optimizer sgd", from, epochs)
		}
	}
	return nil
}

// Idle says in a clause why a setting changes nothing in a model that is trained for so
// many epochs; empty if it does. The recipe must be valid.
func (a *Arm) Idle(key string, epochs int) string {
	r := &a.Recipe
	modulated := a.Kind == modeldir.Modulated || a.Kind == modeldir.Retroactive
	if slices.Contains(plasticKeys, key) && a.Kind == modeldir.LSTM {
		return "a standard LSTM has no traces"
	}
	late := fmt.Sprintf("decay_start %d is after the last of %d epochs", r.DecayStart, epochs)
	drawn := r.Init == ""
	for _, c := range []struct {
		keys []string
		idle bool
		why  string
	}{
		{[]string{"decay"}, r.DecayStart == 0 && !r.Plateau, "decay_start 0 keeps the rate"},
		{[]string{"decay_start"}, r.Plateau, "plateau says when the rate decays"},
		{[]string{"decay_start"}, r.DecayStart > 0 && r.Decay == 1, "decay 1 keeps the rate"},
		{[]string{"decay", "decay_start"}, !r.Plateau && r.DecayStart > epochs, late},
		{[]string{"plateau"}, r.Plateau && r.Decay == 1, "decay 1 keeps the rate"},
		{[]string{"average_from"}, r.Optimizer != "asgd", fmt.Sprintf("optimizer %s averages nothing", r.Optimizer)},
		{[]string{"clip_groups"}, r.ClipNorm == 0, "clip_norm 0 clips nothing"},
		{[]string{"clip_groups"}, a.Kind == modeldir.LSTM, "a standard LSTM has the one group"},
		{[]string{"divide_alpha"}, r.Alpha == modeldir.Sharings[0], fmt.Sprintf("with alpha %s none is shared", r.Alpha)},
		{[]string{"clip"}, r.Rule == "additive", "rule additive does not clip"},
		{[]string{"modulator_input", "modulator_lr", "modulator_start", "fanout_start", "fanout_bias_start"}, !modulated, fmt.Sprintf("model %s has no neuromodulator", a.Label)},
		{[]string{"fanout_start"}, r.Rate == "layer", "with rate layer there is no fan-out"},
		{[]string{"fanout_bias_start"}, r.Rate != "neuron", fmt.Sprintf("with rate %s the fan-out has no bias", r.Rate)},
		{[]string{"eta_start"}, a.Kind == modeldir.Modulated, fmt.Sprintf("model %s has no trained rate of its own", a.Label)},
		{[]string{"alpha_start", "alpha_lr"}, r.HoldAlpha, "hold_alpha keeps the coefficients at 0"},
		{[]string{"init_scale", "start", "alpha_start", "eta_start", "fanout_start", "fanout_bias_start", "modulator_start"}, !drawn, "the model of init is the start"},
		{[]string{"rollbacks"}, r.OnNaN != run.Rollback, fmt.Sprintf("with on_nan %s nothing is rolled back", r.OnNaN)},
	} {
		if c.idle && slices.Contains(c.keys, key) {
			return c.why
		}
	}
	return ""
}
