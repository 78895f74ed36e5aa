package a2c

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// Kinds are the networks of the agents.
var Kinds = []study.Kind{
	{Name: "rnn", About: "standard tanh network"},
	{Name: "plastic", About: "plastic tanh network with a trained rate"},
	{Name: "modulated", About: "plastic tanh network under a neuromodulator"},
	{Name: "retroactive", About: "plastic tanh network whose neuromodulator acts on eligibility traces"},
	{Name: "lstm", About: "standard LSTM"},
}

// Uses are the settings that not all kinds use: the rate of a modulated agent's traces
// is its neuromodulator.
var Uses = study.Uses{
	"eta":        {"plastic", "retroactive"},
	"trace_clip": {"plastic", "modulated", "retroactive"},
}

// NewLayer returns the recurrent layer of a kind. The plastic ones are
// Backpropamine's for reinforcement learning: alpha per connection, one rate for
// all or the neuromodulator itself, which reads the new outputs, and traces clipped
// at clip.
func NewLayer(kind string, in, hidden int, clip float64) (lstm.Layer, error) {
	modulation := plasticlstm.None
	switch kind {
	case "rnn":
		return lstm.RNN{In: in, Hidden: hidden}, nil
	case "lstm":
		return lstm.LSTM{In: in, Hidden: hidden}, nil
	case "plastic":
	case "modulated":
		modulation = plasticlstm.Simple
	case "retroactive":
		modulation = plasticlstm.Retroactive
	default:
		return nil, fmt.Errorf("model %q: want rnn, plastic, modulated, retroactive or lstm", kind)
	}
	return plasticlstm.NewRNN(in, hidden, plasticlstm.Options{Modulation: modulation, Rate: plasticlstm.PerLayer, Clip: clip})
}

// Matched returns the layer of a kind that is compared with a modulated one of
// hidden neurons: of the same size if it is modulated too, else the smallest one
// whose network has at least as many parameters, so that none is at a
// disadvantage. These are the sizes of Backpropamine's maze agents.
func Matched(kind string, in, actions, hidden int, clip float64) (lstm.Layer, error) {
	reference, err := NewLayer("modulated", in, hidden, clip)
	if err != nil {
		return nil, err
	}
	if kind == "retroactive" {
		return NewLayer(kind, in, hidden, clip)
	}
	for n := 1; ; n++ {
		l, err := NewLayer(kind, in, n, clip)
		if err != nil {
			return nil, err
		}
		if ParamCount(l, actions) >= ParamCount(reference, actions) {
			return l, nil
		}
	}
}

// initial changes the bounds that a network's new parameters are drawn from to
// those of Backpropamine's agents: recurrent weights and plasticity coefficients
// are small and not negative, the rates eta, and the rest is as PyTorch draws the
// parameters of linear layers. An LSTM is drawn as it is.
func initial(kind string, l lstm.Layer, params []lstm.Param, eta float64) {
	if kind == "lstm" {
		return
	}
	in, out := 1/math.Sqrt(float64(l.InputSize())), 1/math.Sqrt(float64(l.HiddenSize()))
	bounds := map[string][2]float64{
		"weight_ih": {-in, in}, "bias": {-in, in},
		"weight_hh": {0, 0.01}, "alpha": {0, 0.01},
		"eta": {eta, eta}, "trace_rate": {eta, eta},
		"modulator.weight": {-out, out}, "modulator.bias": {-out, out},
	}
	for i, p := range params {
		if b, ok := bounds[p.Name]; ok {
			params[i].Lo, params[i].Hi = b[0], b[1]
		}
	}
}
