// Package op turns plain Go functions over slices into operations of a gorgonia
// graph: a whole BPTT window, a softmax head or an embedding becomes one node
// with a hand-written gradient.
//
// gorgonia's operations have one output, so a function that yields several
// tensors packs them into one vector, of which View hands out parts without a
// copy; the gradients of all inputs are packed in the same way. The buffers
// belong to the function, not to the graph: graphs of different window lengths
// that are built from one function share them, so only one of these graphs may
// run at a time, and a function stands at most once in a graph.
package op

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"

	"github.com/chewxy/hm"
	"github.com/engram-lm/engram/internal/kernel"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Float is the element type of a differentiable tensor.
type Float = kernel.Float

// Function is a differentiable function of several tensors.
//
// Backward is called after Forward of the same inputs and may use what Forward
// kept on the side; it must not rely on the contents of Forward's out, which
// gorgonia may reuse once nothing else in the graph reads it.
type Function[F Float] interface {
	fmt.Stringer
	// Differentiable reports whether a gradient flows to input i.
	Differentiable(i int) bool
	// Forward computes out from the inputs; it overwrites all of out.
	Forward(in []G.Value, out []F) error
	// Backward computes from gout, the gradient of out, the gradient of each
	// differentiable input into gin[i], all of which it overwrites; gin[i] is
	// nil for the others.
	Backward(in []G.Value, gout []F, gin [][]F) error
	// Memory returns the function's own memory.
	Memory() *Buffers[F]
}

// Buffers is what a function embeds to own the memory of its results.
type Buffers[F Float] struct{ out, grad []F }

// Memory returns b, so that embedding it satisfies Function.
func (b *Buffers[F]) Memory() *Buffers[F] { return b }

// Data returns the elements of a value in the order of its shape: a tensor's
// backing slice, a copy where that lies in another order (a transposed view, a
// slice of columns), or the one element of a scalar.
func Data[F Float](v G.Value) []F {
	// A tensor's own method Data goes through reflection and allocates twice.
	if d, ok := v.(*tensor.Dense); ok && !d.IsScalar() {
		switch d.Dtype() {
		case tensor.Float32:
			if x, ok := any(d.Float32s()).([]F); ok {
				return ordered(d, x)
			}
		case tensor.Float64:
			if x, ok := any(d.Float64s()).([]F); ok {
				return ordered(d, x)
			}
		}
	} else if x, ok := v.Data().(F); ok {
		return []F{x}
	}
	panic(fmt.Sprintf("op: a value of %v where %T is wanted", v.Dtype(), F(0)))
}

// Ints returns the elements of a tensor of ints, as Data does.
func Ints(v G.Value) []int {
	d := v.(*tensor.Dense)
	return ordered(d, d.Ints())
}

// ordered returns the elements of d, whose backing slice is x, in the order of its
// shape.
func ordered[T any](d *tensor.Dense, x []T) []T {
	shape, strides := d.Shape(), d.Strides()
	step, ready := 1, true
	for i := len(shape) - 1; i >= 0; i-- {
		ready = ready && (shape[i] == 1 || strides[i] == step)
		step *= shape[i]
	}
	if ready {
		return x[:step]
	}
	y := make([]T, 0, step)
	var from func(axis, at int)
	from = func(axis, at int) {
		if axis == len(shape) {
			y = append(y, x[at])
			return
		}
		for range shape[axis] {
			from(axis+1, at)
			at += strides[axis]
		}
	}
	from(0, 0)
	return y
}

// Apply adds f to the graph of its inputs, in which it may stand once; the result
// has the given shape.
func Apply[F Float](f Function[F], shape tensor.Shape, in ...*G.Node) (*G.Node, error) {
	if err := check(f, in); err != nil {
		return nil, err
	}
	return G.ApplyOp(&forward[F]{base: newBase(f.String(), shape, in), f: f}, in...)
}

// check reports what would go wrong without a word, or in a goroutine of gorgonia's,
// when the graph runs.
func check[F Float](f Function[F], in []*G.Node) error {
	for i, n := range in {
		if n == nil {
			return fmt.Errorf("op: input %d of %v is nil: want a node", i, f)
		}
		if n.Graph() != in[0].Graph() {
			return fmt.Errorf("op: input %d of %v, %s, is of another graph than input 0: want one graph", i, f, n.Name())
		}
		if d := n.Dtype(); (d == tensor.Float32 || d == tensor.Float64) && d != dtype[F]() {
			return fmt.Errorf("op: input %d of %v, %s, is of %v: want %v", i, f, n.Name(), d, dtype[F]())
		}
	}
	for _, n := range in[0].Graph().AllNodes() {
		if o, ok := n.Op().(*forward[F]); ok && o.f == f {
			return fmt.Errorf("op: %v stands in this graph already: its buffers serve one place in each graph, want another", f)
		}
	}
	return nil
}

func dtype[F Float]() tensor.Dtype {
	if _, ok := any(F(0)).(float32); ok {
		return tensor.Float32
	}
	return tensor.Float64
}

// base is what every operation here has in common: a unique identity (gorgonia
// merges nodes whose operations hash alike), a fixed type and a fixed shape.
type base struct {
	name  string
	id    uint64
	arity int
	typ   hm.Type
	shape tensor.Shape
}

var ids atomic.Uint64

func newBase(name string, shape tensor.Shape, in []*G.Node) base {
	var dt tensor.Dtype
	types := make([]hm.Type, 0, len(in)+1)
	for _, n := range in {
		types = append(types, n.Type())
		if d := n.Dtype(); d == tensor.Float32 || d == tensor.Float64 {
			dt = d
		}
	}
	types = append(types, typeOf(dt, shape))
	return base{name: name, id: ids.Add(1), arity: len(in), typ: hm.NewFnType(types...), shape: shape.Clone()}
}

func typeOf(dt tensor.Dtype, shape tensor.Shape) hm.Type {
	if shape.IsScalar() {
		return dt
	}
	return G.TensorType{Dims: shape.Dims(), Of: dt}
}

func (b *base) Arity() int                                     { return b.arity }
func (b *base) Type() hm.Type                                  { return b.typ }
func (b *base) InferShape(...G.DimSizer) (tensor.Shape, error) { return b.shape, nil }
func (b *base) ReturnsPtr() bool                               { return true }
func (b *base) CallsExtern() bool                              { return false }
func (b *base) OverwritesInput() int                           { return -1 }
func (b *base) WriteHash(h hash.Hash)                          { fmt.Fprintf(h, "engram %s %d", b.name, b.id) }
func (b *base) String() string                                 { return b.name }
func (b *base) Hashcode() uint32 {
	h := fnv.New32a()
	b.WriteHash(h)
	return h.Sum32()
}

// header is a tensor over a buffer. It is made anew when the buffer moves, and
// when it was given another shape: those who read it may change it.
//
// It passes for a view, of itself so that it lives as long. gorgonia's Reshape
// copies a view; of any other tensor it makes another one over the same memory,
// which the next operation in place then overwrites under both.
type header[F Float] struct {
	value *tensor.Dense
	first *F
}

func (h *header[F]) over(data []F, shape tensor.Shape) (G.Value, error) {
	if shape.IsScalar() {
		switch x := any(data[0]).(type) {
		case float32:
			return G.NewF32(x), nil
		case float64:
			return G.NewF64(x), nil
		}
	}
	if d := h.value; d != nil && h.first == &data[0] && d.IsView() && d.Shape().Eq(shape) && !d.RequiresIterator() {
		return d, nil
	}
	d := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data[:len(data):len(data)]))
	if _, err := d.SliceInto(d); err != nil {
		return nil, err
	}
	if err := d.Reshape(shape...); err != nil { // slicing makes a scalar of one element
		return nil, err
	}
	h.value, h.first = d, &data[0]
	return d, nil
}

type forward[F Float] struct {
	base
	f      Function[F]
	result header[F]
}

func (o *forward[F]) Do(in ...G.Value) (G.Value, error) {
	out := kernel.Grow(&o.f.Memory().out, o.shape.TotalSize())
	if err := o.f.Forward(in, out); err != nil {
		return nil, err
	}
	return o.result.over(out, o.shape)
}

func (o *forward[F]) DiffWRT(n int) []bool {
	wrt := make([]bool, n)
	for i := range wrt {
		wrt[i] = o.f.Differentiable(i)
	}
	return wrt
}

// SymDiff adds the backward operation, which reads the inputs, the gradient of
// the output and, so that it runs after the forward pass, the output; a view of
// its packed result goes to each input. Where no input is differentiable there
// is nothing to add.
func (o *forward[F]) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	b := &backward[F]{f: o.f, inputs: len(in)}
	total := 0
	for i, n := range in {
		size := 0
		if o.f.Differentiable(i) {
			size = n.Shape().TotalSize()
		}
		b.sizes = append(b.sizes, size)
		total += size
	}
	grads := make(G.Nodes, len(in))
	if total == 0 {
		return grads, nil
	}
	children := append(append(G.Nodes{}, in...), out, grad)
	b.base = newBase(o.name+"'", tensor.Shape{total}, children)
	packed, err := G.ApplyOp(b, children...)
	if err != nil {
		return nil, err
	}
	offset := 0
	for i, n := range in {
		if !o.f.Differentiable(i) {
			continue
		}
		if grads[i], err = View(packed, offset, n.Shape()); err != nil {
			return nil, err
		}
		offset += b.sizes[i]
	}
	return grads, nil
}

type backward[F Float] struct {
	base
	f      Function[F]
	inputs int
	sizes  []int
	gin    [][]F
	result header[F]
}

func (o *backward[F]) Do(in ...G.Value) (G.Value, error) {
	packed := kernel.Grow(&o.f.Memory().grad, o.shape.TotalSize())
	o.gin = o.gin[:0]
	offset := 0
	for i, size := range o.sizes {
		var g []F
		if o.f.Differentiable(i) {
			g = packed[offset : offset+size : offset+size]
		}
		o.gin = append(o.gin, g)
		offset += size
	}
	if err := o.f.Backward(in[:o.inputs], Data[F](in[o.inputs+1]), o.gin); err != nil {
		return nil, err
	}
	return o.result.over(packed, o.shape)
}
