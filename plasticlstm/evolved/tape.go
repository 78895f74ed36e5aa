package evolved

import (
	"fmt"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// Tape records steps of a life of the decomposed rule and differentiates the
// outputs of all of them by what is evolved, as back-propagation through time does,
// through the changes of the weights too. What the life was when the tape began is
// taken as given: a life longer than the tape is truncated there.
type Tape[F lstm.Float] struct {
	net   *Net
	life  *Life[F]
	specs []lstm.Param
	n     int
	steps []moment[F]
	taken int

	gh, gx       []F // [H, n], [I, n]: gradients of the weights after a step
	dh, dbefore  []F // [n]
	dz           []F // [n]
	byPost, sums []F // [4, n]
}

// moment is a step: what it began with and what came of it.
type moment[F lstm.Float] struct {
	x, h, before []F  // [I], [n], [n]
	wh, wx       []F  // before the step's update
	m            [2]F // m_h, m_x
	parts        [2][2]F
}

// NewTape returns a tape with room for so many steps. It is an error for a rule
// other than the decomposed one, which alone has a backward pass.
func NewTape[F lstm.Float](net *Net, steps int) (*Tape[F], error) {
	if net.opt.Rule != Decomposed {
		return nil, fmt.Errorf("evolved: rule %q has no backward pass: want %q", net.opt.Rule, Decomposed)
	}
	h, in, n := net.hidden, net.in, padded(net.hidden)
	t := &Tape[F]{
		net: net, specs: net.Params(), n: n, steps: make([]moment[F], steps), gh: make([]F, h*n), gx: make([]F, in*n),
		dh: make([]F, n), dbefore: make([]F, n), dz: make([]F, n), byPost: make([]F, 4*n), sums: make([]F, 4*n),
	}
	for i := range t.steps {
		t.steps[i] = moment[F]{x: make([]F, in), h: make([]F, n), before: make([]F, n), wh: make([]F, h*n), wx: make([]F, in*n)}
	}
	return t, nil
}

// Begin begins to record a life from where it is.
func (t *Tape[F]) Begin(l *Life[F]) { t.life, t.taken = l, 0 }

// Step is the life's Step, recorded.
func (t *Tape[F]) Step(x, o []F) {
	l, s := t.life, &t.steps[t.taken]
	copy(s.x, x)
	copy(s.before, l.h)
	copy(s.wh, l.wh)
	copy(s.wx, l.wx)
	if t.net.opt.Modulation == Before {
		for k := range 2 { // what the step before has sent to the modulators
			s.parts[k][1] = sigmoid(l.reads[t.net.out+k])
		}
	}
	l.Step(x, o)
	copy(s.h, l.h)
	s.m = l.m
	if t.net.opt.Modulation == Before {
		for k := range 2 {
			s.parts[k][0] = sigmoid(l.inputs[t.net.out+k])
		}
	}
	t.taken++
}

// Taken returns the number of steps recorded.
func (t *Tape[F]) Taken() int { return t.taken }

// Backward adds to grads, as Params lists them, the gradients of a loss whose
// gradients by the outputs are do [T, O], at the steps recorded. params are those
// that the genome was made of.
func (t *Tape[F]) Backward(params [][]F, do []F, grads [][]F) {
	values, g := t.named(params), t.named(grads)
	clear(t.gh)
	clear(t.gx)
	clear(t.dbefore)
	for at := t.taken - 1; at >= 0; at-- {
		t.stepBackward(&t.steps[at], values, g, do[at*t.net.out:][:t.net.out])
	}
}

func (t *Tape[F]) named(all [][]F) map[string][]F {
	m := make(map[string][]F, len(all))
	for i, p := range t.specs {
		m[p.Name] = all[i]
	}
	return m
}

// stepBackward goes from the gradients of h(t) that the step after has left in
// dbefore, and of the weights after the update in gh and gx, to those of h(t-1) and
// of the weights before.
func (t *Tape[F]) stepBackward(s *moment[F], values, g map[string][]F, do []F) {
	hidden := t.net.hidden
	h, before := s.h[:hidden], s.before[:hidden]
	t.dh, t.dbefore = t.dbefore, t.dh
	clear(t.dbefore)
	dh, dbefore := t.dh[:hidden], t.dbefore[:hidden]

	// o = U h + c
	affineBackward(do, values["readout.weight"], h, g["readout.weight"], g["readout.bias"], dh)

	// W <- W + g m R
	dm := [2]F{
		t.updateBackward("hh", values, g, t.gh, h, before, s.m[0], dh, dbefore),
		t.updateBackward("ih", values, g, t.gx, h, s.x, s.m[1], dh, nil),
	}
	switch t.net.opt.Modulation {
	case After: // m = sigma(V h + d)
		for k := range dm {
			dm[k] *= s.m[k] * (1 - s.m[k])
		}
		affineBackward(dm[:], values["modulator.weight"], h, g["modulator.weight"], g["modulator.bias"], dh)
	case Before: // m = sigma(V_x x + d_x) + sigma(V h(t-1) + d)
		var byInput, byHidden [2]F
		for k, part := range s.parts {
			byInput[k], byHidden[k] = dm[k]*part[0]*(1-part[0]), dm[k]*part[1]*(1-part[1])
		}
		affineBackward(byInput[:], values["modulator.input.weight"], s.x, g["modulator.input.weight"], g["modulator.input.bias"], nil)
		affineBackward(byHidden[:], values["modulator.weight"], before, g["modulator.weight"], g["modulator.bias"], dbefore)
	}

	// h = tanh(W_h h(t-1) + W_x x + b)
	for j, v := range h {
		t.dz[j] = dh[j] * (1 - v*v)
	}
	kernel.Add(g["bias"], t.dz[:hidden])
	for i, v := range before {
		dbefore[i] += kernel.Dot(s.wh[i*t.n:][:t.n], t.dz)
		kernel.Axpy(v, t.dz, t.gh[i*t.n:][:t.n])
	}
	for i, v := range s.x {
		kernel.Axpy(v, t.dz, t.gx[i*t.n:][:t.n])
	}
}

// affineBackward is the gradient of y = W x + b, W [len(dy), len(x)]: it adds to dw,
// db and dx, which may be nil.
func affineBackward[F lstm.Float](dy, w, x, dw, db, dx []F) {
	for k, d := range dy {
		db[k] += d
		kernel.Axpy(d, x, dw[k*len(x):][:len(x)])
		if dx != nil {
			kernel.Axpy(d, w[k*len(x):][:len(x)], dx)
		}
	}
}

// updateBackward is the gradient of W_ij += s sum_K y^K_j x^K_i e^K_j f^K_i with
// s = g m, e = (post, post, 1, 1), f = (pre, 1, pre, 1), given that of W in dw. It
// adds to the gradients of x^K and y^K, to dpost and to dpre, which may be nil, and
// returns that of m.
func (t *Tape[F]) updateBackward(matrix string, values, g map[string][]F, dw, post, pre []F, m F, dpost, dpre []F) (dm F) {
	n, gain := t.n, F(t.net.opt.Gain)
	s := gain * m
	clear(t.sums)
	clear(t.byPost)
	for k, term := range terms { // y^K e^K
		of := t.byPost[k*n:][:len(post)]
		copy(of, values[matrix+"."+term+".post"])
		if k < 2 {
			kernel.Mul(of, of, post)
		}
	}
	for k, term := range terms {
		x, dx := values[matrix+"."+term+".pre"], g[matrix+"."+term+".pre"]
		for i, v := range pre {
			f := F(1)
			if k%2 == 0 {
				f = v
			}
			row := dw[i*n:][:n]
			column := kernel.Dot(row, t.byPost[k*n:][:n])
			dx[i] += s * f * column
			dm += gain * x[i] * f * column
			if k%2 == 0 && dpre != nil {
				dpre[i] += s * x[i] * column
			}
			kernel.Axpy(x[i]*f, row, t.sums[k*n:][:n])
		}
		y, dy := values[matrix+"."+term+".post"], g[matrix+"."+term+".post"]
		for j, sum := range t.sums[k*n:][:len(post)] {
			if k < 2 {
				dy[j] += s * post[j] * sum
				dpost[j] += s * y[j] * sum
			} else {
				dy[j] += s * sum
			}
		}
	}
	return dm
}
