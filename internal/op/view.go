package op

import (
	"fmt"
	"slices"

	"github.com/engram-lm/engram/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// View returns the part of n that starts at offset elements, as a tensor of the
// given shape that shares n's memory. Its gradient is zero elsewhere in n.
//
// gorgonia lets many of its operations write their results over their inputs, and
// knows nothing of memory that two nodes share. So n must be the result of Apply,
// and its views must not overlap and be all that reads it: of other nodes take a
// Part.
func View(n *G.Node, offset int, shape tensor.Shape) (*G.Node, error) {
	switch n.Op().(type) {
	case *forward[float32], *forward[float64], *backward[float32], *backward[float64]:
		return part(n, offset, shape, false)
	}
	return nil, fmt.Errorf("op: a view of %v, which is not the result of Apply: want a Part", n)
}

// Part returns a copy of the part of n that starts at offset elements, as a tensor
// of the given shape. Its gradient is zero elsewhere in n.
func Part(n *G.Node, offset int, shape tensor.Shape) (*G.Node, error) {
	return part(n, offset, shape, true)
}

func part(n *G.Node, offset int, shape tensor.Shape, copied bool) (*G.Node, error) {
	if size := n.Shape().TotalSize(); offset < 0 || offset+shape.TotalSize() > size {
		return nil, fmt.Errorf("op: a part of shape %v at %d does not fit into %v", shape, offset, n.Shape())
	}
	base := newBase("part", shape, []*G.Node{n})
	switch n.Dtype() {
	case tensor.Float32:
		return G.ApplyOp(&view[float32]{base: base, offset: offset, copied: copied}, n)
	case tensor.Float64:
		return G.ApplyOp(&view[float64]{base: base, offset: offset, copied: copied}, n)
	}
	return nil, fmt.Errorf("op: a part of %v: float32 or float64 is wanted", n.Dtype())
}

// view is a part of its input, in the same memory or copied to its own.
type view[F Float] struct {
	base
	offset int
	copied bool
	own    []F
	result header[F]
}

func (o *view[F]) Do(in ...G.Value) (G.Value, error) {
	data := Data[F](in[0])[o.offset:][:o.shape.TotalSize()]
	if o.copied {
		o.own = append(o.own[:0], data...)
		data = o.own
	}
	return o.result.over(data, o.shape)
}

func (o *view[F]) DiffWRT(n int) []bool { return []bool{true} }

func (o *view[F]) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	p := &pad[F]{base: newBase("pad", in[0].Shape(), []*G.Node{grad}), offset: o.offset}
	n, err := G.ApplyOp(p, grad)
	return G.Nodes{n}, err
}

// pad is the adjoint of view: zero but for the part that was viewed.
type pad[F Float] struct {
	base
	offset int
	data   []F
	result header[F]
}

// Do clears what it does not set: gorgonia adds gradients of one node together in
// place.
func (o *pad[F]) Do(in ...G.Value) (G.Value, error) {
	g := Data[F](in[0])
	data := kernel.Grow(&o.data, o.shape.TotalSize())
	clear(data[:o.offset])
	copy(data[o.offset:], g)
	clear(data[o.offset+len(g):])
	return o.result.over(data, o.shape)
}

// Pack lays tensors one behind the other into a new tensor of the given shape.
// The result also counts as one of the nodes beside, which it does not read: their
// gradient is zero, where gorgonia refuses to differentiate by a node that does
// not lead to the loss.
func Pack(shape tensor.Shape, in []*G.Node, beside ...*G.Node) (*G.Node, error) {
	total := 0
	for _, n := range in {
		total += n.Shape().TotalSize()
	}
	if total != shape.TotalSize() {
		return nil, fmt.Errorf("op: %d elements packed into the shape %v", total, shape)
	}
	all := slices.Concat(in, beside)
	switch in[0].Dtype() {
	case tensor.Float32:
		return Apply(&pack[float32]{parts: len(in)}, shape, all...)
	case tensor.Float64:
		return Apply(&pack[float64]{parts: len(in)}, shape, all...)
	}
	return nil, fmt.Errorf("op: packing %v: float32 or float64 is wanted", in[0].Dtype())
}

type pack[F Float] struct {
	Buffers[F]
	parts int // of the inputs
}

func (*pack[F]) String() string          { return "pack" }
func (*pack[F]) Differentiable(int) bool { return true }

func (p *pack[F]) Forward(in []G.Value, out []F) error {
	for _, v := range in[:p.parts] {
		out = out[copy(out, Data[F](v)):]
	}
	return nil
}

func (p *pack[F]) Backward(_ []G.Value, gout []F, gin [][]F) error {
	for _, g := range gin[:p.parts] {
		gout = gout[copy(g, gout):]
	}
	for _, g := range gin[p.parts:] {
		clear(g)
	}
	return nil
}
