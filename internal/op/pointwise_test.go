package op_test

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gradient returns y = f(x) and the gradient of sum(w y) by x.
func gradient[F op.Float](t *testing.T, f func(*G.Node) (*G.Node, error), x, w []F, shape ...int) (y, dx []F) {
	t.Helper()
	g := G.NewGraph()
	leaf := func(name string, v []F) *G.Node {
		return G.NodeFromAny(g, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v)), G.WithName(name))
	}
	xn := leaf("x", x)
	yn := G.Must(f(xn))
	loss := G.Must(G.Sum(G.Must(G.HadamardProd(yn, leaf("w", w)))))
	grads, err := G.Grad(loss, xn)
	if err != nil {
		t.Fatal(err)
	}
	var value G.Value
	G.Read(yn, &value)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	return op.Data[F](value), op.Data[F](grads[0].Value())
}

func equal[F op.Float](t *testing.T, what string, got, want []F) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range want {
		if d := float64(got[i] - want[i]); !(math.Abs(d) < 1e-6) && !(got[i] != got[i] && want[i] != want[i]) {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
	}
}

func testPointwise[F op.Float](t *testing.T) {
	inf, nan := F(math.Inf(1)), F(math.NaN())
	y, dx := gradient(t, func(x *G.Node) (*G.Node, error) { return op.Clamp(x, 0.5) },
		[]F{-inf, -0.6, -0.5, 0.1, 0.5, 0.6, inf, nan}, []F{1, 2, 3, 4, 5, 6, 7, 8}, 2, 4)
	equal(t, "clamp", y, []F{-0.5, -0.5, -0.5, 0.1, 0.5, 0.5, 0.5, nan})
	equal(t, "gradient of the clamp", dx, []F{0, 0, 3, 4, 5, 0, 0, 0})

	// The softmax of 0 and ln 3 is 1/4 and 3/4, whatever is added to both; its
	// gradient of w is y (w - w . y).
	ln3 := F(math.Log(3))
	y, dx = gradient(t, op.SoftMax, []F{1000, 0, 0, ln3, ln3, 0, -1000, 1000}, []F{1, 5, 1, 5, 1, 5, 1, 5}, 4, 2)
	equal(t, "softmax", y, []F{1, 0, 0.25, 0.75, 0.75, 0.25, 0, 1})
	equal(t, "gradient of the softmax", dx, []F{0, 0, -0.75, 0.75, -0.75, 0.75, 0, 0})
}

func TestClampAndSoftMax(t *testing.T) {
	t.Run("float32", testPointwise[float32])
	t.Run("float64", testPointwise[float64])
	if _, err := op.SoftMax(G.NewVector(G.NewGraph(), tensor.Float64, G.WithShape(3), G.WithName("x"))); err == nil {
		t.Error("a softmax of a vector was given, whose rows nobody knows")
	}
}
