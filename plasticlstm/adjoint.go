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
const every = 4

// Group returns the number of streams a worker takes through the backward pass
// at once; see scan.Plastic. Parameters per connection and their gradients are shared by the
// streams of a group, so there more streams pay; without them, fewer fit the
// cache better.
func (p *hebbian[F]) Group() int {
	if p.alphaMatrix() || p.rateMatrix() {
		return 5
	}
	return 2
}

// group is the backward pass of a group of streams: gradients of what the
// streams share, summed over groups in their order at the end, and vectors of
// the step at hand, a row per stream.
type group[F lstm.Float] struct {
	*scratch[F]
	taken    int
	dtraces0 []F

	alpha, rate, fanBias, wMod []F
	bMod, traceRate            F

	q  []F // [b1-b0, H]: sum_i D_ji h_i, retroactive sum_i D_ji E_ji (per connection weighted by the rate)
	r  []F // [b1-b0, H]: sum_i D_ji A_ji for Decay and Oja (so weighted too), retroactive k sum_i DE_ji h_i
	dh []F // [b1-b0, H]: what the trace's update contributes to the gradient of h(t-1)
}

// scratch is the memory of a group while its pass runs, too large to be kept
// for each.
type scratch[F lstm.Float] struct {
	d, de          []F   // [b1-b0, H, H]: gradients of A and E
	ck, ec         [][]F // checkpoints of A and E, each [b1-b0, H, H]; the first is the window's start
	x, prev, eprev []F   // [H]: a row before its clip, before its update; E before its update
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
			p.replay(g, taken-1, b, b-b0, j)
			p.updateAdjoint(g, taken-1, b, b-b0, j)
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
	grow(&g.x, n)
	grow(&g.prev, n)
	if p.retroactive() {
		grow(&g.eprev, n)
	}
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
	for b := b0; b < b1; b++ {
		for j := range p.n {
			copy(g.prev, p.row(p.a0, b, j))
			copy(g.eprev, p.eRow(p.e0, b, j))
			for t := range (count - 1) * every {
				p.update(t, b, j, g.prev, g.eprev)
				if i := (t + 1) / every; (t+1)%every == 0 {
					copy(p.row(g.ck[i], b-b0, j), g.prev)
					copy(p.eRow(g.ec[i], b-b0, j), g.eprev)
				}
			}
		}
	}
}

// replay sets g.prev and g.eprev to row j of stream b's traces before the
// update of step t, and g.x to A after it, but before the clip.
func (p *hebbian[F]) replay(g *group[F], t, b, local, j int) {
	i := t / every
	if i == 0 {
		copy(g.prev, p.row(p.a0, b, j))
		copy(g.eprev, p.eRow(p.e0, b, j))
	} else {
		copy(g.prev, p.row(g.ck[i], local, j))
		copy(g.eprev, p.eRow(g.ec[i], local, j))
	}
	for u := i * every; u < t; u++ {
		p.update(u, b, j, g.prev, g.eprev)
	}
	copy(g.x, g.prev)
	p.propose(t, b, j, g.x, g.eprev)
}

// updateAdjoint goes backward through the update of step t in row j: on entry D
// (and DE) are the gradients of the traces after it, on return before it.
func (p *hebbian[F]) updateAdjoint(g *group[F], t, b, local, j int) {
	n := p.n
	d, h := p.row(g.d, local, j), p.of(p.h, t, b)
	c, m := p.of(p.g, t, b)[j], p.m[t*p.batch+b]
	dh, i := g.dh[local*n:(local+1)*n], local*n+j
	kernel.MaskRow(d, g.x, p.clip)
	if p.retroactive() {
		k, de := p.traceRate[0], p.row(g.de, local, j)
		r := kernel.Dot(de, h)
		g.traceRate += c*r - kernel.Dot(de, g.eprev)
		g.r[i] = k * r
		kernel.Axpy(k*c, de, dh)
		kernel.Scale(1-k, de)
		if p.rateMatrix() {
			rates := p.rates(j)
			g.q[i] = kernel.Dot3(rates, d, g.eprev)
			kernel.MulAddRow(g.rate[j*n:(j+1)*n], d, g.eprev, m)
			kernel.MulAddRow(de, rates, d, m)
		} else {
			g.q[i] = kernel.Dot(d, g.eprev)
			kernel.Axpy(p.of(p.rate, t, b)[j], d, de)
		}
		return
	}
	pull := p.pull(c)
	if p.rateMatrix() {
		rates, drate := p.rates(j), g.rate[j*n:(j+1)*n]
		g.q[i] = kernel.Dot3(rates, d, h)
		kernel.MulAddRow(drate, d, h, m*c)
		kernel.MulAddRow(dh, rates, d, m*c)
		if pull != 0 {
			g.r[i] = kernel.Dot3(rates, d, g.prev)
			kernel.MulAddRow(drate, d, g.prev, -m*pull)
			kernel.MulAddRow(d, rates, d, -m*pull)
		}
		return
	}
	eta := p.of(p.rate, t, b)[j]
	g.q[i] = kernel.Dot(d, h)
	kernel.Axpy(eta*c, d, dh)
	if pull != 0 {
		g.r[i] = kernel.Dot(d, g.prev)
		kernel.Scale(1-eta*pull, d)
	}
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
		// retroactive, A + eta E: deta = q, and dc = r comes through E.
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
			dg[j] = r[j]
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
		local := b - b0
		x, clip := g.x, p.clip
		if t == 0 {
			x, clip = p.row(p.a0, b, j), F(math.Inf(1))
		} else {
			p.replay(g, t-1, b, local, j)
		}
		d, h, dh := p.row(g.d, local, j), p.of(p.h, t, b), dhPrev[local*n:(local+1)*n]
		v := dz[local*stride+j]
		if p.alphaMatrix() {
			lo, hi := j*n, (j+1)*n
			kernel.DriveAdjointAlphaRow(x, p.alpha[lo:hi], d, h, dh, g.alpha[lo:hi], v, clip)
		} else {
			kernel.DriveAdjointRow(x, d, h, dh, v*p.alphaAt(j), clip)
		}
		if t > 0 {
			p.updateAdjoint(g, t-1, b, local, j)
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
			for j := range n {
				row(b, j)
			}
		}
	}
	if t == 0 {
		p.endGroup(g, b0, b1)
	}
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
