package patterns

import (
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// model is what tries the task: a layer whose first outputs are the completed
// bits, or, with a readout, an LSTM and a linear map from its outputs to them.
type model struct {
	layer   lstm.Layer
	lr      float64
	scale   float32 // of the input
	bias    int     // neurons, after those of the bits, whose input is always 1
	readout []lstm.Param
}

// The input of a neuron, which its tanh takes to its end, and how new weights and
// coefficients are drawn [1, code].
const (
	inputScale = 20
	initSD     = 0.01
)

// build returns a model of the settings. The networks of tanh neurons have a
// neuron a bit and one for a bias: its input is 1 at every step.
func build(name string, s *settings) (*model, error) {
	n := s.Bits + 1
	switch name {
	case plastic:
		layer, err := plasticlstm.NewRNN(n, n, plasticlstm.Options{
			Rule: plasticlstm.Decay, Rate: plasticlstm.PerLayer, Feed: lstm.Direct,
		})
		return &model{layer: layer, lr: s.LR, scale: inputScale, bias: 1}, err
	case rnn:
		return &model{layer: lstm.RNN{In: n, Hidden: n, Feed: lstm.Direct}, lr: s.LR, scale: inputScale, bias: 1}, nil
	case rnnLarge:
		n += s.Extra
		return &model{layer: lstm.RNN{In: n, Hidden: n, Feed: lstm.Direct}, lr: s.LRLarge, scale: inputScale, bias: 1}, nil
	}
	return &model{
		layer: lstm.LSTM{In: s.Bits, Hidden: s.LSTMHidden}, lr: s.LRLarge, scale: 1,
		readout: []lstm.Param{{Name: "weight", Shape: []int{s.Bits, s.LSTMHidden}}, {Name: "bias", Shape: []int{s.Bits}}},
	}, nil
}

// params counts the trained numbers.
func (m *model) params() int {
	n := lstm.ParamCount(m.layer)
	for _, p := range m.readout {
		n += p.Size()
	}
	return n
}

// draw gives a learner its parameters. Those of tanh neurons are drawn from
// N(0, initSD); an LSTM's as its layer says.
func (m *model) draw(w *trained.Weights, seed uint64) (layer, layerGrads, readout, readoutGrads [][]float32) {
	r := rng.New(seed, "init")
	layer, layerGrads = w.Add("layer.", m.layer.Params(), r)
	if m.readout == nil {
		for i, p := range m.layer.Params() {
			if p.Name == "weight_hh" || p.Name == "alpha" {
				for j := range layer[i] {
					layer[i][j] = float32(initSD * r.NormFloat64())
				}
			}
		}
		return layer, layerGrads, nil, nil
	}
	specs := append([]lstm.Param{}, m.readout...)
	bound := m.layer.Params()[1].Hi // 1/sqrt(H), as within the LSTM
	specs[0].Lo, specs[0].Hi = -bound, bound
	readout, readoutGrads = w.Add("readout.", specs, r)
	return layer, layerGrads, readout, readoutGrads
}
