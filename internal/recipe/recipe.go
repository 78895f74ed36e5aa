// Package recipe is the configuration of a training run: a flat list of named
// values, one commented line each. A preset gives them all; a YAML file, then
// single settings, then flags change some. What a run was made with is written
// into its folder in the same form.
package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/lstm/optim"
)

// Recipe says how to train. The yaml tag of a field is its key in a file and in
// --set; with _ for - it is its flag.
type Recipe struct {
	Data     string `yaml:"data" help:"corpus: a set that scripts/download fetched (ptb, wikitext-2), sample, a folder of train, valid and test text, or a single text, whose last tenth is cut into valid and test" resume:"may change"`
	Preset   string `yaml:"preset" help:"where the values come from that nothing else sets: sample or ptb-small"`
	Models   List   `yaml:"models" help:"what to train, at equal parameter count: lstm, plastic, modulated, retroactive, readout, still (modulated with hold_alpha); or [LABEL=]KIND:KEY=VALUE:... with settings of its own, as slow=modulated:rule=decay" resume:"may change"`
	Seeds    string `yaml:"seeds" help:"a number N for the seeds 1 to N, or a list such as 2,7 or 7," resume:"may change"`
	MinCount int    `yaml:"min_count" help:"types rarer than this in the train text become <unk>; 0 keeps all"`
	Init     string `yaml:"init" help:"model folder to start from; its kind, sizes, options and tokenizer hold"`

	Hidden int  `yaml:"hidden" help:"neurons a layer, of the largest of the models"`
	Embed  int  `yaml:"embed" help:"embedding size; 0 makes it equal to the hidden size"`
	Layers int  `yaml:"layers" help:"recurrent layers"`
	Tie    bool `yaml:"tie" help:"tie the decoder's weights to the embedding's; the last layer then has the embedding's size"`
	Params int  `yaml:"params" help:"parameter budget that every model gets; 0 takes the largest model's count"`

	Epochs    int    `yaml:"epochs" help:"passes over the train text" resume:"by force"`
	Steps     int    `yaml:"steps" help:"stop after so many optimiser steps in all, whatever the epochs; 0 does not" resume:"by force"`
	Batch     int    `yaml:"batch" help:"streams read side by side, B"`
	BPTT      int    `yaml:"bptt" help:"steps of a back-propagation window, T"`
	Optimizer string `yaml:"optimizer" help:"{offered}"`

	LR          float64 `yaml:"lr" help:"learning rate, on the mean loss of a window; with adam 0.002 unless given" resume:"by force"`
	ClipNorm    float64 `yaml:"clip_norm" help:"bound of the gradient's global norm; 0 turns it off" resume:"by force"`
	Dropout     float64 `yaml:"dropout" help:"share of non-recurrent connections dropped, one mask a stream and window; 0 turns it off" resume:"by force"`
	WeightDecay float64 `yaml:"weight_decay" help:"weight decay wd: sgd and asgd add wd times the parameter to its gradient, adam decouples it (AdamW); 0 turns it off" resume:"by force"`
	L2          float64 `yaml:"l2" help:"L2 penalty, 0 to 1: l2 times the parameter added to its clipped gradient, under adam before the moments; under sgd and asgd the same as weight_decay; 0 turns it off" resume:"by force"`
	ClipGroups  bool    `yaml:"clip_groups" help:"bound the gradient's norm by clip_norm in each group apart: plasticity coefficients, rates, modulator, all others" resume:"by force"`
	InitScale   float64 `yaml:"init_scale" help:"embedding, decoder and gate weights start uniform within +-init_scale, 0 to 10; 0: +-0.1, gates +-1/sqrt(hidden)"`
	Decay       float64 `yaml:"decay" help:"factor of the learning rate at each epoch from decay_start on, or at each plateau" resume:"by force"`
	DecayStart  int     `yaml:"decay_start" help:"epoch of the first decay; 0 keeps the rate" resume:"by force"`
	Plateau     bool    `yaml:"plateau" help:"decay whenever the validation loss has not fallen, instead of by epochs"`
	AverageFrom int     `yaml:"average_from" help:"asgd: first epoch whose steps are averaged; 0 is half of the epochs" resume:"by force"`
	DivideAlpha bool    `yaml:"divide_alpha" help:"divide the gradient of an alpha shared by neurons by their number" resume:"by force"`

	Alpha          string  `yaml:"alpha" help:"plasticity coefficients per connection, neuron or layer, or decomposed (post_j pre_i)"`
	Rate           string  `yaml:"rate" help:"plasticity rates (or the modulator's fan-out) per connection, neuron or layer, or decomposed"`
	ModulatorInput string  `yaml:"modulator_input" help:"what the neuromodulator reads: hidden, previous_hidden or cell"`
	Rule           string  `yaml:"rule" help:"how a trace changes: {offered}"`
	Clip           float64 `yaml:"clip" help:"bound of the Hebbian trace"`

	Start           string  `yaml:"start" help:"how plastic parameters start: small (alpha 0..0.001, eta 0.01, fan-out +-0.02, modulator +-1/sqrt(hidden), its bias 0) or published (alpha 0..0.0001, eta 0.01, fan-out +-1, modulator and bias +-1/sqrt(hidden))"`
	AlphaStart      string  `yaml:"alpha_start" help:"uniform start of the plasticity coefficients instead: a number or LO..HI within +-100"`
	EtaStart        string  `yaml:"eta_start" help:"uniform start of the trained rates eta and of the retroactive trace rate instead: a number or LO..HI within +-100, of a trace rate within 0..1"`
	FanoutStart     string  `yaml:"fanout_start" help:"uniform start of the modulator's fan-out instead: a number or LO..HI within +-100"`
	FanoutBiasStart string  `yaml:"fanout_bias_start" help:"uniform start of the fan-out's bias (rate neuron) instead: a number or LO..HI within +-100"`
	ModulatorStart  string  `yaml:"modulator_start" help:"uniform start of the modulator's weights and bias instead: a number or LO..HI within +-100"`
	AlphaLR         float64 `yaml:"alpha_lr" help:"factor of the learning rate of the plasticity coefficients, 0 to 1000; 0 leaves them at their start" resume:"by force"`
	RateLR          float64 `yaml:"rate_lr" help:"the same of the plasticity rates: eta, fan-out, trace rate" resume:"by force"`
	ModulatorLR     float64 `yaml:"modulator_lr" help:"the same of the neuromodulator's weights and bias" resume:"by force"`
	Thaw            int     `yaml:"thaw" help:"epoch from which coefficients, rates and modulator train; before it they stay at their start; 0: the first" resume:"by force"`
	HoldAlpha       bool    `yaml:"hold_alpha" help:"hold the plasticity coefficients at 0: a control of the same size under the same optimiser, without plasticity"`

	ReadoutKey   int `yaml:"readout_key" help:"model readout: numbers that a word is stored and looked up by, 1 or more"`
	ReadoutSlots int `yaml:"readout_slots" help:"model readout: words that the memory of a stream holds, 1 or more"`

	ReadoutAlone float64 `yaml:"readout_alone" help:"model readout: weight in the loss of the likelihood without the memory, beside that with it; 0 to 100" resume:"by force"`

	Precision string `yaml:"precision" help:"what the inputs of matrix products are rounded to: f32 (not at all) or bf16, faster on processors with AVX512-BF16"`

	Threads         int    `yaml:"threads" help:"cores to use; 0 takes all" resume:"may change"`
	Parallel        int    `yaml:"parallel" help:"trainings (a model and a seed each) to run side by side, each on its share of the cores; 0: one a core" resume:"may change"`
	CheckpointEvery string `yaml:"checkpoint_every" help:"steps (50) or time (2m) between checkpoints within an epoch; 0 saves at the end of each epoch only" resume:"may change"`
	KeepCheckpoints int    `yaml:"keep_checkpoints" help:"how many checkpoints of a training stay, beside last/ and best/" resume:"may change"`
	LogEvery        int    `yaml:"log_every" help:"steps between lines of metrics.jsonl" resume:"by force"`
	OnNaN           string `yaml:"on_nan" help:"when a number is not finite: stop, or rollback to the last checkpoint and half the rate" resume:"may change"`
	Rollbacks       int    `yaml:"rollbacks" help:"how often a training may roll back before it stops after all" resume:"may change"`
	TensorBoard     bool   `yaml:"tensorboard" help:"write event files for TensorBoard into the folder of each training" resume:"may change"`
}

// Kinds are the models, the standard LSTM first.
var Kinds = []string{"lstm", "plastic", "modulated", "retroactive", "readout"}

func base() Recipe {
	return Recipe{
		Models: slices.Clone(Kinds), Seeds: "1,",
		Layers: 2, Optimizer: "sgd", Decay: 1,
		Alpha: "connection", Rate: "connection", ModulatorInput: "hidden", Rule: "clip", Clip: 2,
		Start: Small, AlphaLR: 1, RateLR: 1, ModulatorLR: 1,
		ReadoutKey: 64, ReadoutSlots: 500, ReadoutAlone: 0.5,
		Precision: modeldir.F32, Parallel: 1, CheckpointEvery: "0", KeepCheckpoints: 2, LogEvery: 100, OnNaN: "stop", Rollbacks: 3,
	}
}

// Defaults are the values that the presets share, which a file of an earlier
// version may lack.
func Defaults() Recipe { return base() }

// Preset is a named recipe.
type Preset struct {
	Name, About string
	Recipe      Recipe
}

// Presets lists the presets.
func Presets() []Preset {
	sample := base()
	sample.Data, sample.Preset = "sample", "sample"
	sample.Hidden, sample.BPTT, sample.Batch, sample.Epochs = 96, 20, 10, 3
	sample.LR, sample.ClipNorm, sample.Decay, sample.DecayStart = 10, 0.25, 0.3, 3
	sample.Dropout = 0.2

	ptb := base()
	ptb.Data, ptb.Preset = "ptb", "ptb-small"
	ptb.Hidden, ptb.BPTT, ptb.Batch, ptb.Epochs = 200, 20, 20, 13
	ptb.LR, ptb.ClipNorm, ptb.Decay, ptb.DecayStart = 20, 0.25, 0.4, 5
	ptb.L2 = 1e-5 // of 0, 1e-5, 4e-5 the best for the LSTM on the validation text: docs/results.md
	return []Preset{
		{"sample", "the embedded sample of Newton's Opticks: five models in minutes", sample},
		{"ptb-small", "Penn Treebank, 2 layers of 200, some 4.8M parameters: arXiv:2002.10585, section 4.3", ptb},
	}
}

// New returns the recipe of a preset.
func New(preset string) (Recipe, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == preset {
			return p.Recipe, nil
		}
		names = append(names, p.Name)
	}
	return Recipe{}, fmt.Errorf("no preset %q%s: want %s", preset, nearest.DidYouMean(preset, "", names), strings.Join(names, " or "))
}

// Offered returns the values that a key is offered; see settings.Offering.
func (r *Recipe) Offered(key string) []string {
	return map[string][]string{"rule": modeldir.Rules, "optimizer": optim.Listed()}[key]
}
