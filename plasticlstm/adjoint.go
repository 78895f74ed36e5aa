package plasticlstm

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/scan"
	"github.com/engram-lm/engram/lstm"
)

// adjoint is what the backward pass of the fused layer needs.
//
// No trace of the window is stored but the first. A group of streams regenerates
// a checkpoint every few steps when its pass begins and replays the steps between
// within a row: rewriting a row that lies in the cache costs less than reading T
// copies of [B, H, H] from memory.
type adjoint[F lstm.Float] struct {
	free   chan *scratch[F] // scratch of past groups, to be used again
	groups []*group[F]
}

// maxScratch is how many groups' scratch is kept for the next pass; no more
// groups than there are cores run at once.
const maxScratch = 256

// every is the number of steps between checkpoints.
const every = 5

// Group returns the number of streams a worker takes through the backward pass
// at once; see scan.Plastic. They share the parameters per connection and their
// gradients, and the weights that carry gradients back to h(t-1).
func (p *hebbian[F]) Group() int { return 5 }

// group is the backward pass of a group of streams: gradients of what the
// streams share, summed over groups in their order at the end, and vectors of
// the step at hand, a row per stream.
type group[F lstm.Float] struct {
	*scratch[F]
	taken    int
	dtraces0 []F

	alpha, rate, fanBias, wMod []F
	bMod, traceRate            F

	row   kernel.TraceRow[F]    // the row at work
	block kernel.TraceBlocks[F] // the blocked rows at work
	q, r  []F                   // [b1-b0, H]: DotH and DotA of the rows' last adjoint
	dh    []F                   // [b1-b0, H]: what the trace's update contributes to the gradient of h(t-1)
}

// scratch is the memory of a group while its pass runs, too large to be kept
// for each.
type scratch[F lstm.Float] struct {
	d, de  []F   // [b1-b0, H, H]: gradients of A and E
	ck, ec [][]F // checkpoints of A and E, each [b1-b0, H, H]; the first is the window's start
	unread []F   // [H]: takes gradients that nobody asks for
	work   []F   // [2H]
	v      []F   // [H]: gradients of the plastic inputs times alpha
}

// StartBackward begins a group's pass; see scan.Plastic.
func (p *hebbian[F]) StartBackward(taken, b0, b1 int, dtraces, dtraces0 []F) {
	g := p.groups[b0/p.Group()]
	select {
	case g.scratch = <-p.free:
	default:
		g.scratch = &scratch[F]{}
	}
	g.taken, g.dtraces0 = taken, dtraces0
	g.begin(p, b1-b0)
	p.regenerate(g, b0, b1)
	if dtraces == nil {
		return
	}
	nn, all := p.n*p.n, p.batch*p.n*p.n
	copy(g.d, dtraces[b0*nn:b1*nn])
	if p.retroactive() {
		copy(g.de, dtraces[all+b0*nn:all+b1*nn])
	}
	for b := b0; b < b1 && taken > 0; b++ {
		for j := range p.n {
			p.adjointOf(g, taken-1, b, b-b0, j)
			r := &g.row
			r.V, r.HC, r.DHC = 0, p.of(p.h, taken-1, b), g.unread // no input has read the final traces
			p.backward(g, b-b0, j)
			if p.retroactive() {
				g.traceRate += p.of(p.g, taken-1, b)[j]*r.DotA - r.DEE
			}
		}
	}
}

// begin sizes and clears the group's memory for streams streams.
func (g *group[F]) begin(p *hebbian[F], streams int) {
	n := p.n
	zero := func(v *[]F, size int) {
		grow(v, size)
		clear(*v)
	}
	zero(&g.alpha, len(p.alpha))
	switch {
	case !p.modulated():
		zero(&g.rate, len(p.eta))
	default:
		zero(&g.rate, len(p.fan))
		zero(&g.fanBias, len(p.fanBias))
		zero(&g.wMod, len(p.wMod))
	}
	g.bMod, g.traceRate = 0, 0
	zero(&g.q, streams*n)
	zero(&g.r, streams*n)
	zero(&g.dh, streams*n)
	zero(&g.d, streams*n*n)
	if p.retroactive() {
		zero(&g.de, streams*n*n)
	}
	grow(&g.unread, n)
	grow(&g.work, 2*n)
	grow(&g.v, n)
}

// regenerate makes the checkpoints after steps every, 2 every, ... of a group.
func (p *hebbian[F]) regenerate(g *group[F], b0, b1 int) {
	size := (b1 - b0) * p.n * p.n
	count := (g.taken + every - 1) / every
	for len(g.ck) < count {
		g.ck = append(g.ck, nil)
		g.ec = append(g.ec, nil)
	}
	for i := 1; i < count; i++ {
		grow(&g.ck[i], size)
		if p.retroactive() {
			grow(&g.ec[i], size)
		}
	}
	first := p.blocked()
	for b := b0; b < b1; b++ {
		local, r := b-b0, &g.row
		for i := 1; i < count; i++ {
			if first > 0 {
				p.blockCheckpoint(g, i, b, local)
			}
			for j := first; j < p.n; j++ {
				a, e := p.start(g, i-1, b, local, j)
				p.updates(r, (i-1)*every, i*every-1, b, j, a, e)
				r.ToA, r.ToE = p.checkpoint(g, i, local, j)
				kernel.TraceUpdate(r)
			}
		}
	}
}

// checkpoint returns row j of the traces after i*every steps, i > 0.
func (p *hebbian[F]) checkpoint(g *group[F], i, local, j int) (a, e []F) {
	return p.row(g.ck[i], local, j), p.eRow(g.ec[i], local, j)
}

// start is checkpoint for any i: the first one is the window's start.
func (p *hebbian[F]) start(g *group[F], i, b, local, j int) (a, e []F) {
	if i == 0 {
		return p.row(p.a0, b, j), p.eRow(p.e0, b, j)
	}
	return p.checkpoint(g, i, local, j)
}

// adjointOf sets g.row up for the adjoint of the update of step t in row j.
func (p *hebbian[F]) adjointOf(g *group[F], t, b, local, j int) {
	i := t / every
	a, e := p.start(g, i, b, local, j)
	p.updates(&g.row, i*every, t, b, j, a, e)
	g.row.DH = g.dh[local*p.n : (local+1)*p.n]
}

// backward runs the adjoint that g.row is set up for.
func (p *hebbian[F]) backward(g *group[F], local, j int) {
	n, r := p.n, &g.row
	r.D, r.DE = p.row(g.d, local, j), p.eRow(g.de, local, j)
	if p.rateMatrix() {
		r.DRate = g.rate[j*n : (j+1)*n]
	}
	if p.alphaMatrix() {
		r.DAlpha = g.alpha[j*n : (j+1)*n]
	} else {
		r.V *= p.alphaAt(j)
	}
	kernel.TraceBackward(r, g.work)
	g.q[local*n+j], g.r[local*n+j] = r.DotH, r.DotA
}

// LearnBackward turns the gradients of step t's update into those of the rates,
// the neuromodulator and the candidates; see scan.Plastic.
func (p *hebbian[F]) LearnBackward(t, b0, b1 int, s scan.Step[F], dh, dc, dhPrev, dg []F) {
	g, n := p.groups[b0/p.Group()], p.n
	kernel.Add(dhPrev, g.dh)
	clear(g.dh)
	for b := b0; b < b1; b++ {
		lo, hi := (b-b0)*n, (b-b0+1)*n
		dm := p.rateBackward(g, t, b, g.q[lo:hi], g.r[lo:hi], dg[lo:hi])
		if !p.modulated() {
			continue
		}
		m := p.m[t*p.batch+b]
		dz := dm * (1 - m*m)
		g.bMod += dz
		kernel.Axpy(dz, p.modulatorInput(s)[lo:hi], g.wMod)
		to := dh
		switch p.opt.ModulatorInput {
		case PreviousHidden:
			to = dhPrev
		case Cell:
			to = dc
		}
		kernel.Axpy(dz, p.wMod, to[lo:hi])
	}
}

// rateBackward sets dg, adds to the gradients of the rate's parameters, and
// returns that of M(t), for one stream.
func (p *hebbian[F]) rateBackward(g *group[F], t, b int, q, r, dg []F) (dm F) {
	m, post := p.m[t*p.batch+b], p.of(p.g, t, b)
	for j, c := range post {
		// With A + eta (c h - d A): deta = c q - d r, dc = eta q - eta r dd/dc;
		// retroactive, A + eta E: deta = q, and dc = k r comes through E.
		var deta, slope F
		pull := p.pull(c)
		if p.retroactive() {
			deta = q[j]
		} else {
			deta = c*q[j] - pull*r[j]
		}
		if p.opt.Rule == Oja {
			slope = 2 * c
		}
		eta := m // per connection q and r are weighted by the rest of the rate
		if !p.rateMatrix() {
			eta = p.of(p.rate, t, b)[j]
		}
		if p.retroactive() {
			dg[j] = p.traceRate[0] * r[j]
		} else {
			dg[j] = eta * (q[j] - slope*r[j])
		}
		switch {
		case p.rateMatrix():
			dm += deta
		case p.opt.Rate == PerNeuron && p.modulated():
			g.rate[j] += deta * m
			g.fanBias[j] += deta
			dm += deta * p.fan[j]
		case p.opt.Rate == PerNeuron:
			g.rate[j] += deta
		case p.modulated():
			dm += deta
		default:
			g.rate[0] += deta
		}
	}
	return dm
}

// DriveBackward goes backward through the plastic input of step t and the update
// of step t-1; see scan.Plastic.
func (p *hebbian[F]) DriveBackward(t, b0, b1 int, dz []F, stride int, dhPrev []F) {
	g, n := p.groups[b0/p.Group()], p.n
	if !p.alphaMatrix() {
		for b := b0; b < b1; b++ {
			v, s := dz[(b-b0)*stride:], p.of(p.s, t, b)
			for j := range n {
				g.alpha[min(j, len(g.alpha)-1)] += v[j] * s[j]
			}
		}
	}
	if t == 0 && g.dtraces0 == nil && !p.alphaMatrix() {
		p.endGroup(g, b0, b1) // nobody asks for what the pass would yield
		return
	}
	row := func(b, j int) {
		local, r := b-b0, &g.row
		if t > 0 {
			p.adjointOf(g, t-1, b, local, j)
		} else {
			p.identity(g, b, j)
		}
		r.V, r.HC, r.DHC = dz[local*stride+j], p.of(p.h, t, b), dhPrev[local*n:(local+1)*n]
		p.backward(g, local, j)
		if t > 0 && p.retroactive() {
			g.traceRate += p.of(p.g, t-1, b)[j]*r.DotA - r.DEE
		}
	}
	if p.alphaMatrix() || p.rateMatrix() {
		for j := range n { // rows outside: those of the parameters stay in the cache
			for b := b0; b < b1; b++ {
				row(b, j)
			}
		}
	} else {
		for b := b0; b < b1; b++ {
			first := 0
			if t > 0 {
				if first = p.blocked(); first > 0 {
					local := b - b0
					p.blockBackward(g, t, b, local, dz[local*stride:local*stride+n], dhPrev[local*n:(local+1)*n])
				}
			}
			for j := first; j < n; j++ {
				row(b, j)
			}
		}
	}
	if t == 0 {
		p.endGroup(g, b0, b1)
	}
}

// identity sets g.row up for an update that changes nothing, before the first
// step: the initial traces were given, not made.
func (p *hebbian[F]) identity(g *group[F], b, j int) {
	r := &g.row
	p.updates(r, 0, 0, b, j, p.row(p.a0, b, j), p.eRow(p.e0, b, j))
	r.Coef[0], r.Coef[1] = 0, 0
	if !p.rateMatrix() && !p.retroactive() {
		r.Coef[0] = 1
	}
	r.Keep, r.Clip, r.DH = 1, F(math.Inf(1)), g.unread
}

// endGroup hands out the gradient of the initial traces and gives the scratch back.
func (p *hebbian[F]) endGroup(g *group[F], b0, b1 int) {
	if g.dtraces0 != nil {
		nn, all := p.n*p.n, p.batch*p.n*p.n
		copy(g.dtraces0[b0*nn:b1*nn], g.d)
		if p.retroactive() {
			copy(g.dtraces0[all+b0*nn:all+b1*nn], g.de)
		}
	}
	select {
	case p.free <- g.scratch:
	default:
	}
	g.scratch = nil
}

// Finish sums the groups' gradients in their order; see scan.Plastic.
func (p *hebbian[F]) Finish(dparams [][]F) {
	for _, d := range dparams {
		clear(d)
	}
	for _, g := range p.groups[:(p.batch+p.Group()-1)/p.Group()] {
		rest := dparams
		add := func(v []F) {
			kernel.Add(rest[0], v)
			rest = rest[1:]
		}
		add(g.alpha)
		if !p.modulated() {
			add(g.rate)
			continue
		}
		add(g.wMod)
		rest[0][0] += g.bMod
		rest = rest[1:]
		if p.fan != nil {
			add(g.rate)
		}
		if p.fanBias != nil {
			add(g.fanBias)
		}
		if p.retroactive() {
			rest[0][0] += g.traceRate
		}
	}
}
