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
	every int // steps between truncations; 0: none

	gh, gx      []F // [H, n], [I, n]: gradients of the weights after a step
	dh, dbefore []F // [n]
	dz          []F // [n]
	byPost      []F // [4, n]
	byPre       []F // [4, H or I]
	columns     []F // likewise
	sum         []F // [n]
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
		dh: make([]F, n), dbefore: make([]F, n), dz: make([]F, n),
		byPost: make([]F, 4*n), byPre: make([]F, 4*max(h, in)), columns: make([]F, 4*max(h, in)), sum: make([]F, n),
	}
	for i := range t.steps {
		t.steps[i] = moment[F]{x: make([]F, in), h: make([]F, n), before: make([]F, n), wh: make([]F, h*n), wx: make([]F, in*n)}
	}
	return t, nil
}

// Truncate cuts the way of gradients back at every so many steps: what a window of
// that many begins with is taken as given, like what the tape begins with. 0 cuts
// nowhere, as a new tape does.
func (t *Tape[F]) Truncate(every int) { t.every = every }

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
	values, g := t.book(params), t.book(grads)
	clear(t.gh)
	clear(t.gx)
	clear(t.dbefore)
	for at := t.taken - 1; at >= 0; at-- {
		if t.every > 0 && (at+1)%t.every == 0 {
			clear(t.gh)
			clear(t.gx)
			clear(t.dbefore)
		}
		t.stepBackward(&t.steps[at], values, g, do[at*t.net.out:][:t.net.out])
	}
}

// book is parameters, or their gradients, by what they are of.
type book[F lstm.Float] struct {
	read, modulator, input affine[F]
	bias                   []F
	hh, ih                 ruleBook[F]
}

// affine is W and b of W x + b.
type affine[F lstm.Float] struct{ weight, bias []F }

// ruleBook are x^K and y^K of a matrix, K in A, B, C, D.
type ruleBook[F lstm.Float] struct{ pre, post [4][]F }

func (t *Tape[F]) book(all [][]F) *book[F] {
	of := make(map[string][]F, len(all))
	for i, p := range t.specs {
		of[p.Name] = all[i]
	}
	b := &book[F]{
		read:      affine[F]{of["readout.weight"], of["readout.bias"]},
		modulator: affine[F]{of["modulator.weight"], of["modulator.bias"]},
		input:     affine[F]{of["modulator.input.weight"], of["modulator.input.bias"]},
		bias:      of["bias"],
	}
	for k, term := range terms {
		b.hh.pre[k], b.hh.post[k] = of["hh."+term+".pre"], of["hh."+term+".post"]
		b.ih.pre[k], b.ih.post[k] = of["ih."+term+".pre"], of["ih."+term+".post"]
	}
	return b
}

// stepBackward goes from the gradients of h(t) that the step after has left in
// dbefore, and of the weights after the update in gh and gx, to those of h(t-1) and
// of the weights before.
func (t *Tape[F]) stepBackward(s *moment[F], values, g *book[F], do []F) {
	hidden := t.net.hidden
	h, before := s.h[:hidden], s.before[:hidden]
	t.dh, t.dbefore = t.dbefore, t.dh
	clear(t.dbefore)
	dh, dbefore := t.dh[:hidden], t.dbefore[:hidden]

	// o = U h + c
	values.read.backward(do, h, g.read, dh)

	// W <- W + g m R
	dm := [2]F{
		t.updateBackward(&values.hh, &g.hh, t.gh, h, before, s.m[0], dh, dbefore),
		t.updateBackward(&values.ih, &g.ih, t.gx, h, s.x, s.m[1], dh, nil),
	}
	switch t.net.opt.Modulation {
	case After: // m = sigma(V h + d)
		for k := range dm {
			dm[k] *= s.m[k] * (1 - s.m[k])
		}
		values.modulator.backward(dm[:], h, g.modulator, dh)
	case Before: // m = sigma(V_x x + d_x) + sigma(V h(t-1) + d)
		var byInput, byHidden [2]F
		for k, part := range s.parts {
			byInput[k], byHidden[k] = dm[k]*part[0]*(1-part[0]), dm[k]*part[1]*(1-part[1])
		}
		values.input.backward(byInput[:], s.x, g.input, nil)
		values.modulator.backward(byHidden[:], before, g.modulator, dbefore)
	}

	// h = tanh(W_h h(t-1) + W_x x + b)
	for j, v := range h {
		t.dz[j] = dh[j] * (1 - v*v)
	}
	kernel.Add(g.bias, t.dz[:hidden])
	for i, v := range before {
		dbefore[i] += kernel.Dot(s.wh[i*t.n:][:t.n], t.dz)
		kernel.Axpy(v, t.dz, t.gh[i*t.n:][:t.n])
	}
	for i, v := range s.x {
		kernel.Axpy(v, t.dz, t.gx[i*t.n:][:t.n])
	}
}

// backward is the gradient of y = W x + b, W [len(dy), len(x)]: it adds to d, those of
// W and b, and to dx, which may be nil.
func (a affine[F]) backward(dy, x []F, d affine[F], dx []F) {
	for k, v := range dy {
		d.bias[k] += v
		kernel.Axpy(v, x, d.weight[k*len(x):][:len(x)])
		if dx != nil {
			kernel.Axpy(v, a.weight[k*len(x):][:len(x)], dx)
		}
	}
}

// updateBackward is the gradient of W_ij += s sum_K y^K_j x^K_i e^K_j f^K_i with
// s = g m, e = (post, post, 1, 1), f = (pre, 1, pre, 1), given that of W in dw. It
// adds to the gradients of x^K and y^K, to dpost and to dpre, which may be nil, and
// returns that of m.
func (t *Tape[F]) updateBackward(rule, d *ruleBook[F], dw, post, pre []F, m F, dpost, dpre []F) (dm F) {
	n, gain := t.n, F(t.net.opt.Gain)
	s := gain * m
	for k := range terms { // y^K e^K and x^K f^K
		to := t.byPost[k*n:][:len(post)]
		copy(to, rule.post[k])
		if k < 2 {
			kernel.Mul(to, to, post)
		}
		to = t.byPre[k*len(pre):][:len(pre)]
		copy(to, rule.pre[k])
		if k%2 == 0 {
			kernel.Mul(to, to, pre)
		}
	}
	for i := range pre {
		row := dw[i*n:][:n]
		for k := range terms {
			t.columns[k*len(pre)+i] = kernel.Dot(row, t.byPost[k*n:][:n])
		}
	}
	for k := range terms {
		x, dx, byPre, columns := rule.pre[k], d.pre[k], t.byPre[k*len(pre):][:len(pre)], t.columns[k*len(pre):][:len(pre)]
		dm += gain * kernel.Dot(byPre, columns)
		switch {
		case k%2 == 1:
			kernel.Axpy(s, columns, dx)
		case dpre != nil:
			for i, column := range columns {
				dpre[i] += s * x[i] * column
				dx[i] += s * pre[i] * column
			}
		default:
			for i, column := range columns {
				dx[i] += s * pre[i] * column
			}
		}
		clear(t.sum)
		kernel.MulWeights(dw, byPre, t.sum)
		y, dy, sum := rule.post[k], d.post[k], t.sum[:len(post)]
		if k >= 2 {
			kernel.Axpy(s, sum, dy)
			continue
		}
		for j, v := range sum {
			dy[j] += s * post[j] * v
			dpost[j] += s * y[j] * v
		}
	}
	return dm
}
