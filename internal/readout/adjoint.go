package readout

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// adjoint is the memory of the backward pass.
type adjoint[F Float] struct {
	dgate  []F       // [T*B]: gradient of g's argument
	dkeys  []F       // [T+1, B, D], as Window.keys
	dopen  []F       // [B, N+fresh]: gradient of ln M of each pair
	dw     []F       // [B, D]: of the modulator's weight, by stream
	single []float64 // [B, 4]: of sharpness, fade, the modulator's bias and gate.match, by stream
	found  [][]F     // by stream: the shares of the pairs with a row's target
}

// Backward computes the gradients of scale times the sum of what Mix returned for
// all rows. It overwrites dh [T, B, H] and dparams, laid out as the parameters. In
// the forward pass, for row r with target y, g = sigmoid(z), P = sum of a over the
// pairs with word y:
//
//	p = (1 - g) p_vocab + g P,   loss = -ln p,   rho = g P / p
//
// so that
//
//	to z      g - rho
//	to s_j    a_j (rho (1 - [x_j = y] / P) + gamma (g - rho) / ln(N+1))
//
// the latter through ln P and through the gate's ln sum e^s.
func (w *Window[F]) Backward(scale float64, dh []F, dparams [][]F) {
	d, rows, hidden := w.m.Key, w.steps*w.batch, w.m.Hidden
	w.dgate = kernel.Grow(&w.dgate, rows)
	w.dkeys = kernel.Grow(&w.dkeys, (rows+w.batch)*d)
	w.dopen = kernel.Grow(&w.dopen, w.batch*w.width())
	w.dw = kernel.Grow(&w.dw, w.batch*d)
	w.single, w.found = kernel.Grow(&w.single, 4*w.batch), kernel.Grow(&w.found, w.batch)
	kernel.Parallel(w.batch, func(b int) { w.lookBackward(b, scale) })
	dkeys := w.dkeys[w.batch*d:]
	kernel.Parallel((rows+rowsOf-1)/rowsOf, func(task int) { // through k = v / |v|
		for r := task * rowsOf; r < min(rows, (task+1)*rowsOf); r++ {
			k, dk := w.keys[(w.batch+r)*d:(w.batch+r+1)*d], dkeys[r*d:(r+1)*d]
			kernel.Axpy(-kernel.Dot(k, dk), k, dk)
			kernel.Scale(w.inverse[r], dk)
		}
	})
	kernel.Gemm(false, false, rows, hidden, d, 1, dkeys, d, w.params[keyWeight], hidden, 0, dh, hidden)
	kernel.Gemm(true, false, d, hidden, rows, 1, dkeys, d, w.h, hidden, 0, dparams[keyWeight], hidden)
	for _, i := range []int{modulatorWeight, gateWeight, gateBias} {
		clear(dparams[i])
	}
	for r, dz := range w.dgate {
		kernel.Axpy(dz, w.params[gateWeight], dh[r*hidden:(r+1)*hidden])
		kernel.Axpy(dz, w.h[r*hidden:(r+1)*hidden], dparams[gateWeight])
		dparams[gateBias][0] += dz
	}
	var sums [4]float64
	for b := range w.batch {
		kernel.Add(dparams[modulatorWeight], w.dw[b*d:(b+1)*d])
		for i := range sums {
			sums[i] += w.single[4*b+i]
		}
	}
	for i, at := range []int{sharpness, fade, modulatorBias, gateMatch} {
		dparams[at][0] = F(sums[i])
	}
}

// lookBackward goes through look of stream b, whose shares become the gradients of
// the scores.
func (w *Window[F]) lookBackward(b int, scale float64) {
	d, slots, ld, width := w.m.Key, w.m.Slots, w.batch*w.m.Key, w.width()
	at := readPlace(w.places[3*b:])
	single := w.single[4*b : 4*b+4]
	clear(single)
	for t := range w.steps {
		single[3] += w.scores(t, b, scale)
	}

	// To the keys of the steps, as what is looked for: G = sum_j ds_j k_j, times beta.
	queries, beta := w.keys[(w.batch+b)*d:], w.params[sharpness][0]
	dqueries := w.dkeys[(w.batch+b)*d:]
	ds := w.rows(b)
	old := F(0)
	if at.filled > 0 {
		kernel.GemmSerial(false, false, w.steps, d, slots, 1, ds, width, w.ring[b*slots*d:], d, 0, dqueries, ld)
		old = 1
	}
	clear(w.dkeys[b*d : (b+1)*d])
	if w.fresh > 0 {
		kernel.GemmSerial(false, false, w.steps, d, w.steps, 1, ds[slots:], width, w.keys[b*d:], ld, old, dqueries, ld)
	}
	for t := range w.steps {
		q, g := queries[t*ld:t*ld+d], dqueries[t*ld:t*ld+d]
		if at.filled == 0 && w.fresh == 0 {
			clear(g)
		}
		single[0] += float64(kernel.Dot(q, g))
		kernel.Scale(beta, g)
	}
	if w.fresh > 0 { // as what was stored
		kernel.GemmSerial(true, false, w.steps, d, w.steps, beta, ds[slots:], width, queries, ld, 1, w.dkeys[b*d:], ld)
	}
	w.strengthsBackward(b, at, single)
}

// scores turns the shares of stream b at step t into the gradients of the scores.
// It returns gate.match's gradient.
func (w *Window[F]) scores(t, b int, scale float64) (dmatch float64) {
	r, row := t*w.batch+b, w.row(t, b)
	w.dgate[r] = 0
	if w.Mode == Off {
		clear(row)
		return 0
	}
	z, rho := w.gate[r], w.recall[r]
	dz := scale * (math.Exp(logSigmoid(z)) - rho)
	w.dgate[r] = F(dz)
	all := scale*rho + float64(w.params[gateMatch][0])*dz/w.m.scale()
	found := w.found[b][:0]
	if rho > 0 {
		w.each(t, b, w.targets[r], func(a *F) { found = append(found, *a) })
	}
	w.found[b] = found
	kernel.Scale(F(all), row)
	if rho > 0 {
		by, i := F(scale*rho/w.hit[r]), 0
		w.each(t, b, w.targets[r], func(ds *F) {
			*ds -= by * found[i]
			i++
		})
	}
	return dz * w.match[r]
}

// strengthsBackward goes from the gradients of stream b's scores to the fade, to
// ln M of each pair and through it to the modulator and to the keys it read.
func (w *Window[F]) strengthsBackward(b int, at place, single []float64) {
	d, slots, width := w.m.Key, w.m.Slots, w.width()
	dopen := w.dopen[b*width : (b+1)*width]
	clear(dopen)
	var aged float64 // gradient of the scores times the pairs' ages
	for t := range w.steps {
		ds := w.row(t, b)
		kernel.Add(dopen, ds)
		// All scores of a row together have what the gate's match gives them.
		written, old := w.written(at, t), float64(w.params[gateMatch][0]*w.dgate[t*w.batch+b])/w.m.scale()
		for j, v := range ds[slots:] {
			aged += float64(v) * float64(t-j)
			old -= float64(v)
		}
		if at.filled > 0 {
			aged += old * float64(written)
		}
	}
	dw := w.dw[b*d : (b+1)*d]
	clear(dw)
	after := w.pending[b*d : (b+1)*d]
	for age := range at.filled {
		s := at.slot(age, slots)
		aged += float64(dopen[s]) * float64(age)
		dx := dopen[s] * (1 - w.was[b*slots+s])
		kernel.Axpy(dx, after, dw)
		single[2] += float64(dx)
		after = w.ring[(b*slots+s)*d : (b*slots+s+1)*d]
	}
	single[1] = -aged / float64(slots)
	for j := range w.fresh {
		dx := dopen[slots+j] * (1 - w.said[j*w.batch+b])
		k := ((j+1)*w.batch + b) * d
		kernel.Axpy(dx, w.keys[k:k+d], dw)
		kernel.Axpy(dx, w.params[modulatorWeight], w.dkeys[k:k+d])
		single[2] += float64(dx)
	}
}
