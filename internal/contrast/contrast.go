// Package contrast estimates the gradient of learning by learning twice: the
// contrastive meta-learning rule [1].
//
// A task has fast parameters phi, which are learned, and slow parameters theta,
// which say how. Learning lowers L_in(phi, theta); what it should have achieved is
// measured by L_out(phi, theta). With the energy
//
//	L(phi, theta, beta) = L_in(phi, theta) + beta L_out(phi, theta)
//
// a free phase lowers L at beta = 0, from phi_init(theta) to phi_0, and a nudged
// phase goes on at a small beta, from phi_0 to phi_beta. The gradient of L_out at
// the end of learning by theta is then about
//
//	( dL/dtheta(phi_beta, theta, beta) - dL/dtheta(phi_0, theta, 0) ) / beta
//
// with partial derivatives at fixed phi: neither second derivatives nor a record
// of the phases are needed, and the memory does not grow with their length. It is
// exact in the limit of beta -> 0 and of phases that have come to rest (the
// equilibrium propagation theorem, [1, theorem 1]).
//
// Beside it stand the methods that it is held against: the implicit gradient by
// conjugate gradients, by a Neumann series or without curvature (Implicit), and
// back-propagation through the steps of learning, whole or truncated, with MAML
// and its first-order form as the case of few steps (Unrolled).
//
// All vectors are flat. Everything is generic over float32, the fast one, and
// float64, which the tests use.
//
//	[1] Zucchet, Schug, von Oswald, Zhao and Sacramento, A contrastive rule for
//	    meta-learning, NeurIPS 2022, arXiv:2104.01677.
package contrast

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Energy is L(phi, theta, beta) = L_in + beta L_out of one task. It may keep
// scratch memory: one goroutine uses it at a time.
type Energy[F kernel.Float] interface {
	// Len returns how many fast and how many slow parameters there are.
	Len() (fast, slow int)
	// Start writes phi_init(theta), where the free phase begins, to phi.
	Start(theta, phi []F)
	// StartBackward adds the gradient of theta through Start to dtheta, given that
	// of phi: (d phi_init / d theta)^T dphi.
	StartBackward(dphi, dtheta []F)
	// Gradient returns L_in and, unless beta is 0, L_out, and writes the partial
	// derivatives of L_in + beta L_out: by phi to dphi [fast] and by theta at fixed
	// phi to dtheta [slow], unless these are nil.
	Gradient(phi, theta []F, beta float64, dphi, dtheta []F) (in, out float64)
}

// Estimate says how phases become a gradient. F(b) stands for dL/dtheta at the end
// of the phase at b.
type Estimate int

const (
	// Forward is (F(beta) - F(0)) / beta: an error in O(beta).
	Forward Estimate = iota
	// Symmetric is (F(beta) - F(-beta)) / (2 beta), both phases from phi_0: an error
	// in O(beta^2). beta must stay below the curvature of L_in over that of L_out.
	Symmetric
	// SecondOrder is (-3/2 F(0) + 2 F(beta) - 1/2 F(2 beta)) / beta: likewise
	// O(beta^2), without a negative beta.
	SecondOrder
	// Matched is Forward against a free phase that has gone on for as many steps as
	// the nudged one took, so that what the free phase had left to do drops out.
	Matched
)

var estimates = [...]string{"forward", "symmetric", "second-order", "matched"}

func (e Estimate) String() string { return estimates[e] }

// ParseEstimate returns the estimate of a name.
func ParseEstimate(name string) (Estimate, error) {
	for i, n := range estimates {
		if n == name {
			return Estimate(i), nil
		}
	}
	return 0, fmt.Errorf("estimate %q: want forward, symmetric, second-order or matched", name)
}

// Phase is a number of steps of an optimiser, whose state is new in each phase.
type Phase[F kernel.Float] struct {
	Steps     int
	Optimizer func() Optimizer[F]
}

// Rule is the contrastive rule with its settings.
type Rule[F kernel.Float] struct {
	Beta         float64
	Estimate     Estimate
	Free, Nudged Phase[F]
	// Check asks for Report.Drift under every estimate, at the cost of as many steps
	// as the nudged phase has; Matched takes them anyway.
	Check bool
}

// Report tells how the phases went.
type Report struct {
	In, Out float64 // L_in and L_out at the end of the free phase
	// |dL/dphi| at the end of the free and of the (last) nudged phase: how far they
	// are from rest.
	FreeGrad, NudgedGrad float64
	// Displacement is how far the nudge moves phi: |phi_beta - phi_0|, or under
	// Symmetric |phi_beta - phi_-beta| / 2, and under Matched from the end of the
	// longer free phase: so that what that had left to do is not in it.
	Displacement float64
	// Drift is how far phi goes in as many further steps at beta = 0; NaN unless it
	// was asked for.
	Drift float64
}

// Drowned reports whether the nudge cannot be told from what the free phase had
// left to do: a displacement below three times the drift.
func (r *Report) Drowned() bool { return r.Displacement < 3*r.Drift }

// Gradient writes the estimate of dL_out/dtheta to dtheta [slow] and the end of the
// free phase to phi [fast].
func (r *Rule[F]) Gradient(e Energy[F], theta, phi, dtheta []F) Report {
	fast, slow := e.Len()
	rep := Report{Drift: math.NaN()}
	e.Start(theta, phi)
	dphi := make([]F, fast)
	r.Free.run(e, phi, theta, 0, dphi)

	clear(dtheta)
	term, moved := make([]F, slow), make([]F, fast)
	// end adds weight dL/dtheta at the end of a phase.
	end := func(at []F, beta, weight float64) (in, out, norm float64) {
		in, out = e.Gradient(at, theta, beta, dphi, term)
		kernel.Axpy(F(weight), term, dtheta)
		return in, out, math.Sqrt(kernel.SumSquares(dphi))
	}
	nudge := func(beta, weight float64) {
		copy(moved, phi)
		r.Nudged.run(e, moved, theta, beta, dphi)
		_, _, rep.NudgedGrad = end(moved, beta, weight)
		rep.Displacement = distance(moved, phi)
	}
	reference := phi // of the free phase
	if r.Check || r.Estimate == Matched {
		reference = append([]F(nil), phi...)
		r.Nudged.run(e, reference, theta, 0, dphi)
		rep.Drift = distance(reference, phi)
		if r.Estimate != Matched {
			reference = phi
		}
	}
	b := r.Beta
	switch r.Estimate {
	case Forward, Matched:
		rep.In, _, rep.FreeGrad = end(reference, 0, -1/b)
		nudge(b, 1/b)
		if r.Estimate == Matched {
			rep.Displacement = distance(moved, reference)
		}
	case Symmetric:
		rep.In, _, rep.FreeGrad = end(phi, 0, 0)
		nudge(-b, -1/(2*b))
		down := append([]F(nil), moved...)
		nudge(b, 1/(2*b))
		rep.Displacement = distance(moved, down) / 2
	case SecondOrder:
		rep.In, _, rep.FreeGrad = end(phi, 0, -1.5/b)
		nudge(2*b, -0.5/b)
		nudge(b, 2/b)
	}
	_, rep.Out = e.Gradient(phi, theta, 1, nil, nil)
	return rep
}

// Learn takes the free phase alone: it writes its end to phi [fast] and returns
// L_in and L_out there.
func (r *Rule[F]) Learn(e Energy[F], theta, phi []F) (in, out float64) {
	e.Start(theta, phi)
	r.Free.run(e, phi, theta, 0, make([]F, len(phi)))
	return e.Gradient(phi, theta, 1, nil, nil)
}

// run lowers L at beta from phi; dphi is scratch memory.
func (p *Phase[F]) run(e Energy[F], phi, theta []F, beta float64, dphi []F) {
	if p.Steps == 0 {
		return
	}
	o := p.Optimizer()
	for range p.Steps {
		e.Gradient(phi, theta, beta, dphi, nil)
		o.Step(phi, dphi)
	}
}

// distance returns |a - b|.
func distance[F kernel.Float](a, b []F) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
