package contrast

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/engram-lm/engram/internal/rng"
)

// scalar is L_in = a/2 (phi-c)^2, L_out = k/2 (phi-y)^2.
type scalar struct{ a, c, y, k float64 }

func (s scalar) Len() int { return 1 }

func (s scalar) In(phi []float64, scale float64, dphi []float64) float64 {
	d := phi[0] - s.c
	if dphi != nil {
		dphi[0] += scale * s.a * d
	}
	return s.a / 2 * d * d
}

func (s scalar) Out(phi []float64, scale float64, dphi []float64) float64 {
	d := phi[0] - s.y
	if dphi != nil {
		dphi[0] += scale * s.k * d
	}
	return s.k / 2 * d * d
}

// descent is a phase of plain gradient descent.
func descent(steps int, rate float64) Phase[float64] {
	return Phase[float64]{Steps: steps, Optimizer: func() Optimizer[float64] { return &Descent[float64]{Rate: rate} }}
}

// settled is a phase that comes to rest.
func settled(rate float64) Phase[float64] { return descent(400, rate) }

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %.10g, want %.10g within %g", what, got, want, tolerance)
	}
}

// The closed forms of a scalar problem: a = 1, c = 2, lambda = .5, omega = .3, y = 1.
func TestScalar(t *testing.T) {
	const a, c, l, w, y = 1, 2, .5, .3, 1
	h := a + 2*l
	p := (a*c + 2*l*w) / h
	e := p - y
	theta := []float64{w, l}
	energy := &Synapse[float64]{Task: scalar{a, c, y, 1}, Pull: PullLinear, Learned: true}
	phi, g := make([]float64, 1), make([]float64, 2)

	im := Implicit[float64]{Free: settled(.4), Steps: 1}
	rep := im.Gradient(energy, theta, phi, g)
	near(t, "phi_0", phi[0], 1.15, 1e-12)
	near(t, "true domega", g[0], .075, 1e-9)
	near(t, "true dlambda", g[1], -.1275, 1e-9)
	near(t, "L_out", rep.Out, e*e/2, 1e-12)

	for _, want := range []struct {
		b, forwardW, forwardL, symmetricW, symmetricL float64 // [1]'s closed forms, by hand
	}{
		{.5, .06, -.1002, .08, -.1376},
		{.1, .0714286, -.1209184, .0751880, -.1278761},
	} {
		b := want.b
		r := Rule[float64]{Beta: b, Free: settled(.4), Nudged: settled(.35)}
		rep := r.Gradient(energy, theta, phi, g)
		near(t, "forward domega", g[0], want.forwardW, 6e-8)
		near(t, "forward dlambda", g[1], want.forwardL, 6e-8)
		near(t, "forward domega, formula", g[0], 2*l*e/(h+b), 1e-12)
		near(t, "forward dlambda, formula", g[1], -e/(h+b)*(2*(p-w)-b*e/(h+b)), 1e-12)
		near(t, "displacement", rep.Displacement, b*e/(h+b), 1e-12)
		if rep.FreeGrad > 1e-12 || rep.NudgedGrad > 1e-12 {
			t.Errorf("the phases end at gradients of %g and %g, want rest", rep.FreeGrad, rep.NudgedGrad)
		}

		r.Estimate = Symmetric
		r.Gradient(energy, theta, phi, g)
		near(t, "symmetric domega", g[0], want.symmetricW, 6e-8)
		near(t, "symmetric dlambda", g[1], want.symmetricL, 6e-8)
		near(t, "symmetric domega, formula", g[0], 2*l*e*h/(h*h-b*b), 1e-12)
		near(t, "symmetric dlambda, formula", g[1], -2*h*e/(h*h-b*b)*((p-w)+e*b*b/(h*h-b*b)), 1e-12)

		// Phases at rest leave nothing to match.
		r.Estimate = Matched
		r.Gradient(energy, theta, phi, g)
		near(t, "matched domega", g[0], want.forwardW, 6e-8)
	}

	// The logarithm of lambda: drho = lambda dlambda.
	log := &Synapse[float64]{Task: scalar{a, c, y, 1}, Pull: PullLog, Learned: true}
	r := Rule[float64]{Beta: .1, Free: settled(.4), Nudged: settled(.35)}
	r.Gradient(log, []float64{w, math.Log(l)}, phi, g)
	near(t, "drho", g[1], l*-.1209184, 6e-8)

	// An evaluation that is content asks for nothing, and L_out times k is beta times
	// k and the gradient times k.
	r.Gradient(&Synapse[float64]{Task: scalar{a, c, p, 1}, Pull: PullLinear, Learned: true}, theta, phi, g)
	near(t, "domega at rest", g[0], 0, 1e-12)
	near(t, "dlambda at rest", g[1], 0, 1e-12)
	r.Gradient(&Synapse[float64]{Task: scalar{a, c, y, 5}, Pull: PullLinear, Learned: true}, theta, phi, g)
	scaled := append([]float64{}, g...)
	r.Beta = .5
	r.Gradient(energy, theta, phi, g)
	near(t, "scaled domega", scaled[0], 5*g[0], 1e-10)
	near(t, "scaled dlambda", scaled[1], 5*g[1], 1e-10)
}

// Phases that stop early: the gradient of the nudged phase is short by what
// gradient descent has left, and a free phase that stopped at phi_0 + s adds s/beta.
func TestUnconverged(t *testing.T) {
	const a, c, l, w, y, rate, steps = 1, 2, .5, .3, 1, .1, 7
	h := a + 2*l
	p := (a*c + 2*l*w) / h
	e := p - y
	theta := []float64{w, l}
	phi, g := make([]float64, 1), make([]float64, 2)
	energy := &Synapse[float64]{Task: scalar{a, c, y, 1}, Pull: PullLinear, Learned: true}
	b := .2
	r := Rule[float64]{Beta: b, Free: settled(.4), Nudged: descent(steps, rate)}
	r.Gradient(energy, theta, phi, g)
	left := math.Pow(1-rate*(h+b), steps)
	near(t, "nudged for a few steps", g[0], 2*l*e/(h+b)*(1-left), 1e-12)

	// Both phases of the symmetric estimate begin at phi_0.
	r.Estimate = Symmetric
	r.Gradient(energy, theta, phi, g)
	moved := func(b float64) float64 { return -b * e / (h + b) * (1 - math.Pow(1-rate*(h+b), steps)) }
	near(t, "symmetric for a few steps", g[0], -2*l*(moved(b)-moved(-b))/(2*b), 1e-12)

	// A start at phi_0 + s and no free phase at all.
	const s = 1e-3
	off := &Synapse[float64]{Task: scalar{a, c, y, 1}, Pull: PullFixed, Strength: l, Centre: []float64{w}, Origin: []float64{p + s}}
	error := func(b float64, e Estimate) (gap float64, rep Report) {
		r := Rule[float64]{Beta: b, Estimate: e, Free: descent(0, 1), Nudged: descent(400, .3), Check: true}
		probe := &probed{Synapse: off, w: w, l: l}
		g := make([]float64, 1)
		rep = r.Gradient(probe, []float64{w}, phi, g)
		return math.Abs(g[0] - 2*l*(p-y)/h), rep
	}
	// What the free phase had left to do enters as -2 l s ((1 - r (h + b))^T - 1) / b.
	late := Rule[float64]{Beta: b, Free: descent(0, 1), Nudged: descent(steps, rate)}
	late.Gradient(&probed{Synapse: off, w: w, l: l}, []float64{w}, phi, g[:1])
	near(t, "a free phase that stopped early", g[0], 2*l*e/(h+b)*(1-left)-2*l*s*(left-1)/b, 1e-12)

	// error(beta) = c1 beta + c2 s/beta, smallest at sqrt(c2 s/c1).
	c1, c2 := 2*l*e/(h*h), 2*l
	best := math.Sqrt(c2 * s / c1)
	least, at := math.Inf(1), 0.0
	for k := -8; k <= 8; k++ {
		b := best * math.Pow(2, float64(k)/2)
		if gap, _ := error(b, Forward); gap < least {
			least, at = gap, b
		}
	}
	if at < best/4 || at > 4*best {
		t.Errorf("the best beta is %g, predicted %g", at, best)
	}
	small, rep := error(best/100, Forward)
	if small < 10*least {
		t.Errorf("a small beta errs by %g, the best by %g: want an error that grows", small, least)
	}
	if !rep.Drowned() {
		t.Errorf("a displacement of %g beside a drift of %g is not called drowned", rep.Displacement, rep.Drift)
	}
	if matched, _ := error(best/100, Matched); matched > small/100 {
		t.Errorf("matched errs by %g, forward by %g: want what the free phase left to drop out", matched, small)
	}
	if _, rep := error(10, Forward); rep.Drowned() {
		t.Errorf("a displacement of %g beside a drift of %g is called drowned", rep.Displacement, rep.Drift)
	}
}

// probed is a synapse whose omega is theta, but whose start is not.
type probed struct {
	*Synapse[float64]
	w, l float64
}

func (p *probed) Len() (int, int) { return 1, 1 }
func (p *probed) Gradient(phi, theta []float64, beta float64, dphi, dtheta []float64) (in, out float64) {
	in, out = p.Synapse.Gradient(phi, nil, beta, dphi, nil)
	if dtheta != nil {
		dtheta[0] = -2 * p.l * (phi[0] - theta[0])
	}
	return in, out
}

// ridge is least squares: L_in = |X phi - y|^2 / 2n and the same of other rows.
type ridge struct{ x, xo, y, yo *mat.Dense }

func newRidge(n, d int, seed uint64) *ridge {
	r := rng.New(seed, "ridge")
	draw := func(rows, cols int) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		m.Apply(func(_, _ int, _ float64) float64 { return r.NormFloat64() }, m)
		return m
	}
	return &ridge{draw(n, d), draw(n, d), draw(n, 1), draw(n, 1)}
}

func (r *ridge) Len() int { _, d := r.x.Dims(); return d }
func (r *ridge) In(phi []float64, scale float64, dphi []float64) float64 {
	return half(r.x, r.y, phi, scale, dphi)
}
func (r *ridge) Out(phi []float64, scale float64, dphi []float64) float64 {
	return half(r.xo, r.yo, phi, scale, dphi)
}

func half(x, y *mat.Dense, phi []float64, scale float64, dphi []float64) float64 {
	n, d := x.Dims()
	var res, g mat.Dense
	res.Mul(x, mat.NewDense(d, 1, phi))
	res.Sub(&res, y)
	if dphi != nil {
		g.Mul(x.T(), &res)
		for i := range dphi {
			dphi[i] += scale / float64(n) * g.At(i, 0)
		}
	}
	norm := mat.Norm(&res, 2)
	return norm * norm / float64(2*n)
}

// hessian returns X'X/n.
func hessian(x *mat.Dense) *mat.Dense {
	n, _ := x.Dims()
	var h mat.Dense
	h.Mul(x.T(), x)
	h.Scale(1/float64(n), &h)
	return &h
}

func solve(t *testing.T, h mat.Matrix, v []float64) []float64 {
	t.Helper()
	var x mat.Dense
	if err := x.Solve(h, mat.NewDense(len(v), 1, append([]float64{}, v...))); err != nil {
		t.Fatal(err)
	}
	return x.RawMatrix().Data
}

// A ridge regression with a strength per weight, against matrices solved exactly.
func TestRidge(t *testing.T) {
	const n, d = 12, 6
	task := newRidge(n, d, 1)
	energy := &Synapse[float64]{Task: task, Pull: PullLinear, Learned: true}
	theta := make([]float64, 2*d)
	r := rng.New(1, "theta")
	for i := range d {
		theta[i], theta[d+i] = r.NormFloat64(), r.Uniform(.2, 1)
	}
	omega, lambda := theta[:d], theta[d:]
	a, ao := hessian(task.x), hessian(task.xo)
	h := mat.DenseCopyOf(a)
	rhs := make([]float64, d)
	task.In(make([]float64, d), -1, rhs) // b_in
	for i := range d {
		h.Set(i, i, h.At(i, i)+2*lambda[i])
		rhs[i] += 2 * lambda[i] * omega[i]
	}
	phi0 := solve(t, h, rhs)
	v := make([]float64, d)
	task.Out(phi0, 1, v)
	x := solve(t, h, v)
	exact := make([]float64, 2*d)
	for i := range d {
		exact[i], exact[d+i] = 2*lambda[i]*x[i], -2*(phi0[i]-omega[i])*x[i]
	}
	rate := 1 / mat.Norm(h, 1)
	free := descent(4000, rate)
	phi, g := make([]float64, d), make([]float64, 2*d)
	gap := func(want []float64) float64 { return distance(g, want) / math.Sqrt(dot(want, want)) }

	t.Run("conjugate gradients in d steps", func(t *testing.T) {
		im := Implicit[float64]{Free: free, Steps: d}
		im.Gradient(energy, theta, phi, g)
		near(t, "error", gap(exact), 0, 1e-8)
		im.Steps = 1
		im.Gradient(energy, theta, phi, g)
		if gap(exact) < 1e-4 {
			t.Error("one step solves it: the system is too easy to show anything")
		}

		// Damping is a curvature more.
		const damping = .3
		damped := mat.DenseCopyOf(h)
		for i := range d {
			damped.Set(i, i, h.At(i, i)+damping)
		}
		x := solve(t, damped, v)
		want := make([]float64, 2*d)
		for i := range d {
			want[i], want[d+i] = 2*lambda[i]*x[i], -2*(phi0[i]-omega[i])*x[i]
		}
		im.Steps, im.Damping = d, damping
		im.Gradient(energy, theta, phi, g)
		near(t, "damped error", gap(want), 0, 1e-8)
	})
	t.Run("central differences", func(t *testing.T) {
		for i := range theta {
			const eps = 1e-5
			out := func(d float64) float64 {
				moved := append([]float64{}, theta...)
				moved[i] += d
				rule := Rule[float64]{Free: free}
				_, l := rule.Learn(energy, moved, phi)
				return l
			}
			near(t, fmt.Sprint("slow parameter ", i), (out(eps)-out(-eps))/(2*eps), exact[i], 1e-8)
		}
	})
	t.Run("Neumann series", func(t *testing.T) {
		const k = 20
		im := Implicit[float64]{Free: free, Solver: Neumann, Steps: k, Rate: rate}
		im.Gradient(energy, theta, phi, g)
		// What is missing is (1 - rate H)^(k+1) x.
		short := append([]float64{}, x...)
		for range k + 1 {
			var hx mat.Dense
			hx.Mul(h, mat.NewDense(d, 1, short))
			for i := range short {
				short[i] -= rate * hx.At(i, 0)
			}
		}
		want := make([]float64, 2*d)
		for i := range d {
			got := x[i] - short[i]
			want[i], want[d+i] = 2*lambda[i]*got, -2*(phi0[i]-omega[i])*got
		}
		near(t, "error", gap(want), 0, 1e-8)
		if gap(exact) < 1e-4 {
			t.Error("a short series is exact: the bound shows nothing")
		}
	})
	t.Run("T1-T2", func(t *testing.T) {
		im := Implicit[float64]{Free: free, Solver: T1T2}
		im.Gradient(energy, theta, phi, g)
		want := make([]float64, 2*d)
		for i := range d {
			want[i], want[d+i] = 2*lambda[i]*v[i], -2*(phi0[i]-omega[i])*v[i]
		}
		near(t, "error", gap(want), 0, 1e-8)
	})
	t.Run("contrastive at a finite beta", func(t *testing.T) {
		const b = .05
		at := func(b float64) []float64 {
			var m mat.Dense
			m.Scale(b, ao)
			m.Add(&m, h)
			return solve(t, &m, v)
		}
		up, down := at(b), at(-b)
		nudged := descent(4000, rate/2)
		rule := Rule[float64]{Beta: b, Free: free, Nudged: nudged}
		rule.Gradient(energy, theta, phi, g)
		for i := range d {
			near(t, "forward domega", g[i], 2*lambda[i]*up[i], 1e-11)
		}
		rule.Estimate = Symmetric
		rule.Gradient(energy, theta, phi, g)
		for i := range d {
			near(t, "symmetric domega", g[i], lambda[i]*(up[i]+down[i]), 1e-11)
		}
	})
	t.Run("orders", func(t *testing.T) {
		nudged := descent(4000, rate/2)
		slope := func(e Estimate) float64 {
			var errors [2]float64
			for k, b := range []float64{1e-1, 1e-3} {
				rule := Rule[float64]{Beta: b, Estimate: e, Free: free, Nudged: nudged}
				rule.Gradient(energy, theta, phi, g)
				errors[k] = gap(exact)
			}
			return math.Log10(errors[0]/errors[1]) / 2
		}
		near(t, "order of forward", slope(Forward), 1, .05)
		near(t, "order of symmetric", slope(Symmetric), 2, .1)
		near(t, "order of second-order", slope(SecondOrder), 2, .1)
	})
	t.Run("back-propagation", func(t *testing.T) {
		for _, u := range []Unrolled[float64]{
			{Steps: 9, Rate: rate, Through: 9}, {Steps: 9, Rate: rate / 2, Momentum: .9, Through: 9},
		} {
			u.Gradient(energy, theta, phi, g)
			for i := range theta {
				const eps = 1e-5
				out := func(d float64) float64 {
					moved := append([]float64{}, theta...)
					moved[i] += d
					_, l := u.Learn(energy, moved, phi)
					return l
				}
				near(t, fmt.Sprintf("momentum %g, slow parameter %d", u.Momentum, i), g[i], (out(eps)-out(-eps))/(2*eps), 1e-8)
			}
		}
		// Through all of many steps it is the implicit gradient; through the last few
		// of a long learning it is a Neumann series.
		u := Unrolled[float64]{Steps: 4000, Rate: rate, Through: 4000}
		u.Gradient(energy, theta, phi, g)
		near(t, "error through all steps", gap(exact), 0, 1e-7)
		u.Through = 21
		u.Gradient(energy, theta, phi, g)
		truncated := append([]float64{}, g...)
		im := Implicit[float64]{Free: free, Solver: Neumann, Steps: 20, Rate: rate}
		im.Gradient(energy, theta, phi, g)
		near(t, "truncated against Neumann", distance(truncated, g), 0, 1e-8)
		// First order: of the start alone.
		u = Unrolled[float64]{Steps: 5, Rate: rate, FirstOrder: true}
		u.Gradient(energy, theta, phi, g)
		want := make([]float64, 2*d)
		task.Out(phi, 1, want[:d])
		near(t, "first order", distance(g, want), 0, 1e-9)
	})
}
