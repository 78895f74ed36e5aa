package recipe

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/settings"
)

// What on_nan may be.
const (
	Stop     = "stop"
	Rollback = "rollback"
)

// Validate reports the first value that cannot be.
func (r *Recipe) Validate() error {
	if len(r.Models) == 0 {
		return fmt.Errorf("models: none: want at least one of %s", strings.Join(Kinds, ", "))
	}
	for i, m := range r.Models {
		if !slices.Contains(Kinds, m) {
			return fmt.Errorf("models: %q: want lstm, plastic, modulated or retroactive", m)
		}
		if slices.Contains(r.Models[:i], m) {
			return fmt.Errorf("models: %s is given twice: want each once", m)
		}
	}
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
		{"decay", r.Decay, 1e-9, 1},
		{"clip", r.Clip, math.SmallestNonzeroFloat32, math.MaxFloat32},
		{"decay_start", float64(r.DecayStart), 0, many},
		{"average_from", float64(r.AverageFrom), 0, many},
		{"threads", float64(r.Threads), 0, 4096},
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
		{"optimizer", r.Optimizer, []string{"sgd", "asgd", "adam"}},
		{"alpha", r.Alpha, modeldir.Sharings},
		{"rate", r.Rate, modeldir.Sharings},
		{"modulator_input", r.ModulatorInput, modeldir.ModulatorInputs},
		{"rule", r.Rule, modeldir.Rules},
		{"on_nan", r.OnNaN, []string{Stop, Rollback}},
	} {
		if !slices.Contains(c.accepted, c.value) {
			return fmt.Errorf("%s %q: want one of %s", c.key, c.value, strings.Join(c.accepted, ", "))
		}
	}
	if r.LR == 0 {
		return fmt.Errorf("lr 0: want a number above 0")
	}
	if slices.Contains(r.Models, modeldir.Retroactive) && (r.Rule == "decay" || r.Rule == "oja") {
		return fmt.Errorf("rule %s does not go with model retroactive: want rule clip or additive, or models without it", r.Rule)
	}
	for _, m := range r.Models {
		if _, err := r.Model(m, 1); err != nil {
			return err
		}
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
	if kind != modeldir.LSTM {
		c.Plasticity = &modeldir.Plasticity{
			Alpha: r.Alpha, Rate: r.Rate, ModulatorInput: r.ModulatorInput, Rule: r.Rule, Clip: r.Clip,
		}
	}
	return c, c.Validate()
}

// Match returns the configurations of the recipe's models, each the largest
// whose parameter count does not exceed the budget: that of the largest of the
// models at the recipe's hidden size, unless the recipe gives one.
func (r *Recipe) Match(vocab int) (configs []modeldir.Config, budget int, err error) {
	budget = r.Params
	for _, kind := range r.Models {
		c, err := r.Model(kind, vocab)
		if err != nil {
			return nil, 0, err
		}
		if r.Params == 0 {
			budget = max(budget, c.ParamCount())
		}
		configs = append(configs, c)
	}
	for i, c := range configs {
		if configs[i], err = modeldir.Match(budget, c, r.Embed); err != nil {
			return nil, 0, err
		}
	}
	return configs, budget, nil
}
