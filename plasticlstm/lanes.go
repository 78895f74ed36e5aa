package plasticlstm

import (
	"slices"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// A large matrix is cut into lanes of rows, which the cores share where there are
// fewer streams than cores. How it is cut depends on its size and on the number of
// streams alone, and what lanes have in common is summed in their order, so the
// bits do not depend on the number of cores.
const (
	wideFrom    = 256 // neurons; with fewer there is one lane
	laneRows    = 64
	laneStreams = 8 // at most; more go by blocks uncut: there lanes cost a twelfth at 512 neurons
)

// keepStreams is the most streams whose checkpoints the forward pass keeps, where
// it goes by rows: T/every matrices for each stream.
const keepStreams = 2

// beginCheckpoints decides whether the forward pass keeps checkpoints, and makes
// room for them. For a large matrix that costs nothing: the trace is written at
// each step as it is, every so often to another place.
func (p *hebbian[F]) beginCheckpoints(byRows bool) {
	p.keep = byRows && p.lanes() > 1 && p.batch <= keepStreams
	if !p.keep {
		return
	}
	kernel.GrowPages(&p.ck, p.steps/every*p.batch*p.size)
	if p.retroactive() {
		kernel.GrowPages(&p.ec, p.steps/every*p.batch*p.size)
	}
}

func (p *hebbian[F]) lanes() int {
	if p.post < wideFrom {
		return 1
	}
	return (p.post + laneRows - 1) / laneRows
}

// eachLane calls f with each lane and its rows [j0, j1).
func (p *hebbian[F]) eachLane(f func(lane, j0, j1 int)) {
	count := p.lanes()
	if count == 1 {
		f(0, 0, p.post)
		return
	}
	lane := func(i int) { f(i, i*laneRows, min(p.post, (i+1)*laneRows)) }
	if p.batch < kernel.Workers() {
		kernel.Parallel(count, lane)
		return
	}
	for i := range count {
		lane(i)
	}
}

// blockLanes are matrices cut into lanes, at work by blocks.
type blockLanes[F lstm.Float] struct {
	blocks []kernel.TraceBlocks[F] // [lanes, matrices]
	sums   []F                     // [lanes, matrices, 2, lv]: what the rows add to DH and DHC
}

// runLanes is run lane by lane.
func (p *hebbian[F]) runLanes(all []kernel.TraceBlocks[F], turn int, f func(*kernel.TraceBlocks[F])) {
	var l *blockLanes[F]
	select {
	case l = <-p.freeLanes:
	default:
		l = &blockLanes[F]{}
	}
	n := len(all)
	if size := p.lanes() * n; len(l.blocks) < size {
		l.blocks = make([]kernel.TraceBlocks[F], size)
	}
	backward := n > 0 && slices.ContainsFunc(all, func(r kernel.TraceBlocks[F]) bool { return r.DH != nil })
	if backward {
		kernel.GrowPages(&l.sums, p.lanes()*n*2*p.lv)
		clear(l.sums)
	}
	sums := func(lane, i int) (dh, dhc []F) {
		at := (lane*n + i) * 2 * p.lv
		return l.sums[at:][:p.lv], l.sums[at+p.lv:][:p.lv]
	}
	p.eachLane(func(lane, j0, j1 int) {
		rows, blocks := roundUp(j1-j0, kernel.BlockRows), l.blocks[lane*n:(lane+1)*n]
		for i := range all {
			blocks[i] = all[i].Rows(j0, rows)
			if backward {
				blocks[i].DH, blocks[i].DHC = sums(lane, i)
			}
		}
		inTurns(blocks, rows/kernel.BlockRows, turn, f)
	})
	for i := range all {
		r := &all[i]
		for lane := range p.lanes() {
			of := &l.blocks[lane*n+i]
			r.Peak, r.DEE = max(r.Peak, of.Peak), r.DEE+of.DEE
			if backward && r.N > 0 {
				dh, dhc := sums(lane, i)
				kernel.Add(r.DH, dh)
				kernel.Add(r.DHC, dhc)
			}
		}
	}
	select {
	case p.freeLanes <- l:
	default:
	}
}

// lane is the backward pass of some rows of a stream.
type lane[F lstm.Float] struct {
	row       kernel.TraceRow[F] // the row at work
	work      []F                // [2, pre]
	dh, dhc   []F                // [pre]: what the rows add to the gradients of h(t-1) and of the plastic input's h
	ownH, own []F                // memory for these, if there are several lanes
	traceRate F
	deta      F // of a rate that all rows share
}

// beginLanes sizes the lanes' memory.
func (g *group[F]) beginLanes(p *hebbian[F]) {
	count := p.lanes()
	for len(g.lanes) < count {
		g.lanes = append(g.lanes, lane[F]{})
	}
	for i := range g.lanes {
		l := &g.lanes[i]
		kernel.GrowPages(&l.work, 2*p.pre)
		if count > 1 {
			kernel.GrowPages(&l.ownH, p.pre)
			kernel.GrowPages(&l.own, p.pre)
		}
	}
}

// rowsAdjoint is rowAdjoint for all rows, with v the gradients of the plastic
// inputs; dhc gets those of the h that they read.
func (p *hebbian[F]) rowsAdjoint(g *group[F], t, b, local int, v, hc, dhc []F) {
	dh := p.senders(g.dh, 0, local)
	if t < 0 {
		dh = g.unread[:p.pre]
	}
	count := p.lanes()
	p.eachLane(func(i, j0, j1 int) {
		l := &g.lanes[i]
		l.traceRate = 0
		if l.dh, l.dhc = dh, dhc; count > 1 {
			l.dh, l.dhc = l.ownH, l.own
			clear(l.dh)
			clear(l.dhc)
		}
		for j := j0; j < j1; j++ {
			p.rowAdjoint(g, l, t, b, local, j, v[j], hc)
		}
	})
	for i := range count {
		l := &g.lanes[i]
		g.traceRate += l.traceRate
		if count > 1 {
			kernel.Add(dh, l.dh)
			kernel.Add(dhc, l.dhc)
		}
	}
}

// Where neither the plastic inputs nor the outputs of a run of steps have
// gradients, as in a recurrent net whose neurons are all clamped, the adjoints of
// the updates between wait for each other: a row then goes through several of
// them while it lies in the nearest cache.

// canWait reports whether adjoints of the streams [b0, b1) may wait: those of a
// neuromodulator's updates are part of its own gradient and may not, nor may those
// of thresholds, which go from step to step, nor any where an episode begins.
func (p *hebbian[F]) canWait(b0, b1 int) bool {
	return p.lanes() > 1 && !p.modulated() && !p.rule.threshold && !p.beginAmong(b0, b1) && !slices.Contains(p.fast[b0:b1], true)
}

// wait puts off the adjoint of the update of step t; before the first step it ends
// the group's pass.
func (p *hebbian[F]) wait(g *group[F], t, b0, b1 int) {
	if t >= 0 {
		if g.waiting, g.last = g.waiting+1, t; g.waiting == every {
			p.settle(g, b0, b1)
		}
		return
	}
	if g.dtraces0 != nil {
		for b := b0; b < b1; b++ {
			p.rowsAdjoint(g, t, b, b-b0, g.none, p.senders(p.h, 0, b), g.unread[:p.pre])
		}
	}
	p.endGroup(g, b0, b1)
}

// settle makes the adjoints that wait. What all but the earliest leave for the
// rates is taken at once, and what they leave for the neurons is not asked for;
// LearnBackward takes the earliest one's.
func (p *hebbian[F]) settle(g *group[F], b0, b1 int) {
	first := g.last + g.waiting - 1
	for b := b0; b < b1; b++ {
		local := b - b0
		q, r := p.receivers(g.q, 0, local), p.receivers(g.r, 0, local)
		p.eachLane(func(i, j0, j1 int) {
			l := &g.lanes[i]
			l.deta = 0
			clear(l.ownH)
			for j := j0; j < j1; j++ {
				l.dh, l.dhc = l.own, l.own
				for t := first; t > g.last; t-- {
					p.rowAdjoint(g, l, t, b, local, j, 0, p.senders(p.h, t+1, b))
					s, d, _, _ := p.factors(t, b, j)
					switch deta := s*q[j] - d*r[j]; p.opt.Rate {
					case PerNeuron:
						g.rate[j] += deta
					case PerLayer:
						l.deta += deta
					}
				}
				l.dh = l.ownH
				p.rowAdjoint(g, l, g.last, b, local, j, 0, p.senders(p.h, g.last+1, b))
			}
		})
		for i := range p.lanes() {
			kernel.Add(p.senders(g.dh, 0, local), g.lanes[i].ownH)
			if p.opt.Rate == PerLayer {
				g.rate[0] += g.lanes[i].deta
			}
		}
	}
	g.waiting = 0
}
