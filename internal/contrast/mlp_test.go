package contrast

import (
	"fmt"
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// set draws a regression problem.
func set(r *rng.Stream, n, in, out int) *Set[float64] {
	x, y := make([]float64, n*in), make([]float64, n*out)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	for i := range y {
		y[i] = r.NormFloat64()
	}
	return &Set[float64]{X: x, Loss: SquaredError[float64]{y}}
}

// Every parameter's gradient by finite differences, for each kind of net and loss.
func TestGradients(t *testing.T) {
	for _, modulated := range []bool{false, true} {
		for _, act := range []Activation{Tanh, ReLU} {
			net := &MLP[float64]{Sizes: []int{3, 5, 4, 3}, Act: act, Modulated: modulated}
			nb, nr := net.Len()
			body, rest := make([]float64, nb), make([]float64, nr)
			r := rng.New(3, "mlp")
			net.Init(r.NormFloat64, body, rest)
			for i := range rest {
				rest[i] += .3 * r.NormFloat64()
			}
			s := set(r, 6, 3, 3)
			losses := map[string]Loss[float64]{
				"squared error": s.Loss,
				"cross entropy": CrossEntropy[float64]{[]int{0, 2, 1, 1, 0, 2}},
				"played":        Played[float64]{[]int{0, 1, 2, 2, 1, 0}, []float64{1, 2, 3, -1, 0, .5}},
			}
			for name, loss := range losses {
				s := &Set[float64]{X: s.X, Loss: loss}
				dbody, drest := make([]float64, nb), make([]float64, nr)
				net.Loss(body, rest, s, 2, dbody, drest)
				check := func(part string, values, grads []float64) {
					for i := range values {
						const eps = 1e-6
						keep := values[i]
						values[i] = keep + eps
						up := net.Loss(body, rest, s, 1, nil, nil)
						values[i] = keep - eps
						down := net.Loss(body, rest, s, 1, nil, nil)
						values[i] = keep
						near(t, fmt.Sprintf("%s, modulated %t, act %d, %s %d", name, modulated, act, part, i), grads[i], 2*(up-down)/(2*eps), 1e-7)
					}
				}
				check("body", body, dbody)
				check("rest", rest, drest)

				// Curvature along a direction, from gradients to both sides.
				vbody, vrest := make([]float64, nb), make([]float64, nr)
				for i := range vbody {
					vbody[i] = r.NormFloat64()
				}
				for i := range vrest {
					vrest[i] = r.NormFloat64()
				}
				hbody, hrest := make([]float64, nb), make([]float64, nr)
				net.Curvature(body, rest, s, vbody, vrest, hbody, hrest)
				const eps = 1e-6
				at := func(eps float64) []float64 {
					b, r := append([]float64{}, body...), append([]float64{}, rest...)
					kernel.Axpy(eps, vbody, b)
					kernel.Axpy(eps, vrest, r)
					g := make([]float64, nb+nr)
					net.Loss(b, r, s, 1, g[:nb], g[nb:])
					return g
				}
				up, down := at(eps), at(-eps)
				for i, h := range append(hbody, hrest...) {
					near(t, fmt.Sprintf("%s, modulated %t, act %d, curvature %d", name, modulated, act, i), h, (up[i]-down[i])/(2*eps), 1e-6)
				}

				// Gauss-Newton's, J' H J v: J v from outputs to both sides, H of the loss.
				outputs := func(eps float64) []float64 {
					b, r := append([]float64{}, body...), append([]float64{}, rest...)
					kernel.Axpy(eps, vbody, b)
					kernel.Axpy(eps, vrest, r)
					return append([]float64{}, net.Forward(b, r, s.X)...)
				}
				right, left := outputs(eps), outputs(-eps)
				difference(right, left, 1/(2*eps))
				y := append([]float64{}, net.Forward(body, rest, s.X)...)
				hj := make([]float64, len(y))
				loss.Curvature(y, right, hj)
				want := make([]float64, nb+nr)
				net.Backward(hj, want[:nb], want[nb:])
				clear(hbody)
				clear(hrest)
				linear := *net
				linear.GaussNewton = true
				linear.Curvature(body, rest, s, vbody, vrest, hbody, hrest)
				for i, h := range append(hbody, hrest...) {
					near(t, fmt.Sprintf("%s, modulated %t, act %d, Gauss-Newton %d", name, modulated, act, i), h, want[i], 1e-6)
				}
			}
		}
	}
}

// Gains of 1 and biases of 0 leave the plain net.
func TestModulatedIsPlain(t *testing.T) {
	plain := &MLP[float64]{Sizes: []int{2, 4, 3, 1}}
	modulated := &MLP[float64]{Sizes: plain.Sizes, Modulated: true}
	nb, nr := plain.Len()
	body, rest := make([]float64, nb), make([]float64, nr)
	plain.Init(rng.New(1, "a").NormFloat64, body, rest)
	_, mr := modulated.Len()
	if mr != nr+2*(4+3) {
		t.Fatalf("a modulated net has %d fast parameters, want %d", mr, nr+14)
	}
	gains := make([]float64, mr)
	copy(gains[modulated.Head():], rest)
	for _, at := range []int{0, 1, 2, 3, 8, 9, 10} {
		gains[at] = 1
	}
	x := []float64{.3, -2, 1, 1}
	want := append([]float64{}, plain.Forward(body, rest, x)...)
	for i, y := range modulated.Forward(body, gains, x) {
		near(t, "output", y, want[i], 1e-15)
	}
}

// The modulatory model: the slow weights' gradient, once both phases have come to
// rest, is that of the evaluation loss after learning; and where nothing is fast it
// is plain back-propagation of that loss.
func TestModulatory(t *testing.T) {
	r := rng.New(5, "modulatory")
	net := &MLP[float64]{Sizes: []int{2, 3, 1}, Modulated: true}
	nb, nr := net.Len()
	theta := make([]float64, nb+nr)
	net.Init(r.NormFloat64, theta[:nb], theta[nb:])
	// What is to be learned can be, nearly, and there are more examples than fast
	// parameters: a minimum that is isolated and not far.
	taught := func(n int) *Set[float64] {
		x, y := make([]float64, 2*n), make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		rest := append([]float64{}, theta[nb:]...)
		for i := range rest {
			rest[i] += .3 * r.NormFloat64()
		}
		copy(y, net.Forward(theta[:nb], rest, x))
		for i := range y {
			y[i] += .1 * r.NormFloat64()
		}
		return &Set[float64]{X: x, Loss: SquaredError[float64]{y}}
	}
	energy := &Modulatory[float64]{Net: net, Train: taught(40), Eval: taught(10)}
	phi, g := make([]float64, nr), make([]float64, len(theta))
	learn := Phase[float64]{20000, func() Optimizer[float64] { return &Descent[float64]{Rate: .2, Momentum: .99} }}
	rule := Rule[float64]{Beta: 1e-3, Estimate: Symmetric, Free: learn, Nudged: learn}
	rep := rule.Gradient(energy, theta, phi, g)
	if rep.FreeGrad > 1e-6 {
		t.Fatalf("the free phase ends at a gradient of %g: no rest, nothing to compare", rep.FreeGrad)
	}
	for i := range nb {
		const eps = 1e-4
		out := func(d float64) float64 {
			moved := append([]float64{}, theta...)
			moved[i] += d
			_, l := rule.Learn(energy, moved, phi)
			return l
		}
		want := (out(eps) - out(-eps)) / (2 * eps)
		near(t, fmt.Sprint("weight ", i), g[i], want, 1e-3*math.Max(math.Abs(want), .1))
	}
	for _, v := range g[nb:] {
		near(t, "gradient of the start", v, 0, 0)
	}

	frozen := Rule[float64]{Beta: 1e-3, Free: descent(0, 1), Nudged: descent(0, 1)}
	frozen.Gradient(energy, theta, phi, g)
	want := make([]float64, nb)
	net.Loss(theta[:nb], theta[nb:], energy.Eval, 1, want, nil)
	for i := range want {
		near(t, "direct term", g[i], want[i], 1e-9)
	}

	// MAML learns the start as well: against finite differences.
	u := Unrolled[float64]{Steps: 4, Rate: .05, Through: 4}
	u.Gradient(energy, theta, phi, g)
	for i := range theta {
		const eps = 1e-5
		out := func(d float64) float64 {
			moved := append([]float64{}, theta...)
			moved[i] += d
			_, l := u.Learn(energy, moved, phi)
			return l
		}
		near(t, fmt.Sprint("MAML, slow parameter ", i), g[i], (out(eps)-out(-eps))/(2*eps), 1e-7)
	}
}

// Float32 and float64 agree to rounding.
func TestFloat32(t *testing.T) {
	r := rng.New(9, "float32")
	wide := set(r, 8, 2, 1)
	net64 := &MLP[float64]{Sizes: []int{2, 5, 1}}
	net32 := &MLP[float32]{Sizes: net64.Sizes}
	nb, nr := net64.Len()
	p := make([]float64, nb+nr)
	net64.Init(r.NormFloat64, p[:nb], p[nb:])
	x, y := make([]float32, len(wide.X)), make([]float32, 8)
	target := make([]float64, 8)
	for i := range x {
		x[i] = float32(wide.X[i])
	}
	for i := range y {
		target[i] = r.NormFloat64()
		y[i] = float32(target[i])
	}
	wide.Loss = SquaredError[float64]{target}
	narrow := &Set[float32]{X: x, Loss: SquaredError[float32]{y}}
	e64 := &Synapse[float64]{Task: &Nets[float64]{net64, wide, wide}, Learned: true, Strength: .1}
	e32 := &Synapse[float32]{Task: &Nets[float32]{net32, narrow, narrow}, Learned: true, Strength: .1}
	q := make([]float32, len(p))
	for i := range p {
		q[i] = float32(p[i])
	}
	adam64 := Phase[float64]{50, func() Optimizer[float64] { return &Adam[float64]{Rate: .01} }}
	adam32 := Phase[float32]{50, func() Optimizer[float32] { return &Adam[float32]{Rate: .01} }}
	g64, g32 := make([]float64, len(p)), make([]float32, len(p))
	r64 := Rule[float64]{Beta: 1, Free: adam64, Nudged: adam64}
	r32 := Rule[float32]{Beta: 1, Free: adam32, Nudged: adam32}
	r64.Gradient(e64, p, make([]float64, len(p)), g64)
	r32.Gradient(e32, q, make([]float32, len(p)), g32)
	var largest float64
	for _, v := range g64 {
		largest = math.Max(largest, math.Abs(v))
	}
	for i := range g64 {
		near(t, fmt.Sprint("slow parameter ", i), float64(g32[i]), g64[i], 2e-3*largest)
	}

	// The curvature of an energy that does not know it, from gradients at two points:
	// far enough from one another for float32.
	x64, x32 := make([]float64, len(p)), make([]float32, len(p))
	for i := range x64 {
		x64[i] = r.NormFloat64()
		x32[i] = float32(x64[i])
	}
	h64, h32 := make([]float64, len(p)), make([]float32, len(p))
	newCurvature[float64](e64, p, p).apply(x64, h64, g64)
	newCurvature[float32](struct{ Energy[float32] }{e32}, q, q).apply(x32, h32, g32)
	var gap float64
	for i, h := range h64 {
		gap += (h - float64(h32[i])) * (h - float64(h32[i]))
	}
	near(t, "curvature from two points", math.Sqrt(gap/dot(h64, h64)), 0, 1e-3)
}

// The synapse's own part of the curvature, and the net's, under back-propagation.
func TestSynapseOfNets(t *testing.T) {
	r := rng.New(4, "synapse")
	net := &MLP[float64]{Sizes: []int{2, 3, 1}}
	nb, nr := net.Len()
	n := nb + nr
	for _, pull := range []Pull{PullFixed, PullLinear, PullLog} {
		energy := &Synapse[float64]{Task: &Nets[float64]{net, set(r, 5, 2, 1), set(r, 5, 2, 1)}, Pull: pull, Strength: .2, Learned: true}
		_, slow := energy.Len()
		theta := make([]float64, slow)
		net.Init(r.NormFloat64, theta[:nb], theta[nb:n])
		for i := n; i < slow; i++ {
			theta[i] = r.Uniform(.1, .5)
		}
		phi, g := make([]float64, n), make([]float64, slow)
		u := Unrolled[float64]{Steps: 4, Rate: .05, Momentum: .5, Through: 4}
		u.Gradient(energy, theta, phi, g)
		for i := range theta {
			const eps = 1e-5
			out := func(d float64) float64 {
				moved := append([]float64{}, theta...)
				moved[i] += d
				_, l := u.Learn(energy, moved, phi)
				return l
			}
			near(t, fmt.Sprintf("pull %d, slow parameter %d", pull, i), g[i], (out(eps)-out(-eps))/(2*eps), 1e-8)
		}
	}
}
