package main

import (
	"math"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
)

// trace is the fast rule, as plain loops: what its traces come to is kept for every
// step, which is simple, and large.
type trace[F lstm.Float] struct {
	n, batch          int
	alpha, keep, w, b []F
	a                 []F    // [T+1, B, H, H]: before step t
	h                 []F    // [T, B, H]: h(t-1)
	m                 []F    // [T, B]
	begun             []bool // [T+1, B]: an episode begins with the step

	da                    []F   // [B, H, H]: gradient of the traces
	initial               [][]F // [B]: where that of a stream's first traces goes, nil: not asked for
	dalpha, dkeep, dw, db []F   // of each stream
}

var _ scan.Plastic[float32] = (*trace[float32])(nil)

// Groups: a worker takes one stream at a time.
func (p *trace[F]) Groups() (forward, backward int) { return 1, 1 }

func (p *trace[F]) Begin(batch, steps int, params [][]F, traces []F) {
	p.batch, p.alpha, p.keep, p.w, p.b = batch, params[0], params[1], params[2], params[3]
	nn := p.n * p.n
	p.a, p.h = make([]F, (steps+1)*batch*nn), make([]F, steps*batch*p.n)
	p.m, p.begun = make([]F, steps*batch), make([]bool, (steps+1)*batch)
	copy(p.a, traces)
	p.da, p.dw, p.initial = make([]F, batch*nn), make([]F, batch*p.n), make([][]F, batch)
	p.dalpha, p.dkeep, p.db = make([]F, batch), make([]F, batch), make([]F, batch)
}

// at returns the traces of stream b before step t.
func (p *trace[F]) at(t, b int) []F {
	nn := p.n * p.n
	return p.a[(t*p.batch+b)*nn:][:nn]
}

func (p *trace[F]) Drive(t, b0, b1 int, h, z []F, stride int) {
	for b := b0; b < b1; b++ {
		pre := p.h[(t*p.batch+b)*p.n:][:p.n]
		copy(pre, h[(b-b0)*p.n:])
		if z == nil {
			continue
		}
		for j := range p.n {
			z[(b-b0)*stride+j] += p.alpha[0] * dot(p.at(t, b)[j*p.n:], pre)
		}
	}
}

func (p *trace[F]) Learn(t, b0, b1 int, s scan.Step[F]) {
	for b := b0; b < b1; b++ {
		g, pre := s.Post[(b-b0)*s.Stride:][:p.n], p.h[(t*p.batch+b)*p.n:][:p.n]
		m := F(math.Tanh(float64(dot(p.w, s.H[(b-b0)*p.n:][:p.n]) + p.b[0])))
		p.m[t*p.batch+b] = m
		for j := range p.n {
			from, to := p.at(t, b)[j*p.n:][:p.n], p.at(t+1, b)[j*p.n:]
			for i, a := range from {
				to[i] = p.keep[0]*a + m*g[j]*pre[i]
			}
		}
	}
}

func (p *trace[F]) ResetStream(t, b int) {
	clear(p.at(t, b))
	p.begun[t*p.batch+b] = true
}

func (p *trace[F]) State(taken int, traces []F) {
	copy(traces[:p.batch*p.n*p.n], p.a[taken*p.batch*p.n*p.n:])
}

func (p *trace[F]) StartBackward(taken, b0, b1 int, dtraces, dtraces0 []F) {
	nn := p.n * p.n
	for b := b0; b < b1; b++ {
		da := p.da[b*nn : (b+1)*nn]
		clear(da)
		if dtraces != nil {
			copy(da, dtraces[b*nn:])
		}
		if dtraces0 != nil {
			p.initial[b] = dtraces0[b*nn : (b+1)*nn]
		}
	}
	p.before(taken, b0, b1)
}

// before takes the gradient of the traces to before step t: where an episode begins
// there is none, and before the first step it is what was asked for.
func (p *trace[F]) before(t, b0, b1 int) {
	nn := p.n * p.n
	for b := b0; b < b1; b++ {
		da := p.da[b*nn : (b+1)*nn]
		if p.begun[t*p.batch+b] {
			clear(da)
		}
		if t == 0 {
			copy(p.initial[b], da)
		}
	}
}

func (p *trace[F]) LearnBackward(t, b0, b1 int, s scan.Step[F], dh, dc, dhPrev, dg []F) {
	for b := b0; b < b1; b++ {
		local, m := b-b0, p.m[t*p.batch+b]
		g, pre := s.Post[local*s.Stride:][:p.n], p.h[(t*p.batch+b)*p.n:][:p.n]
		var dm F
		for j := range p.n {
			da, a := p.da[(b*p.n+j)*p.n:][:p.n], p.at(t, b)[j*p.n:]
			sum := dot(da, pre)
			dm += g[j] * sum
			p.dkeep[b] += dot(da, a)
			if dg != nil {
				dg[local*p.n+j] = m * sum
			}
			for i, d := range da {
				if dg != nil {
					dhPrev[local*p.n+i] += m * g[j] * d
				}
				da[i] = p.keep[0] * d
			}
		}
		dz := dm * (1 - m*m)
		p.db[b] += dz
		for j, h := range s.H[local*p.n:][:p.n] {
			p.dw[b*p.n+j] += dz * h
			dh[local*p.n+j] += dz * p.w[j]
		}
	}
}

func (p *trace[F]) DriveBackward(t, b0, b1 int, dz []F, stride int, dhPrev []F) {
	for b := b0; b < b1 && dz != nil; b++ {
		pre := p.h[(t*p.batch+b)*p.n:][:p.n]
		for j, v := range dz[(b-b0)*stride:][:p.n] {
			da, a := p.da[(b*p.n+j)*p.n:], p.at(t, b)[j*p.n:]
			p.dalpha[b] += v * dot(a, pre)
			for i, h := range pre {
				da[i] += p.alpha[0] * v * h
				if dhPrev != nil {
					dhPrev[(b-b0)*p.n+i] += p.alpha[0] * v * a[i]
				}
			}
		}
	}
	p.before(t, b0, b1)
}

// Finish sums the streams in their order, so that the bits do not depend on the cores.
func (p *trace[F]) Finish(dparams [][]F) {
	for _, d := range dparams {
		clear(d)
	}
	for b := range p.batch {
		dparams[0][0] += p.dalpha[b]
		dparams[1][0] += p.dkeep[b]
		for j := range p.n {
			dparams[2][j] += p.dw[b*p.n+j]
		}
		dparams[3][0] += p.db[b]
	}
}

// dot is the product of a with as many numbers of b, or of b with as many of a.
func dot[F lstm.Float](a, b []F) (sum F) {
	n := min(len(a), len(b))
	for i, x := range a[:n] {
		sum += x * b[i]
	}
	return sum
}
