package plasticlstm

import (
	"math"
	"unsafe"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// The traces by blocks of rows, which share the loads of what rows have in
// common: for finite numbers and traces without a pull of their own.

// canBlock reports whether streams whose traces are finite can go through blocks.
func (p *hebbian[F]) canBlock() bool {
	return kernel.HasBlocks[F]() && !p.rule.pulls && finite(p.alphas) && finite(p.rates) && finite(p.traceRate)
}

// inTurn is how many blocks of rows a stream goes through before the next one
// does, where streams share matrices of parameters: so few that these stay in the
// nearest cache.
const inTurn = 2

// run takes all rows of each r through f, a few in turn.
func (p *hebbian[F]) run(all []kernel.TraceBlocks[F], turn int, f func(*kernel.TraceBlocks[F])) {
	if p.lanes() > 1 && p.batch <= laneStreams {
		p.runLanes(all, turn, f)
		return
	}
	inTurns(all, p.size/p.ld/kernel.BlockRows, turn, f)
}

// inTurns takes the next count blocks of each r through f, turn at a time.
func inTurns[F lstm.Float](all []kernel.TraceBlocks[F], count, turn int, f func(*kernel.TraceBlocks[F])) {
	for done := 0; done < count; done += turn {
		for i := range all {
			if all[i].N > 0 {
				all[i].Blocks = min(turn, count-done)
				f(&all[i])
			}
		}
	}
}

// turn returns how many blocks to take in turn.
func (p *hebbian[F]) turn() int {
	if p.alphaMatrix() || p.rateMatrix() {
		return inTurn
	}
	return p.size
}

// setBlocks sets r up for the updates of steps [first, last] of stream b, from
// the matrices a and e.
func (p *hebbian[F]) setBlocks(r *kernel.TraceBlocks[F], first, last, b int, a, e []F) {
	r.Start()
	r.N, r.A, r.E, r.Clip = p.ld, a, e, p.clip
	r.H, r.C0, r.C1 = p.vector(p.h, first, b), p.vector(p.rate, first, b), p.vector(p.step, first, b)
	r.StrideBytes, r.Updates = p.batch*p.lv*int(unsafe.Sizeof(F(0))), last-first+1
	if p.retroactive() {
		r.Keep = 1 - p.traceRate[0]
	}
	if p.rateMatrix() {
		r.Rate = p.rates
	}
	if p.alphaMatrix() {
		r.Alpha = p.alphas
	}
}

// setOutstandingBlocks sets r up for the outstanding update of step t of stream b.
func (p *hebbian[F]) setOutstandingBlocks(r *kernel.TraceBlocks[F], t, b int) {
	a, e := p.traces(b)
	p.setBlocks(r, t, t, b, a, e)
	r.ToA, r.ToE = p.matrix(p.a, b), p.matrix(p.e, b)
}

// blockDrive makes the outstanding updates of those of the streams [b0, b1) that
// go through blocks and sets s, their plastic inputs at step t.
func (p *hebbian[F]) blockDrive(t, b0, b1 int) {
	for b := b0; b < b1; b++ {
		r := &p.blocks[b]
		if !p.fast[b] {
			r.N = 0
			continue
		}
		if p.applied[b] < t {
			p.setOutstandingBlocks(r, t-1, b)
		} else {
			a, e := p.traces(b)
			p.setBlocks(r, t, t-1, b, a, e)
		}
		r.HC, r.DotH = p.vector(p.h, t, b), p.vector(p.s, t, b)
	}
	p.run(p.blocks[b0:b1], p.turn(), kernel.TraceBlocksForward[F])
	for b := b0; b < b1; b++ {
		p.peak[b] = max(p.peak[b], p.blocks[b].Peak)
	}
}

// blockUpdate makes the outstanding update of step t in stream b. It works out a
// plastic input as well, which nobody asks for, and so tells the peak.
func (p *hebbian[F]) blockUpdate(t, b int) {
	r := &p.blocks[b]
	p.setOutstandingBlocks(r, t, b)
	r.HC, r.DotH = p.vector(p.h, t, b), p.vector(p.unasked, 0, b)
	p.run(p.blocks[b:b+1], p.size, kernel.TraceBlocksForward[F])
	p.peak[b] = max(p.peak[b], r.Peak)
}

// blockCheckpoints makes all checkpoints of stream b, a few rows at a time: what
// one begins with is still in the cache from the one before.
func (p *hebbian[F]) blockCheckpoints(g *group[F], b, local, count int) {
	for len(g.checkpoints) < count {
		g.checkpoints = append(g.checkpoints, kernel.TraceBlocks[F]{})
	}
	for i := 1; i < count; i++ {
		r := &g.checkpoints[i]
		toA, toE := p.matrix(g.ck[i], local), p.matrix(g.ec[i], local)
		if p.begins(i*every, b) {
			clear(toA)
			clear(toE)
			r.N = 0
			continue
		}
		first, a, e := p.replay(g, i*every-1, b, local)
		p.setBlocks(r, first, i*every-1, b, a, e)
		r.Free = p.peak[b] <= p.clip
		r.ToA, r.ToE = toA, toE
	}
	if count > 1 {
		p.run(g.checkpoints[1:count], inTurn, kernel.TraceBlocksUpdate[F])
	}
}

// blockAdjoint is rowAdjoint for all rows of those of the streams [b0, b1) that go
// through blocks; v are the gradients of the plastic inputs, a stream every
// stride, and dhc, unless nil, gets those of the h they read.
func (p *hebbian[F]) blockAdjoint(g *group[F], t, b0, b1 int, v []F, stride int, dhc []F) {
	for b := b0; b < b1; b++ {
		local := b - b0
		r := &g.blocks[local]
		if !p.fast[b] || p.begins(t+1, b) {
			r.N = 0
			continue
		}
		first, a, e := p.replay(g, t, b, local)
		p.setBlocks(r, first, max(0, t), b, a, e)
		r.Free = p.peak[b] <= p.clip
		r.D, r.DE = p.matrix(g.d, local), p.matrix(g.de, local)
		r.DH = p.vector(g.dh, 0, local)
		if t < 0 {
			r.C0, r.C1, r.DH = g.zeros, g.zeros, g.unread
			r.Keep, r.Clip = 1, F(math.Inf(1))
		}
		if p.rateMatrix() {
			r.DRate = g.rate
		}
		if p.alphaMatrix() {
			r.DAlpha = g.alpha
		}
		r.V, r.HC, r.DHC = p.vector(g.v, 0, local), p.vector(p.h, t+1, b), p.vector(g.dhc, 0, local)
		r.DotH, r.DotA = p.vector(g.q, 0, local), p.vector(g.r, 0, local)
		clear(r.DHC)
		vb := v[local*stride:][:p.post]
		if p.opt.Alpha == PerNeuron {
			kernel.Mul(r.V[:p.post], vb, p.alpha)
			continue
		}
		copy(r.V, vb)
		if p.opt.Alpha == PerLayer {
			kernel.Scale(p.alpha[0], r.V[:p.post])
		}
	}
	p.run(g.blocks[:b1-b0], p.turn(), kernel.TraceBlocksBackward[F])
	for b := b0; b < b1; b++ {
		local := b - b0
		r := &g.blocks[local]
		if r.N == 0 {
			continue
		}
		if dhc != nil {
			kernel.Add(dhc[local*p.pre:(local+1)*p.pre], r.DHC[:p.pre])
		}
		if t >= 0 && p.retroactive() {
			g.traceRate += kernel.Dot(p.receivers(p.g, t, b), r.DotA[:p.post]) - r.DEE
		}
	}
}

func finite[F lstm.Float](x []F) bool { return kernel.IndexNonFinite(x) < 0 }
