package lstm

import (
	"math"

	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
)

// Feed says how the inputs of an RNN reach its neurons.
type Feed = scan.Feed

// The feeds; see scan.
const (
	Projected = scan.Projected // u(t) = W_ih x(t) + b, with x [I]; the default
	Direct    = scan.Direct    // u(t) = x(t), with x [H]
	Clamped   = scan.Clamped   // given outputs in the place of the neurons' own, x (v, m) [2H]
)

// RNN is the standard layer of tanh neurons (Elman, Finding structure in time,
// Cognitive Science 14, 1990):
//
//	y(t) = tanh(u(t) + W_hh y(t-1))
type RNN struct {
	In     int // inputs of a Projected layer; the other feeds set their own number
	Hidden int
	Feed   Feed // default Projected
}

var _ FusedLayer = RNN{}

// Validate reports a feed that is none of those above, and sizes below 1. Composed
// and Fused return what it reports; NewScan and NewWindow panic with it.
func (l RNN) Validate() error {
	if err := l.Feed.Validate(); err != nil {
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
	if feed.OrDefault() != Projected {
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
	return newScan(l, scan.NewRNN[F](l.InputSize(), l.Hidden, l.Feed, nil))
}

// Composed builds the layer from gorgonia's nodes.
func (l RNN) Composed(x, state *G.Node, params []*G.Node) (Output, error) {
	return ComposeRNN(l, l.Feed, x, state, params, nil)
}
