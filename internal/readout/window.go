package readout

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Window is a memory at work over BPTT windows: Read, then Mix for each row, then
// at most one Backward, then FinalState. It owns its buffers and uses them again;
// it is not safe for concurrent use, but uses several cores itself. A row is a step
// of a stream, numbered t B + b.
type Window[F Float] struct {
	Mode Mode

	m            Memory
	steps, batch int
	fresh        int   // pairs that the window itself adds to what is read: steps, or 0 if frozen
	params       [][]F // as Memory.Params
	h            []F   // [T, B, H], what was read
	words        []int // [T, B]
	ring         []F   // [B, N, D], the state's parts
	known        []F   // [B, N]
	pending      []F   // [B, D]
	places       []F   // [B, 3]

	keys    []F       // [T+1, B, D]: row t+1 is k(t), row 0 the state's pending key
	inverse []F       // [T*B]: 1 / |W h|
	open    []F       // [T, B]: ln M(t)
	said    []F       // [T, B]: M(t)
	was     []F       // [B, N]: M of the pair in a slot
	base    []F       // [B, N]: ln M - phi age/N of the pair in a slot at the window's start; -Inf if there is none
	shares  []F       // [B, T, N+fresh]: a, of the pairs of the ring and of the window
	match   []float64 // [T*B]: ln sum_j e^s_j / ln(N+1)
	gate    []float64 // [T*B]: the argument of g; -Inf where the memory is empty
	hit     []float64 // [T*B]: sum of a over the pairs whose word is the target
	recall  []float64 // [T*B]: the memory's part in the likelihood of the target
	targets []int     // [T*B]
	adjoint[F]
}

// NewWindow returns a memory at work.
func NewWindow[F Float](m Memory) *Window[F] { return &Window[F]{m: m} }

// Modulation returns M(t) [T, B] of the last window, which the next overwrites.
func (w *Window[F]) Modulation() []F { return w.said }

// Read looks up the memory at each step of a window: h [T, B, H] and words [T, B]
// are what the reader thought and had just read, state that of lstm.StateOf. All
// of them must stay as they are until the window is done with.
func (w *Window[F]) Read(steps, batch int, params [][]F, state, h []F, words []int) {
	w.steps, w.batch, w.params, w.h, w.words = steps, batch, params, h, words
	w.fresh = steps
	if w.Mode == Frozen {
		w.fresh = 0
	}
	w.cut(state)
	rows := steps * batch
	w.shares = kernel.Grow(&w.shares, rows*w.width())
	w.was, w.base = kernel.Grow(&w.was, batch*w.m.Slots), kernel.Grow(&w.base, batch*w.m.Slots)
	w.match, w.gate = kernel.Grow(&w.match, rows), kernel.Grow(&w.gate, rows)
	w.hit, w.recall = kernel.Grow(&w.hit, rows), kernel.Grow(&w.recall, rows)
	kernel.Grow(&w.targets, rows)
	w.project()
	kernel.Parallel(batch, w.look)
}

// cut points to the parts of the state.
func (w *Window[F]) cut(state []F) {
	n := w.batch * w.m.Slots
	w.ring, state = state[:n*w.m.Key], state[n*w.m.Key:]
	w.known, state = state[:n], state[n:]
	w.pending, state = state[:w.batch*w.m.Key], state[w.batch*w.m.Key:]
	w.places = state[:3*w.batch]
}

// width is the number of pairs that a step may read, of the ring and of the window.
func (w *Window[F]) width() int { return w.m.Slots + w.fresh }

// rows returns the shares of stream b, [T, width], row the shares at step t.
func (w *Window[F]) rows(b int) []F {
	n := w.steps * w.width()
	return w.shares[b*n : (b+1)*n]
}

func (w *Window[F]) row(t, b int) []F {
	n := w.width()
	return w.rows(b)[t*n : (t+1)*n]
}

// rowsOf is how many rows a task takes where rows do not depend on one another.
const rowsOf = 64

// project computes keys and M(t) of all steps.
func (w *Window[F]) project() {
	d, rows := w.m.Key, w.steps*w.batch
	keys := kernel.Grow(&w.keys, (rows+w.batch)*d)
	copy(keys, w.pending)
	keys = keys[w.batch*d:]
	kernel.Gemm(false, true, rows, d, w.m.Hidden, 1, w.h, w.m.Hidden, w.params[keyWeight], w.m.Hidden, 0, keys, d)
	inverse, open, said := kernel.Grow(&w.inverse, rows), kernel.Grow(&w.open, rows), kernel.Grow(&w.said, rows)
	w.said = said
	kernel.Parallel((rows+rowsOf-1)/rowsOf, func(task int) {
		for r := task * rowsOf; r < min(rows, (task+1)*rowsOf); r++ {
			k := keys[r*d : (r+1)*d]
			inverse[r] = F(1 / math.Sqrt(kernel.SumSquares(k)+tiny))
			kernel.Scale(inverse[r], k)
			x := w.modulator(k)
			open[r], said[r] = F(x), F(math.Exp(x))
		}
	})
}

// tiny keeps the direction of W h = 0 finite.
const tiny = 1e-12

// modulator returns ln M = ln sigmoid(w . k + b).
func (w *Window[F]) modulator(k []F) float64 {
	return logSigmoid(float64(kernel.Dot(w.params[modulatorWeight], k) + w.params[modulatorBias][0]))
}

// written is the number of pairs that the window has written when step t reads.
func (w *Window[F]) written(at place, t int) int {
	if w.fresh == 0 {
		return 0
	}
	return t + at.pending
}

// look computes the shares and the gates of stream b.
func (w *Window[F]) look(b int) {
	d, slots, ld, width := w.m.Key, w.m.Slots, w.batch*w.m.Key, w.width()
	at := readPlace(w.places[3*b:])
	w.recollect(b, at)
	queries, beta := w.keys[(w.batch+b)*d:], w.params[sharpness][0]
	if at.filled > 0 {
		kernel.GemmSerial(false, true, w.steps, slots, d, beta, queries, ld, w.ring[b*slots*d:], d, 0, w.rows(b), width)
	}
	if w.fresh > 0 {
		kernel.GemmSerial(false, true, w.steps, w.steps, d, beta, queries, ld, w.keys[b*d:], ld, 0, w.rows(b)[slots:], width)
	}
	base, perStep := w.base[b*slots:(b+1)*slots], w.perStep()
	for t := range w.steps {
		r, row := t*w.batch+b, w.row(t, b)
		written := w.written(at, t)
		if at.filled+written == 0 {
			clear(row)
			w.match[r], w.gate[r] = 0, math.Inf(-1)
			continue
		}
		// The ring's pairs have aged by as many steps as were written since; that
		// is the same for all of them, so the window's pairs count as younger.
		if at.filled > 0 {
			kernel.Add(row[:slots], base)
			for i := range min(written, slots) {
				row[(at.next+i)%slots] = F(math.Inf(-1))
			}
		} else {
			fill(row[:slots], F(math.Inf(-1)))
		}
		for j := range w.fresh {
			if w.visible(at, t, j) {
				row[slots+j] += w.open[j*w.batch+b] - perStep*F(t-j-written)
			} else {
				row[slots+j] = F(math.Inf(-1))
			}
		}
		w.match[r] = (kernel.Softmax(row) - float64(perStep)*float64(written)) / w.m.scale()
		w.gate[r] = float64(w.params[gateMatch][0])*w.match[r] +
			float64(kernel.Dot(w.params[gateWeight], w.h[r*w.m.Hidden:(r+1)*w.m.Hidden])+w.params[gateBias][0])
	}
}

// perStep is what a pair's score loses with each step.
func (w *Window[F]) perStep() F { return w.params[fade][0] / F(w.m.Slots) }

// visible reports whether step t reads the pair that step j of the window wrote.
func (w *Window[F]) visible(at place, t, j int) bool {
	return j <= t && t-j < w.m.Slots && (j > 0 || at.pending == 1)
}

func fill[F Float](x []F, v F) {
	for i := range x {
		x[i] = v
	}
}

// recollect computes what the scores of stream b's ring have in common at all
// steps, ln M_j - phi age_j/N, with the ages at the window's start. M_j is worked
// out again from what it was said from: the key that came after the pair's own.
func (w *Window[F]) recollect(b int, at place) {
	d, slots := w.m.Key, w.m.Slots
	ring, base, said := w.ring[b*slots*d:], w.base[b*slots:(b+1)*slots], w.was[b*slots:(b+1)*slots]
	fill(base, F(math.Inf(-1)))
	after := w.pending[b*d : (b+1)*d]
	for age := range at.filled {
		s := at.slot(age, slots)
		x := w.modulator(after)
		base[s], said[s] = F(x)-w.perStep()*F(age), F(math.Exp(x))
		after = ring[s*d : (s+1)*d]
	}
}

// Mix returns the likelihood of row r's target, -ln p in nats, where the softmax
// over the vocabulary alone gives nll, and the share of that softmax in p: what its
// gradient is to be multiplied by.
func (w *Window[F]) Mix(r, target int, nll float64) (mixed, share float64) {
	w.targets[r], w.hit[r], w.recall[r] = target, 0, 0
	if w.Mode == Off {
		return nll, 1
	}
	z, t, b := w.gate[r], r/w.batch, r%w.batch
	w.each(t, b, target, func(a *F) { w.hit[r] += float64(*a) })
	words, memory := logSigmoid(-z)-nll, logSigmoid(z)+math.Log(w.hit[r])
	total := logAdd(words, memory)
	w.recall[r] = math.Exp(memory - total)
	return -total, math.Exp(words - total)
}

// each calls f with the share at step t of every pair of stream b whose word is v.
func (w *Window[F]) each(t, b, v int, f func(a *F)) {
	row, slots, word := w.row(t, b), w.m.Slots, F(v)
	for s, known := range w.known[b*slots : (b+1)*slots] {
		if known == word {
			f(&row[s])
		}
	}
	for j := range min(w.fresh, t+1) {
		if w.words[j*w.batch+b] == v {
			f(&row[slots+j])
		}
	}
}

// Distribution turns the vocabulary's logits [V] of what comes after row r into
// those of the mixture: the logarithms of its probabilities. Off, they stay.
func (w *Window[F]) Distribution(r int, logits []F) {
	if w.Mode == Off {
		return
	}
	z, sum := w.gate[r], math.Inf(-1)
	for _, v := range logits {
		sum = logAdd(sum, float64(v))
	}
	for i := range logits {
		logits[i] += F(logSigmoid(-z) - sum)
	}
	t, b := r/w.batch, r%w.batch
	row, slots := w.row(t, b), w.m.Slots
	add := func(word int, a F) {
		if a > 0 {
			logits[word] = F(logAdd(float64(logits[word]), logSigmoid(z)+math.Log(float64(a))))
		}
	}
	for s, word := range w.known[b*slots : (b+1)*slots] {
		add(int(word), row[s])
	}
	for j := range w.fresh {
		add(w.words[j*w.batch+b], row[slots+j])
	}
}

// FinalState writes the state after the window over the one that it read.
func (w *Window[F]) FinalState() {
	if w.fresh == 0 {
		return
	}
	d, slots := w.m.Key, w.m.Slots
	kernel.Parallel(w.batch, func(b int) {
		at := readPlace(w.places[3*b:])
		for j := 1 - at.pending; j < w.steps; j++ {
			s := b*slots + at.next
			copy(w.ring[s*d:(s+1)*d], w.keys[(j*w.batch+b)*d:])
			w.known[s] = F(w.words[j*w.batch+b])
			at.next, at.filled = (at.next+1)%slots, min(at.filled+1, slots)
		}
		copy(w.pending[b*d:(b+1)*d], w.keys[(w.steps*w.batch+b)*d:])
		w.places[3*b], w.places[3*b+1], w.places[3*b+2] = F(at.next), F(at.filled), 1
	})
}
