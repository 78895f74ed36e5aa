package plasticlstm

import (
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// A large matrix is cut into lanes of rows, which the cores share where there are
// fewer streams than cores. How it is cut depends on its size alone, and what
// lanes have in common is summed in their order, so the bits do not depend on the
// number of cores, nor on that of the streams.
const (
	wideFrom = 256 // neurons; with fewer there is one lane
	laneRows = 64
)

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

// lane is the backward pass of some rows of a stream.
type lane[F lstm.Float] struct {
	row       kernel.TraceRow[F] // the row at work
	work      []F                // [2, pre]
	dh, dhc   []F                // [pre]: what the rows add to the gradients of h(t-1) and of the plastic input's h
	ownH, own []F                // memory for these, if there are several lanes
	traceRate F
}

// beginLanes sizes the lanes' memory.
func (g *group[F]) beginLanes(p *hebbian[F]) {
	count := p.lanes()
	for len(g.lanes) < count {
		g.lanes = append(g.lanes, lane[F]{})
	}
	for i := range g.lanes {
		l := &g.lanes[i]
		grow(&l.work, 2*p.pre)
		if count > 1 {
			grow(&l.ownH, p.pre)
			grow(&l.own, p.pre)
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
