package optim

import (
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestSolverTrainsAGraph fits w in y = x w by gorgonia's graph and gradient: the
// loss is the sum of (x w - y)^2 with x = (1, 2) and y = 5.
func TestSolverTrainsAGraph(t *testing.T) {
	g := gorgonia.NewGraph()
	w := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(2),
		gorgonia.WithValue(tensor.New(tensor.WithBacking([]float32{0, 0}))))
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(2),
		gorgonia.WithValue(tensor.New(tensor.WithBacking([]float32{1, 2}))))
	y := gorgonia.NewConstant(float32(5))
	loss := gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(gorgonia.Must(gorgonia.Mul(x, w)), y))))
	if _, err := gorgonia.Grad(loss, w); err != nil {
		t.Fatal(err)
	}
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w))
	defer vm.Close()
	var solver gorgonia.Solver = &Solver{Optimizer: &SGD{}, Rate: 0.05}
	// d loss / d w = 2 (x w - 5) x: from w = 0 the first step goes to .05 * 10 * (1, 2),
	// where the loss's gradient is -5 (1, 2), and so on by halves.
	for _, want := range [][2]float64{{0.5, 1}, {0.75, 1.5}, {0.875, 1.75}} {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := solver.Step([]gorgonia.ValueGrad{w}); err != nil {
			t.Fatal(err)
		}
		near(t, "w", w.Value().Data().([]float32), want[0], want[1])
		grad, err := w.Grad()
		if err != nil {
			t.Fatal(err)
		}
		near(t, "gradient after the step", grad.Data().([]float32), 0, 0)
		vm.Reset()
	}
}

type valueGrad struct{ value, grad gorgonia.Value }

func (v valueGrad) Value() gorgonia.Value         { return v.value }
func (v valueGrad) Grad() (gorgonia.Value, error) { return v.grad, nil }

func TestSolverRefuses(t *testing.T) {
	f32 := func() *tensor.Dense { return tensor.New(tensor.WithBacking([]float32{1, 2})) }
	f64 := tensor.New(tensor.WithBacking([]float64{1, 2}))
	for name, model := range map[string]valueGrad{
		"float64":         {f64, f64},
		"float64 grad":    {f32(), f64},
		"scalar":          {gorgonia.NewF32(1), gorgonia.NewF32(1)},
		"other grad size": {f32(), tensor.New(tensor.WithBacking([]float32{1, 2, 3}))},
	} {
		s := &Solver{Optimizer: &SGD{}, Rate: 1}
		err := s.Step([]gorgonia.ValueGrad{model})
		if err == nil || !strings.Contains(err.Error(), "parameter 0") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	clipped := valueGrad{f32(), tensor.New(tensor.WithBacking([]float32{3, 4}))}
	s := &Solver{Optimizer: &SGD{}, Rate: 1, MaxNorm: 1}
	if err := s.Step([]gorgonia.ValueGrad{clipped}); err != nil {
		t.Fatal(err)
	}
	near(t, "clipped step", clipped.value.Data().([]float32), 0.4, 1.2)
}
