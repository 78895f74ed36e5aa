package sinusoid

import (
	"fmt"
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/rng"
)

// newReading draws a small reader in float64, and numbers for it at which all of its
// parts matter.
func newReading(t *testing.T) (task *reading[float64], theta, phi []float64) {
	t.Helper()
	s := paper
	s.Shots, s.Evaluation = 4, 3
	_, train, eval := s.draw(rng.New(3, "wave").Rand)
	task = &reading[float64]{newReader[float64](5), train, eval}
	fast, slow := task.Len()
	r := rng.New(3, "theta")
	theta, phi = make([]float64, slow), make([]float64, fast)
	for i := range theta {
		theta[i] = .3 * r.NormFloat64()
	}
	for i := range phi {
		phi[i] = .3 * r.NormFloat64()
	}
	return task, theta, phi
}

// Both partial derivatives of the energy by central differences, those of weights,
// coefficients, rates, their slow values and strengths.
func TestReadingGradient(t *testing.T) {
	task, theta, phi := newReading(t)
	const beta, eps = .7, 1e-6
	dphi, dtheta := make([]float64, len(phi)), make([]float64, len(theta))
	task.Gradient(phi, theta, beta, dphi, dtheta)
	check := func(what string, values, got []float64) {
		for i, v := range values {
			at := func(x float64) float64 {
				values[i] = x
				in, out := task.Gradient(phi, theta, beta, nil, nil)
				return in + beta*out
			}
			want := (at(v+eps) - at(v-eps)) / (2 * eps)
			values[i] = v
			if math.Abs(got[i]-want) > 1e-7 {
				t.Errorf("%s %d: %v, want %v", what, i, got[i], want)
			}
		}
	}
	check("fast", phi, dphi)
	check("slow", theta, dtheta)

	// Asked for one of them alone, it gives the same.
	alone := make([]float64, len(theta))
	task.Gradient(phi, theta, beta, nil, alone)
	for i := range alone {
		if alone[i] != dtheta[i] {
			t.Fatalf("slow %d alone: %v, want %v", i, alone[i], dtheta[i])
		}
	}
}

// Without a step of learning, back-propagation through the episode is the gradient
// of what reading alone comes to; strengths have none.
func TestReadingBackprop(t *testing.T) {
	task, theta, phi := newReading(t)
	g := make([]float64, len(theta))
	u := contrast.Unrolled[float64]{}
	u.Gradient(task, theta, phi, g)
	out := func(i int, d float64) float64 {
		keep := theta[i]
		defer func() { theta[i] = keep }()
		theta[i] += d
		_, l := u.Learn(task, theta, phi)
		return l
	}
	for i := range theta {
		const eps = 1e-6
		if want := (out(i, eps) - out(i, -eps)) / (2 * eps); math.Abs(g[i]-want) > 1e-7 {
			t.Errorf("slow %d: %v, want %v", i, g[i], want)
		}
	}
	_, _, rho := task.split(g)
	for i, v := range rho {
		if v != 0 {
			t.Errorf("strength %d has the gradient %v, want none", i, v)
		}
	}
}

// Once both phases have come to rest the contrastive rule's gradient is that of
// learning as a whole: of the weights, through what is learned, of the slow values and
// of the strengths.
func TestReadingContrast(t *testing.T) {
	task, theta, phi := newReading(t)
	_, _, rho := task.split(theta)
	for i := range rho {
		rho[i] = math.Log(.5) // strong enough for a minimum that is near
	}
	learn := contrast.Phase[float64]{Steps: 800, Optimizer: func() contrast.Optimizer[float64] {
		return &contrast.Descent[float64]{Rate: .1, Momentum: .9}
	}}
	rule := contrast.Rule[float64]{Beta: 1e-3, Estimate: contrast.Symmetric, Free: learn, Nudged: learn}
	g := make([]float64, len(theta))
	if rep := rule.Gradient(task, theta, phi, g); rep.FreeGrad > 1e-9 {
		t.Fatalf("the free phase ends at a gradient of %g: no rest, nothing to compare", rep.FreeGrad)
	}
	_, slow := task.Len()
	for i := 0; i < slow; i += 37 {
		out := func(d float64) float64 {
			keep := theta[i]
			defer func() { theta[i] = keep }()
			theta[i] += d
			_, l := rule.Learn(task, theta, phi)
			return l
		}
		const eps = 1e-4
		want := (out(eps) - out(-eps)) / (2 * eps)
		if math.Abs(g[i]-want) > 1e-3*math.Max(math.Abs(want), .01) {
			t.Error(fmt.Sprint("slow ", i), g[i], "want", want)
		}
	}
}
