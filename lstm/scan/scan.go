// Package scan runs a recurrent cell over a BPTT window, forward and backward,
// with room for plastic connections: the cell knows nothing of traces, it only
// asks a Plastic what to add to the neurons' inputs before they fire and tells it
// what they did after they have. There are two cells, the LSTM and the RNN, and a
// Dense layer; below, the candidates of an RNN are its new outputs. The cells take
// what they are given; a Checked stands before each that a caller gets.
//
// A fast rule is a Plastic: New, NewRNN or NewDense makes a cell with it, and Check
// the lstm.Scan that the layer's Scan32 and Scan64 return.
//
// A window is recorded step by step, in one call or in many, so the same code
// serves a language model (all inputs known) and an agent (each input chosen
// after the last output was seen). Streams of the batch are cut into groups of a
// fixed size; a worker takes a group through the whole window without a barrier,
// and what groups have in common is summed in the order of the groups, so the
// results do not depend on the number of workers.
package scan

import "github.com/engram-lm/engram/internal/kernel"

// Float is the element type.
type Float = kernel.Float

// Plastic is what plastic connections add to a cell. All methods but Begin,
// ResetStream, State and Finish are called for groups of streams [b0, b1) from several
// goroutines at once; slices of a group start at stream b0.
type Plastic[F Float] interface {
	// Groups returns how many streams a worker takes through the forward and the
	// backward pass at once.
	Groups() (forward, backward int)
	// Begin starts a recording with the plastic parameters and from the trace part
	// of the state.
	Begin(batch, steps int, params [][]F, traces []F)
	// Drive adds the plastic input at step t to the candidates' pre-activations
	// in z [b1-b0, stride], from the outputs h [b1-b0, H] of step t-1. With a nil z
	// nobody asks for it, as where all outputs are given; the step counts all the
	// same, and the gradients that DriveBackward gets for it are zero.
	Drive(t, b0, b1 int, h []F, z []F, stride int)
	// Learn tells of step t: previous and new outputs, new cells, candidates.
	Learn(t, b0, b1 int, s Step[F])
	// ResetStream puts the traces of stream b to zero before step t, the next one: an
	// episode ends there, and no gradient passes. It is called at most once for a step
	// and a stream.
	ResetStream(t, b int)
	// State writes the traces after the steps taken so far.
	State(taken int, traces []F)
	// StartBackward begins the backward pass of a group over taken steps from the
	// gradient dtraces of the final traces (nil for zero); the pass writes that of
	// the initial ones to dtraces0 (nil: not asked for).
	StartBackward(taken, b0, b1 int, dtraces, dtraces0 []F)
	// LearnBackward is Learn's adjoint: it adds to the gradients of the step's
	// outputs, cells and previous outputs, and sets dg, that of the candidates. With
	// a nil dg nobody asks for any of these.
	LearnBackward(t, b0, b1 int, s Step[F], dh, dc, dhPrev, dg []F)
	// DriveBackward is Drive's adjoint; dz [b1-b0, stride] are the gradients of
	// the candidates' pre-activations (nil for zero); it adds to dhPrev, that of
	// h(t-1), which may be nil at the first step: not asked for.
	DriveBackward(t, b0, b1 int, dz []F, stride int, dhPrev []F)
	// Finish writes the gradients of the plastic parameters.
	Finish(dparams [][]F)
}

// Step is what the neurons of a group of streams did in one step; each slice is
// [streams, H], but that the rows of Post lie Stride apart.
type Step[F Float] struct {
	HPrev, H, C []F // previous and new outputs, new cells (nil in an RNN)
	Post        []F // the candidates
	Stride      int
}

// LSTM is the cell over a window. Its parameters are weight_ih [4H, I],
// weight_hh [4H, H], bias [4H] (gate blocks i, f, g, o), then the Plastic's;
// its state is h [B, H], c [B, H], then the Plastic's.
type LSTM[F Float] struct {
	in, n   int
	plastic Plastic[F] // nil: a standard LSTM

	batch, taken  int
	wih, whh      []F
	bias          []F
	x             []F // [T, B, I]
	act           []F // [T, B, 4H]: gates after their activation
	h, c          []F // [T+1, B, H]: index t is the state before step t
	tanhC         []F // [T, B, H]
	dz            []F // [T, B, 4H]
	dh, dhPrev    []F // [B, H]
	dc, dg        []F // [B, H]
	recur, adjoin kernel.Packed[F]
	input         kernel.Packed[F] // weight_ih, only while held
	held, packed  bool             // the weights stay as they are; recur and input have them
	precision     kernel.Precision // of the inputs of matrix products
	begun         []fresh[F]       // streams that began anew
}

// New returns a cell of n neurons with in inputs.
func New[F Float](in, n int, plastic Plastic[F]) *LSTM[F] {
	return &LSTM[F]{in: in, n: n, plastic: plastic}
}

// standardGroup is how many streams a worker takes through a standard LSTM.
const standardGroup = 5

func (l *LSTM[F]) groups() (forward, backward int) {
	if l.plastic == nil {
		return standardGroup, standardGroup
	}
	return l.plastic.Groups()
}

// driveRows is how many rows of the inputs a worker multiplies at once.
const driveRows = 28

// biasColumns is how many columns of the bias's gradient a worker sums at once.
const biasColumns = 128

// Begin starts a recording of at most steps steps. The parameters must not
// change before Backward has returned.
func (l *LSTM[F]) Begin(batch, steps int, params [][]F, state []F) {
	n := l.n
	l.batch, l.taken, l.begun = batch, 0, l.begun[:0]
	l.wih, l.whh, l.bias = params[0], params[1], params[2]
	kernel.Grow(&l.x, steps*batch*l.in)
	kernel.Grow(&l.act, steps*batch*4*n)
	kernel.Grow(&l.tanhC, steps*batch*n)
	kernel.Grow(&l.h, (steps+1)*batch*n)
	kernel.Grow(&l.c, (steps+1)*batch*n)
	copy(l.h[:batch*n], state)
	copy(l.c[:batch*n], state[batch*n:])
	if !l.packed {
		l.recur.Pack(true, n, 4*n, l.whh, n)
		if l.packed = l.held; l.held {
			l.input.Pack(true, l.in, 4*n, l.wih, l.in)
		}
	}
	if l.plastic != nil {
		l.plastic.Begin(batch, steps, params[3:], state[2*batch*n:])
	}
}

// Hold says whether the weights stay as they are from now on, so that recordings
// to come need not pack them again.
func (l *LSTM[F]) Hold(on bool) { l.held, l.packed = on, false }

// Round makes the inputs of matrix products rounded to a precision, from the next
// recording on.
func (l *LSTM[F]) Round(to kernel.Precision) {
	l.precision, l.packed = to, false
	l.recur.In, l.adjoin.In, l.input.In = to, to, to
}

// Taken returns the number of steps recorded so far.
func (l *LSTM[F]) Taken() int { return l.taken }

// Forward takes steps further steps: x [steps, B, I] -> out [steps, B, H].
func (l *LSTM[F]) Forward(steps int, x, out []F) {
	n, batch, t0 := l.n, l.batch, l.taken
	rows := steps * batch
	copy(l.x[t0*batch*l.in:], x[:rows*l.in])
	z := l.act[t0*batch*4*n:][:rows*4*n]
	l.drive(rows, x, z)
	group, _ := l.groups()
	count := even(batch, group)
	kernel.Parallel(count, func(i int) {
		b0, b1 := i*batch/count, (i+1)*batch/count
		for t := t0; t < t0+steps; t++ {
			l.step(t, b0, b1)
			copy(l.rows(out, t-t0, b0, b1, n), l.rows(l.h, t+1, b0, b1, n))
		}
	})
	l.taken += steps
}

// drive computes z [rows, 4H] = x [rows, I] W_ih^T.
func (l *LSTM[F]) drive(rows int, x, z []F) {
	if !l.packed {
		kernel.GemmIn(l.precision, false, true, rows, 4*l.n, l.in, 1, x, l.in, l.wih, l.in, 0, z, 4*l.n)
		return
	}
	kernel.Parallel(groups(rows, driveRows), func(i int) {
		r0, r1 := bounds(i, rows, driveRows)
		l.input.Mul(r1-r0, x[r0*l.in:], l.in, 0, z[r0*4*l.n:], 4*l.n)
	})
}

// product adds x [m, k] w to y [m, n], on all cores where there are fewer streams
// than cores: the bits are the same.
func product[F Float](w *kernel.Packed[F], batch, m int, x []F, ldx int, y []F, ldy int) {
	if batch < kernel.Workers() {
		w.MulParallel(m, x, ldx, 1, y, ldy)
		return
	}
	w.Mul(m, x, ldx, 1, y, ldy)
}

// sumRows sets dst [n] to the sum of the rows of x [rows, n].
func sumRows[F Float](dst, x []F, rows int) {
	n := len(dst)
	kernel.Parallel(groups(n, biasColumns), func(i int) {
		lo, hi := bounds(i, n, biasColumns)
		clear(dst[lo:hi])
		if rows > 0 {
			kernel.AddRows(dst[lo:hi], x[lo:rows*n], n)
		}
	})
}

// even returns the number of groups of at most size streams that batch streams
// are cut into, an even one where that can be: two cores are common.
func even(batch, size int) int {
	count := groups(batch, size)
	return min(batch, count+count%2)
}

func groups(batch, size int) int { return (batch + size - 1) / size }

func bounds(i, batch, size int) (b0, b1 int) { return i * size, min(batch, (i+1)*size) }

// rows returns the rows of streams [b0, b1) at step t of a [T, B, n] buffer.
func (l *LSTM[F]) rows(buf []F, t, b0, b1, n int) []F {
	return buf[(t*l.batch+b0)*n : (t*l.batch+b1)*n]
}

func (l *LSTM[F]) at(t, b0, b1 int) Step[F] {
	return Step[F]{
		HPrev: l.rows(l.h, t, b0, b1, l.n), H: l.rows(l.h, t+1, b0, b1, l.n),
		C: l.rows(l.c, t+1, b0, b1, l.n), Post: l.rows(l.act, t, b0, b1, 4*l.n)[2*l.n:], Stride: 4 * l.n,
	}
}

// step takes the streams [b0, b1) through step t:
//
//	z = W_ih x(t) + b + W_hh h(t-1) (+ plastic input to the g block)
//	i, f, o = sigmoid(z), g = tanh(z); c = f c(t-1) + i g; h = o tanh(c)
func (l *LSTM[F]) step(t, b0, b1 int) {
	n, s := l.n, l.at(t, b0, b1)
	act, cPrev, tanhC := l.rows(l.act, t, b0, b1, 4*n), l.rows(l.c, t, b0, b1, n), l.rows(l.tanhC, t, b0, b1, n)
	product(&l.recur, l.batch, b1-b0, s.HPrev, n, act, 4*n)
	if l.plastic != nil {
		l.plastic.Drive(t, b0, b1, s.HPrev, act[2*n:], 4*n)
	}
	for b := range b1 - b0 {
		lo, hi := b*n, (b+1)*n
		kernel.Add(act[4*lo:4*hi], l.bias)
		kernel.LSTMForward(n, act[4*lo:4*hi], cPrev[lo:hi], s.C[lo:hi], tanhC[lo:hi], s.H[lo:hi])
	}
	if l.plastic != nil {
		l.plastic.Learn(t, b0, b1, s)
	}
}

// ResetStream puts the state of stream b to zero before the next step.
func (l *LSTM[F]) ResetStream(b int) {
	t := l.taken
	if beginsAt(l.begun, t, b) {
		return
	}
	l.begun = append(l.begun, anew(t, b, l.rows(l.h, t, b, b+1, l.n), l.rows(l.c, t, b, b+1, l.n)))
	if l.plastic != nil {
		l.plastic.ResetStream(t, b)
	}
}

// State writes the state after the steps taken so far.
func (l *LSTM[F]) State(state []F) {
	size := l.batch * l.n
	copy(state[:size], l.h[l.taken*size:])
	copy(state[size:2*size], l.c[l.taken*size:])
	if l.plastic != nil {
		l.plastic.State(l.taken, state[2*size:])
	}
}

// Backward runs over all steps taken. It reads dout [T, B, H], the gradient of
// the outputs, and dstate, that of the final state (nil for zero); it overwrites
// dx [T, B, I] and dstate0, the gradients of the inputs and of the initial state
// (either may be nil: not asked for), and dparams.
func (l *LSTM[F]) Backward(dout, dstate, dx, dstate0 []F, dparams [][]F) {
	n, batch, rows := l.n, l.batch, l.taken*l.batch
	size := batch * n
	kernel.Grow(&l.dz, rows*4*n)
	for _, p := range []*[]F{&l.dh, &l.dhPrev, &l.dc, &l.dg} {
		kernel.Grow(p, size)
		clear(*p)
	}
	var dtraces, dtraces0 []F
	if dstate0 != nil {
		dtraces0 = dstate0[2*size:]
	}
	if dstate != nil {
		copy(l.dhPrev, dstate[:size])
		copy(l.dc, dstate[size:2*size])
		dtraces = dstate[2*size:]
	}
	l.adjoin.Pack(false, 4*n, n, l.whh, n)
	_, group := l.groups()
	count := even(batch, group)
	kernel.Parallel(count, func(i int) {
		b0, b1 := i*batch/count, (i+1)*batch/count
		if l.plastic != nil {
			l.plastic.StartBackward(l.taken, b0, b1, dtraces, dtraces0)
		}
		reset(l.begun, l.taken, b0, b1, n, l.dhPrev, l.dc)
		for t := l.taken - 1; t >= 0; t-- {
			l.stepBackward(t, b0, b1, dout, dstate0 != nil)
			reset(l.begun, t, b0, b1, n, l.dhPrev, l.dc)
		}
	})
	exchange(l.begun)
	if dstate0 != nil {
		copy(dstate0, l.dhPrev)
		copy(dstate0[size:], l.dc)
	}
	if l.plastic != nil {
		l.plastic.Finish(dparams[3:])
	}
	kernel.GemmIn(l.precision, true, false, 4*n, l.in, rows, 1, l.dz, 4*n, l.x, l.in, 0, dparams[0], l.in)
	kernel.GemmIn(l.precision, true, false, 4*n, n, rows, 1, l.dz, 4*n, l.h, n, 0, dparams[1], n)
	sumRows(dparams[2], l.dz, rows)
	if dx != nil {
		kernel.GemmIn(l.precision, false, false, rows, l.in, 4*n, 1, l.dz, 4*n, l.wih, l.in, 0, dx, l.in)
	}
}

// stepBackward is step's adjoint. On entry dhPrev holds what later steps
// contribute to the gradient of h(t), dc likewise of c(t); initial says whether
// that of the initial state is asked for.
func (l *LSTM[F]) stepBackward(t, b0, b1 int, dout []F, initial bool) {
	n, s := l.n, l.at(t, b0, b1)
	act, cPrev, tanhC := l.rows(l.act, t, b0, b1, 4*n), l.rows(l.c, t, b0, b1, n), l.rows(l.tanhC, t, b0, b1, n)
	dh, dhPrev := l.dh[b0*n:b1*n], l.dhPrev[b0*n:b1*n]
	dc, dz := l.dc[b0*n:b1*n], l.rows(l.dz, t, b0, b1, 4*n)
	copy(dh, dhPrev)
	kernel.Add(dh, l.rows(dout, t, b0, b1, n))
	clear(dhPrev)
	var dg []F
	if l.plastic != nil {
		dg = l.dg[b0*n : b1*n]
		l.plastic.LearnBackward(t, b0, b1, s, dh, dc, dhPrev, dg)
	}
	for b := range b1 - b0 {
		lo, hi := b*n, (b+1)*n
		var extra []F
		if dg != nil {
			extra = dg[lo:hi]
		}
		kernel.LSTMBackward(n, act[4*lo:4*hi], cPrev[lo:hi], tanhC[lo:hi], dh[lo:hi], dc[lo:hi], extra, dz[4*lo:4*hi])
	}
	product(&l.adjoin, l.batch, b1-b0, dz, 4*n, dhPrev, n)
	if l.plastic != nil {
		if t == 0 && !initial {
			dhPrev = nil
		}
		l.plastic.DriveBackward(t, b0, b1, dz[2*n:], 4*n, dhPrev)
	}
}
