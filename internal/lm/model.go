// Package lm is the language model: an embedding, stacked recurrent layers and a
// softmax over the vocabulary, with a plastic readout's memory (internal/readout) or
// without. Every operation of its gorgonia graph is fused;
// there is one graph for each pair of batch and window length, and all of them
// share the parameters and the operations' memory.
package lm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/readout"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
)

// Float is the element type; models are trained in float32.
type Float = kernel.Float

// Param is a trained tensor. Grad is its gradient in the last training step, a
// view of memory that the next step overwrites. It is as long as Value, or, if
// Rows is not nil, holds these rows of Value alone, in ascending order, and all
// others are zero: an embedding has only the rows of the window's tokens.
type Param[F Float] struct {
	Name        string // as in model.safetensors
	Shape       []int
	Value, Grad []F
	Rows        []int
	Min, Max    float64 // bounds, unless both are 0
	Shared      int     // see lstm.Param
}

// Model is a language model at work. It is not safe for concurrent use.
type Model[F Float] struct {
	Config modeldir.Config
	Params []*Param[F] // embedding, layers, readout, decoder: the order of Config.Tensors

	layers  []lstm.Layer
	windows []*lstm.Window[F]
	memory  *readout.Window[F] // nil without a plastic readout
	start   *lstm.State[F]     // of a stream's memory; nil for an empty one
	embed   *embedding[F]
	drops   []*dropout[F] // after the embedding and after each layer
	trained *head[F]
	scored  *scores[F]
	picked  *lastLogits[F]
	decoder decoder[F] // of scored and picked
	hidden  []F        // [T, B, H]: see Hidden
	holds   int        // not released
	graphs  map[shape]*graph[F]
}

// embeddingScale bounds the uniform distribution of a new embedding or decoder.
const embeddingScale = 0.1

// Start says from which ranges the parameters of a new model are drawn, where
// these are not the layers' own.
type Start struct {
	// Scale, above 0, makes the weights of embedding, decoder and gates uniform in
	// [-Scale, Scale].
	Scale float64
	// Layer may change Lo and Hi of a layer's parameters; nil changes none.
	Layer func(params []lstm.Param)
}

// New returns a model whose parameters are drawn from seed.
func New[F Float](config modeldir.Config, seed uint64) (*Model[F], error) {
	return NewFrom[F](config, seed, Start{})
}

// NewFrom is New with other ranges. The same numbers are drawn, so that where two
// starts agree, so do the parameters.
func NewFrom[F Float](config modeldir.Config, seed uint64, start Start) (*Model[F], error) {
	m, err := empty[F](config)
	if err != nil {
		return nil, err
	}
	r := rng.New(seed, "init")
	draw := func(x []F, lo, hi float64) {
		for i := range x {
			x[i] = F(r.Uniform(lo, hi))
		}
	}
	rest := m.Params
	next := func() []F {
		v := rest[0].Value
		rest = rest[1:]
		return v
	}
	scale := embeddingScale
	if start.Scale > 0 {
		scale = start.Scale
	}
	draw(next(), -scale, scale)
	for _, l := range m.layers {
		for _, p := range start.layer(l) {
			draw(next(), p.Lo, p.Hi)
		}
	}
	if config.Memory != nil {
		for _, p := range memoryOf(config).Params() {
			draw(next(), p.Lo, p.Hi)
		}
	}
	if !config.TieWeights {
		draw(next(), -scale, scale)
	}
	return m, nil // the decoder's bias stays zero
}

// layer returns the parameters of a layer with the ranges to draw them from.
func (s Start) layer(l lstm.Layer) []lstm.Param {
	params := l.Params()
	for i := range params {
		if p := &params[i]; s.Scale > 0 && strings.HasPrefix(p.Name, "weight_") {
			p.Lo, p.Hi = -s.Scale, s.Scale
		}
	}
	if s.Layer != nil {
		s.Layer(params)
	}
	return params
}

// FromTensors returns a model with the given parameters, by name.
func FromTensors[F Float](config modeldir.Config, tensors map[string][]float32) (*Model[F], error) {
	m, err := empty[F](config)
	if err != nil {
		return nil, err
	}
	for _, p := range m.Params {
		t, ok := tensors[p.Name]
		if !ok || len(t) != len(p.Value) {
			return nil, fmt.Errorf("lm: tensor %s has %d elements; want shape %v", p.Name, len(t), p.Shape)
		}
		for i, v := range t {
			p.Value[i] = F(v)
		}
	}
	return m, nil
}

// Tensors copies the parameters, by name.
func (m *Model[F]) Tensors() map[string][]float32 {
	tensors := make(map[string][]float32, len(m.Params))
	for _, p := range m.Params {
		t := make([]float32, len(p.Value))
		for i, v := range p.Value {
			t[i] = float32(v)
		}
		tensors[p.Name] = t
	}
	return tensors
}

func empty[F Float](config modeldir.Config) (*Model[F], error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	m := &Model[F]{Config: config, graphs: map[shape]*graph[F]{}}
	for _, s := range config.Tensors() {
		m.Params = append(m.Params, &Param[F]{Name: s.Name, Shape: s.Shape, Value: make([]F, s.Size()), Min: s.Min, Max: s.Max, Shared: s.Shared})
	}
	m.drops = append(m.drops, &dropout[F]{})
	for i := range config.NumLayers {
		layer, err := config.Layer(i)
		if err != nil {
			return nil, err
		}
		w := lstm.NewWindow[F](layer)
		w.Detached = true
		m.layers = append(m.layers, layer)
		m.windows = append(m.windows, w)
		m.drops = append(m.drops, &dropout[F]{})
	}
	if config.Memory != nil {
		m.memory = readout.NewWindow[F](memoryOf(config))
	}
	m.embed = &embedding[F]{slot: make([]int32, config.VocabSize)}
	recall := recall[F]{m.memory}
	m.trained = &head[F]{recall: recall}
	m.scored = &scores[F]{recall: recall, decoder: &m.decoder}
	m.picked = &lastLogits[F]{recall: recall, decoder: &m.decoder}
	return m, m.Round(Precision(config))
}

// Precision returns what the inputs of a model's matrix products are rounded to.
func Precision(c modeldir.Config) kernel.Precision {
	if c.Precision == modeldir.BF16 {
		return kernel.BF16
	}
	return kernel.F32
}

// Round makes the inputs of the model's matrix products rounded to a precision from
// now on, whatever its configuration says.
func (m *Model[F]) Round(to kernel.Precision) error {
	m.trained.in, m.decoder.in, m.decoder.packed = to, to, false
	for i, w := range m.windows {
		if !w.Round(to) {
			return fmt.Errorf("lm: layer %d has no products in %s: want precision f32", i, to)
		}
	}
	return nil
}

// parts is the number of states that a window carries.
func (m *Model[F]) parts() int {
	if m.memory != nil {
		return len(m.layers) + 1
	}
	return len(m.layers)
}

func memoryOf(c modeldir.Config) readout.Memory {
	_, hidden := c.LayerSize(c.NumLayers - 1)
	return readout.Memory{Hidden: hidden, Key: c.Memory.KeySize, Slots: c.Memory.Slots}
}

// RoundTo is Round to the precision of a name; without one the model stays as it is.
func (m *Model[F]) RoundTo(name string) error {
	if name == "" {
		return nil
	}
	to, err := kernel.ParsePrecision(name)
	if err != nil {
		return err
	}
	return m.Round(to)
}

// State is the carried state of all layers, and then that of the plastic readout,
// if the model has one.
type State[F Float] []*lstm.State[F]

// NewState returns the state at the start of batch streams: all zero, unless the
// model is one whose memory stands still.
func (m *Model[F]) NewState(batch int) State[F] {
	var s State[F]
	for _, l := range m.layers {
		s = append(s, lstm.NewState[F](l, batch))
	}
	if m.memory != nil {
		memory := lstm.StateOf[F](memoryOf(m.Config).State(), batch)
		for b := 0; m.start != nil && b < batch; b++ {
			if err := memory.SetStream(b, m.start); err != nil {
				panic(err) // it is of this model
			}
		}
		s = append(s, memory)
	}
	return s
}

// NonFinite names the first part of a carried state that is not finite; nil if there is
// none.
func (m *Model[F]) NonFinite(s State[F]) error {
	for l, layer := range s {
		if kernel.IndexNonFinite(layer.Data) < 0 {
			continue
		}
		if l == len(m.layers) {
			return errors.New("the state of the readout's memory is not finite")
		}
		for _, part := range slices.Backward(layer.Parts) { // traces lie behind c and h
			what := string(part.Role)
			if part.Role == lstm.Activity {
				what = map[string]string{"c": "cell state c", "h": "output h"}[part.Name]
			}
			x := layer.Part(part.Name)
			if i := kernel.IndexNonFinite(x); i >= 0 {
				return fmt.Errorf("the %s of layers.%d is %v", what, l, x[i])
			}
		}
		return fmt.Errorf("the state of layers.%d is not finite", l)
	}
	return nil
}

// Reset zeroes the state: a memory is then empty.
func (s State[F]) Reset() {
	for _, l := range s {
		l.Reset()
	}
}

// Modulation returns what the neuromodulators of each layer said in the last
// window, M(t) [T, B], and last what that of a plastic readout said; nil where there
// is none. The next window overwrites them.
func (m *Model[F]) Modulation() [][]F {
	var all [][]F
	for _, w := range m.windows {
		if s, ok := w.Scan().(interface{ Modulation() []F }); ok {
			all = append(all, s.Modulation())
		}
	}
	if m.memory != nil {
		all = append(all, m.memory.Modulation())
	}
	return all
}

// Layer returns a parameter of layer l by its name within the layer, nil if it
// has none of that name.
func (m *Model[F]) Layer(l int, name string) []F {
	of := func(name string) []F {
		for _, p := range m.Params {
			if p.Name == fmt.Sprintf("layers.%d.%s", l, name) {
				return p.Value
			}
		}
		return nil
	}
	post, pre := of(name+".post"), of(name+".pre")
	if post == nil {
		return of(name)
	}
	var whole []F // decomposed
	for _, a := range post {
		for _, b := range pre {
			whole = append(whole, a*b)
		}
	}
	return whole
}
