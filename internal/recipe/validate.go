package recipe

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/lstm/optim"
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
	if _, err := r.SeedList(); err != nil {
		return err
	}
	if _, _, err := r.Checkpoints(); err != nil {
		return err
	}
	type bound struct {
		key       string
		value, lo float64
		hi        float64
	}
	const many = 1e9
	for _, b := range []bound{
		{"min_count", float64(r.MinCount), 0, many},
		{"hidden", float64(r.Hidden), 1, modeldir.MaxSize},
		{"embed", float64(r.Embed), 0, modeldir.MaxSize},
		{"layers", float64(r.Layers), 1, modeldir.MaxLayers},
		{"params", float64(r.Params), 0, modeldir.MaxParams},
		{"epochs", float64(r.Epochs), 1, many},
		{"steps", float64(r.Steps), 0, many},
		{"batch", float64(r.Batch), 1, 1 << 16},
		{"bptt", float64(r.BPTT), 1, 1 << 16},
		{"lr", r.LR, 0, many},
		{"clip_norm", r.ClipNorm, 0, many},
		{"dropout", r.Dropout, 0, 0.99},
		{"weight_decay", r.WeightDecay, 0, 1},
		{"l2", r.L2, 0, 1},
		{"init_scale", r.InitScale, 0, 10},
		{"decay", r.Decay, 1e-9, 1},
		{"clip", r.Clip, math.SmallestNonzeroFloat32, math.MaxFloat32},
		{"readout_key", float64(r.ReadoutKey), 1, modeldir.MaxSize},
		{"readout_slots", float64(r.ReadoutSlots), 1, modeldir.MaxSlots},
		{"readout_alone", r.ReadoutAlone, 0, 100},
		{"decay_start", float64(r.DecayStart), 0, many},
		{"average_from", float64(r.AverageFrom), 0, many},
		{"alpha_lr", r.AlphaLR, 0, 1000},
		{"rate_lr", r.RateLR, 0, 1000},
		{"modulator_lr", r.ModulatorLR, 0, 1000},
		{"thaw", float64(r.Thaw), 0, many},
		{"threads", float64(r.Threads), 0, 4096},
		{"parallel", float64(r.Parallel), 0, 4096},
		{"log_every", float64(r.LogEvery), 1, many},
		{"keep_checkpoints", float64(r.KeepCheckpoints), 1, 1000},
		{"rollbacks", float64(r.Rollbacks), 0, 50},
	} {
		if !(b.value >= b.lo && b.value <= b.hi) {
			if b.hi == many && b.value < b.lo {
				return fmt.Errorf("%s %v: want at least %v", b.key, b.value, b.lo)
			}
			return fmt.Errorf("%s %v: want %v to %v", b.key, b.value, b.lo, b.hi)
		}
	}
	for _, c := range []struct {
		key, value string
		accepted   []string
	}{
		{"optimizer", r.Optimizer, optim.Names()},
		{"alpha", r.Alpha, modeldir.Sharings},
		{"rate", r.Rate, modeldir.Sharings},
		{"modulator_input", r.ModulatorInput, modeldir.ModulatorInputs},
		{"rule", r.Rule, modeldir.Rules},
		{"start", r.Start, starts},
		{"precision", r.Precision, modeldir.Precisions},
		{"on_nan", r.OnNaN, []string{run.Stop, run.Rollback}},
	} {
		if !slices.Contains(c.accepted, c.value) {
			return fmt.Errorf("%s %q: want one of %s", c.key, c.value, strings.Join(c.accepted, ", "))
		}
	}
	if r.LR == 0 {
		return fmt.Errorf("lr 0: want a number above 0")
	}
	return nil
}

// SeedList returns the seeds.
func (r *Recipe) SeedList() ([]uint64, error) { return settings.Seeds(r.Seeds) }

// Checkpoints returns after how many steps or how much time a checkpoint is due
// within an epoch; both zero if only at its end.
func (r *Recipe) Checkpoints() (steps int, every time.Duration, err error) {
	if steps, every, err = settings.Every(r.CheckpointEvery); err != nil {
		err = fmt.Errorf("checkpoint_every %q: want steps (50) or time (2m)", r.CheckpointEvery)
	}
	return steps, every, err
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

// Match returns the recipe's arms within the budget: the parameter count of the largest
// of the models at the recipe's hidden size, unless the recipe gives one.
func (r *Recipe) Match(vocab int) (arms []Arm, budget int, err error) {
	if arms, err = r.Arms(); err != nil {
		return nil, 0, err
	}
	budget = r.Params
	for _, a := range arms {
		m, err := a.Recipe.Model(a.Kind, vocab)
		if err != nil {
			return nil, 0, err
		}
		if r.Params == 0 {
			budget = max(budget, m.ParamCount())
		}
	}
	arms, err = r.Within(budget, vocab)
	return arms, budget, err
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
