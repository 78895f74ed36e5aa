package contrast

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Unrolled is back-propagation through the steps of learning by gradient descent,
// with or without Nesterov's momentum. Through all of a few steps it is MAML
// (Finn, Abbeel and Levine 2017); through the last of many, truncated
// back-propagation; through none, with FirstOrder, first-order MAML. It keeps
// phi of each step that it goes back through.
type Unrolled[F kernel.Float] struct {
	Steps          int
	Rate, Momentum float64
	Through        int // the last steps that are gone back through, at most Steps
	// FirstOrder takes every step's curvature for zero, so that the gradient of the
	// end of learning is that of its start.
	FirstOrder bool
}

// Gradient is as Rule.Gradient.
func (u *Unrolled[F]) Gradient(e Energy[F], theta, phi, dtheta []F) Report {
	fast, slow := e.Len()
	rep := Report{Drift: math.NaN(), Displacement: math.NaN(), NudgedGrad: math.NaN()}
	through := min(u.Through, u.Steps)
	if u.FirstOrder {
		through = 0
	}
	dphi := make([]F, fast)
	o := Descent[F]{Rate: u.Rate, Momentum: u.Momentum}
	tape := make([][]F, 0, through)
	e.Start(theta, phi)
	for t := range u.Steps {
		if t >= u.Steps-through {
			tape = append(tape, append([]F(nil), phi...))
		}
		e.Gradient(phi, theta, 0, dphi, nil)
		o.Step(phi, dphi)
	}
	back := make([]F, fast) // dL_out/dphi, step by step
	rep.In, rep.Out, rep.FreeGrad = outer(e, phi, theta, back, dtheta)

	// v' = mu v + g, phi' = phi - rate (g + mu v'): in this, g depends on phi and
	// theta. dv is the gradient of v'.
	dv, dg := make([]F, fast), make([]F, fast)
	hx, cx := make([]F, fast), make([]F, slow)
	for t := len(tape) - 1; t >= 0; t-- {
		kernel.Axpy(F(-u.Rate*u.Momentum), back, dv)
		copy(dg, dv)
		kernel.Axpy(F(-u.Rate), back, dg)
		kernel.Scale(F(u.Momentum), dv)
		newCurvature(e, tape[t], theta).apply(dg, hx, cx)
		kernel.Add(back, hx)
		kernel.Add(dtheta, cx)
	}
	if u.FirstOrder || through == u.Steps {
		e.StartBackward(back, dtheta)
	}
	return rep
}

// Learn takes the steps alone, as Rule.Learn.
func (u *Unrolled[F]) Learn(e Energy[F], theta, phi []F) (in, out float64) {
	r := Rule[F]{Free: Phase[F]{u.Steps, func() Optimizer[F] { return &Descent[F]{Rate: u.Rate, Momentum: u.Momentum} }}}
	return r.Learn(e, theta, phi)
}
