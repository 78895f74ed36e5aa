package op_test

import (
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// square is out = x x, with a count of its calls.
type square struct {
	op.Buffers[float64]
	forwards int
}

func (*square) String() string          { return "square" }
func (*square) Differentiable(int) bool { return true }

func (s *square) Forward(in []G.Value, out []float64) error {
	s.forwards++
	for i, x := range op.Data[float64](in[0]) {
		out[i] = x * x
	}
	return nil
}

func (*square) Backward(in []G.Value, gout []float64, gin [][]float64) error {
	for i, x := range op.Data[float64](in[0]) {
		gin[0][i] = 2 * x * gout[i]
	}
	return nil
}

// Views share memory, their gradients fall into their places, and packing is
// their inverse.
func TestViewsAndPacks(t *testing.T) {
	g := G.NewGraph()
	x := G.NewTensor(g, tensor.Float64, 1, G.WithShape(6), G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))))
	sq := &square{}
	y := G.Must(op.Apply[float64](sq, tensor.Shape{6}, x))
	a := G.Must(op.View(y, 0, tensor.Shape{2, 2})) // 1 4 9 16
	b := G.Must(op.View(y, 3, tensor.Shape{3}))    // 16 25 36: overlaps a
	packed := G.Must(op.Pack(tensor.Shape{7}, b, a))
	weights := G.NewConstant(tensor.New(tensor.WithBacking([]float64{1, 10, 100, 2, 3, 5, 7})))
	loss := G.Must(G.Sum(G.Must(G.HadamardProd(packed, weights))))
	grads, err := G.Grad(loss, x)
	if err != nil {
		t.Fatal(err)
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	for run := 1; run <= 2; run++ { // buffers are used again
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if want := []float64{16, 25, 36, 1, 4, 9, 16}; !slices.Equal(op.Data[float64](packed.Value()), want) {
			t.Errorf("run %d: packed %v, want %v", run, packed.Value(), want)
		}
		want := []float64{2 * 1 * 2, 2 * 2 * 3, 2 * 3 * 5, 2 * 4 * (7 + 1), 2 * 5 * 10, 2 * 6 * 100}
		if got := op.Data[float64](grads[0].Value()); !slices.Equal(got, want) {
			t.Errorf("run %d: gradient %v, want %v", run, got, want)
		}
		if sq.forwards != run {
			t.Errorf("run %d: the function ran %d times", run, sq.forwards)
		}
		vm.Reset()
	}
	if _, err := op.View(y, 4, tensor.Shape{3}); err == nil {
		t.Error("a view beyond the end was given")
	}
	if _, err := op.Pack(tensor.Shape{6}, a, b); err == nil {
		t.Error("seven elements were packed into six")
	}
}

// Two functions of the same name and inputs stay two operations, although
// gorgonia merges what hashes alike.
func TestOperationsAreNotMerged(t *testing.T) {
	g := G.NewGraph()
	x := G.NewTensor(g, tensor.Float64, 1, G.WithShape(2), G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2}))))
	first, second := &square{}, &square{}
	sum := G.Must(G.Add(
		G.Must(op.Apply[float64](first, tensor.Shape{2}, x)),
		G.Must(op.Apply[float64](second, tensor.Shape{2}, x))))
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if got := op.Data[float64](sum.Value()); got[1] != 8 || first.forwards != 1 || second.forwards != 1 {
		t.Errorf("sum %v after %d and %d runs, want [2 8] after one each", got, first.forwards, second.forwards)
	}
	if op.Collision(g) {
		t.Error("a collision in a graph of a few nodes")
	}
}
