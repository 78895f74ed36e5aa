package optim

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestSparse: a gradient by rows moves parameters, moments and averages as the
// same gradient with its zeros does, for all optimisers, with and without weight
// decay and a clip, and at sizes of one task and of several.
func TestSparse(t *testing.T) {
	for name, fresh := range map[string]func() Optimizer{
		"sgd":             func() Optimizer { return &SGD{} },
		"sgd with decay":  func() Optimizer { return &SGD{WeightDecay: 1e-2} },
		"asgd":            func() Optimizer { return &ASGD{} },
		"asgd with decay": func() Optimizer { return &ASGD{WeightDecay: 1e-2} },
		"adam":            func() Optimizer { return NewAdam(0) },
		"adam with decay": func() Optimizer { return NewAdam(1e-2) },
	} {
		for _, shape := range [][]int{{7, 5}, {chunk / 16, 40}} {
			rows, size := shape[0], shape[1]
			r := rand.New(rand.NewPCG(1, 2))
			value := make([]float32, rows*size)
			for i := range value {
				value[i] = float32(r.NormFloat64())
			}
			sparse := []Param{{Name: "w", Shape: shape, Value: slices.Clone(value)}}
			dense := []Param{{Name: "w", Shape: shape, Value: value, Grad: make([]float32, len(value))}}
			a, b := fresh(), fresh()
			for step := range 4 {
				if step == 1 {
					trigger(a)
					trigger(b)
				}
				p := &sparse[0]
				p.Rows, p.Grad = []int{}, nil
				clear(dense[0].Grad)
				for row := range rows {
					if r.IntN(3) > 0 {
						continue
					}
					p.Rows = append(p.Rows, row)
					for i := range size {
						g := float32(r.NormFloat64())
						p.Grad = append(p.Grad, g)
						dense[0].Grad[row*size+i] = g
					}
				}
				norm, err := GlobalNorm(sparse)
				if err != nil {
					t.Fatal(err)
				}
				if want, err := GlobalNorm(dense); err != nil || !(math.Abs(norm-want) <= 1e-9*want) {
					t.Errorf("%s: norm %v, %v; want %v", name, norm, err, want)
				}
				for _, err := range []error{a.Step(sparse, 0.1, 0.7), b.Step(dense, 0.1, 0.7)} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			equal(t, name, sparse[0].Value, dense[0].Value)
			for slot, want := range b.State().Slots {
				equal(t, name+" "+slot, a.State().Slots[slot], want)
			}
		}
	}
}

func trigger(o Optimizer) {
	if a, ok := o.(*ASGD); ok {
		a.Trigger()
	}
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 1e-6*(1+math.Abs(float64(want[i])))) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func TestSparseNonFinite(t *testing.T) {
	p := Param{Name: "embedding.weight", Shape: []int{4, 2}, Value: make([]float32, 8), Rows: []int{1, 3}, Grad: []float32{1, 1, float32(math.NaN()), 1}}
	_, err := GlobalNorm([]Param{p})
	var e *NonFiniteError
	if !errors.As(err, &e) || e.Index != 6 {
		t.Errorf("error %v, want one of element 6", err)
	}
	if err := (&SGD{}).Step([]Param{p}, 1, 1); !errors.As(err, &e) || e.Index != 6 || e.What != "parameter" {
		t.Errorf("after a step: error %v, want one of element 6", err)
	}
}

func TestSparseRefuses(t *testing.T) {
	for want, p := range map[string]Param{
		"has 1 gradients; want the 2 of 1 rows": {Shape: []int{2, 2}, Value: make([]float32, 4), Rows: []int{0}, Grad: make([]float32, 1)},
		"row 0 behind row 0":                    {Shape: []int{2, 1}, Value: make([]float32, 2), Rows: []int{0, 0}, Grad: make([]float32, 2)},
		"row 2 behind row 0":                    {Shape: []int{2, 1}, Value: make([]float32, 2), Rows: []int{0, 2}, Grad: make([]float32, 2)},
		"row -1":                                {Shape: []int{2, 1}, Value: make([]float32, 2), Rows: []int{-1}, Grad: make([]float32, 1)},
		"want whole rows":                       {Shape: []int{2, 1}, Value: make([]float32, 3), Rows: []int{0}, Grad: make([]float32, 1)},
	} {
		if err := (&SGD{}).Step([]Param{p}, 1, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
