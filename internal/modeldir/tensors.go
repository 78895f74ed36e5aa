package modeldir

import (
	"fmt"
	"sort"
)

// TensorSpec is a parameter's name and shape. A matrix has a row per receiving
// (post) and a column per sending (pre) neuron.
type TensorSpec struct {
	Name  string
	Shape []int
}

// Size returns the number of elements.
func (s TensorSpec) Size() int { return int(s.count()) }

func (s TensorSpec) count() int64 {
	n := int64(1)
	for _, d := range s.Shape {
		n *= int64(d)
	}
	return n
}

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
	specs := []TensorSpec{{"embedding.weight", []int{c.VocabSize, c.EmbeddingSize}}}
	for l := range c.NumLayers {
		specs = append(specs, c.layer(l)...)
	}
	specs = append(specs, c.readout()...)
	if !c.TieWeights {
		_, h := c.LayerSize(c.NumLayers - 1)
		specs = append(specs, TensorSpec{"decoder.weight", []int{c.VocabSize, h}})
	}
	return append(specs, TensorSpec{"decoder.bias", []int{c.VocabSize}})
}

func (c Config) layer(l int) []TensorSpec {
	i, h := c.LayerSize(l)
	var specs []TensorSpec
	add := func(name string, shape ...int) {
		specs = append(specs, TensorSpec{fmt.Sprintf("layers.%d.%s", l, name), shape})
	}
	add("weight_ih", 4*h, i) // gate blocks i, f, g, o
	add("weight_hh", 4*h, h)
	add("bias", 4*h)
	p := c.Plasticity
	if p == nil {
		return specs
	}
	add("alpha", shared(p.Alpha, h)...)
	if c.Model == Plastic {
		add("eta", shared(p.Rate, h)...)
		return specs
	}
	add("modulator.weight", h)
	add("modulator.bias", 1)
	switch p.Rate {
	case "connection":
		add("fanout.weight", h, h)
	case "neuron":
		add("fanout.weight", h)
		add("fanout.bias", h)
	}
	if c.Model == Retroactive {
		add("trace_rate", 1)
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
		{"readout.key.weight", []int{d, h}},
		{"readout.sharpness", []int{1}},
		{"readout.fade", []int{1}},
		{"readout.modulator.weight", []int{d}},
		{"readout.modulator.bias", []int{1}},
		{"readout.gate.weight", []int{h}},
		{"readout.gate.bias", []int{1}},
		{"readout.gate.match", []int{1}},
	}
}

// shared is the shape of a coefficient per connection, per post neuron or per
// layer of h neurons.
func shared(how string, h int) []int {
	switch how {
	case "connection":
		return []int{h, h}
	case "neuron":
		return []int{h}
	}
	return []int{1}
}

// ParamCount returns the number of trained parameters.
func (c Config) ParamCount() int { return int(c.count()) }

func (c Config) count() (n int64) {
	for _, s := range c.Tensors() {
		n += s.count()
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
	return fmt.Errorf("a budget of %d parameters is too small for model %s with vocabulary %d, %d layers and %s; want at least %d",
		budget, c.Model, c.VocabSize, c.NumLayers, embedding, least)
}
