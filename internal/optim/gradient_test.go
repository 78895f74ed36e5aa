package optim

import (
	"errors"
	"math"
	"testing"
)

func TestClipGlobalNorm(t *testing.T) {
	for _, c := range []struct {
		max  float64
		a, b []float64
	}{
		{0, []float64{3, 0}, []float64{-4}},  // off
		{5, []float64{3, 0}, []float64{-4}},  // at the norm
		{10, []float64{3, 0}, []float64{-4}}, // above it
		{1, []float64{0.6, 0}, []float64{-0.8}},
	} {
		a := param("a", []float32{0, 0}, []float32{3, 0})
		b := param("b", []float32{0}, []float32{-4})
		norm, err := ClipGlobalNorm([]Param{a, b}, c.max)
		if err != nil || norm != 5 {
			t.Errorf("max %v: norm %v, %v; want 5", c.max, norm, err)
		}
		near(t, "a", a.Grad, c.a...)
		near(t, "b", b.Grad, c.b...)
	}
}

func TestClipGlobalNormInFloat64(t *testing.T) {
	// The squares overflow float32, the norm does not.
	p := param("a", make([]float32, 2), []float32{3e30, 4e30})
	norm, err := ClipGlobalNorm([]Param{p}, 1)
	if err != nil || math.Abs(norm/5e30-1) > 1e-6 {
		t.Errorf("norm %v, %v; want 5e30", norm, err)
	}
	near(t, "clipped", p.Grad, 0.6, 0.8)
}

func TestNonFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		good := param("good", []float32{1, 1}, []float32{3, 4})
		p := param("layers.0.bias", []float32{0, 0, bad}, []float32{1, bad, bad})
		_, err := ClipGlobalNorm([]Param{good, p}, 1)
		var e *NonFiniteError
		if !errors.As(err, &e) || e.Tensor != "layers.0.bias" || e.Index != 1 || e.What != "gradient" {
			t.Errorf("gradient %v: error %v", bad, err)
		}
		near(t, "other gradients", good.Grad, 3, 4)
		if err := CheckFinite([]Param{good, p}); !errors.As(err, &e) || e.Index != 2 || e.What != "parameter" {
			t.Errorf("parameter %v: error %v", bad, err)
		}
		if err := CheckFinite([]Param{good}); err != nil {
			t.Error(err)
		}
	}
}

func TestDivideSharedAlpha(t *testing.T) {
	alpha := func(name string, shape ...int) Param {
		n := 1
		for _, d := range shape {
			n *= d
		}
		p := Param{name, shape, make([]float32, n), make([]float32, n)}
		for i := range p.Grad {
			p.Grad[i] = 6
		}
		return p
	}
	params := []Param{
		alpha("layers.0.weight_hh", 12, 3), alpha("layers.0.alpha", 3),
		alpha("layers.1.weight_hh", 8, 2), alpha("layers.1.alpha", 1),
		alpha("layers.2.weight_hh", 8, 2), alpha("layers.2.alpha", 2, 2),
		alpha("layers.0.eta", 3),
	}
	if err := DivideSharedAlpha(params); err != nil {
		t.Fatal(err)
	}
	near(t, "per neuron", params[1].Grad, 2, 2, 2)
	near(t, "per layer", params[3].Grad, 3)
	near(t, "per connection", params[5].Grad, 6, 6, 6, 6)
	near(t, "eta", params[6].Grad, 6, 6, 6)
	near(t, "weight_hh", params[2].Grad[:2], 6, 6)
	if err := DivideSharedAlpha(params[1:2]); err == nil {
		t.Error("an alpha of unknown width was divided")
	}
}
