// Package plasticlstm is an LSTM whose recurrent connections keep learning while
// it reads: between the fixed weights w from the previous outputs h(t-1) to the
// new candidates g(t) lie Hebbian traces A, one per connection and stream, which
// strengthen or weaken with what the two neurons just did [1], at a rate that
// the network itself may command through a neuromodulator M(t) [2]. With i the
// sending (pre) and j the receiving (post) neuron:
//
//	g_j(t) = tanh( (W_ih x(t) + b)_j + sum_i (w_ji + alpha_ji A_ji(t-1)) h_i(t-1) )
//	i, f, o, c(t), h(t) as in the standard LSTM
//	M(t)   = tanh(w_mod . s + b_mod), s one of h(t), h(t-1), c(t)    (modulated)
//	eta_ji = a trained parameter, or fan_ji M(t) (+ bias_j per neuron; per layer: M(t) itself)
//
// and the trace changes by one of the rules
//
//	Clip      A <- clip(A + eta g_j h_i)                        [2], eq. 2 and 3
//	Additive  A <- A + eta g_j h_i
//	Decay     A <- clip((1 - eta) A + eta g_j h_i)              [1], eq. 2
//	Oja       A <- clip(A + eta g_j (h_i - g_j A))              [1], eq. 3
//	BCM       A <- clip(A + eta g_j (g_j^2 - theta_j) h_i), then theta_j <- (1-k) theta_j + k g_j^2
//
// where h = h(t-1), g = g(t), and clip clamps to [-c, c] with gradient zero
// outside. Retroactive modulation (Clip and Additive only) puts the eligibility
// trace E in the place of the product:
//
//	A <- clip(A + eta E), then E <- (1-k) E + k g_j h_i         [2], eq. 4 and 5
//
// RNN and Dense are layers of other neurons on the same traces: tanh neurons all
// of whose recurrent connections are plastic, and a feed-forward layer.
//
// The composed layer, which reads like this comment, is in composed.go; the
// fused one keeps only the traces at the window's start and end and replays the
// rest (trace.go forward, adjoint.go backward). A rule stands in a file of its own,
// for both (rule_*.go). Words of the fused layer:
//
//	row    the connections to one receiving neuron j of one stream
//	block  kernel.BlockRows rows, which the kernels take at once
//	lane   the rows of a large matrix that one core takes
//	group  the streams that one core takes through the window
//	pull   the factor d_j of a trace's own decay
//
//	[1] Miconi, Clune and Stanley, Differentiable plasticity, ICML 2018, arXiv:1804.02464.
//	[2] Miconi, Rawal, Clune and Stanley, Backpropamine, ICLR 2019, arXiv:2002.10585.
package plasticlstm

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
)

// LSTM is a plastic LSTM layer.
type LSTM struct {
	in, n int
	opt   Options
}

var _ lstm.FusedLayer = (*LSTM)(nil)

// New returns a plastic LSTM of hidden neurons with in inputs.
func New(in, hidden int, opt Options) (*LSTM, error) {
	if in < 1 || hidden < 1 {
		return nil, fmt.Errorf("plasticlstm: a layer of %d inputs and %d neurons: want at least 1 of each", in, hidden)
	}
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	switch {
	case opt.Feed != "" && opt.Feed != lstm.Projected:
		return nil, fmt.Errorf("plasticlstm: feed %q of an LSTM: want %q, the others are an RNN's", opt.Feed, lstm.Projected)
	case opt.Activation != "":
		return nil, fmt.Errorf("plasticlstm: activation %q of an LSTM: want none, it is a dense layer's", opt.Activation)
	}
	return &LSTM{in, hidden, opt.recurrent()}, nil
}

// Validate reports a layer that New did not make. Composed and Fused return what it
// reports; Scan32, Scan64, lstm.NewScan and lstm.NewWindow panic with it.
func (l *LSTM) Validate() error {
	if l == nil || l.n == 0 {
		return fmt.Errorf("plasticlstm: an empty LSTM: want one from New")
	}
	return nil
}

// Options returns the layer's options, defaults filled in.
func (l *LSTM) Options() Options { return l.opt }

// InputSize returns I.
func (l *LSTM) InputSize() int { return l.in }

// HiddenSize returns H.
func (l *LSTM) HiddenSize() int { return l.n }

// Params lists the gates' parameters, then alpha, then eta, or modulator.weight
// [H], modulator.bias [1], fanout.weight (not per layer), fanout.bias [H] (per
// neuron only) and, if retroactive, trace_rate [1], or, by rule BCM, threshold_rate [1]:
// the k of the equations. Decomposed, alpha is alpha.post [H] and alpha.pre [H], and
// so are eta and fanout.weight.
func (l *LSTM) Params() []lstm.Param {
	return append(lstm.GateParams(l.in, l.n), l.opt.params(l.n, l.n)...)
}

// params lists the plastic parameters of connections from pre to post neurons.
func (o Options) params(post, pre int) []lstm.Param {
	ps := o.rates(post, pre)
	if o.rule().threshold {
		ps = append(ps, lstm.Param{Name: "threshold_rate", Shape: []int{1}, Lo: rateInit, Hi: rateInit, Role: lstm.Rate, Min: 0, Max: 1})
	}
	return ps
}

// rates lists alpha and the parameters of the rates.
func (o Options) rates(post, pre int) []lstm.Param {
	k := 1 / math.Sqrt(float64(post))
	ps := o.Alpha.params(lstm.Param{Name: "alpha", Lo: 0, Hi: alphaInit, Role: lstm.Coefficient}, post, pre)
	if o.Modulation == None {
		return append(ps, o.Rate.params(lstm.Param{Name: "eta", Lo: rateInit, Hi: rateInit, Role: lstm.Rate}, post, pre)...)
	}
	ps = append(ps,
		lstm.Param{Name: "modulator.weight", Shape: []int{post}, Lo: -k, Hi: k, Role: lstm.Modulator},
		lstm.Param{Name: "modulator.bias", Shape: []int{1}, Role: lstm.Modulator})
	if o.Rate != PerLayer {
		ps = append(ps, o.Rate.params(lstm.Param{Name: "fanout.weight", Lo: -fanInit, Hi: fanInit, Role: lstm.Rate}, post, pre)...)
	}
	if o.Rate == PerNeuron {
		ps = append(ps, lstm.Param{Name: "fanout.bias", Shape: []int{post}, Lo: -fanInit, Hi: fanInit, Role: lstm.Rate})
	}
	if o.Modulation == Retroactive {
		ps = append(ps, lstm.Param{Name: "trace_rate", Shape: []int{1}, Lo: rateInit, Hi: rateInit, Role: lstm.Rate, Min: 0, Max: 1})
	}
	return ps
}

// A new layer starts near the standard LSTM, from which training moves it. The
// fan-out starts as small as the trained rate does: at 1 the traces run into
// their clip within a few words and stay there as noise.
const (
	alphaInit = 1e-3
	rateInit  = 1e-2
	fanInit   = 2e-2
)

// State lists h [H], c [H], the Hebbian trace "hebb" [H, H], a row per receiving
// neuron, and, if retroactive, the eligibility trace "trace" [H, H], or, by rule BCM,
// the neurons' "threshold" [H].
func (l *LSTM) State() []lstm.Part { return append(lstm.CellState(l.n), l.opt.state(l.n, l.n)...) }

// state lists the traces of connections from pre to post neurons.
func (o Options) state(post, pre int) []lstm.Part {
	parts := []lstm.Part{{Name: "hebb", Shape: []int{post, pre}, Role: lstm.HebbianTrace}}
	if o.Modulation == Retroactive {
		parts = append(parts, lstm.Part{Name: "trace", Shape: []int{post, pre}, Role: lstm.EligibilityTrace})
	}
	if o.rule().threshold {
		parts = append(parts, lstm.Part{Name: "threshold", Shape: []int{post}, Role: lstm.Threshold})
	}
	return parts
}

// Composed builds the layer from gorgonia's nodes.
func (l *LSTM) Composed(x, state *G.Node, params []*G.Node) (lstm.Output, error) {
	return lstm.Compose(l, x, state, params, func(traces []*G.Node) lstm.Plasticity {
		return newComposed(l.opt, x.Shape()[1], l.n, l.n, traces, l.Params()[3:], params[3:])
	})
}

// Scan32 returns the fused layer in float32; it is a *Scan[float32].
func (l *LSTM) Scan32() lstm.Scan[float32] { return newLSTMScan[float32](l) }

// Scan64 returns the fused layer in float64; it is a *Scan[float64].
func (l *LSTM) Scan64() lstm.Scan[float64] { return newLSTMScan[float64](l) }

func newLSTMScan[F lstm.Float](l *LSTM) *Scan[F] {
	must(l.Validate())
	h := newHebbian[F](l.n, l.n, l.opt)
	return newScan(l, scan.New(l.in, l.n, h), h)
}
