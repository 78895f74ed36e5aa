package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

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
	r := of.Settings.(*recipe.Recipe)
	// A model without traces or a readout has none of their settings: only the preset's
	// values pass.
	is := *of.Preset().(*recipe.Recipe)
	is.Models, is.Layers, is.Tie, is.Hidden, is.Embed = settings.List{c.Model}, c.NumLayers, c.TieWeights, c.HiddenSize, c.EmbeddingSize
	is.Params, is.MinCount, is.Precision = c.ParamCount(), 0, cmp.Or(c.Precision, modeldir.F32)
	if q := c.Plasticity; q != nil {
		is.Alpha, is.Rate, is.Rule, is.ModulatorInput, is.Clip = q.Alpha, q.Rate, q.Rule, q.ModulatorInput, q.Clip
	}
	if q := c.Memory; q != nil {
		is.ReadoutKey, is.ReadoutSlots = q.KeySize, q.Slots
	}
	if arms, err := r.Arms(); of.Given["models"] && err == nil && len(arms) == 1 && arms[0].Kind == c.Model {
		is.Models = r.Models
	}
	has := is.Fields()
	for i, f := range r.Fields() {
		want := has[i].String()
		// 0 asks for no parameter count, and for an embedding of the hidden size.
		equal := f.String() == want || f.String() == "0" && (f.Key == "params" || f.Key == "embed" && c.EmbeddingSize == c.HiddenSize)
		given := of.Given[f.Key]
		if !slices.Contains(adopted, f.Key) || f.Key == "precision" && given { // a model can be trained on in another one
			continue
		}
		if given && !equal {
			return cli.Usagef("--%s %s contradicts --init, whose model %s: leave it out", f.Flag(), f, respect(c, f.Key, want))
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
	for i, f := range arms[0].Recipe.Fields() {
		if slices.Contains(plastic, f.Key) && f.String() != has[i].String() {
			return cli.Usagef("--models %s contradicts --init, whose model %s: leave out its %s", r.Models, respect(c, f.Key, has[i].String()), f.Key)
		}
	}
	return nil
}

// adopted are the settings that are those of the model that training starts from,
// plastic those of them that only a model with traces has.
var (
	plastic = []string{"alpha", "rate", "modulator_input", "rule", "clip"}
	adopted = append([]string{"models", "layers", "tie", "hidden", "embed", "params", "min_count", "precision", "readout_key", "readout_slots"}, plastic...)
)

// respect says what a model is or has in the respect of a key.
func respect(c modeldir.Config, key, value string) string {
	switch {
	case key == "models":
		return "is " + value
	case key == "min_count":
		return "has a vocabulary of its own"
	case slices.Contains(plastic, key) && c.Plasticity == nil:
		return "is a standard LSTM and has no traces"
	case strings.HasPrefix(key, "readout_") && c.Memory == nil:
		return "has no plastic readout"
	}
	return "has " + key + " " + value
}
