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
//
// where h = h(t-1), g = g(t), and clip clamps to [-c, c] with gradient zero
// outside. Retroactive modulation (Clip and Additive only) puts the eligibility
// trace E in the place of the product:
//
//	A <- clip(A + eta E), then E <- (1-k) E + k g_j h_i         [2], eq. 4 and 5
//
// The composed layer, which reads like this comment, is in composed.go; the
// fused one keeps only the traces at the window's start and end and replays the
// rest (trace.go forward, adjoint.go backward).
//
//	[1] Miconi, Clune and Stanley, Differentiable plasticity, ICML 2018, arXiv:1804.02464.
//	[2] Miconi, Rawal, Clune and Stanley, Backpropamine, ICLR 2019, arXiv:2002.10585.
package plasticlstm

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/scan"
	"github.com/engram-lm/engram/lstm"
	G "gorgonia.org/gorgonia"
)

// Rule says how a Hebbian trace changes.
type Rule string

// The rules; see the package comment.
const (
	Clip     Rule = "clip"
	Additive Rule = "additive"
	Decay    Rule = "decay"
	Oja      Rule = "oja"
)

// Modulation says what commands the plasticity rate.
type Modulation string

// The modulations; see the package comment.
const (
	None        Modulation = "none"        // a trained rate eta
	Simple      Modulation = "simple"      // the neuromodulator M(t), through its fan-out
	Retroactive Modulation = "retroactive" // the neuromodulator acts on an eligibility trace
)

// Granularity says what shares one number of a parameter.
type Granularity string

// The granularities.
const (
	PerConnection Granularity = "connection" // [H, H], a row per receiving neuron
	PerNeuron     Granularity = "neuron"     // [H], by receiving neuron
	PerLayer      Granularity = "layer"      // [1]
)

// ModulatorInput says what the neuromodulator reads.
type ModulatorInput string

// The modulator's inputs.
const (
	Hidden         ModulatorInput = "hidden"          // the new output h(t)
	PreviousHidden ModulatorInput = "previous_hidden" // h(t-1)
	Cell           ModulatorInput = "cell"            // the new cell c(t)
)

// Options are the choices of a plastic layer. The zero value of each field means
// its default.
type Options struct {
	Rule           Rule           // default Clip
	Modulation     Modulation     // default None
	Alpha          Granularity    // of the plasticity coefficient; default PerConnection
	Rate           Granularity    // of eta or of the fan-out; default PerConnection
	ModulatorInput ModulatorInput // default Hidden
	Clip           float64        // the bound c of the trace, default 2; unused by Additive
}

func (o Options) withDefaults() Options {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set((*string)(&o.Rule), string(Clip))
	set((*string)(&o.Modulation), string(None))
	set((*string)(&o.Alpha), string(PerConnection))
	set((*string)(&o.Rate), string(PerConnection))
	set((*string)(&o.ModulatorInput), string(Hidden))
	if o.Clip == 0 {
		o.Clip = 2
	}
	return o
}

// Validate reports the first option that is unknown or does not go with another.
func (o Options) Validate() error {
	o = o.withDefaults()
	check := func(field, got string, want ...string) error {
		for _, w := range want {
			if got == w {
				return nil
			}
		}
		return fmt.Errorf("plasticlstm: %s %q: want one of %q", field, got, want)
	}
	granularities := []string{string(PerConnection), string(PerNeuron), string(PerLayer)}
	for _, err := range []error{
		check("rule", string(o.Rule), string(Clip), string(Additive), string(Decay), string(Oja)),
		check("modulation", string(o.Modulation), string(None), string(Simple), string(Retroactive)),
		check("alpha", string(o.Alpha), granularities...),
		check("rate", string(o.Rate), granularities...),
		check("modulator input", string(o.ModulatorInput), string(Hidden), string(PreviousHidden), string(Cell)),
	} {
		if err != nil {
			return err
		}
	}
	if o.Modulation == Retroactive && (o.Rule == Decay || o.Rule == Oja) {
		return fmt.Errorf("plasticlstm: retroactive modulation does not go with rule %q: want %q or %q", o.Rule, Clip, Additive)
	}
	if !(o.Clip > 0) || math.IsInf(o.Clip, 0) {
		return fmt.Errorf("plasticlstm: clip %v: want a finite number above 0", o.Clip)
	}
	return nil
}

// LSTM is a plastic LSTM layer.
type LSTM struct {
	in, n int
	opt   Options
}

var _ lstm.Layer = (*LSTM)(nil)

// New returns a plastic LSTM of hidden neurons with in inputs.
func New(in, hidden int, opt Options) (*LSTM, error) {
	if in < 1 || hidden < 1 {
		return nil, fmt.Errorf("plasticlstm: a layer of %d inputs and %d neurons: want at least 1 of each", in, hidden)
	}
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	return &LSTM{in, hidden, opt.withDefaults()}, nil
}

// Options returns the layer's options, defaults filled in.
func (l *LSTM) Options() Options { return l.opt }

// InputSize returns I.
func (l *LSTM) InputSize() int { return l.in }

// HiddenSize returns H.
func (l *LSTM) HiddenSize() int { return l.n }

func shape(g Granularity, n int) []int {
	switch g {
	case PerConnection:
		return []int{n, n}
	case PerNeuron:
		return []int{n}
	}
	return []int{1}
}

// Params lists the gates' parameters, then alpha, then eta, or modulator.weight
// [H], modulator.bias [1], fanout.weight (not per layer), fanout.bias [H] (per
// neuron only) and, if retroactive, trace_rate [1], the k of the equations.
func (l *LSTM) Params() []lstm.Param {
	n, k := l.n, 1/math.Sqrt(float64(l.n))
	ps := append(lstm.GateParams(l.in, n), lstm.Param{Name: "alpha", Shape: shape(l.opt.Alpha, n), Lo: 0, Hi: alphaInit})
	if l.opt.Modulation == None {
		return append(ps, lstm.Param{Name: "eta", Shape: shape(l.opt.Rate, n), Lo: rateInit, Hi: rateInit})
	}
	ps = append(ps,
		lstm.Param{Name: "modulator.weight", Shape: []int{n}, Lo: -k, Hi: k},
		lstm.Param{Name: "modulator.bias", Shape: []int{1}})
	if l.opt.Rate != PerLayer {
		ps = append(ps, lstm.Param{Name: "fanout.weight", Shape: shape(l.opt.Rate, n), Lo: -fanInit, Hi: fanInit})
	}
	if l.opt.Rate == PerNeuron {
		ps = append(ps, lstm.Param{Name: "fanout.bias", Shape: []int{n}, Lo: -fanInit, Hi: fanInit})
	}
	if l.opt.Modulation == Retroactive {
		ps = append(ps, lstm.Param{Name: "trace_rate", Shape: []int{1}, Lo: rateInit, Hi: rateInit})
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
// neuron, and, if retroactive, the eligibility trace "trace" [H, H].
func (l *LSTM) State() []lstm.Part {
	parts := append(lstm.CellState(l.n), lstm.Part{Name: "hebb", Shape: []int{l.n, l.n}})
	if l.opt.Modulation == Retroactive {
		parts = append(parts, lstm.Part{Name: "trace", Shape: []int{l.n, l.n}})
	}
	return parts
}

// Composed builds the layer from gorgonia's nodes.
func (l *LSTM) Composed(x, state *G.Node, params []*G.Node) (lstm.Output, error) {
	return lstm.Compose(l, x, state, params, func(traces []*G.Node) lstm.Plasticity {
		return newComposed(l, x.Shape()[1], traces, params)
	})
}

// Scan32 returns the fused layer in float32; it is a *Scan[float32].
func (l *LSTM) Scan32() lstm.Scan[float32] { return newScan[float32](l) }

// Scan64 returns the fused layer in float64; it is a *Scan[float64].
func (l *LSTM) Scan64() lstm.Scan[float64] { return newScan[float64](l) }

// Scan is the fused layer at work; beside what every lstm.Scan does, it shows
// what its neuromodulator said.
type Scan[F lstm.Float] struct {
	*scan.LSTM[F]
	hebbian *hebbian[F]
}

func newScan[F lstm.Float](l *LSTM) *Scan[F] {
	h := newHebbian[F](l.n, l.opt)
	return &Scan[F]{scan.New[F](l.in, l.n, h), h}
}

// Begin starts a recording; see lstm.Scan.
func (s *Scan[F]) Begin(batch, steps int, params [][]F, state []F) {
	s.hebbian.bind(params[3:])
	s.LSTM.Begin(batch, steps, params, state)
}

// Modulation returns M(t) [T, B] of the steps recorded, as a view that the next
// Begin overwrites; nil without a neuromodulator.
func (s *Scan[F]) Modulation() []F {
	if s.hebbian.opt.Modulation == None {
		return nil
	}
	return s.hebbian.m[:s.Taken()*s.hebbian.batch]
}
