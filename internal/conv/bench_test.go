package conv_test

import (
	"fmt"
	"testing"

	. "github.com/engram-lm/engram/internal/conv"
	"github.com/engram-lm/engram/internal/rng"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// omniglot is the stack that the paper's network for characters has.
var omniglot = []Layer{{64, 3, 2}, {64, 3, 2}, {64, 3, 2}, {64, 3, 2}}

// BenchmarkStack takes batches of images through it and back.
func BenchmarkStack(b *testing.B) {
	for _, n := range []int{6, 48, 96} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := New[float32](31, 1, omniglot...)
			if err != nil {
				b.Fatal(err)
			}
			r := rng.New(1, "bench")
			draw := func(n int, bound float64) []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(r.Uniform(-bound, bound))
				}
				return x
			}
			var params, grads [][]float32
			for _, p := range s.Params() {
				params, grads = append(params, draw(p.Size(), p.Hi)), append(grads, make([]float32, p.Size()))
			}
			x, dy := draw(n*31*31, 1), draw(n*64, 1)
			b.ReportAllocs()
			for b.Loop() {
				s.Forward(n, params, x)
				s.Backward(dy, nil, grads)
			}
		})
	}
}

// BenchmarkGorgonia does the same with gorgonia's own nodes.
func BenchmarkGorgonia(b *testing.B) {
	const n = 6
	g := G.NewGraph()
	r := rng.New(1, "bench")
	node := func(name string, bound float64, shape ...int) *G.Node {
		v := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
		data := v.Data().([]float32)
		for i := range data {
			data[i] = float32(r.Uniform(-bound, bound))
		}
		return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	y := node("x", 1, n, 1, 31, 31)
	var wrt G.Nodes
	in, side := 1, 31
	for i, l := range omniglot {
		w := node(fmt.Sprintf("w%d", i), 0.05, l.Out, in, 3, 3)
		bias := node(fmt.Sprintf("b%d", i), 0.05, 1, l.Out, 1, 1)
		wrt = append(wrt, w, bias)
		in, side = l.Out, (side-3)/2+1
		z := G.Must(G.Conv2d(y, w, tensor.Shape{3, 3}, []int{0, 0}, []int{2, 2}, []int{1, 1}))
		y = G.Must(G.Tanh(G.Must(G.BroadcastAdd(z, bias, nil, []byte{0, 2, 3}))))
	}
	dy := node("dy", 1, n, 64, 1, 1)
	loss := G.Must(G.Sum(G.Must(G.HadamardProd(y, dy))))
	if _, err := G.Grad(loss, wrt...); err != nil {
		b.Fatal(err)
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := vm.RunAll(); err != nil {
			b.Fatal(err)
		}
		vm.Reset()
	}
}
