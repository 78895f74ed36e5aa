package scan

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Dense is a feed-forward cell over the steps of an episode, which know of each
// other by their traces alone:
//
//	z(t) = W x(t) + k(t) (+ plastic input),  y(t) = softmax(z(t)) or tanh(z(t))
//
// Its input is (x, k), [In] and [Out] numbers; its parameters are weight
// [Out, In], then the Plastic's; its state is the Plastic's. To the Plastic the
// previous outputs are x(t), and the candidates y(t).
type Dense[F Float] struct {
	in, out    int
	activation Activation
	plastic    Plastic[F] // nil: a plain layer

	batch, taken int
	weight       []F
	x            []F // [T, B, In]
	y            []F // [T, B, Out]
	dx           []F // [T, B, In]
	dz           []F // [T, B, Out]
	dy, dpost    []F // [B, Out]
	begun        []fresh[F]
}

// NewDense returns a cell of out neurons with in inputs.
func NewDense[F Float](in, out int, activation Activation, plastic Plastic[F]) *Dense[F] {
	return &Dense[F]{in: in, out: out, activation: activation.OrDefault(), plastic: plastic}
}

func (l *Dense[F]) groups() (forward, backward int) {
	if l.plastic == nil {
		return standardGroup, standardGroup
	}
	return l.plastic.Groups()
}

// Begin starts a recording of at most steps steps. The parameters must not
// change before Backward has returned.
func (l *Dense[F]) Begin(batch, steps int, params [][]F, state []F) {
	l.batch, l.taken, l.weight = batch, 0, params[0]
	l.begun = l.begun[:0]
	kernel.Grow(&l.x, steps*batch*l.in)
	kernel.Grow(&l.y, steps*batch*l.out)
	if l.plastic != nil {
		l.plastic.Begin(batch, steps, params[1:], state)
	}
}

// Hold is for symmetry with the other cells: nothing here is prepared.
func (l *Dense[F]) Hold(bool) {}

// Taken returns the number of steps recorded so far.
func (l *Dense[F]) Taken() int { return l.taken }

// Forward takes steps further steps: x [steps, B, In+Out] -> out [steps, B, Out].
func (l *Dense[F]) Forward(steps int, x, out []F) {
	batch, t0 := l.batch, l.taken
	rows, in := steps*batch, l.in+l.out
	values, z := l.x[t0*batch*l.in:][:rows*l.in], l.y[t0*batch*l.out:][:rows*l.out]
	for r := range rows {
		row := x[r*in : (r+1)*in]
		copy(values[r*l.in:], row[:l.in])
		copy(z[r*l.out:], row[l.in:])
	}
	kernel.Gemm(false, true, rows, l.out, l.in, 1, values, l.in, l.weight, l.in, 1, z, l.out)
	group, _ := l.groups()
	count := even(batch, group)
	kernel.Parallel(count, func(i int) {
		b0, b1 := i*batch/count, (i+1)*batch/count
		for t := t0; t < t0+steps; t++ {
			l.step(t, b0, b1)
		}
	})
	copy(out[:rows*l.out], z)
	l.taken += steps
}

// rows returns the rows of streams [b0, b1) at step t of a [T, B, n] buffer.
func (l *Dense[F]) rows(buf []F, t, b0, b1, n int) []F {
	return buf[(t*l.batch+b0)*n : (t*l.batch+b1)*n]
}

func (l *Dense[F]) at(t, b0, b1 int) Step[F] {
	y := l.rows(l.y, t, b0, b1, l.out)
	return Step[F]{HPrev: l.rows(l.x, t, b0, b1, l.in), H: y, Post: y, Stride: l.out}
}

// step takes the streams [b0, b1) through step t; H holds W x + k.
func (l *Dense[F]) step(t, b0, b1 int) {
	n, s := l.out, l.at(t, b0, b1)
	if l.plastic != nil {
		l.plastic.Drive(t, b0, b1, s.HPrev, s.H, n)
	}
	if l.activation == Tanh {
		kernel.Tanh(s.H, s.H)
	} else {
		for b := range b1 - b0 {
			softmax(s.H[b*n : (b+1)*n])
		}
	}
	if l.plastic != nil {
		l.plastic.Learn(t, b0, b1, s)
	}
}

// softmax replaces z by e^z over its sum, shifted by the largest so that none
// overflows. A NaN makes all of them NaN.
func softmax[F Float](z []F) {
	largest, sum := z[0], 0.0
	for _, v := range z {
		largest = max(largest, v)
	}
	for j, v := range z {
		e := math.Exp(float64(v - largest))
		z[j], sum = F(e), sum+e
	}
	kernel.Scale(F(1/sum), z)
}

// ResetStream puts the state of stream b to zero before the next step.
func (l *Dense[F]) ResetStream(b int) {
	if l.plastic != nil && !beginsAt(l.begun, l.taken, b) {
		l.begun = append(l.begun, fresh[F]{t: l.taken, b: b})
		l.plastic.ResetStream(l.taken, b)
	}
}

// State writes the state after the steps taken so far.
func (l *Dense[F]) State(state []F) {
	if l.plastic != nil {
		l.plastic.State(l.taken, state)
	}
}

// Backward runs over all steps taken. It reads dout [T, B, Out], the gradient of
// the outputs, and dstate, that of the final state (nil for zero); it overwrites
// dx [T, B, In+Out] and dstate0, the gradients of the inputs and of the initial
// state (either may be nil: not asked for), and dparams.
func (l *Dense[F]) Backward(dout, dstate, dx, dstate0 []F, dparams [][]F) {
	batch, rows := l.batch, l.taken*l.batch
	kernel.Grow(&l.dx, rows*l.in)
	clear(l.dx)
	kernel.Grow(&l.dz, rows*l.out)
	kernel.Grow(&l.dy, batch*l.out)
	kernel.Grow(&l.dpost, batch*l.out)
	_, group := l.groups()
	count := even(batch, group)
	kernel.Parallel(count, func(i int) {
		b0, b1 := i*batch/count, (i+1)*batch/count
		if l.plastic != nil {
			l.plastic.StartBackward(l.taken, b0, b1, dstate, dstate0)
		}
		for t := l.taken - 1; t >= 0; t-- {
			l.stepBackward(t, b0, b1, dout, dx != nil)
		}
	})
	if l.plastic != nil {
		l.plastic.Finish(dparams[1:])
	}
	kernel.Gemm(true, false, l.out, l.in, rows, 1, l.dz, l.out, l.x, l.in, 0, dparams[0], l.in)
	if dx == nil {
		return
	}
	kernel.Gemm(false, false, rows, l.in, l.out, 1, l.dz, l.out, l.weight, l.in, 1, l.dx, l.in)
	in := l.in + l.out
	for r := range rows {
		row := dx[r*in : (r+1)*in]
		copy(row, l.dx[r*l.in:(r+1)*l.in])
		copy(row[l.in:], l.dz[r*l.out:(r+1)*l.out])
	}
}

// stepBackward is step's adjoint; inputs says whether the gradient of the inputs
// is asked for.
func (l *Dense[F]) stepBackward(t, b0, b1 int, dout []F, inputs bool) {
	n, s := l.out, l.at(t, b0, b1)
	dy, dz, dx := l.dy[b0*n:b1*n], l.rows(l.dz, t, b0, b1, n), l.rows(l.dx, t, b0, b1, l.in)
	copy(dy, l.rows(dout, t, b0, b1, n))
	if l.plastic != nil {
		dpost := l.dpost[b0*n : b1*n]
		l.plastic.LearnBackward(t, b0, b1, s, dy, nil, dx, dpost)
		kernel.Add(dy, dpost)
	}
	for b := range b1 - b0 {
		lo, hi := b*n, (b+1)*n
		mean := F(0) // of dy, weighted by the softmax
		if l.activation == Softmax {
			mean = kernel.Dot(s.H[lo:hi], dy[lo:hi])
		}
		for j := lo; j < hi; j++ {
			if y := s.H[j]; l.activation == Softmax {
				dz[j] = y * (dy[j] - mean)
			} else {
				dz[j] = dy[j] * (1 - y*y)
			}
		}
	}
	if l.plastic != nil {
		if t == 0 && !inputs {
			dx = nil
		}
		l.plastic.DriveBackward(t, b0, b1, dz, n, dx)
	}
}
