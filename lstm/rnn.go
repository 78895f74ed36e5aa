package lstm

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/scan"
	G "gorgonia.org/gorgonia"
)

// Feed says how the inputs of an RNN reach its neurons.
type Feed string

// The feeds. Direct and Clamped leave the recurrent weights as the only ones:
// each neuron has an input of its own, as in the pattern and image tasks of
// Miconi, Clune and Stanley (2018).
const (
	// Projected is u(t) = W_ih x(t) + b, with x [I]; the default.
	Projected Feed = "projected"
	// Direct is u(t) = x(t), with x [H].
	Direct Feed = "direct"
	// Clamped puts given outputs in the place of the neurons' own: x is (v, m),
	// values [H] and then a mask [H], and y(t) = m v + (1-m) tanh(...). No gradient
	// passes a neuron whose mask is 1; the fused layer gives that mask none either,
	// for it does not work out what the neuron would have done.
	Clamped Feed = "clamped"
)

// InputSize returns the I of a layer of hidden neurons, given that of a Projected
// one.
func (f Feed) InputSize(in, hidden int) int {
	switch f {
	case Direct:
		return hidden
	case Clamped:
		return 2 * hidden
	}
	return in
}

func (f Feed) orDefault() Feed {
	if f == "" {
		return Projected
	}
	return f
}

func (f Feed) validate() error {
	switch f.orDefault() {
	case Projected, Direct, Clamped:
		return nil
	}
	return fmt.Errorf("lstm: feed %q: want %q, %q or %q", f, Projected, Direct, Clamped)
}

// RNN is the standard layer of tanh neurons (Elman, Finding structure in time,
// Cognitive Science 14, 1990):
//
//	y(t) = tanh(u(t) + W_hh y(t-1))
type RNN struct {
	In     int // inputs of a Projected layer; the other feeds set their own number
	Hidden int
	Feed   Feed // default Projected
}

var _ Layer = RNN{}

// Validate reports a feed that is none of those above, and sizes below 1. Composed
// and Fused return what it reports; NewScan and NewWindow panic with it.
func (l RNN) Validate() error {
	if err := l.Feed.validate(); err != nil {
		return err
	}
	return validateSizes(l.InputSize(), l.Hidden)
}

// InputSize returns I.
func (l RNN) InputSize() int { return l.Feed.InputSize(l.In, l.Hidden) }

// HiddenSize returns H.
func (l RNN) HiddenSize() int { return l.Hidden }

// Params lists weight_ih, weight_hh and bias, or weight_hh alone.
func (l RNN) Params() []Param { return RNNParams(l.Feed, l.In, l.Hidden) }

// RNNParams lists the parameters that every RNN here begins with: weight_ih [H, I],
// weight_hh [H, H] and bias [H] where the feed is Projected, else weight_hh alone;
// a row per receiving neuron.
func RNNParams(feed Feed, in, hidden int) []Param {
	k := 1 / math.Sqrt(float64(hidden))
	whh := Param{Name: "weight_hh", Shape: []int{hidden, hidden}, Lo: -k, Hi: k}
	if feed.orDefault() != Projected {
		return []Param{whh}
	}
	return []Param{{Name: "weight_ih", Shape: []int{hidden, in}, Lo: -k, Hi: k}, whh, {Name: "bias", Shape: []int{hidden}, Lo: 0, Hi: 0}}
}

// State lists h [H], the output y.
func (l RNN) State() []Part { return []Part{{Name: "h", Shape: []int{l.Hidden}}} }

// Scan32 returns the fused layer in float32; it panics with what Validate reports.
func (l RNN) Scan32() Scan[float32] { return newRNNScan[float32](l) }

// Scan64 returns the fused layer in float64; it panics with what Validate reports.
func (l RNN) Scan64() Scan[float64] { return newRNNScan[float64](l) }

func newRNNScan[F Float](l RNN) Scan[F] {
	return newScan(l, scan.NewRNN[F](l.InputSize(), l.Hidden, scan.Feed(l.Feed.orDefault()), nil))
}

// Composed builds the layer from gorgonia's nodes.
func (l RNN) Composed(x, state *G.Node, params []*G.Node) (Output, error) {
	return ComposeRNN(l, l.Feed, x, state, params, nil)
}
