// Package recipe is the configuration of a training run: a flat list of named
// values, one commented line each. A preset gives them all; a YAML file, then
// single settings, then flags change some. What a run was made with is written
// into its folder in the same form.
package recipe

import (
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/lstm/optim"
)

// Recipe says how to train. The yaml tag of a field is its key in a file and in
// --set; with _ for - it is its flag.
type Recipe struct {
	Data     string        `yaml:"data" help:"corpus: a set that scripts/download fetched (ptb, wikitext-2), sample, a folder of train, valid and test text, or a single text, whose last tenth is cut into valid and test" resume:"may change"`
	Preset   string        `yaml:"preset" help:"where the values come from that nothing else sets: sample or ptb-small"`
	Models   settings.List `yaml:"models" help:"what to train, at equal parameter count: lstm, plastic, modulated, retroactive, readout, still (modulated with hold_alpha); or [LABEL=]KIND:KEY=VALUE:... with settings of its own, as slow=modulated:rule=decay" resume:"may change" default:"lstm,plastic,modulated,retroactive,readout"`
	Seeds    string        `yaml:"seeds" help:"a number N for the seeds 1 to N, or a list such as 2,7 or 7," resume:"may change" default:"1,"`
	MinCount int           `yaml:"min_count" help:"types rarer than this in the train text become <unk>; 0 keeps all" range:"0.."`
	Init     string        `yaml:"init" help:"model folder to start from; its kind, sizes, options and tokenizer hold"`

	Hidden int  `yaml:"hidden" help:"neurons a layer, of the largest of the models" range:"1..65536"`
	Embed  int  `yaml:"embed" help:"embedding size; 0 makes it equal to the hidden size" range:"0..65536"`
	Layers int  `yaml:"layers" help:"recurrent layers" range:"1..64" default:"2"`
	Tie    bool `yaml:"tie" help:"tie the decoder's weights to the embedding's; the last layer then has the embedding's size"`
	Params int  `yaml:"params" help:"parameter budget that every model gets; 0 takes the largest model's count" range:"0..1073741824"`

	Epochs    int    `yaml:"epochs" help:"passes over the train text" resume:"by force" range:"1.."`
	Steps     int    `yaml:"steps" help:"stop after so many optimiser steps in all, whatever the epochs; 0 does not" resume:"by force" range:"0.."`
	Batch     int    `yaml:"batch" help:"streams read side by side, B" range:"1..65536"`
	BPTT      int    `yaml:"bptt" help:"steps of a back-propagation window, T" range:"1..65536"`
	Optimizer string `yaml:"optimizer" help:"{offered}" default:"sgd"`

	LR          float64 `yaml:"lr" help:"learning rate, on the mean loss of a window; with adam 0.002 unless given" resume:"by force" range:"0.."`
	ClipNorm    float64 `yaml:"clip_norm" help:"bound of the gradient's global norm; 0 turns it off" resume:"by force" range:"0.."`
	Dropout     float64 `yaml:"dropout" help:"share of non-recurrent connections dropped, one mask a stream and window; 0 turns it off" resume:"by force" range:"0..0.99"`
	WeightDecay float64 `yaml:"weight_decay" help:"weight decay wd: sgd and asgd add wd times the parameter to its gradient, adam decouples it (AdamW); 0 turns it off" resume:"by force" range:"0..1"`
	L2          float64 `yaml:"l2" help:"L2 penalty, 0 to 1: l2 times the parameter added to its clipped gradient, under adam before the moments; under sgd and asgd the same as weight_decay; 0 turns it off" resume:"by force" range:"0..1"`
	ClipGroups  bool    `yaml:"clip_groups" help:"bound the gradient's norm by clip_norm in each group apart: plasticity coefficients, rates, modulator, all others" resume:"by force"`
	InitScale   float64 `yaml:"init_scale" help:"embedding, decoder and gate weights start uniform within +-init_scale, 0 to 10; 0: +-0.1, gates +-1/sqrt(hidden)" range:"0..10"`
	Decay       float64 `yaml:"decay" help:"factor of the learning rate at each epoch from decay_start on, or at each plateau" resume:"by force" range:"1e-9..1" default:"1"`
	DecayStart  int     `yaml:"decay_start" help:"epoch of the first decay; 0 keeps the rate" resume:"by force" range:"0.."`
	Plateau     bool    `yaml:"plateau" help:"decay whenever the validation loss has not fallen, instead of by epochs"`
	AverageFrom int     `yaml:"average_from" help:"asgd: first epoch whose steps are averaged; 0 is half of the epochs" resume:"by force" range:"0.."`
	DivideAlpha bool    `yaml:"divide_alpha" help:"divide the gradient of an alpha shared by neurons by their number" resume:"by force"`

	Alpha          string  `yaml:"alpha" help:"plasticity coefficients per connection, neuron or layer, or decomposed (post_j pre_i)" default:"connection"`
	Rate           string  `yaml:"rate" help:"plasticity rates (or the modulator's fan-out) per connection, neuron or layer, or decomposed" default:"connection"`
	ModulatorInput string  `yaml:"modulator_input" help:"what the neuromodulator reads: hidden, previous_hidden or cell" default:"hidden"`
	Rule           string  `yaml:"rule" help:"how a trace changes: {offered}" default:"clip"`
	Clip           float64 `yaml:"clip" help:"bound of the Hebbian trace" range:"1.401298464324817e-45..3.4028234663852886e+38" default:"2"`

	Start           string  `yaml:"start" help:"how plastic parameters start: small (alpha 0..0.001, eta 0.01, fan-out +-0.02, modulator +-1/sqrt(hidden), its bias 0) or published (alpha 0..0.0001, eta 0.01, fan-out +-1, modulator and bias +-1/sqrt(hidden))" default:"small"`
	AlphaStart      string  `yaml:"alpha_start" help:"uniform start of the plasticity coefficients instead: a number or LO..HI within +-100"`
	EtaStart        string  `yaml:"eta_start" help:"uniform start of the trained rates eta and of the retroactive trace rate instead: a number or LO..HI within +-100, of a trace rate within 0..1"`
	FanoutStart     string  `yaml:"fanout_start" help:"uniform start of the modulator's fan-out instead: a number or LO..HI within +-100"`
	FanoutBiasStart string  `yaml:"fanout_bias_start" help:"uniform start of the fan-out's bias (rate neuron) instead: a number or LO..HI within +-100"`
	ModulatorStart  string  `yaml:"modulator_start" help:"uniform start of the modulator's weights and bias instead: a number or LO..HI within +-100"`
	AlphaLR         float64 `yaml:"alpha_lr" help:"factor of the learning rate of the plasticity coefficients, 0 to 1000; 0 leaves them at their start" resume:"by force" range:"0..1000" default:"1"`
	RateLR          float64 `yaml:"rate_lr" help:"the same of the plasticity rates: eta, fan-out, trace rate" resume:"by force" range:"0..1000" default:"1"`
	ModulatorLR     float64 `yaml:"modulator_lr" help:"the same of the neuromodulator's weights and bias" resume:"by force" range:"0..1000" default:"1"`
	Thaw            int     `yaml:"thaw" help:"epoch from which coefficients, rates and modulator train; before it they stay at their start; 0: the first" resume:"by force" range:"0.."`
	HoldAlpha       bool    `yaml:"hold_alpha" help:"hold the plasticity coefficients at 0: a control of the same size under the same optimiser, without plasticity"`

	ReadoutKey   int `yaml:"readout_key" help:"model readout: numbers that a word is stored and looked up by, 1 or more" range:"1..65536" default:"64"`
	ReadoutSlots int `yaml:"readout_slots" help:"model readout: words that the memory of a stream holds, 1 or more" range:"1..65536" default:"500"`

	ReadoutAlone float64 `yaml:"readout_alone" help:"model readout: weight in the loss of the likelihood without the memory, beside that with it; 0 to 100" resume:"by force" range:"0..100" default:"0.5"`

	Precision string `yaml:"precision" help:"what the inputs of matrix products are rounded to: f32 (not at all) or bf16, faster on processors with AVX512-BF16" default:"f32"`

	LogEvery int `yaml:"log_every" help:"steps between lines of metrics.jsonl" resume:"by force" range:"1.." default:"100"`

	run.Common
}

// Kinds are the models, the standard LSTM first.
var Kinds = []string{"lstm", "plastic", "modulated", "retroactive", "readout"}

// Presets are the named recipes.
func Presets() (all []run.Preset) {
	for _, p := range []struct {
		about string
		Recipe
	}{
		{"the embedded sample of Newton's Opticks: five models in minutes", Recipe{
			Preset: "sample", Data: "sample", Hidden: 96, BPTT: 20, Batch: 10, Epochs: 3,
			LR: 10, ClipNorm: 0.25, Decay: 0.3, DecayStart: 3, Dropout: 0.2,
		}},
		{"Penn Treebank, 2 layers of 200, some 4.8M parameters: arXiv:2002.10585, section 4.3", Recipe{
			Preset: "ptb-small", Data: "ptb", Hidden: 200, BPTT: 20, Batch: 20, Epochs: 13,
			LR: 20, ClipNorm: 0.25, Decay: 0.4, DecayStart: 5,
			L2: 1e-5, // of 0, 1e-5, 4e-5 the best for the LSTM on the validation text: docs/results.md
		}},
	} {
		all = append(all, run.Preset{Name: p.Preset, About: p.about, Settings: func() run.Settings { return p.filled() }})
	}
	return all
}

// Defaults are the values that the presets share, which a file of an earlier
// version may lack.
func Defaults() *Recipe { return Recipe{}.filled() }

func (r Recipe) filled() *Recipe {
	r.Parallel, r.CheckpointEvery = 1, "0"
	r.Fields().Fill()
	return &r
}

// New returns the recipe of a preset.
func New(preset string) (Recipe, error) {
	s, err := run.Named(Presets(), preset)
	if err != nil {
		return Recipe{}, err
	}
	return *s.(*Recipe), nil
}

// Fields returns the values of r in their order; setting one changes r.
func (r *Recipe) Fields() settings.Fields { return settings.Of(r) }

// Offered returns the values that a key is offered; see settings.Offering.
func (r *Recipe) Offered(key string) []string {
	return map[string][]string{
		"optimizer": optim.Listed(), "alpha": modeldir.Sharings, "rate": modeldir.Sharings, "modulator_input": modeldir.ModulatorInputs,
		"rule": modeldir.Rules, "start": {Small, Published}, "precision": modeldir.Precisions,
	}[key]
}
