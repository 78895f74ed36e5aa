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

// The gradients of parts fall into their places, and packing is their inverse.
func TestPartsAndPacks(t *testing.T) {
	g := G.NewGraph()
	x := G.NewTensor(g, tensor.Float64, 1, G.WithShape(6), G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))))
	sq := &square{}
	y := G.Must(op.Apply[float64](sq, tensor.Shape{6}, x))
	a := G.Must(op.Part(y, 0, tensor.Shape{2, 2})) // 1 4 9 16
	b := G.Must(op.Part(y, 3, tensor.Shape{3}))    // 16 25 36: overlaps a
	packed := G.Must(op.Pack(tensor.Shape{7}, []*G.Node{b, a}))
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
	if _, err := op.Part(y, 4, tensor.Shape{3}); err == nil {
		t.Error("a part beyond the end was given")
	}
	if _, err := op.View(x, 0, tensor.Shape{3}); err == nil {
		t.Error("a view of an input was given, whose memory gorgonia would overwrite")
	}
	if _, err := op.Pack(tensor.Shape{6}, []*G.Node{a, b}); err == nil {
		t.Error("seven elements were packed into six")
	}
}

// What reads a result by gorgonia's own Reshape, which shares memory where it can,
// and is then run in place, changes neither the result nor any later run.
func TestReshapeOfAResult(t *testing.T) {
	for _, shape := range [][]int{{2, 3}, {1, 1}} {
		size := shape[0] * shape[1]
		squares := 0.0
		for v := range size {
			squares += float64((v + 1) * (v + 1))
		}
		for first := range 2 { // which of the two gorgonia runs before the other
			g := G.NewGraph()
			leaf := func(name string, shape ...int) *G.Node {
				v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}[:size]))
				return G.NodeFromAny(g, v, G.WithName(name))
			}
			y := G.Must(op.Apply(&square{}, shape, leaf("x", shape...)))
			reads := []func() *G.Node{
				func() *G.Node { return G.Must(G.Sub(G.Must(G.Reshape(y, tensor.Shape{size})), leaf("w", size))) },
				func() *G.Node { return G.Must(G.Sub(y, leaf("v", shape...))) },
			}
			var values [2]G.Value
			for _, i := range []int{first, 1 - first} {
				G.Read(G.Must(G.Sum(reads[i]())), &values[i])
			}
			want := squares - float64(size*(size+1)/2)
			vm := G.NewTapeMachine(g)
			for run := range 3 {
				if err := vm.RunAll(); err != nil {
					t.Fatal(err)
				}
				for _, v := range values {
					if got := v.Data().(float64); got != want {
						t.Errorf("%v, run %d, %d after %d: %v, want %v", shape, run, 1-first, first, got, want)
					}
				}
				vm.Reset()
				if err := y.Value().(*tensor.Dense).Reshape(1, size); err != nil { // nor what is done to its value
					t.Fatal(err)
				}
			}
			vm.Close()
		}
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
