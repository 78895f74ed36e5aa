package op_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A tensor whose numbers lie in memory in another order than that of its shape is
// read by its shape.
func TestDataInTheOrderOfTheShape(t *testing.T) {
	ramp := func(shape ...int) *tensor.Dense {
		x := make([]float64, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = float64(i)
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	transposed := func(x *tensor.Dense, axes ...int) *tensor.Dense {
		if err := x.T(axes...); err != nil {
			t.Fatal(err)
		}
		return x
	}
	sliced := func(x *tensor.Dense, s ...tensor.Slice) *tensor.Dense {
		v, err := x.Slice(s...)
		if err != nil {
			t.Fatal(err)
		}
		return v.(*tensor.Dense)
	}
	for _, c := range []struct {
		name string
		x    *tensor.Dense
		want []float64
	}{
		{"in order", ramp(2, 3), []float64{0, 1, 2, 3, 4, 5}},
		{"transposed", transposed(ramp(2, 3)), []float64{0, 3, 1, 4, 2, 5}},
		{"axes moved", transposed(ramp(2, 1, 3), 2, 0, 1), []float64{0, 3, 1, 4, 2, 5}},
		{"time first", transposed(ramp(2, 2, 2), 1, 0, 2), []float64{0, 1, 4, 5, 2, 3, 6, 7}},
		{"rows", sliced(ramp(3, 2), G.S(1, 3)), []float64{2, 3, 4, 5}},
		{"columns", sliced(ramp(3, 3), nil, G.S(1, 3)), []float64{1, 2, 4, 5, 7, 8}},
		{"a column", sliced(ramp(3, 2), nil, G.S(1)), []float64{1, 3, 5}},
		{"column after column", tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float64{0, 1, 2, 3, 4, 5})), []float64{0, 1, 2, 3, 4, 5}},
		{"one number", ramp(1, 1), []float64{0}},
	} {
		if got := op.Data[float64](c.x); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v of shape %v, want %v", c.name, got, c.x.Shape(), c.want)
		}
	}
	ints := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]int{0, 1, 2, 3}))
	if got := op.Ints(transposed(ints)); !slices.Equal(got, []int{0, 2, 1, 3}) {
		t.Errorf("transposed ints: %v", got)
	}
}

// What would go wrong while a graph runs is refused while it is built.
func TestApplyRefuses(t *testing.T) {
	node := func(g *G.ExprGraph, of tensor.Dtype, name string) *G.Node {
		return G.NewTensor(g, of, 1, G.WithShape(3), G.WithName(name))
	}
	g, other := G.NewGraph(), G.NewGraph()
	x, f := node(g, tensor.Float64, "x"), &square{}
	if _, err := op.Apply(f, tensor.Shape{3}, x); err != nil {
		t.Fatal(err)
	}
	if _, err := op.Apply(f, tensor.Shape{3}, node(other, tensor.Float64, "y")); err != nil {
		t.Errorf("in a second graph: %v", err)
	}
	for _, c := range []struct {
		want string
		f    op.Function[float64]
		in   []*G.Node
	}{
		{"square stands in this graph already", f, []*G.Node{x}},
		{"input 1 of square is nil: want a node", &square{}, []*G.Node{x, nil}},
		{"input 1 of square, z, is of another graph", &square{}, []*G.Node{x, node(other, tensor.Float64, "z")}},
		{"input 0 of square, x32, is of float32: want float64", &square{}, []*G.Node{node(g, tensor.Float32, "x32")}},
	} {
		if _, err := op.Apply(c.f, tensor.Shape{3}, c.in...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
