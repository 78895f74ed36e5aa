package plasticlstm

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/lstm"
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
	// Decomposed is a number for each connection again, but made of two: post_j pre_i,
	// so that they are as few as those of the neurons (Palm, Najarro and Risi,
	// arXiv:2109.03554). In the place of the one parameter there are two, NAME.post [H]
	// and NAME.pre [H].
	Decomposed Granularity = "decomposed"
)

// Granularities lists them.
func Granularities() []Granularity {
	return []Granularity{PerConnection, PerNeuron, PerLayer, Decomposed}
}

// params lists a parameter of post receiving and pre sending neurons, or the two
// factors that it is made of: post starts in its range, pre at 1.
func (g Granularity) params(p lstm.Param, post, pre int) []lstm.Param {
	if p.Role == lstm.Coefficient && g != PerConnection {
		p.Shared = post
	}
	if g != Decomposed {
		p.Shape = g.shape(post, pre)
		return []lstm.Param{p}
	}
	of := p
	p.Name, p.Shape = p.Name+".post", []int{post}
	of.Name, of.Shape, of.Lo, of.Hi = of.Name+".pre", []int{pre}, 1, 1
	return []lstm.Param{p, of}
}

// matrix reports whether there is a number for each connection.
func (g Granularity) matrix() bool { return g == PerConnection || g == Decomposed }

// Modulations lists them.
func Modulations() []Modulation { return []Modulation{None, Simple, Retroactive} }

// Combinations lists all choices of rule, modulation and granularities that go
// together.
func Combinations() (all []Options) {
	for _, m := range Modulations() {
		for _, r := range Rules(m) {
			for _, alpha := range Granularities() {
				for _, rate := range Granularities() {
					all = append(all, Options{Rule: r, Modulation: m, Alpha: alpha, Rate: rate})
				}
			}
		}
	}
	return all
}

// shape returns that of a parameter of post receiving and pre sending neurons.
func (g Granularity) shape(post, pre int) []int {
	switch g {
	case PerConnection:
		return []int{post, pre}
	case PerNeuron:
		return []int{post}
	}
	return []int{1}
}

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
	Rule           Rule            // default Clip
	Modulation     Modulation      // default None
	Alpha          Granularity     // of the plasticity coefficient; default PerConnection
	Rate           Granularity     // of eta or of the fan-out; default PerConnection
	ModulatorInput ModulatorInput  // default Hidden
	Clip           float64         // the bound c of the trace, default 2; unused by Additive
	Feed           lstm.Feed       // of an RNN; default lstm.Projected
	Activation     lstm.Activation // of a dense layer; default lstm.Softmax; the others take none
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
	set((*string)(&o.Feed), string(lstm.Projected))
	set((*string)(&o.Activation), string(lstm.Softmax))
	if o.Clip == 0 {
		o.Clip = 2
	}
	return o
}

// recurrent is withDefaults for an LSTM or an RNN, whose activation is no choice.
func (o Options) recurrent() Options {
	o = o.withDefaults()
	o.Activation = ""
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
	granularities := texts(Granularities())
	for _, err := range []error{
		check("rule", string(o.Rule), texts(Rules(None))...),
		check("modulation", string(o.Modulation), texts(Modulations())...),
		check("alpha", string(o.Alpha), granularities...),
		check("rate", string(o.Rate), granularities...),
		check("modulator input", string(o.ModulatorInput), string(Hidden), string(PreviousHidden), string(Cell)),
		check("feed", string(o.Feed), string(lstm.Projected), string(lstm.Direct), string(lstm.Clamped)),
		check("activation", string(o.Activation), string(lstm.Softmax), string(lstm.Tanh)),
	} {
		if err != nil {
			return err
		}
	}
	if fit := Rules(o.Modulation); !slices.Contains(fit, o.Rule) {
		return fmt.Errorf("plasticlstm: %s modulation does not go with rule %q: want one of %q", o.Modulation, o.Rule, fit)
	}
	if !(o.Clip > 0) || math.IsInf(o.Clip, 0) {
		return fmt.Errorf("plasticlstm: clip %v: want a finite number above 0", o.Clip)
	}
	return nil
}

func texts[S ~string](names []S) (t []string) {
	for _, n := range names {
		t = append(t, string(n))
	}
	return t
}
