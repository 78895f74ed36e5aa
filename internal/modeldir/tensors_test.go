package modeldir

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ptb is the configuration of the published parameter counts: vocabulary 10,000,
// 2 layers, untied, rate and alpha per connection.
func ptb(model string, size int) Config {
	c := Config{Format: Format, Model: model, VocabSize: 10000, EmbeddingSize: size, HiddenSize: size, NumLayers: 2}
	if model != LSTM {
		c.Plasticity = &Plasticity{Alpha: "connection", Rate: "connection", ModulatorInput: "hidden", Rule: "clip", Clip: 2}
	}
	if model == Readout {
		c.Plasticity, c.Memory = nil, &Memory{KeySize: 64, Slots: 500}
	}
	return c
}

func TestParamCount(t *testing.T) {
	for _, c := range []struct {
		model string
		size  int
		want  int
	}{
		{LSTM, 200, 4_651_600},
		{LSTM, 206, 4_810_624},
		{Plastic, 200, 4_811_600},
		{Modulated, 200, 4_812_002},
		{Retroactive, 200, 4_812_004},
		{Readout, 200, 4_651_600 + 64*200 + 64 + 200 + 5},
	} {
		if got := ptb(c.model, c.size).ParamCount(); got != c.want {
			t.Errorf("%s %d: %d parameters, want %d", c.model, c.size, got, c.want)
		}
	}
}

func TestTensors(t *testing.T) {
	c := Config{Format: Format, VocabSize: 7, EmbeddingSize: 3, HiddenSize: 5, NumLayers: 2}
	const (
		layer0 = "layers.0.weight_ih [20 3], layers.0.weight_hh [20 5], layers.0.bias [20]"
		layer1 = "layers.1.weight_ih [20 5], layers.1.weight_hh [20 5], layers.1.bias [20]"
		tied1  = "layers.1.weight_ih [12 5], layers.1.weight_hh [12 3], layers.1.bias [12]" // the embedding's size
	)
	both := func(extra string) string {
		return layer0 + ", " + strings.ReplaceAll(extra, "L", "0") + ", " + layer1 + ", " + strings.ReplaceAll(extra, "L", "1")
	}
	const (
		readout = "readout.sharpness [1], readout.fade [1], readout.modulator.weight [2], readout.modulator.bias [1]"
		gate    = "readout.gate.bias [1], readout.gate.match [1]"
	)
	const modulator = "layers.L.modulator.weight [5], layers.L.modulator.bias [1]"
	for _, k := range []struct {
		model, alpha, rate string
		tied               bool
		layers             string
	}{
		{LSTM, "", "", false, layer0 + ", " + layer1},
		{LSTM, "", "", true, layer0 + ", " + tied1},
		{Plastic, "connection", "neuron", false, both("layers.L.alpha [5 5], layers.L.eta [5]")},
		{Plastic, "neuron", "layer", false, both("layers.L.alpha [5], layers.L.eta [1]")},
		{Plastic, "layer", "connection", true, layer0 + ", layers.0.alpha [1], layers.0.eta [5 5], " + tied1 + ", layers.1.alpha [1], layers.1.eta [3 3]"},
		{Modulated, "neuron", "connection", false, both("layers.L.alpha [5], " + modulator + ", layers.L.fanout.weight [5 5]")},
		{Modulated, "neuron", "neuron", false, both("layers.L.alpha [5], " + modulator + ", layers.L.fanout.weight [5], layers.L.fanout.bias [5]")},
		{Modulated, "connection", "layer", false, both("layers.L.alpha [5 5], " + modulator)},
		{Retroactive, "layer", "layer", false, both("layers.L.alpha [1], " + modulator + ", layers.L.trace_rate [1]")},
		{Readout, "", "", false, layer0 + ", " + layer1 + ", readout.key.weight [2 5], " + readout + ", readout.gate.weight [5], " + gate},
		{Readout, "", "", true, layer0 + ", " + tied1 + ", readout.key.weight [2 3], " + readout + ", readout.gate.weight [3], " + gate},
		{Plastic, "layer", "layer", false, both("layers.L.alpha [1], layers.L.eta [1]") + ", readout.key.weight [2 5], " + readout + ", readout.gate.weight [5], " + gate},
	} {
		c := c
		c.Model, c.TieWeights = k.model, k.tied
		if strings.Contains(k.layers, "readout") {
			c.Memory = &Memory{KeySize: 2, Slots: 9}
		}
		if k.alpha != "" {
			c.Plasticity = &Plasticity{Alpha: k.alpha, Rate: k.rate, ModulatorInput: "hidden", Rule: "clip", Clip: 2}
		}
		want := "embedding.weight [7 3], " + k.layers
		if !k.tied {
			want += ", decoder.weight [7 5]"
		}
		want += ", decoder.bias [7]"
		if d := cmp.Diff(strings.Split(want, ", "), list(c)); d != "" {
			t.Errorf("%s alpha %s rate %s tied %v: %s", k.model, k.alpha, k.rate, k.tied, d)
		}
	}
}

func TestMatch(t *testing.T) {
	budget := ptb(Retroactive, 200).ParamCount()
	for _, c := range []struct {
		model    string
		fixed    int
		tied     bool
		wantSize int
	}{
		{LSTM, 0, false, 206},
		{Plastic, 0, false, 200},
		{Modulated, 0, false, 200},
		{Retroactive, 0, false, 200},
		{Readout, 0, false, 205},
		{LSTM, 100, false, 0},
		{Retroactive, 100, true, 0},
	} {
		cfg := ptb(c.model, 1)
		cfg.TieWeights = c.tied
		got, err := Match(budget, cfg, c.fixed)
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
			continue
		}
		larger := got
		larger.HiddenSize++
		if c.fixed == 0 {
			larger.EmbeddingSize++
		}
		if got.ParamCount() > budget || larger.ParamCount() <= budget {
			t.Errorf("%s: hidden %d has %d and one more %d parameters; want the largest within %d",
				c.model, got.HiddenSize, got.ParamCount(), larger.ParamCount(), budget)
		}
		if c.wantSize > 0 && (got.HiddenSize != c.wantSize || got.EmbeddingSize != c.wantSize) {
			t.Errorf("%s: hidden %d, embedding %d; want %d", c.model, got.HiddenSize, got.EmbeddingSize, c.wantSize)
		}
		if c.fixed > 0 && got.EmbeddingSize != c.fixed {
			t.Errorf("%s: embedding %d, want %d", c.model, got.EmbeddingSize, c.fixed)
		}
	}
}

func TestMatchRefuses(t *testing.T) {
	_, err := Match(1000, ptb(LSTM, 1), 0)
	if err == nil || !strings.Contains(err.Error(), "a budget of 1000 parameters is too small for model lstm") ||
		!strings.Contains(err.Error(), "want at least 30024") {
		t.Errorf("small budget: %v", err)
	}
	bad := ptb(Plastic, 1)
	bad.Plasticity.Rule = "none"
	if _, err := Match(1e6, bad, 0); err == nil {
		t.Error("a configuration that cannot be was matched")
	}
	// One tied layer has the embedding's size, whatever the hidden size.
	one := ptb(LSTM, 1)
	one.NumLayers, one.TieWeights = 1, true
	got, err := Match(1e6, one, 20)
	if err != nil || got.HiddenSize != 20 || got.EmbeddingSize != 20 {
		t.Errorf("one tied layer: %+v, %v", got, err)
	}
	if _, err := Match(200_000, one, 20); err == nil {
		t.Error("one tied layer fitted a budget below its count")
	}
}
