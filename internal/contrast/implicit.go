package contrast

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Curved is an energy that knows its own curvature. For others it is taken from
// gradients at two points.
type Curved[F kernel.Float] interface {
	// IsCurved reports whether Curvature may be called.
	IsCurved() bool
	// Curvature writes H x to hx [fast] and C^T x to cx [slow], with H = d2 L_in /
	// dphi dphi and C = d2 L_in / dphi dtheta.
	Curvature(phi, theta, x, hx, cx []F)
}

// Solver says how the implicit gradient's linear system H x = v is solved.
type Solver int

const (
	ConjugateGradient Solver = iota // Steps steps from x = 0
	Neumann                         // x = Rate sum_{k=0..Steps} (1 - Rate H)^k v
	T1T2                            // x = v: the curvature is left out
)

// Implicit is the implicit gradient after a free phase. With v = dL_out/dphi there,
//
//	dL_out/dtheta = direct term - C^T x,  H x = v
//
// by the implicit function theorem, where H and C are the second derivatives of
// L_in at a minimum.
type Implicit[F kernel.Float] struct {
	Free   Phase[F]
	Solver Solver
	Steps  int
	Rate   float64 // of Neumann
	// Damping is added to every curvature that conjugate gradients meet: where H is
	// nearly flat, or curves downwards because learning has not come to rest, H^-1 v
	// is large and means nothing (Martens, Deep learning via Hessian-free
	// optimization, 2010).
	Damping float64
}

// Gradient is as Rule.Gradient.
func (im *Implicit[F]) Gradient(e Energy[F], theta, phi, dtheta []F) Report {
	fast, slow := e.Len()
	rep := Report{Drift: math.NaN(), Displacement: math.NaN(), NudgedGrad: math.NaN()}
	dphi := make([]F, fast)
	e.Start(theta, phi)
	im.Free.run(e, phi, theta, 0, dphi)
	v := make([]F, fast)
	rep.In, rep.Out, rep.FreeGrad = outer(e, phi, theta, v, dtheta)

	h := newCurvature(e, phi, theta)
	x := append([]F(nil), v...)
	switch im.Solver {
	case ConjugateGradient:
		h.conjugate(x, im.Steps, im.Damping)
	case Neumann:
		h.neumann(x, im.Steps, im.Rate)
	}
	cx := make([]F, slow)
	h.apply(x, make([]F, fast), cx)
	kernel.Axpy(-1, cx, dtheta)
	return rep
}

// Learn takes the free phase alone, as Rule.Learn.
func (im *Implicit[F]) Learn(e Energy[F], theta, phi []F) (in, out float64) {
	r := Rule[F]{Free: im.Free}
	return r.Learn(e, theta, phi)
}

// outer writes the partial derivatives of L_out alone, by phi to v and by theta to
// direct, and returns L_in, L_out and |dL_in/dphi|.
func outer[F kernel.Float](e Energy[F], phi, theta, v, direct []F) (in, out, norm float64) {
	dphi, dtheta := make([]F, len(v)), make([]F, len(direct))
	in, _ = e.Gradient(phi, theta, 0, dphi, dtheta)
	_, out = e.Gradient(phi, theta, 1, v, direct)
	kernel.Axpy(-1, dphi, v)
	kernel.Axpy(-1, dtheta, direct)
	return in, out, math.Sqrt(kernel.SumSquares(dphi))
}

// curvature multiplies by the second derivatives of L_in at a point.
type curvature[F kernel.Float] struct {
	e          Energy[F]
	phi, theta []F
	at         []F
	h2, c2     []F
}

func newCurvature[F kernel.Float](e Energy[F], phi, theta []F) *curvature[F] {
	fast, slow := e.Len()
	return &curvature[F]{e: e, phi: phi, theta: theta, at: make([]F, fast), h2: make([]F, fast), c2: make([]F, slow)}
}

// stride is how far to both sides of phi gradients are taken, as a share of its
// size: the cube root of the precision, where truncation and rounding meet.
func stride[F kernel.Float]() float64 {
	if _, narrow := any(F(0)).(float32); narrow {
		return 5e-3
	}
	return 6e-6
}

// apply writes H x and C^T x.
func (c *curvature[F]) apply(x, hx, cx []F) {
	if curved, ok := c.e.(Curved[F]); ok && curved.IsCurved() {
		curved.Curvature(c.phi, c.theta, x, hx, cx)
		return
	}
	norm := math.Sqrt(kernel.SumSquares(x))
	if norm == 0 {
		clear(hx)
		clear(cx)
		return
	}
	eps := stride[F]() * (1 + math.Sqrt(kernel.SumSquares(c.phi))) / norm
	c.gradient(x, eps, hx, cx)
	c.gradient(x, -eps, c.h2, c.c2)
	difference(hx, c.h2, 1/(2*eps))
	difference(cx, c.c2, 1/(2*eps))
}

func (c *curvature[F]) gradient(x []F, eps float64, dphi, dtheta []F) {
	copy(c.at, c.phi)
	kernel.Axpy(F(eps), x, c.at)
	c.e.Gradient(c.at, c.theta, 0, dphi, dtheta)
}

// difference computes a <- scale (a - b).
func difference[F kernel.Float](a, b []F, scale float64) {
	for i := range a {
		a[i] = F(scale) * (a[i] - b[i])
	}
}

// conjugate overwrites v with the solution of (H + damping) x = v after so many
// steps of the method of conjugate gradients from x = 0 (Hestenes and Stiefel 1952).
// It ends where the residual vanishes, or at a direction along which that does not
// curve upwards: no minimum then, and what is reached is all there is.
func (c *curvature[F]) conjugate(v []F, steps int, damping float64) {
	n := len(v)
	r := append([]F(nil), v...)
	p := append([]F(nil), v...)
	hp, unused := make([]F, n), make([]F, len(c.c2))
	clear(v)
	rr := kernel.SumSquares(r)
	first := rr
	for range steps {
		if rr <= 1e-28*first {
			return
		}
		c.apply(p, hp, unused)
		kernel.Axpy(F(damping), p, hp)
		php := dot(p, hp)
		if !(php > 0) {
			return
		}
		a := rr / php
		kernel.Axpy(F(a), p, v)
		kernel.Axpy(F(-a), hp, r)
		next := kernel.SumSquares(r)
		kernel.Scale(F(next/rr), p)
		kernel.Add(p, r)
		rr = next
	}
}

// neumann overwrites v with rate sum_{k=0..steps} (1 - rate H)^k v.
func (c *curvature[F]) neumann(v []F, steps int, rate float64) {
	term := append([]F(nil), v...)
	h, unused := make([]F, len(v)), make([]F, len(c.c2))
	for range steps {
		c.apply(term, h, unused)
		kernel.Axpy(F(-rate), h, term)
		kernel.Add(v, term)
	}
	kernel.Scale(F(rate), v)
}

// dot sums in float64.
func dot[F kernel.Float](a, b []F) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
