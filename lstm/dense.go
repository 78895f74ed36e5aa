package lstm

import (
	"math"

	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
)

// Activation is what the neurons of a Dense layer make of their inputs.
type Activation = scan.Activation

// The activations.
const (
	Softmax = scan.Softmax // over the layer's neurons; the default
	Tanh    = scan.Tanh
)

// Dense is a feed-forward layer,
//
//	y(t) = softmax(W x(t) + k(t)), or tanh
//
// as a layer over the steps of an episode, beside the plastic one, whose steps
// know of each other by its traces. A step's input is x [In] and then k [Out],
// what is added to the neurons' inputs: a large number there is a label.
type Dense struct {
	In, Out    int
	Activation Activation // default Softmax
}

var _ FusedLayer = Dense{}

// Validate reports an activation that is neither of those above, and sizes below
// 1. Composed and Fused return what it reports; NewScan and NewWindow panic with it.
func (l Dense) Validate() error {
	if err := l.Activation.Validate(); err != nil {
		return err
	}
	return validateSizes(l.In, l.Out)
}

// InputSize returns In + Out.
func (l Dense) InputSize() int { return l.In + l.Out }

// HiddenSize returns Out.
func (l Dense) HiddenSize() int { return l.Out }

// Params lists weight.
func (l Dense) Params() []Param { return DenseParams(l.In, l.Out) }

// DenseParams lists what every Dense here begins with: weight [Out, In], a row
// per receiving neuron.
func DenseParams(in, out int) []Param {
	k := 1 / math.Sqrt(float64(in))
	return []Param{{Name: "weight", Shape: []int{out, in}, Lo: -k, Hi: k}}
}

// State is empty.
func (l Dense) State() []Part { return nil }

// Scan32 returns the fused layer in float32; it panics with what Validate reports.
func (l Dense) Scan32() Scan[float32] { return newDenseScan[float32](l) }

// Scan64 returns the fused layer in float64; it panics with what Validate reports.
func (l Dense) Scan64() Scan[float64] { return newDenseScan[float64](l) }

func newDenseScan[F Float](l Dense) Scan[F] {
	return newScan(l, scan.NewDense[F](l.In, l.Out, l.Activation, nil))
}

// Composed builds the layer from gorgonia's nodes.
func (l Dense) Composed(x, state *G.Node, params []*G.Node) (Output, error) {
	return ComposeDense(l, l.Activation, x, state, params, nil)
}
