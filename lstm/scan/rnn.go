package scan

import (
	"slices"

	"github.com/engram-lm/engram/internal/kernel"
)

// RNN is the simple recurrent cell over a window,
//
//	z(t) = u(t) + W_hh y(t-1) (+ plastic input),  y(t) = tanh(z(t))
//
// with u = W_ih x + b (Projected), u = x (Direct), or u = 0 and
// y = m v + (1-m) tanh(z) for x = (v, m) (Clamped); no gradient passes a neuron
// whose mask is 1, nor reaches that mask. Its parameters are weight_ih
// [H, I], weight_hh [H, H], bias [H], of which the other feeds have weight_hh
// alone, then the Plastic's; its state is y [B, H], then the Plastic's.
type RNN[F Float] struct {
	in, n   int
	feed    Feed
	plastic Plastic[F] // nil: a standard RNN

	batch, taken  int
	wih, whh      []F
	bias          []F
	x             []F // [T, B, I]
	y             []F // [T+1, B, H]: index t is the output before step t
	free          []F // [T, B, H]: tanh(z) of clamped neurons
	dz            []F // [T, B, H]
	dy, dyPrev    []F // [B, H]
	dpost         []F // [B, H]
	recur, adjoin kernel.Packed[F]
	held, packed  bool       // the weights stay as they are; recur has them
	begun         []fresh[F] // streams that began anew
}

// NewRNN returns a cell of n neurons with in inputs.
func NewRNN[F Float](in, n int, feed Feed, plastic Plastic[F]) *RNN[F] {
	return &RNN[F]{in: in, n: n, feed: feed.OrDefault(), plastic: plastic}
}

func (l *RNN[F]) groups() (forward, backward int) {
	if l.plastic == nil {
		return standardGroup, standardGroup
	}
	return l.plastic.Groups()
}

// own returns how many of the parameters are the cell's.
func (l *RNN[F]) own() int {
	if l.feed == Projected {
		return 3
	}
	return 1
}

// Begin starts a recording of at most steps steps. The parameters must not
// change before Backward has returned.
func (l *RNN[F]) Begin(batch, steps int, params [][]F, state []F) {
	n := l.n
	l.batch, l.taken, l.begun = batch, 0, l.begun[:0]
	if l.whh = params[0]; l.feed == Projected {
		l.wih, l.whh, l.bias = params[0], params[1], params[2]
	}
	kernel.Grow(&l.x, steps*batch*l.in)
	kernel.Grow(&l.y, (steps+1)*batch*n)
	copy(l.y[:batch*n], state)
	if l.feed == Clamped {
		kernel.Grow(&l.free, steps*batch*n)
	}
	if !l.packed {
		l.recur.Pack(true, n, n, l.whh, n)
		l.packed = l.held
	}
	if l.plastic != nil {
		l.plastic.Begin(batch, steps, params[l.own():], state[batch*n:])
	}
}

// Hold says whether the weights stay as they are from now on, so that recordings
// to come need not pack them again.
func (l *RNN[F]) Hold(on bool) { l.held, l.packed = on, false }

// Taken returns the number of steps recorded so far.
func (l *RNN[F]) Taken() int { return l.taken }

// Forward takes steps further steps: x [steps, B, I] -> out [steps, B, H].
func (l *RNN[F]) Forward(steps int, x, out []F) {
	n, batch, t0 := l.n, l.batch, l.taken
	rows := steps * batch
	copy(l.x[t0*batch*l.in:], x[:rows*l.in])
	z := l.y[(t0+1)*batch*n:][:rows*n]
	switch l.feed {
	case Projected:
		kernel.Gemm(false, true, rows, n, l.in, 1, x, l.in, l.wih, l.in, 0, z, n)
	case Direct:
		copy(z, x)
	default:
		clear(z)
	}
	group, _ := l.groups()
	count := even(batch, group)
	kernel.Parallel(count, func(i int) {
		b0, b1 := i*batch/count, (i+1)*batch/count
		for t := t0; t < t0+steps; t++ {
			l.step(t, b0, b1)
		}
	})
	copy(out[:rows*n], z)
	l.taken += steps
}

// rows returns the rows of streams [b0, b1) at step t of a [T, B, n] buffer.
func (l *RNN[F]) rows(buf []F, t, b0, b1, n int) []F {
	return buf[(t*l.batch+b0)*n : (t*l.batch+b1)*n]
}

func (l *RNN[F]) at(t, b0, b1 int) Step[F] {
	y := l.rows(l.y, t+1, b0, b1, l.n)
	return Step[F]{HPrev: l.rows(l.y, t, b0, b1, l.n), H: y, Post: y, Stride: l.n}
}

// step takes the streams [b0, b1) through step t; H holds u(t).
func (l *RNN[F]) step(t, b0, b1 int) {
	n, s := l.n, l.at(t, b0, b1)
	if l.given(t, b0, b1) {
		if l.plastic != nil {
			l.plastic.Drive(t, b0, b1, s.HPrev, nil, 0)
		}
	} else {
		product(&l.recur, l.batch, b1-b0, s.HPrev, n, s.H, n)
		if l.plastic != nil {
			l.plastic.Drive(t, b0, b1, s.HPrev, s.H, n)
		}
		if l.feed == Projected {
			for b := range b1 - b0 {
				kernel.Add(s.H[b*n:(b+1)*n], l.bias)
			}
		}
		kernel.Tanh(s.H, s.H)
	}
	if l.feed == Clamped {
		l.clamp(t, b0, b1, s.H)
	}
	if l.plastic != nil {
		l.plastic.Learn(t, b0, b1, s)
	}
}

// given reports whether all neurons of the streams are clamped, so that nobody
// needs their inputs.
func (l *RNN[F]) given(t, b0, b1 int) bool {
	if l.feed != Clamped {
		return false
	}
	for b := b0; b < b1; b++ {
		for _, m := range l.mask(t, b) {
			if m != 1 {
				return false
			}
		}
	}
	return true
}

// clamp mixes the values into the outputs y, which it keeps as they were but where
// a mask is 1: there a neuron's own output is no one's business.
func (l *RNN[F]) clamp(t, b0, b1 int, y []F) {
	n := l.n
	free := l.rows(l.free, t, b0, b1, n)
	copy(free, y)
	for b := range b1 - b0 {
		y, v, m := y[b*n:(b+1)*n], l.values(t, b0+b), l.mask(t, b0+b)
		own := free[b*n : (b+1)*n]
		for j, free := range y {
			y[j] = m[j]*v[j] + (1-m[j])*free
			if m[j] == 1 {
				y[j], own[j] = v[j], v[j]
			}
		}
	}
}

// values and mask are the halves of a clamped stream's input.
func (l *RNN[F]) values(t, b int) []F { return l.rows(l.x, t, b, b+1, l.in)[:l.n] }
func (l *RNN[F]) mask(t, b int) []F   { return l.rows(l.x, t, b, b+1, l.in)[l.n:] }

// ResetStream puts the state of stream b to zero before the next step.
func (l *RNN[F]) ResetStream(b int) {
	t := l.taken
	if beginsAt(l.begun, t, b) {
		return
	}
	l.begun = append(l.begun, anew(t, b, l.rows(l.y, t, b, b+1, l.n)))
	if l.plastic != nil {
		l.plastic.ResetStream(t, b)
	}
}

// State writes the state after the steps taken so far.
func (l *RNN[F]) State(state []F) {
	size := l.batch * l.n
	copy(state[:size], l.y[l.taken*size:])
	if l.plastic != nil {
		l.plastic.State(l.taken, state[size:])
	}
}

// Backward runs over all steps taken. It reads dout [T, B, H], the gradient of
// the outputs, and dstate, that of the final state (nil for zero); it overwrites
// dx [T, B, I] and dstate0, the gradients of the inputs and of the initial state
// (either may be nil: not asked for), and dparams.
func (l *RNN[F]) Backward(dout, dstate, dx, dstate0 []F, dparams [][]F) {
	n, batch, rows := l.n, l.batch, l.taken*l.batch
	size := batch * n
	kernel.Grow(&l.dz, rows*n)
	for _, p := range []*[]F{&l.dy, &l.dyPrev, &l.dpost} {
		kernel.Grow(p, size)
		clear(*p)
	}
	var dtraces, dtraces0 []F
	if dstate0 != nil {
		dtraces0 = dstate0[size:]
	}
	if dstate != nil {
		copy(l.dyPrev, dstate[:size])
		dtraces = dstate[size:]
	}
	l.adjoin.Pack(false, n, n, l.whh, n)
	_, group := l.groups()
	count := even(batch, group)
	kernel.Parallel(count, func(i int) {
		b0, b1 := i*batch/count, (i+1)*batch/count
		if l.plastic != nil {
			l.plastic.StartBackward(l.taken, b0, b1, dtraces, dtraces0)
		}
		reset(l.begun, l.taken, b0, b1, n, l.dyPrev)
		for t := l.taken - 1; t >= 0; t-- {
			l.stepBackward(t, b0, b1, dout, dx, dstate0 != nil)
			reset(l.begun, t, b0, b1, n, l.dyPrev)
		}
	})
	exchange(l.begun)
	if dstate0 != nil {
		copy(dstate0, l.dyPrev)
	}
	own := dparams[:l.own()]
	if l.plastic != nil {
		l.plastic.Finish(dparams[len(own):])
	}
	dwhh := own[0]
	if l.feed == Projected {
		dwhh = own[1]
		kernel.Gemm(true, false, n, l.in, rows, 1, l.dz, n, l.x, l.in, 0, own[0], l.in)
		sumRows(own[2], l.dz, rows)
		if dx != nil {
			kernel.Gemm(false, false, rows, l.in, n, 1, l.dz, n, l.wih, l.in, 0, dx, l.in)
		}
	}
	kernel.Gemm(true, false, n, n, rows, 1, l.dz, n, l.y, n, 0, dwhh, n)
}

// stepBackward is step's adjoint. On entry dyPrev holds what later steps
// contribute to the gradient of y(t); initial says whether that of the initial
// state is asked for.
func (l *RNN[F]) stepBackward(t, b0, b1 int, dout, dx []F, initial bool) {
	n, s := l.n, l.at(t, b0, b1)
	dy, dyPrev, dz := l.dy[b0*n:b1*n], l.dyPrev[b0*n:b1*n], l.rows(l.dz, t, b0, b1, n)
	copy(dy, dyPrev)
	kernel.Add(dy, l.rows(dout, t, b0, b1, n))
	clear(dyPrev)
	settled := l.settled(t, b0, b1)
	switch {
	case l.plastic == nil:
	case settled && t > 0 && l.settled(t-1, b0, b1) && (dx == nil || l.feed != Clamped):
		l.plastic.LearnBackward(t, b0, b1, s, dy, nil, dyPrev, nil)
	default:
		dpost := l.dpost[b0*n : b1*n]
		l.plastic.LearnBackward(t, b0, b1, s, dy, nil, dyPrev, dpost)
		kernel.Add(dy, dpost)
	}
	if l.feed == Clamped {
		l.clampBackward(t, b0, b1, dy, dz, dx)
	} else {
		for i, y := range s.H {
			dz[i] = dy[i] * (1 - y*y)
		}
		if l.feed == Direct && dx != nil {
			copy(l.rows(dx, t, b0, b1, n), dz)
		}
	}
	if settled {
		dz = nil
	} else {
		product(&l.adjoin, l.batch, b1-b0, dz, n, dyPrev, n)
	}
	if l.plastic != nil {
		if t == 0 && !initial {
			dyPrev = nil
		}
		l.plastic.DriveBackward(t, b0, b1, dz, n, dyPrev)
	}
}

// settled reports whether no input could have moved the outputs of step t: all
// neurons are clamped or saturated. Then dz is zero, whatever dy is.
func (l *RNN[F]) settled(t, b0, b1 int) bool {
	y := l.rows(l.y, t+1, b0, b1, l.n)
	if l.feed == Clamped {
		return l.given(t, b0, b1)
	}
	return !slices.ContainsFunc(y, func(y F) bool { return y*y != 1 })
}

// clampBackward is clamp's adjoint, and tanh's.
func (l *RNN[F]) clampBackward(t, b0, b1 int, dy, dz, dx []F) {
	n := l.n
	for b := b0; b < b1; b++ {
		lo, hi := (b-b0)*n, (b-b0+1)*n
		dy, dz, free := dy[lo:hi], dz[lo:hi], l.rows(l.free, t, b, b+1, n)
		v, m := l.values(t, b), l.mask(t, b)
		for j, d := range dy {
			dz[j] = d * (1 - m[j]) * (1 - free[j]*free[j])
		}
		if dx == nil {
			continue
		}
		dv, dm := l.rows(dx, t, b, b+1, l.in)[:n], l.rows(dx, t, b, b+1, l.in)[n:]
		for j, d := range dy {
			dv[j], dm[j] = d*m[j], d*(v[j]-free[j])
		}
	}
}
