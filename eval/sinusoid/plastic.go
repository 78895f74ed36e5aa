package sinusoid

import (
	"math"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// reader is a plastic LSTM with a linear readout that learns a wave by reading it:
// the points to learn from are its first inputs, and what it knows of them then lies
// in its state and in its Hebbian traces. Its parameters are two vectors: weights,
// the layer's own [of role Weight] and then the readout's [1, H], [1]; and plasticity,
// the layer's coefficients and rates, which say what the traces make of what is read.
// One goroutine uses it at a time.
type reader[F kernel.Float] struct {
	layer       lstm.Layer
	scan        lstm.Scan[F]
	hidden      int
	lens        [2]int // of weights and plasticity
	state       []F
	out, dout   []F
	views, dual [][]F
	unused      [2][]F // gradients that nobody asked for
}

// readerInputs are a point's place, its height, which a question has not, and
// whether it is a question.
const readerInputs = 3

func newReader[F kernel.Float](hidden int) *reader[F] {
	layer, err := plasticlstm.New(readerInputs, hidden, plasticlstm.Options{})
	if err != nil {
		panic(err) // of sizes that are checked
	}
	r := &reader[F]{layer: layer, scan: lstm.NewScan[F](layer), hidden: hidden, state: make([]F, lstm.StateSize(layer, 1))}
	for _, p := range layer.Params() {
		r.lens[r.part(p)] += p.Size()
	}
	r.lens[0] += hidden + 1
	return r
}

// part is which of the two vectors a parameter lies in.
func (r *reader[F]) part(p lstm.Param) int {
	if p.Role == lstm.Weight {
		return 0
	}
	return 1
}

// init draws new parameters: the layer's as it says, the readout's as its weights'.
func (r *reader[F]) init(s *rng.Stream, weights, plasticity []F) {
	clear(weights)
	var bound float64
	for i, v := range r.parts(&r.views, weights, plasticity) {
		p := r.layer.Params()[i]
		bound = max(bound, p.Hi)
		for j := range v {
			v[j] = F(s.Uniform(p.Lo, p.Hi))
		}
	}
	readout := weights[len(weights)-r.hidden-1 : len(weights)-1]
	for j := range readout {
		readout[j] = F(s.Uniform(-bound, bound))
	}
}

// parts returns the layer's parameters as views of the two vectors.
func (r *reader[F]) parts(views *[][]F, weights, plasticity []F) [][]F {
	from := [2][]F{weights, plasticity}
	*views = (*views)[:0]
	for _, p := range r.layer.Params() {
		at, n := r.part(p), p.Size()
		*views = append(*views, from[at][:n:n])
		from[at] = from[at][n:]
	}
	return *views
}

// answer reads the points of shown, then asks for the heights of the places of
// asked [n], one question after the other, and returns them [n].
func (r *reader[F]) answer(weights, plasticity []F, shown, asked points) []F {
	n, steps := len(shown.x), len(shown.x)+len(asked.x)
	x := make([]F, 0, steps*readerInputs)
	for i := range shown.x {
		x = append(x, F(shown.x[i]), F(shown.y[i]), 0)
	}
	for _, at := range asked.x {
		x = append(x, F(at), 0, 1)
	}
	r.out = append(r.out[:0], make([]F, steps*r.hidden)...)
	clear(r.state)
	r.scan.Begin(1, steps, r.parts(&r.views, weights, plasticity), r.state)
	r.scan.Forward(steps, x, r.out)
	y := make([]F, len(asked.x))
	readout := weights[len(weights)-r.hidden-1:]
	for i := range y {
		y[i] = kernel.Dot(readout[:r.hidden], r.out[(n+i)*r.hidden:(n+i+1)*r.hidden]) + readout[r.hidden]
	}
	return y
}

// loss is the mean squared error of the answers. Unless both gradients are nil it
// adds scale times its own to them, by back-propagation through what was read.
func (r *reader[F]) loss(weights, plasticity []F, shown, asked points, scale F, dweights, dplasticity []F) float64 {
	y := r.answer(weights, plasticity, shown, asked)
	e := contrast.SquaredError[F]{Target: make([]F, len(asked.y))}
	for i, v := range asked.y {
		e.Target[i] = F(v)
	}
	if dweights == nil && dplasticity == nil {
		return e.Gradient(y, nil)
	}
	dy := make([]F, len(y))
	loss := e.Gradient(y, dy)
	kernel.Scale(scale, dy)
	for i, to := range []*[]F{&dweights, &dplasticity} {
		if *to == nil {
			r.unused[i] = append(r.unused[i][:0], make([]F, r.lens[i])...)
			*to = r.unused[i]
		}
	}
	r.dout = append(r.dout[:0], make([]F, len(r.out))...)
	at := len(weights) - r.hidden - 1
	for i, d := range dy {
		h := (len(shown.x) + i) * r.hidden
		kernel.Axpy(d, weights[at:at+r.hidden], r.dout[h:h+r.hidden])
		kernel.Axpy(d, r.out[h:h+r.hidden], dweights[at:at+r.hidden])
		dweights[at+r.hidden] += d
	}
	own := [2][]F{make([]F, r.lens[0]), make([]F, r.lens[1])}
	r.scan.Backward(r.dout, nil, nil, nil, r.parts(&r.dual, own[0], own[1]))
	kernel.Add(dweights, own[0])
	kernel.Add(dplasticity, own[1])
	return loss
}

// reading is a wave learned by a reader. Its plasticity is fast and its weights are
// slow; slow as well are, for each coefficient and rate, the value omega that
// learning starts from and draws it to, and the logarithm rho of how strongly. So
// theta is the weights, omega, rho, and
//
//	L_in = error on the points that were read + sum exp(rho) (phi - omega)^2
//
// L_out is the error on other points. Both are errors of what is remembered after
// one reading: phi is what learns over many.
type reading[F kernel.Float] struct {
	*reader[F]
	train, eval points
}

func (t *reading[F]) Len() (fast, slow int) { return t.lens[1], t.lens[0] + 2*t.lens[1] }

// split returns views of theta.
func (t *reading[F]) split(theta []F) (weights, omega, rho []F) {
	a, b := t.lens[0], t.lens[0]+t.lens[1]
	return theta[:a], theta[a:b], theta[b:]
}

func (t *reading[F]) Start(theta, phi []F) {
	_, omega, _ := t.split(theta)
	copy(phi, omega)
}

func (t *reading[F]) StartBackward(dphi, dtheta []F) {
	_, omega, _ := t.split(dtheta)
	kernel.Add(omega, dphi)
}

func (t *reading[F]) Gradient(phi, theta []F, beta float64, dphi, dtheta []F) (in, out float64) {
	weights, omega, rho := t.split(theta)
	clear(dphi)
	clear(dtheta)
	var dweights, domega, drho []F
	if dtheta != nil {
		dweights, domega, drho = t.split(dtheta)
	}
	in = t.loss(weights, phi, t.train, t.train, 1, dweights, dphi)
	if beta != 0 {
		out = t.loss(weights, phi, t.train, t.eval, F(beta), dweights, dphi)
	}
	for i, p := range phi {
		lambda, d := F(math.Exp(float64(rho[i]))), p-omega[i]
		in += float64(lambda * d * d)
		if dphi != nil {
			dphi[i] += 2 * lambda * d
		}
		if dtheta != nil {
			domega[i], drho[i] = -2*lambda*d, lambda*d*d
		}
	}
	return in, out
}

// reading draws a wave for a reader.
func (s *settings) reading(r *rand.Rand) meta.Task {
	_, train, eval := s.draw(r)
	return meta.Task{Energy: &reading[float32]{newReader[float32](s.Plastic), train, eval}}
}

// readerStart draws theta.
func (s *settings) readerStart(r *rng.Stream) []float32 {
	t := reading[float32]{reader: newReader[float32](s.Plastic)}
	_, slow := t.Len()
	theta := make([]float32, slow)
	weights, omega, rho := t.split(theta)
	t.init(r, weights, omega)
	for i := range rho {
		rho[i] = float32(math.Log(s.PlasticPull))
	}
	return theta
}

// readings are what reading alone and what learning as well come to on the waves of
// the test: mean squared errors.
func (s *settings) readings(l *meta.Learner, learn meta.Method) (alone, learned float64) {
	r := rng.New(l.Seed, "test")
	for range l.Tests {
		t := s.reading(r.Rand)
		fast, _ := t.Energy.Len()
		phi := make([]float32, fast)
		t.Energy.Start(l.Theta, phi)
		_, out := t.Energy.Gradient(phi, l.Theta, 1, nil, nil)
		alone += out / float64(l.Tests)
		_, out = learn.Learn(t.Energy, l.Theta, phi)
		learned += out / float64(l.Tests)
	}
	return alone, learned
}
