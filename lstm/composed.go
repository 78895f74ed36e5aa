package lstm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Plasticity is what a plastic layer adds to each step of Compose.
type Plasticity interface {
	// Drive returns the plastic input [B, H] to the candidates at a step, from
	// the previous output h [B, H].
	Drive(h *G.Node) *G.Node
	// Learn updates the traces after a step: previous and new outputs, new
	// cells and candidates, each [B, H].
	Learn(hPrev, h, c, g *G.Node)
	// Final returns the traces after the last step.
	Final() []*G.Node
}

// Compose builds an LSTM from gorgonia's nodes, step by step; begin, unless nil,
// is called with the parts of the initial state beyond h and c, each
// [B, Shape...], and returns what plasticity adds.
func Compose(l Layer, x, state *G.Node, params []*G.Node, begin func(traces []*G.Node) Plasticity) (out Output, err error) {
	steps, batch, err := check(l, x, state, params)
	if err != nil {
		return Output{}, err
	}
	// gorgonia's shape errors are programming mistakes here, for check has seen
	// all shapes; G.Must keeps the equations readable and this turns a panic back.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("lstm: composing %T: %v", l, r)
		}
	}()
	n, in := l.HiddenSize(), l.InputSize()
	var parts []*G.Node
	offset := 0
	for _, p := range l.State() {
		parts = append(parts, view(state, offset, append([]int{batch}, p.Shape...)...))
		offset += batch * p.Size()
	}
	h, c := parts[0], parts[1]
	var plastic Plasticity
	if begin != nil {
		plastic = begin(parts[2:])
	}
	gate := func(k int, x, h *G.Node) *G.Node { // pre-activation of block k of i, f, g, o
		wih := view(params[0], k*n*in, n, in)
		whh := view(params[1], k*n*n, n, n)
		b := view(params[2], k*n, 1, n)
		z := G.Must(G.Add(mulT(x, wih), mulT(h, whh)))
		return G.Must(G.Add(z, G.Must(G.Mul(ones(x, batch, 1), b))))
	}
	var hidden []*G.Node
	for t := range steps {
		xt := view(x, t*batch*in, batch, in)
		i := G.Must(G.Sigmoid(gate(0, xt, h)))
		f := G.Must(G.Sigmoid(gate(1, xt, h)))
		zg := gate(2, xt, h)
		o := G.Must(G.Sigmoid(gate(3, xt, h)))
		if plastic != nil {
			zg = G.Must(G.Add(zg, plastic.Drive(h)))
		}
		g := G.Must(G.Tanh(zg))
		c = G.Must(G.Add(G.Must(G.HadamardProd(f, c)), G.Must(G.HadamardProd(i, g))))
		hNew := G.Must(G.HadamardProd(o, G.Must(G.Tanh(c))))
		if plastic != nil {
			plastic.Learn(h, hNew, c, g)
		}
		h = hNew
		hidden = append(hidden, h)
	}
	if out.Hidden, err = op.Pack(tensor.Shape{steps, batch, n}, hidden...); err != nil {
		return Output{}, err
	}
	final := []*G.Node{h, c}
	if plastic != nil {
		final = append(final, plastic.Final()...)
	}
	out.State, err = op.Pack(state.Shape(), final...)
	return out, err
}

func view(n *G.Node, offset int, shape ...int) *G.Node {
	return G.Must(op.View(n, offset, shape))
}

// mulT returns a bᵀ.
func mulT(a, b *G.Node) *G.Node { return G.Must(G.Mul(a, G.Must(G.Transpose(b, 1, 0)))) }

// ones returns a constant matrix of ones in like's graph and type; a product
// with it repeats rows or columns, with a gradient that sums them.
func ones(like *G.Node, rows, cols int) *G.Node {
	t := tensor.Ones(like.Dtype(), rows, cols)
	return G.NewTensor(like.Graph(), like.Dtype(), 2, G.WithShape(rows, cols),
		G.WithValue(t), G.WithName(fmt.Sprintf("ones_%dx%d", rows, cols)))
}
