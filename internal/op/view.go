package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// View returns the part of n that starts at offset elements, as a tensor of the
// given shape that shares n's memory. Its gradient is zero elsewhere in n.
func View(n *G.Node, offset int, shape tensor.Shape) (*G.Node, error) {
	if size := n.Shape().TotalSize(); offset < 0 || offset+shape.TotalSize() > size {
		return nil, fmt.Errorf("op: a view of shape %v at %d does not fit into %v", shape, offset, n.Shape())
	}
	switch n.Dtype() {
	case tensor.Float32:
		return G.ApplyOp(&view[float32]{base: newBase("view", shape, []*G.Node{n}), offset: offset}, n)
	case tensor.Float64:
		return G.ApplyOp(&view[float64]{base: newBase("view", shape, []*G.Node{n}), offset: offset}, n)
	}
	return nil, fmt.Errorf("op: a view of %v: float32 or float64 is wanted", n.Dtype())
}

type view[F Float] struct {
	base
	offset int
	result header[F]
}

func (o *view[F]) Do(in ...G.Value) (G.Value, error) {
	data := Data[F](in[0])
	return o.result.over(data[o.offset:o.offset+o.shape.TotalSize()], o.shape), nil
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
}

// Do hands out a fresh header each time and clears what it does not set:
// gorgonia adds gradients of one node together in place.
func (o *pad[F]) Do(in ...G.Value) (G.Value, error) {
	g := Data[F](in[0])
	data := Grow(&o.data, o.shape.TotalSize())
	clear(data[:o.offset])
	copy(data[o.offset:], g)
	clear(data[o.offset+len(g):])
	var h header[F]
	return h.over(data, o.shape), nil
}

// Pack lays tensors one behind the other into a new tensor of the given shape.
func Pack(shape tensor.Shape, in ...*G.Node) (*G.Node, error) {
	total := 0
	for _, n := range in {
		total += n.Shape().TotalSize()
	}
	if total != shape.TotalSize() {
		return nil, fmt.Errorf("op: %d elements packed into the shape %v", total, shape)
	}
	switch in[0].Dtype() {
	case tensor.Float32:
		return Apply[float32](&pack[float32]{}, shape, in...)
	case tensor.Float64:
		return Apply[float64](&pack[float64]{}, shape, in...)
	}
	return nil, fmt.Errorf("op: packing %v: float32 or float64 is wanted", in[0].Dtype())
}

type pack[F Float] struct{ Buffers[F] }

func (*pack[F]) String() string          { return "pack" }
func (*pack[F]) Differentiable(int) bool { return true }

func (*pack[F]) Forward(in []G.Value, out []F) error {
	for _, v := range in {
		out = out[copy(out, Data[F](v)):]
	}
	return nil
}

func (*pack[F]) Backward(_ []G.Value, gout []F, gin [][]F) error {
	for _, g := range gin {
		gout = gout[copy(g, gout):]
	}
	return nil
}
