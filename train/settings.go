package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
)

// adjust gives adam a rate of its own.
func adjust(s run.Settings, given map[string]bool) (notes []string) {
	if r := s.(*recipe.Recipe); r.Optimizer == "adam" && !given["lr"] {
		notes = append(notes, fmt.Sprintf("Learning rate %v, for adam; the preset's %v is for SGD", recipe.AdamLR, r.LR))
		r.LR = recipe.AdamLR
	}
	return notes
}

// choosePreset picks the preset that suits the data; without data, Penn Treebank
// if it is there, else the sample.
func choosePreset(named run.Settings) (preset, why string) {
	switch named.(*recipe.Recipe).Data {
	case "ptb", "wikitext-2":
		return "ptb-small", ""
	case "":
		if _, err := os.Stat(filepath.Join(registry.DefaultDir, "ptb")); err == nil {
			return "ptb-small", "Training on Penn Treebank (preset ptb-small); for the embedded sample instead: --data sample"
		}
		return "sample", "Training on the embedded sample, Newton's Opticks (preset sample); for Penn Treebank run scripts/download ptb first"
	}
	return "sample", ""
}

// adopt takes kind, sizes and options of the recipe from the model that
// training starts from, and refuses what was asked for otherwise. One arm of that
// kind may be asked for, under a name and with settings of its own.
func adopt(of *run.Run, c modeldir.Config) error {
	r, given := of.Settings.(*recipe.Recipe), of.Given
	preset, err := of.Preset()
	if err != nil {
		return err
	}
	models := c.Model
	if arms, err := r.Arms(); given["models"] && err == nil && len(arms) == 1 && arms[0].Kind == c.Model {
		models = r.Models.String()
	}
	has := map[string]string{
		"models": models, "layers": fmt.Sprint(c.NumLayers), "tie": fmt.Sprint(c.TieWeights),
		"hidden": fmt.Sprint(c.HiddenSize), "embed": fmt.Sprint(c.EmbeddingSize),
		"params": fmt.Sprint(c.ParamCount()), "min_count": "0",
	}
	// A model without them has none of these: only the presets' values pass.
	for _, key := range []string{"alpha", "rate", "modulator_input", "rule", "clip", "readout_key", "readout_slots"} {
		f, err := preset.Fields().Find(key)
		if err != nil {
			return err
		}
		has[key] = f.String()
	}
	has["precision"] = cmp.Or(c.Precision, modeldir.F32)
	if q := c.Plasticity; q != nil {
		has["alpha"], has["rate"], has["rule"] = q.Alpha, q.Rate, q.Rule
		has["modulator_input"], has["clip"] = q.ModulatorInput, fmt.Sprint(q.Clip)
	}
	if q := c.Memory; q != nil {
		has["readout_key"], has["readout_slots"] = fmt.Sprint(q.KeySize), fmt.Sprint(q.Slots)
	}
	for _, f := range r.Fields() {
		want, ok := has[f.Key]
		if !ok {
			continue
		}
		asked := f.String()
		// 0 asks for no parameter count, and for an embedding of the hidden size.
		equal := asked == want || asked == "0" && (f.Key == "params" || f.Key == "embed" && c.EmbeddingSize == c.HiddenSize)
		if f.Key == "precision" && given[f.Key] {
			continue // a model can be trained on in another one
		}
		if given[f.Key] && !equal {
			return cli.Usagef("--%s %s contradicts --init, whose model %s: leave it out", f.Flag(), asked, respect(c, f.Key, want))
		}
		if err := f.Set(want); err != nil {
			return err
		}
	}
	r.Params = 0 // the model is its own budget
	arms, err := r.Arms()
	if err != nil {
		return &cli.UsageError{Err: err}
	}
	for _, key := range []string{"alpha", "rate", "modulator_input", "rule", "clip"} {
		f, err := arms[0].Recipe.Fields().Find(key)
		if err != nil {
			return err
		}
		if f.String() != has[key] {
			return cli.Usagef("--models %s contradicts --init, whose model %s: leave out its %s", models, respect(c, key, has[key]), key)
		}
	}
	return nil
}

// respect says what a model is or has in the respect of a key.
func respect(c modeldir.Config, key, value string) string {
	switch key {
	case "models":
		return "is " + value
	case "min_count":
		return "has a vocabulary of its own"
	case "alpha", "rate", "modulator_input", "rule", "clip":
		if c.Plasticity == nil {
			return "is a standard LSTM and has no traces"
		}
	case "readout_key", "readout_slots":
		if c.Memory == nil {
			return "has no plastic readout"
		}
	}
	return "has " + key + " " + value
}
