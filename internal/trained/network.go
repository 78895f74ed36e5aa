package trained

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
)

// Network is a recurrent layer at work on whole episodes, each from a zero state.
type Network struct {
	Layer         lstm.Layer
	Values, Grads [][]float32 // of the layer's parameters

	scan  lstm.Scan[float32]
	state []float32
	out   []float32
}

// NewNetwork returns a network whose parameters, as Weights.Add returns them, are
// values and grads.
func NewNetwork(layer lstm.Layer, values, grads [][]float32) *Network {
	return &Network{Layer: layer, Values: values, Grads: grads, scan: lstm.NewScan[float32](layer)}
}

// Forward runs an episode of batch streams: x [T, B, I] -> y [T, B, H], a view
// that the next call overwrites. x must stay as it is until Backward has returned.
func (n *Network) Forward(batch int, x []float32) (y []float32, err error) {
	in, hidden := n.Layer.InputSize(), n.Layer.HiddenSize()
	steps := len(x) / (batch * in)
	if steps == 0 || len(x) != steps*batch*in {
		return nil, fmt.Errorf("an episode of %d numbers: want some steps of %d streams of %d", len(x), batch, in)
	}
	if need := lstm.StateSize(n.Layer, batch); len(n.state) != need {
		n.state = make([]float32, need)
	}
	if need := steps * batch * hidden; cap(n.out) < need {
		n.out = make([]float32, need)
	}
	n.out = n.out[:steps*batch*hidden]
	n.scan.Begin(batch, steps, n.Values, n.state)
	n.scan.Forward(steps, x, n.out)
	return n.out, nil
}

// Backward overwrites Grads with the gradients of the last episode, given dy
// [T, B, H].
func (n *Network) Backward(dy []float32) { n.scan.Backward(dy, nil, nil, nil, n.Grads) }
