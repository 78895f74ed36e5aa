// Package evolved is a recurrent network without fixed weights: its connections
// are born with each life and only a plasticity rule makes them what they are.
// What is evolved, or trained, is the rule [1].
//
// i is a sending and j a receiving neuron, H the hidden neurons, I the inputs, O
// the outputs, sigma the logistic function. A life carries W_h [H, H], W_x [H, I],
// h [H] and, retroactive, E [H, H]. A step is
//
//	h(t) = tanh(W_h h(t-1) + W_x x(t) + b)
//	o(t) = U h(t) + c
//	W_h <- W_h + g m_h R_h, pre = h(t-1), post = h(t)
//	W_x <- W_x + g m_x R_x, pre = x(t),   post = h(t)
//
// with one of the rules
//
//	decomposed   R_ji = sum over K in A, B, C, D of y^K_j x^K_i (post_j pre_i, post_j, pre_i, 1)
//	full         R_ji = A_ji post_j pre_i + B_ji post_j + C_ji pre_i + D_ji
//	clustered    the same, but (A, B, C, D) is that of the connection's cluster
//	retroactive  E_ji <- eta post_j pre_i + (1-eta) E_ji, R = E, then W_h is clamped to [-5, 5];
//	             eta = s/(|s|+1)/2 + 1/2 with s = 10 + theta; W_x is evolved and stays
//
// and a modulation
//
//	none    m_h = m_x = 1
//	after   (m_h, m_x) = sigma(V h(t) + d)
//	before  (m_h, m_x) = sigma(V_x x(t) + d_x) + sigma(V h(t-1) + d)
//
// The decomposed rule has some 8 (H + I) numbers where a connection's own would be
// 4 H (H + I): what a life can come to know is much more than what its rule can.
//
// The birth weights are zero, as in the code that [1] publishes; its text has
// N(0, 1).
//
//	[1] Wang et al., Evolving decomposed plasticity rules for information-bottlenecked
//	    meta-learning, TMLR 2022, arXiv:2109.03554.
package evolved

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// Rule says how a weight changes.
type Rule string

// The rules; see the package comment.
const (
	Decomposed  Rule = "decomposed"
	Full        Rule = "full"
	Clustered   Rule = "clustered"
	Retroactive Rule = "retroactive"
)

// Modulation says what commands the rate.
type Modulation string

// The modulations; see the package comment.
const (
	None   Modulation = "none"
	Before Modulation = "before" // the step: by the inputs and the hidden neurons of the step before
	After  Modulation = "after"  // the step: by its hidden neurons
)

// Birth says what the plastic weights are when a life begins.
type Birth string

// The births.
const (
	Zero   Birth = "zero"
	Normal Birth = "normal" // N(0, 1), anew in each life
)

// Options are the choices of a network. The zero value of each field means its
// default.
type Options struct {
	Rule       Rule       // default Decomposed
	Modulation Modulation // default None
	Birth      Birth      // default Zero
	// Gain is g; by default it is as published: 0.2 for a modulated decomposed rule
	// and 1 for one that is not, 0.05 for full and clustered, 0.001 for retroactive.
	Gain     float64
	Clusters *Clusters // of the clustered rule
}

// Clusters say which four numbers each connection of a clustered rule has.
type Clusters struct {
	HH, IH   []int // [H, H] and [H, I]: the cluster, counted from 0
	NHH, NIH int   // how many there are of each; 2H and H + I in [1], see Merge
}

func (o Options) withDefaults() Options {
	if o.Rule == "" {
		o.Rule = Decomposed
	}
	if o.Modulation == "" {
		o.Modulation = None
	}
	if o.Birth == "" {
		o.Birth = Zero
	}
	if o.Gain == 0 {
		switch {
		case o.Rule == Retroactive:
			o.Gain = 0.001
		case o.Rule != Decomposed:
			o.Gain = 0.05
		case o.Modulation == None:
			o.Gain = 1
		default:
			o.Gain = 0.2
		}
	}
	return o
}

// bound is what a retroactive weight is clamped to.
const bound = 5

// Net is a network: its sizes and choices. It has no weights.
type Net struct {
	in, hidden, out int
	opt             Options
}

// New returns a network of hidden neurons with in inputs and out outputs.
func New(in, hidden, out int, opt Options) (*Net, error) {
	if in < 1 || hidden < 1 || out < 1 {
		return nil, fmt.Errorf("evolved: %d inputs, %d hidden neurons, %d outputs: want at least 1 of each", in, hidden, out)
	}
	o := opt.withDefaults()
	switch o.Rule {
	case Decomposed, Full, Clustered, Retroactive:
	default:
		return nil, fmt.Errorf("evolved: rule %q: want decomposed, full, clustered or retroactive", o.Rule)
	}
	switch o.Modulation {
	case None, Before, After:
	default:
		return nil, fmt.Errorf("evolved: modulation %q: want none, before or after", o.Modulation)
	}
	switch o.Birth {
	case Zero, Normal:
	default:
		return nil, fmt.Errorf("evolved: birth %q: want zero or normal", o.Birth)
	}
	if !(o.Gain > 0) || math.IsInf(o.Gain, 0) {
		return nil, fmt.Errorf("evolved: gain %v: want a finite number above 0", o.Gain)
	}
	if (o.Rule == Clustered) != (o.Clusters != nil) {
		return nil, fmt.Errorf("evolved: rule %q with clusters: %t; want them for the clustered rule and no other", o.Rule, o.Clusters != nil)
	}
	if c := o.Clusters; c != nil {
		if err := c.validate(in, hidden); err != nil {
			return nil, err
		}
	}
	return &Net{in, hidden, out, o}, nil
}

func (c *Clusters) validate(in, hidden int) error {
	for _, m := range []struct {
		name    string
		of      []int
		n, size int
	}{{"hh", c.HH, c.NHH, hidden * hidden}, {"ih", c.IH, c.NIH, hidden * in}} {
		if len(m.of) != m.size {
			return fmt.Errorf("evolved: clusters of %d connections %s; want %d", len(m.of), m.name, m.size)
		}
		for _, k := range m.of {
			if k < 0 || k >= m.n {
				return fmt.Errorf("evolved: a connection %s of cluster %d; want 0 to %d", m.name, k, m.n-1)
			}
		}
	}
	return nil
}

// Options returns the network's options, defaults filled in.
func (n *Net) Options() Options { return n.opt }

// InputSize returns I, HiddenSize H, OutputSize O.
func (n *Net) InputSize() int  { return n.in }
func (n *Net) HiddenSize() int { return n.hidden }
func (n *Net) OutputSize() int { return n.out }

// scale is the standard deviation of new parameters.
const scale = 0.05

// Params lists what is evolved, in the order in which other functions take it:
//
//	readout.weight [O, H], readout.bias [O]                   U, c
//	modulator.weight [2, H], modulator.bias [2]               modulated: V, d, the first row for m_h
//	modulator.input.weight [2, I], modulator.input.bias [2]   before: V_x, d_x
//	bias [H]                                                  b
//	hh.K.pre [H], hh.K.post [H], ih.K.pre [I], ih.K.post [H]  decomposed, K in a, b, c, d: x^K, y^K
//	hh.K [H, H], ih.K [H, I]                                  full; clustered: one a cluster
//	ih.weight [H, I], trace_rate [1]                          retroactive: W_x, theta
//
// Their bounds are those of the uniform distribution with the standard deviation
// 0.05; [1] draws them from a normal one.
func (n *Net) Params() []lstm.Param {
	var all []lstm.Param
	add := func(name string, shape ...int) {
		limit := scale * math.Sqrt(3)
		all = append(all, lstm.Param{Name: name, Shape: shape, Lo: -limit, Hi: limit})
	}
	add("readout.weight", n.out, n.hidden)
	add("readout.bias", n.out)
	if n.opt.Modulation != None {
		add("modulator.weight", 2, n.hidden)
		add("modulator.bias", 2)
	}
	if n.opt.Modulation == Before {
		add("modulator.input.weight", 2, n.in)
		add("modulator.input.bias", 2)
	}
	add("bias", n.hidden)
	if n.opt.Rule == Retroactive {
		add("ih.weight", n.hidden, n.in)
		add("trace_rate", 1)
		return all
	}
	for _, m := range []struct {
		name  string
		pre   int
		count func(*Clusters) int
	}{
		{"hh", n.hidden, func(c *Clusters) int { return c.NHH }},
		{"ih", n.in, func(c *Clusters) int { return c.NIH }},
	} {
		for _, k := range terms {
			switch n.opt.Rule {
			case Decomposed:
				add(m.name+"."+k+".pre", m.pre)
				add(m.name+"."+k+".post", n.hidden)
			case Full:
				add(m.name+"."+k, n.hidden, m.pre)
			default:
				add(m.name+"."+k, m.count(n.opt.Clusters))
			}
		}
	}
	return all
}

// terms are the names of A, B, C, D.
var terms = [4]string{"a", "b", "c", "d"}

// ParamCount returns the number of evolved numbers.
func (n *Net) ParamCount() int {
	sum := 0
	for _, p := range n.Params() {
		sum += p.Size()
	}
	return sum
}

// traceRate is eta of theta.
func traceRate[F lstm.Float](theta F) F {
	s := 10 + theta
	return s/(max(s, -s)+1)/2 + 0.5
}

// padded is a number of columns as the kernels take them.
func padded(n int) int {
	return (n + kernel.WeightColumns - 1) / kernel.WeightColumns * kernel.WeightColumns
}
