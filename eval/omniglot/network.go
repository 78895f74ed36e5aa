package omniglot

import (
	"math"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/conv"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// clamp is what a label adds to its class's neuron [1, code]: with it the softmax
// is 1 there, whatever the drawing.
const clamp = 1000

// last returns a model's last layer, from the features of a drawing to a neuron a
// class.
func last(name string, s *settings) (lstm.Layer, error) {
	if name == fixed {
		return lstm.Dense{In: s.Features, Out: s.Ways}, nil
	}
	return plasticlstm.NewDense(s.Features, s.Ways, plasticlstm.Options{
		Rule: plasticlstm.Oja, Rate: plasticlstm.PerLayer,
	})
}

// convolutions returns the layers that make features of a drawing: 31x31 pixels
// become 15x15, 7x7, 3x3 and 1.
func convolutions[F kernel.Float](s *settings) (*conv.Stack[F], error) {
	l := conv.Layer{Out: s.Features, Kernel: 3, Stride: 2}
	return conv.New[F](omniglot.Side, 1, l, l, l, l)
}

// network is a model at work on episodes of B streams, all of the same length. The
// drawings of all of them go through the convolutions as one batch.
type network[F kernel.Float] struct {
	stack                   *conv.Stack[F]
	layer                   lstm.Layer
	scan                    lstm.Scan[F]
	stackParams, stackGrads [][]F
	layerParams, layerGrads [][]F
	batch, steps            int
	state                   []F
	x, dx                   []F // [T, B, Features + Ways]: features, then the label's clamp
	y, dy                   []F // [T, B, Ways]
	dfeatures               []F // [T, B, Features]
}

// forward takes drawings [T, B, Pixels] with labels [T, B], -1 where there is none,
// and returns the outputs [B, Ways] at the last step, a view that the next call
// overwrites.
func (n *network[F]) forward(batch int, images []F, labels []int) []F {
	rows, ways := len(labels), n.layer.HiddenSize()
	features, width := n.stack.OutSize(), n.layer.InputSize()
	n.batch, n.steps = batch, rows/batch
	n.x, n.dx = kernel.Grow(&n.x, rows*width), kernel.Grow(&n.dx, rows*width)
	n.y, n.dy = kernel.Grow(&n.y, rows*ways), kernel.Grow(&n.dy, rows*ways)
	kernel.Grow(&n.dfeatures, rows*features)
	kernel.Grow(&n.state, lstm.StateSize(n.layer, batch))
	f := n.stack.Forward(rows, n.stackParams, images)
	clear(n.x)
	for r, label := range labels {
		x := n.x[r*width : (r+1)*width]
		copy(x, f[r*features:(r+1)*features])
		if label >= 0 {
			x[features+label] = clamp
		}
	}
	n.scan.Begin(batch, n.steps, n.layerParams, n.state)
	n.scan.Forward(n.steps, n.x, n.y)
	return n.y[len(n.y)-batch*ways:]
}

// backward overwrites the gradients of all parameters, given those of the last
// forward's outputs, dy [B, Ways].
func (n *network[F]) backward(dy []F) {
	features, width := n.stack.OutSize(), n.layer.InputSize()
	clear(n.dy)
	copy(n.dy[len(n.dy)-len(dy):], dy)
	n.scan.Backward(n.dy, nil, n.dx, nil, n.layerGrads)
	for r := range n.steps * n.batch {
		copy(n.dfeatures[r*features:(r+1)*features], n.dx[r*width:])
	}
	n.stack.Backward(n.dfeatures, nil, n.stackGrads)
}

// crossEntropy returns the mean over the classes of the binary cross-entropy
// between outputs y [Ways] of a softmax and their label, and writes scale times its
// gradient to dy. What a softmax leaves to a neuron's right, 1 - y, is the sum of
// the others, which is exact where 1 - y has rounded away.
func crossEntropy[F kernel.Float](y []F, label int, scale float64, dy []F) (loss float64) {
	ways := float64(len(y))
	for j := range y {
		share, sign := float64(y[j]), -1.0
		if j != label {
			share, sign = 0, 1
			for k, v := range y {
				if k != j {
					share += float64(v)
				}
			}
		}
		share = max(share, math.SmallestNonzeroFloat32*(1<<23)) // the least whose inverse is finite in float32
		loss -= math.Log(share) / ways
		dy[j] = F(sign * scale / (ways * share))
	}
	return loss
}
