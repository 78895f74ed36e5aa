package optim

import (
	"errors"
	"math"
	"testing"
)

// TestClip: gradients (3, 0) and -4, of norm 5, are scaled within the step to a
// norm of at most max, for every optimiser, and whatever is left of it.
func TestClip(t *testing.T) {
	for _, c := range []struct{ max, scale float64 }{{0, 1}, {5, 1}, {10, 1}, {1, 0.2}} {
		for name, fresh := range map[string]func() Optimizer{
			"sgd":  func() Optimizer { return &SGD{WeightDecay: 0.5} },
			"asgd": func() Optimizer { return &ASGD{WeightDecay: 0.5} },
			"adam": func() Optimizer { a := NewAdam(0.5); a.Eps = 1; return a },
		} {
			values := func() []Param {
				return []Param{param("a", []float32{1, 2}, []float32{3, 0}), param("b", []float32{3}, []float32{-4})}
			}
			clipped, scaled := values(), values()
			norm, err := GlobalNorm(clipped)
			if err != nil || norm != 5 || ClipScale(norm, c.max) != c.scale {
				t.Errorf("max %v: norm %v, scale %v, %v; want 5, %v", c.max, norm, ClipScale(norm, c.max), err, c.scale)
			}
			if err := fresh().Step(clipped, 0.1, ClipScale(norm, c.max)); err != nil {
				t.Fatal(err)
			}
			for _, p := range scaled {
				for i := range p.Grad {
					p.Grad[i] *= float32(c.scale)
				}
			}
			if err := fresh().Step(scaled, 0.1, 1); err != nil {
				t.Fatal(err)
			}
			for i, p := range scaled {
				want := make([]float64, len(p.Value))
				for j, v := range p.Value {
					want[j] = float64(v)
				}
				near(t, name, clipped[i].Value, want...)
			}
		}
	}
}

func TestGlobalNormInFloat64(t *testing.T) {
	// The squares overflow float32, the norm does not.
	p := param("a", make([]float32, 2), []float32{3e30, 4e30})
	norm, err := GlobalNorm([]Param{p})
	if err != nil || !(math.Abs(norm/5e30-1) <= 1e-6) {
		t.Errorf("norm %v, %v; want 5e30", norm, err)
	}
	if err := (&SGD{}).Step([]Param{p}, 1, ClipScale(norm, 1)); err != nil {
		t.Fatal(err)
	}
	near(t, "after a clipped step", p.Value, -0.6, -0.8)
}

func TestNonFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		good := param("good", []float32{1, 1}, []float32{3, 4})
		p := param("layers.0.bias", []float32{0, 0, bad}, []float32{1, bad, bad})
		_, err := GlobalNorm([]Param{good, p})
		var e *NonFiniteError
		if !errors.As(err, &e) || e.Tensor != "layers.0.bias" || e.Index != 1 || e.What != "gradient" {
			t.Errorf("gradient %v: error %v", bad, err)
		}
		near(t, "other gradients", good.Grad, 3, 4)
		for name, o := range map[string]Optimizer{"sgd": &SGD{}, "asgd": &ASGD{}, "adam": NewAdam(0)} {
			p := param("layers.0.bias", make([]float32, 2*chunk), make([]float32, 2*chunk))
			p.Value[chunk+3], p.Value[chunk-3] = bad, bad
			if err := o.Step([]Param{good, p}, 1, 1); !errors.As(err, &e) || e.Index != chunk-3 || e.What != "parameter" {
				t.Errorf("%s, parameter %v: error %v", name, bad, err)
			}
		}
	}
}

func TestDivideShared(t *testing.T) {
	alone, shared := Param{Grad: []float32{6, 6}}, Param{Grad: []float32{6, 9}, Shared: 3}
	DivideShared([]Param{alone, shared})
	near(t, "alone", alone.Grad, 6, 6)
	near(t, "shared", shared.Grad, 2, 3)
}

func TestBound(t *testing.T) {
	nan := float32(math.NaN())
	in := []float32{-0.5, 0, 0.25, 1, 1.5, nan}
	for name, c := range map[string]struct {
		min, max float64
		want     []float32
	}{
		"within 0 and 1":  {0, 1, []float32{0, 0, 0.25, 1, 1, nan}},
		"within -0.25, 0": {-0.25, 0, []float32{-0.25, 0, 0, 0, 0, nan}},
		"without bounds":  {0, 0, in},
	} {
		p := param(name, append([]float32{}, in...), make([]float32, len(in)))
		p.Min, p.Max = c.min, c.max
		Bound([]Param{p})
		for i, got := range p.Value {
			if math.Float32bits(got) != math.Float32bits(c.want[i]) {
				t.Errorf("%s: %v becomes %v, want %v", name, in[i], got, c.want[i])
			}
		}
	}
}
