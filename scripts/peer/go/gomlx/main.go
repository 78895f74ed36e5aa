// Command gomlx times training steps of the standard LSTM in GoMLX, on its backend
// in Go. With --gradient own the gradient of a product is two products; as shipped
// (v0.27.3) it is a broadcast to [M, N, K] and a sum.
//
//	cd scripts/peer/go && go run ./gomlx --gradient own
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/engram-lm/engram/scripts/peer/go/step"
	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

func main() {
	gradient := flag.String("gradient", "shipped", "of a product: shipped or own")
	config := flag.String("config", "", "of the backend, such as packgemm")
	s := step.Flags()
	switch *gradient {
	case "shipped":
	case "own":
		ownGradient()
	default:
		fmt.Fprintf(os.Stderr, "--gradient %s: want shipped or own\n", *gradient)
		os.Exit(2)
	}
	backend, err := backends.NewWithConfig("go:" + *config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	exec := MustNewExec(backend, func(in []*Node) []*Node { return train(s, in) })
	r := rand.New(rand.NewPCG(1, 1))
	var carried []*tensors.Tensor // the state, then the parameters
	for range 2 * s.Layers {
		carried = append(carried, tensors.FromFlatDataAndDimensions(make([]float32, s.Batch*s.Hidden), s.Batch, s.Hidden))
	}
	for _, p := range s.Params() {
		carried = append(carried, tensors.FromFlatDataAndDimensions(step.Draw[float32](p, r), p.Shape...))
	}
	s.Measure("gomlx, gradient "+*gradient, func(x, y []int32) float64 {
		args := []any{tensors.FromFlatDataAndDimensions(x, len(x), 1), tensors.FromFlatDataAndDimensions(y, len(y), 1)}
		for _, t := range carried {
			args = append(args, t)
		}
		out := exec.MustExec(args...)
		for _, t := range carried {
			t.MustFinalizeAll()
		}
		carried = out[1:]
		return float64(tensors.ToScalar[float32](out[0]))
	})
}

// ownGradient makes the gradient of a product a [M, K] b [N, K]^T two products:
// da = v b, db = v^T a.
func ownGradient() {
	VJPRegistration[NodeTypeDotGeneral] = func(node *Node, v []*Node, _ shapes.Shape) []*Node {
		a, b := node.Inputs()[0], node.Inputs()[1]
		return []*Node{
			DotGeneral(v[0], []int{1}, nil, b, []int{0}, nil),
			DotGeneral(v[0], []int{0}, nil, a, []int{0}, nil),
		}
	}
}

// dot is a [M, K] b [N, K]^T.
func dot(a, b *Node) *Node { return DotGeneral(a, []int{1}, nil, b, []int{1}, nil) }

// row makes a bias [N] a row [1, N], which is added to every row.
func row(b *Node) *Node { return Reshape(b, 1, b.Shape().Size()) }

// model returns the mean loss and the final state: tokens x and targets y [T*B, 1],
// states h and c [B, H] of each layer, parameters as step.Sizes lists them.
func model(s *step.Sizes, x, y *Node, states, params []*Node) (loss *Node, final []*Node) {
	in := Gather(params[0], x)
	for l := range s.Layers {
		wih, whh, bias := params[1+3*l], params[2+3*l], params[3+3*l]
		h, c := states[2*l], states[2*l+1]
		drive := Add(dot(in, wih), row(bias))
		var out []*Node
		for t := range s.BPTT {
			z := Add(SliceAxis(drive, 0, AxisRange(t*s.Batch, (t+1)*s.Batch)), dot(h, whh))
			gate := func(i int) *Node { return SliceAxis(z, 1, AxisRange(i*s.Hidden, (i+1)*s.Hidden)) }
			c = Add(Mul(Sigmoid(gate(1)), c), Mul(Sigmoid(gate(0)), Tanh(gate(2))))
			h = Mul(Sigmoid(gate(3)), Tanh(c))
			out = append(out, h)
		}
		in = Concatenate(out, 0)
		final = append(final, h, c)
	}
	n := len(params)
	logits := Add(dot(in, params[n-2]), row(params[n-1]))
	target := OneHot(Reshape(y, y.Shape().Size()), s.Vocab, logits.DType())
	nll := Neg(ReduceSum(Mul(target, LogSoftmax(logits, 1)), 1))
	return ReduceAllMean(nll), final
}

// train is one step: in are x, y, the states and the parameters, out the loss, the
// final states and the new parameters.
func train(s *step.Sizes, in []*Node) []*Node {
	states, params := in[2:2+2*s.Layers], in[2+2*s.Layers:]
	loss, out := model(s, in[0], in[1], states, params)
	grads := Gradient(loss, params...)
	squares := ScalarZero(loss.Graph(), loss.DType())
	for _, g := range grads {
		squares = Add(squares, ReduceAllSum(Square(g)))
	}
	scale := MinScalar(DivScalar(Inverse(Sqrt(squares)), 1/step.ClipNorm), 1)
	out = append([]*Node{loss}, out...)
	for i, p := range params {
		out = append(out, Sub(p, Mul(MulScalar(scale, step.Rate), grads[i])))
	}
	return out
}
