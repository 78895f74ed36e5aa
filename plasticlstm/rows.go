package plasticlstm

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// The traces row by row: every rule and every element type, at every level of
// the kernels; NaN stays NaN.

// row returns row j of a matrix, nil without one.
func (p *hebbian[F]) row(matrix []F, j int) []F {
	if len(matrix) == 0 {
		return nil
	}
	return matrix[j*p.ld : j*p.ld+p.pre]
}

// coef returns the two numbers of the update of step t in row j of stream b; see
// kernel.TraceRow.
func (p *hebbian[F]) coef(t, b, j int) (c0, c1 F) {
	rate, step := p.receivers(p.rate, t, b)[j], p.receivers(p.step, t, b)[j]
	if p.retroactive() {
		return rate, step
	}
	pull := F(0)
	if p.rule.pulls {
		_, pull, _, _ = p.factors(t, b, j)
	}
	if p.rateMatrix() {
		return step, rate * pull
	}
	return 1 - rate*pull, step
}

// setRow sets r up for the updates of steps [first, last] in row j of stream b,
// from the matrices a and e.
func (p *hebbian[F]) setRow(r *kernel.TraceRow[F], first, last, b, j int, a, e []F) {
	r.A, r.E = p.row(a, j), p.row(e, j)
	r.H, r.Stride, r.Updates = p.senders(p.h, first, b), p.batch*p.lv, last-first+1
	if r.Updates > 1 {
		r.H = p.h[(first*p.batch+b)*p.lv:]
	}
	r.Coef = r.Coef[:0]
	for t := first; t <= last; t++ {
		c0, c1 := p.coef(t, b, j)
		r.Coef = append(r.Coef, c0, c1)
	}
	r.Clip = p.clip
	if p.retroactive() {
		r.Keep = 1 - p.traceRate[0]
	}
	r.Rate, r.Alpha = p.row(p.rates, j), p.row(p.alphas, j)
}

// setUpdates sets r up for the updates of steps [first, last] in row j of stream b.
func (p *hebbian[F]) setUpdates(r *kernel.TraceRow[F], first, last, b, j int) {
	a, e := p.after(first, b)
	p.setRow(r, first, last, b, j, a, e)
	a, e = p.after(last+1, b)
	r.ToA, r.ToE = p.row(a, j), p.row(e, j)
}

// update makes the updates of steps [first, to) in row j of stream b, and stops by
// at the checkpoints.
func (p *hebbian[F]) update(r *kernel.TraceRow[F], first, to, b, j int) {
	for first < to {
		next := min(to, (first/every+1)*every)
		p.setUpdates(r, first, next-1, b, j)
		kernel.TraceUpdate(r)
		first = next
	}
}

// rowDrive makes the outstanding updates of stream b and sets s, the plastic
// inputs at step t.
func (p *hebbian[F]) rowDrive(t, b int) {
	h, s, applied := p.senders(p.h, t, b), p.receivers(p.s, t, b), p.applied[b]
	p.eachLane(func(lane, j0, j1 int) {
		r := &p.rows[b*p.lanes()+lane]
		for j := j0; j < j1; j++ {
			if applied < t {
				p.update(r, applied, t-1, b, j)
				p.setUpdates(r, t-1, t-1, b, j)
				r.HC = h
				s[j] = kernel.TraceForward(r)
				continue
			}
			a, _ := p.traces(b)
			if p.alphaMatrix() {
				s[j] = kernel.Dot3(p.row(p.alphas, j), p.row(a, j), h)
			} else {
				s[j] = kernel.Dot(p.row(a, j), h)
			}
		}
	})
	p.applied[b] = t
}

// rowRecord notes step t of stream b, whose plastic inputs nobody asks for.
func (p *hebbian[F]) rowRecord(t, b int) {
	clear(p.receivers(p.s, t, b))
	if t%every == 0 {
		p.rowUpdate(t, b)
	}
}

// rowUpdate makes the outstanding updates of stream b before step t.
func (p *hebbian[F]) rowUpdate(t, b int) {
	applied := p.applied[b]
	p.eachLane(func(lane, j0, j1 int) {
		r := &p.rows[b*p.lanes()+lane]
		for j := j0; j < j1; j++ {
			p.update(r, applied, t, b, j)
		}
	})
	p.applied[b] = t
}

// rowCheckpoint makes checkpoint i of stream b, i > 0.
func (p *hebbian[F]) rowCheckpoint(g *group[F], i, b, local int) {
	toA, toE := p.matrix(g.ck[i], local), p.matrix(g.ec[i], local)
	if p.begins(i*every, b) {
		clear(toA)
		clear(toE)
		return
	}
	first, a, e := p.replay(g, i*every-1, b, local)
	p.eachLane(func(lane, j0, j1 int) {
		r := &g.lanes[lane].row
		for j := j0; j < j1; j++ {
			p.setRow(r, first, i*every-1, b, j, a, e)
			r.ToA, r.ToE = p.row(toA, j), p.row(toE, j)
			kernel.TraceUpdate(r)
		}
	})
}

// rowAdjoint is the adjoint of the update of step t in row j of stream b, and of
// the plastic input at step t+1, whose gradient is v; t = -1 stands for the
// initial traces, which no update made.
func (p *hebbian[F]) rowAdjoint(g *group[F], l *lane[F], t, b, local, j int, v F, hc []F) {
	r := &l.row
	first, a, e := p.replay(g, t, b, local)
	p.setRow(r, first, max(0, t), b, j, a, e)
	r.DH = l.dh
	if t < 0 {
		r.Coef[0], r.Coef[1] = 0, 0
		if !p.rateMatrix() && !p.retroactive() {
			r.Coef[0] = 1
		}
		r.Keep, r.Clip = 1, F(math.Inf(1))
	}
	r.V, r.HC, r.DHC = v, hc, l.dhc
	if !p.alphaMatrix() {
		r.V *= p.alphaAt(j)
	}
	r.D, r.DE = p.row(p.matrix(g.d, local), j), p.row(p.matrix(g.de, local), j)
	r.DRate, r.DAlpha = nil, nil
	if p.rateMatrix() {
		r.DRate = p.row(g.rate, j)
	}
	switch {
	case v == 0: // as where the neuron is clamped or saturated
		r.Alpha = nil
	case p.alphaMatrix():
		r.DAlpha = p.row(g.alpha, j)
	}
	kernel.TraceBackward(r, l.work)
	p.receivers(g.q, 0, local)[j], p.receivers(g.r, 0, local)[j] = r.DotH, r.DotA
	if t >= 0 && p.retroactive() {
		l.traceRate += p.receivers(p.g, t, b)[j]*r.DotA - r.DEE
	}
}
