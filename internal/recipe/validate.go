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
