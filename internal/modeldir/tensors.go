package modeldir

import (
	"fmt"
	"sort"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// TensorSpec is a parameter of the model, with a name that tells its layer. A matrix
// has a row per receiving (post) and a column per sending (pre) neuron. Lo and Hi
// say nothing of the embedding and the decoder.
type TensorSpec = lstm.Param

// LayerSize returns the input size I and the hidden size H of layer l. With tied
// weights the last layer has the embedding's size.
func (c Config) LayerSize(l int) (input, hidden int) {
	input, hidden = c.HiddenSize, c.HiddenSize
	if l == 0 {
		input = c.EmbeddingSize
	}
	if c.TieWeights && l == c.NumLayers-1 {
		hidden = c.EmbeddingSize
	}
	return input, hidden
}

// Tensors returns the parameters of the model in the order embedding, layers,
// readout, decoder; their names and shapes are the contract of model.safetensors. The
// configuration must be valid.
func (c Config) Tensors() []TensorSpec {
	specs := []TensorSpec{{Name: "embedding.weight", Shape: []int{c.VocabSize, c.EmbeddingSize}}}
	for l := range c.NumLayers {
		specs = append(specs, c.layer(l)...)
	}
	specs = append(specs, c.readout()...)
	if !c.TieWeights {
		_, h := c.LayerSize(c.NumLayers - 1)
		specs = append(specs, TensorSpec{Name: "decoder.weight", Shape: []int{c.VocabSize, h}})
	}
	return append(specs, TensorSpec{Name: "decoder.bias", Shape: []int{c.VocabSize}})
}

func (c Config) layer(l int) (specs []TensorSpec) {
	layer, err := c.Layer(l)
	if err != nil {
		panic("modeldir: the configuration is not valid: " + err.Error())
	}
	for _, p := range layer.Params() {
		p.Name = fmt.Sprintf("layers.%d.%s", l, p.Name)
		specs = append(specs, p)
	}
	return specs
}

// readout lists the parameters of the plastic readout, as internal/readout does.
func (c Config) readout() []TensorSpec {
	if c.Memory == nil {
		return nil
	}
	_, h := c.LayerSize(c.NumLayers - 1)
	d := c.Memory.KeySize
	return []TensorSpec{
		{Name: "readout.key.weight", Shape: []int{d, h}},
		{Name: "readout.sharpness", Shape: []int{1}},
		{Name: "readout.fade", Shape: []int{1}},
		{Name: "readout.modulator.weight", Shape: []int{d}},
		{Name: "readout.modulator.bias", Shape: []int{1}},
		{Name: "readout.gate.weight", Shape: []int{h}},
		{Name: "readout.gate.bias", Shape: []int{1}},
		{Name: "readout.gate.match", Shape: []int{1}},
	}
}

// Layer returns layer l: what its parameters are, and what it carries, is said
// there. The configuration must be valid.
func (c Config) Layer(l int) (lstm.Layer, error) {
	in, hidden := c.LayerSize(l)
	if c.Plasticity == nil {
		return lstm.LSTM{In: in, Hidden: hidden}, nil
	}
	p := c.Plasticity
	return plasticlstm.New(in, hidden, plasticlstm.Options{
		Rule:           plasticlstm.Rule(p.Rule),
		Modulation:     modulations[c.Model],
		Alpha:          plasticlstm.Granularity(p.Alpha),
		Rate:           plasticlstm.Granularity(p.Rate),
		ModulatorInput: plasticlstm.ModulatorInput(p.ModulatorInput),
		Clip:           p.Clip,
	})
}

// modulations are those of the plastic kinds of model.
var modulations = map[string]plasticlstm.Modulation{
	Plastic: plasticlstm.None, Modulated: plasticlstm.Simple, Retroactive: plasticlstm.Retroactive,
}

// ParamCount returns the number of trained parameters.
func (c Config) ParamCount() int { return int(c.count()) }

func (c Config) count() (n int64) {
	for _, s := range c.Tensors() {
		n += int64(s.Size())
	}
	return n
}

// Match returns c with the largest hidden size at which it has at most budget
// parameters. The embedding has the hidden size unless fixedEmbedding, above 0,
// gives its size.
func Match(budget int, c Config, fixedEmbedding int) (Config, error) {
	sized := func(hidden int) Config {
		c := c
		c.HiddenSize, c.EmbeddingSize = hidden, hidden
		if fixedEmbedding > 0 {
			c.EmbeddingSize = fixedEmbedding
		}
		return c
	}
	if err := sized(1).Validate(); err != nil {
		return Config{}, err
	}
	if c.TieWeights && c.NumLayers == 1 && fixedEmbedding > 0 {
		// The only layer has the embedding's size: nothing is left to choose.
		if n := sized(fixedEmbedding).count(); n > int64(budget) {
			return Config{}, tooSmall(budget, c, fixedEmbedding, n)
		}
		return sized(fixedEmbedding), nil
	}
	hidden := sort.Search(MaxSize, func(i int) bool { return sized(i+1).count() > int64(budget) })
	if hidden == 0 {
		return Config{}, tooSmall(budget, c, fixedEmbedding, sized(1).count())
	}
	matched := sized(hidden)
	return matched, matched.Validate()
}

func tooSmall(budget int, c Config, fixedEmbedding int, least int64) error {
	embedding := "embedding = hidden size"
	if fixedEmbedding > 0 {
		embedding = fmt.Sprintf("embedding %d", fixedEmbedding)
	}
	return fmt.Errorf("a budget of %d parameters is too small for model %s with vocabulary %d, layers %d and %s; want at least %d",
		budget, c.Model, c.VocabSize, c.NumLayers, embedding, least)
}
