// Package modeldir is the model folder, the form in which a trained model is
// kept and exchanged: config.json (what kind of model, how large),
// model.safetensors (its parameters, float32) and tokenizer.json (Hugging Face).
// A folder is loaded only if the three are whole and the tensors are exactly
// those that the configuration asks for; it is saved whole or not at all.
package modeldir

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/plasticlstm"
)

// Format is the version of the folder that this package reads and writes.
const Format = "engram/1"

// Kinds of model.
const (
	LSTM        = "lstm"        // no plasticity
	Plastic     = "plastic"     // a trained plasticity rate eta
	Modulated   = "modulated"   // the rate is a neuromodulator M(t)
	Retroactive = "retroactive" // M(t) gates an eligibility trace
	Readout     = "readout"     // no plastic layer; an associative memory at the readout
)

// Bounds of what a configuration may ask for. They keep every count of
// parameters far inside an int64, and the largest model within 4 GiB.
const (
	MaxVocab  = 1 << 24
	MaxSize   = 1 << 16 // of an embedding or a layer
	MaxLayers = 64
	MaxParams = 1 << 30
	MaxSlots  = 1 << 16 // of a readout's memory
)

// The values of each choice, in the order in which they are offered.
var (
	Models          = []string{LSTM, Plastic, Modulated, Retroactive, Readout}
	Sharings        = texts(plasticlstm.Granularities())
	ModulatorInputs = []string{"hidden", "previous_hidden", "cell"}
	Rules           = RulesOf(Plastic)
)

// RulesOf lists the rules that go with a kind of model; none for lstm.
func RulesOf(model string) []string {
	if m, ok := modulations[model]; ok {
		return texts(plasticlstm.Rules(m))
	}
	return nil
}

func texts[S ~string](names []S) (t []string) {
	for _, n := range names {
		t = append(t, string(n))
	}
	return t
}

// Config is config.json.
type Config struct {
	Format        string      `json:"format"`
	Model         string      `json:"model"`
	VocabSize     int         `json:"vocab_size"`
	EmbeddingSize int         `json:"embedding_size"`
	HiddenSize    int         `json:"hidden_size"`
	NumLayers     int         `json:"num_layers"`
	TieWeights    bool        `json:"tie_weights"` // the last layer has the embedding's size and the decoder its weight
	Plasticity    *Plasticity `json:"plasticity,omitempty"`
	Memory        *Memory     `json:"readout,omitempty"`

	// Precision is what the inputs of matrix products are rounded to: F32, which is
	// what a config.json without it means, or BF16.
	Precision string `json:"precision,omitempty"`
}

// The values of Config.Precision.
const (
	F32  = "f32"
	BF16 = "bf16"
)

// Precisions are they, in the order in which they are offered.
var Precisions = []string{F32, BF16}

// Memory holds the sizes of a plastic readout (internal/readout). Model readout
// has one, lstm none; beside plastic layers it may stand.
type Memory struct {
	KeySize int `json:"key_size"` // numbers that a word is stored and looked up by
	Slots   int `json:"slots"`    // words that a stream's memory holds
}

// Plasticity holds the choices of a plastic layer; absent for lstm and readout.
type Plasticity struct {
	Alpha string `json:"alpha"` // per connection, neuron or layer, or decomposed
	Rate  string `json:"rate"`  // likewise: eta, or the modulator's fan-out
	// ModulatorInput may be left out for model plastic, which has no modulator;
	// it is "hidden" then.
	ModulatorInput string  `json:"modulator_input,omitempty"`
	Rule           string  `json:"rule"`
	Clip           float64 `json:"clip"` // the trace stays within [-clip, clip]
}

// ParseConfig reads config.json and validates it. Every error is a *badfile.Error
// that names the key and what it may be.
func ParseConfig(b []byte) (Config, error) { return parseConfig("config.json", b) }

func parseConfig(path string, b []byte) (Config, error) {
	var c Config
	if err := strictjson.DecodeFormat(path, b, Format, "", &c); err != nil {
		return Config{}, err
	}
	if p := c.Plasticity; p != nil && c.Model == Plastic && p.ModulatorInput == "" {
		p.ModulatorInput = ModulatorInputs[0]
	}
	if err := c.validate(path); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Validate reports the first field whose value cannot be, or that does not go
// together with another.
func (c Config) Validate() error { return c.validate("config") }

func (c Config) validate(path string) error {
	if err := oneOf(path, "format", c.Format, []string{Format}); err != nil {
		return err
	}
	if err := oneOf(path, "model", c.Model, Models); err != nil {
		return err
	}
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"vocab_size", c.VocabSize, MaxVocab},
		{"embedding_size", c.EmbeddingSize, MaxSize},
		{"hidden_size", c.HiddenSize, MaxSize},
		{"num_layers", c.NumLayers, MaxLayers},
	} {
		if f.value < 1 || f.value > f.max {
			return badfile.New(path, f.name, "is %d; want 1 to %d", f.value, f.max)
		}
	}
	if c.Precision != "" {
		if err := oneOf(path, "precision", c.Precision, Precisions); err != nil {
			return err
		}
	}
	if err := c.validateMemory(path); err != nil {
		return err
	}
	plain := c.Model == LSTM || c.Model == Readout
	switch {
	case plain && c.Plasticity != nil:
		return badfile.New(path, "plasticity", "is given for model %s; want it left out, or model plastic, modulated or retroactive", c.Model)
	case !plain && c.Plasticity == nil:
		return badfile.New(path, "plasticity", "is missing; model %s wants alpha, rate, modulator_input, rule and clip", c.Model)
	case c.Plasticity != nil:
		if err := c.Plasticity.validate(path, c.Model); err != nil {
			return err
		}
	}
	if n := c.count(); n > MaxParams {
		return badfile.New(path, "", "asks for %d parameters; want sizes that make at most %d", n, MaxParams)
	}
	return nil
}

func (c Config) validateMemory(path string) error {
	switch m := c.Memory; {
	case m == nil && c.Model == Readout:
		return badfile.New(path, "readout", "is missing; model readout wants key_size and slots")
	case m == nil:
	case c.Model == LSTM:
		return badfile.New(path, "readout", "is given for model lstm; want it left out, or model readout")
	case m.KeySize < 1 || m.KeySize > MaxSize:
		return badfile.New(path, "readout.key_size", "is %d; want 1 to %d", m.KeySize, MaxSize)
	case m.Slots < 1 || m.Slots > MaxSlots:
		return badfile.New(path, "readout.slots", "is %d; want 1 to %d", m.Slots, MaxSlots)
	}
	return nil
}

func (p Plasticity) validate(path, model string) error {
	for _, f := range []struct {
		name, value string
		accepted    []string
	}{
		{"plasticity.alpha", p.Alpha, Sharings},
		{"plasticity.rate", p.Rate, Sharings},
		{"plasticity.modulator_input", p.ModulatorInput, ModulatorInputs},
		{"plasticity.rule", p.Rule, Rules},
	} {
		if err := oneOf(path, f.name, f.value, f.accepted); err != nil {
			return err
		}
	}
	if fit := RulesOf(model); !slices.Contains(fit, p.Rule) {
		return badfile.New(path, "plasticity.rule", "is %q, which model %s does not have; want %s", p.Rule, model, strings.Join(fit, " or "))
	}
	// The layer clips in float32, where the value must still be a positive number.
	if clip := float32(p.Clip); !(clip > 0) || math.IsInf(float64(clip), 0) {
		return badfile.New(path, "plasticity.clip", "is %v; want a number above 0 that float32 can hold", p.Clip)
	}
	return nil
}

func oneOf(path, field, value string, accepted []string) error {
	if slices.Contains(accepted, value) {
		return nil
	}
	is := fmt.Sprintf("is %q", value)
	if value == "" { // a key that may be left out for another kind of model
		is = "is missing or empty"
	}
	if len(accepted) == 1 {
		return badfile.New(path, field, "%s; want %q", is, accepted[0])
	}
	last := len(accepted) - 1
	return badfile.New(path, field, "%s; want %s or %s", is, strings.Join(accepted[:last], ", "), accepted[last])
}
