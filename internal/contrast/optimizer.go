package contrast

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm/optim"
)

// Optimizer lowers an energy in one phase. It may keep state from step to step.
type Optimizer[F kernel.Float] interface {
	Step(phi, dphi []F)
}

// Descent is gradient descent, with Momentum above 0 in Nesterov's form:
//
//	v <- mu v + g,  phi <- phi - rate (g + mu v)
type Descent[F kernel.Float] struct {
	Rate, Momentum float64

	v []F
}

func (d *Descent[F]) Step(phi, g []F) {
	if d.Momentum == 0 {
		kernel.Axpy(F(-d.Rate), g, phi)
		return
	}
	if d.v == nil {
		d.v = make([]F, len(phi))
	}
	kernel.Scale(F(d.Momentum), d.v)
	kernel.Add(d.v, g)
	kernel.Axpy(F(-d.Rate), g, phi)
	kernel.Axpy(F(-d.Rate*d.Momentum), d.v, phi)
}

// Adam is Adam with the paper's betas .9 and .999 and eps 1e-8.
type Adam[F kernel.Float] struct {
	Rate float64

	t    int
	m, v []F
}

func (a *Adam[F]) Step(phi, g []F) {
	if a.m == nil {
		a.m, a.v = make([]F, len(phi)), make([]F, len(phi))
	}
	a.t++
	bc1, bc2 := 1-math.Pow(.9, float64(a.t)), 1-math.Pow(.999, float64(a.t))
	kernel.AdamStep(phi, g, a.m, a.v, F(a.Rate), .9, .999, 1e-8, 0, F(bc1), F(bc2))
}

// Of puts an optimiser of lstm/optim, which works in float32, behind a phase.
// A number that is not finite stays where it is, as in the optimisers here: the
// gradient that comes of it says so.
type Of struct {
	Optimizer optim.Optimizer
	Rate      float64
}

func (o *Of) Step(phi, g []float32) {
	// Its only errors are such numbers, and rates that Rate's bearer has checked.
	_ = o.Optimizer.Step([]optim.Param{{Name: "phi", Shape: []int{len(phi)}, Value: phi, Grad: g}}, o.Rate, 1)
}
