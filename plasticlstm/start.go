package plasticlstm

import "github.com/engram-lm/engram/lstm"

// Start is a choice of ranges that a layer's new plastic parameters are drawn from.
type Start string

// The starts.
const (
	// StartSmall is what Params of a layer says: near the standard LSTM, from which
	// training moves the layer, as suits long texts.
	StartSmall Start = "small"
	// StartEpisodes is for traces that must tell within the few steps of an episode:
	// alpha and the rates, weights and biases of a fan-out among them, begin within 0.1
	// of 1, a rate that has bounds at 0.9. By a rule that pulls (Decay, Oja) the rates
	// begin within 0.05 of 0.5: at 1 a trace holds no more than the last step.
	StartEpisodes Start = "episodes"
)

// Starts lists them.
func Starts() []Start { return []Start{StartSmall, StartEpisodes} }

// Params returns those of the layer with the ranges of the start, for lstm.NewParams.
func (s Start) Params(l lstm.Layer) []lstm.Param {
	specs := l.Params()
	if s != StartEpisodes {
		return specs
	}
	rate := 1.0
	if o, ok := l.(interface{ Options() Options }); ok && o.Options().rule().pulls {
		rate = 0.5
	}
	for i := range specs {
		switch p := &specs[i]; {
		case p.Lo == 1 && p.Hi == 1: // the factor pre of a decomposed one, whose other has the range
		case p.Role == lstm.Coefficient:
			p.Lo, p.Hi = 0.9, 1.1
		case p.Role == lstm.Rate && p.Min < p.Max:
			p.Lo, p.Hi = 0.9, 0.9
		case p.Role == lstm.Rate:
			p.Lo, p.Hi = 0.9*rate, 1.1*rate
		}
	}
	return specs
}
