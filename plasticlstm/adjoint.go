package plasticlstm

import (
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
)

// adjoint is what the backward pass of the fused layer needs.
//
// No trace of the window is stored but the first. A group of streams regenerates
// a checkpoint every few steps when its pass begins and replays the steps between
// in registers: rewriting what lies in the cache costs less than writing T copies
// of [B, H, H] to memory and reading them back. Checkpoints that the forward pass
// keeps cost more as well, where there are many streams: all streams' are more than
// a cache holds. A matrix so large that no cache holds it anyway is another matter.
type adjoint[F lstm.Float] struct {
	free      chan *scratch[F]    // scratch of past groups, to be used again
	freeLanes chan *blockLanes[F] // likewise
	groups    []*group[F]
}

// maxScratch is how many groups' scratch is kept for the next pass; no more
// groups than there are cores run at once.
const maxScratch = 256

// every is the number of steps between checkpoints.
const every = 5

// A worker takes as many streams through the window at once as share a
// second-level cache of 2 MB with the recurrent weights: each step comes back to
// their traces. The bounds are fixed, so that results do not depend on the machine.
const (
	forwardCache  = 1 << 20 // bytes of traces that a group may come back to
	backwardCache = 3 << 18 // likewise, when other things are read as well
	maxGroup      = 5
	elemBytes     = 4
)

// Groups returns how many streams a worker takes through the forward and the
// backward pass at once; see scan.Plastic. They share the weights that are read
// at every step and, in the backward pass, the gradients of the parameters.
func (p *hebbian[F]) Groups() (forward, backward int) {
	bytes := p.size * elemBytes
	if p.retroactive() {
		bytes *= 2
	}
	fit := func(cache, bytes int) int { return min(maxGroup, max(1, cache/bytes)) }
	return fit(forwardCache, bytes), fit(backwardCache, 2*bytes)
}

// group is the backward pass of a group of streams: gradients of what the
// streams share, summed over groups in their order at the end, and vectors of
// the step at hand, a row per stream.
type group[F lstm.Float] struct {
	*scratch[F]
	streams  int // 0: the group has no part in this pass
	taken    int
	dtraces0 []F

	alpha, rate         []F // matrices if per connection
	fanBias, wMod       []F
	bMod, traceRate     F
	thresholdRate       F
	dtheta, ds          []F // [streams, lv], [post]: gradients of the thresholds, and of s
	lanes               []lane[F]
	blocks, checkpoints []kernel.TraceBlocks[F] // the matrices at work: of each stream, and of one stream
	q, r                []F                     // [streams, lv]: DotH and DotA of the rows' last adjoint
	dh                  []F                     // [streams, lv]: what the trace's update contributes to the gradient of h(t-1)
	v, dhc              []F                     // [streams, lv]: gradients of the plastic inputs, and of the h they read
	zeros, unread       []F                     // [lv]: nothing, and gradients that nobody asks for
	deta                []F                     // [post]: gradients of the rates
	unasked, none       []F                     // [post]: gradients that nobody asks for, and zeros
	waiting, last       int                     // updates whose adjoints wait, and the earliest of them
}

// scratch is the memory of a group while its pass runs, too large to be kept
// for each.
type scratch[F lstm.Float] struct {
	all    []F   // holds the others side by side
	d, de  []F   // [streams, matrix]: gradients of A and E
	ck, ec [][]F // checkpoints of A and E, each [streams, matrix]; the first is the window's start
}

// cut sizes the scratch for count checkpoints of size numbers.
func (s *scratch[F]) cut(count, size int, retroactive bool) {
	states := 1
	if retroactive {
		states = 2
	}
	kernel.GrowPages(&s.all, states*max(1, count)*size)
	rest := s.all
	next := func() []F {
		v := rest[:size:size]
		rest = rest[size:]
		return v
	}
	s.d, s.ck, s.ec = next(), append(s.ck[:0], nil), append(s.ec[:0], nil)
	if retroactive {
		s.de = next()
	}
	for range count - 1 {
		s.ck = append(s.ck, next())
		if retroactive {
			s.ec = append(s.ec, next())
		} else {
			s.ec = append(s.ec, nil)
		}
	}
}

// beginBackward makes room for the groups of batch streams, each at the place of
// its first stream.
func (p *hebbian[F]) beginBackward(batch int) {
	for len(p.groups) < batch {
		p.groups = append(p.groups, &group[F]{})
	}
	for _, g := range p.groups {
		g.streams = 0
	}
}

// StartBackward begins a group's pass; see scan.Plastic.
func (p *hebbian[F]) StartBackward(taken, b0, b1 int, dtraces, dtraces0 []F) {
	g := p.groups[b0]
	select {
	case g.scratch = <-p.free:
	default:
		g.scratch = &scratch[F]{}
	}
	g.streams, g.taken, g.dtraces0 = b1-b0, taken, dtraces0
	g.begin(p, b1-b0)
	p.regenerate(g, b0, b1)
	if dtraces != nil {
		p.finalTraces(g, b0, b1, dtraces)
	}
	if taken == 0 {
		p.endGroup(g, b0, b1)
	}
}

// finalTraces begins a group's pass with the gradient of the final traces.
func (p *hebbian[F]) finalTraces(g *group[F], b0, b1 int, dtraces []F) {
	nn, all := p.post*p.pre, p.batch*p.post*p.pre
	for b := b0; b < b1; b++ {
		if p.begins(g.taken, b) {
			continue
		}
		local := b - b0
		p.pad(p.matrix(g.d, local), dtraces[b*nn:(b+1)*nn])
		if p.retroactive() {
			p.pad(p.matrix(g.de, local), dtraces[all+b*nn:all+(b+1)*nn])
		}
		if p.rule.threshold {
			copy(p.receivers(g.dtheta, 0, local), dtraces[all+b*p.post:])
		}
		if g.taken > 0 { // no input has read the final traces: v = 0
			p.rowsAdjoint(g, g.taken-1, b, local, g.zeros, p.senders(p.h, g.taken-1, b), g.unread[:p.pre])
		}
	}
}

// begin sizes and clears the group's memory for streams streams.
func (g *group[F]) begin(p *hebbian[F], streams int) {
	zero := func(v *[]F, size int) {
		kernel.GrowPages(v, size)
		clear(*v)
	}
	per := func(matrix bool, x []F) int {
		if matrix {
			return p.size
		}
		return len(x)
	}
	zero(&g.alpha, per(p.alphaMatrix(), p.alpha))
	if p.modulated() {
		zero(&g.rate, per(p.rateMatrix(), p.fan))
	} else {
		zero(&g.rate, per(p.rateMatrix(), p.eta))
	}
	zero(&g.fanBias, len(p.fanBias))
	zero(&g.wMod, len(p.wMod))
	g.bMod, g.traceRate, g.thresholdRate = 0, 0, 0
	if p.rule.threshold {
		zero(&g.dtheta, streams*p.lv)
		kernel.GrowPages(&g.ds, p.post)
	}
	for _, v := range []*[]F{&g.q, &g.r, &g.dh, &g.v, &g.dhc} {
		zero(v, streams*p.lv)
	}
	zero(&g.zeros, p.lv)
	zero(&g.unread, p.lv)
	count := (g.taken + every - 1) / every
	if p.keep {
		count = 1
	}
	g.cut(count, streams*p.size, p.retroactive())
	clear(g.d)
	clear(g.de)
	g.beginLanes(p)
	kernel.GrowPages(&g.deta, p.post)
	kernel.GrowPages(&g.unasked, p.post)
	zero(&g.none, p.post)
	g.waiting = 0
	for len(g.blocks) < streams {
		g.blocks = append(g.blocks, kernel.TraceBlocks[F]{})
	}
}

// regenerate makes the checkpoints after steps every, 2 every, ... of a group.
func (p *hebbian[F]) regenerate(g *group[F], b0, b1 int) {
	count := len(g.ck)
	for b := b0; b < b1; b++ {
		if p.fast[b] {
			p.blockCheckpoints(g, b, b-b0, count)
			continue
		}
		for i := 1; i < count; i++ {
			p.rowCheckpoint(g, i, b, b-b0)
		}
	}
}

// checkpoint returns the traces of stream b after i*every steps.
func (p *hebbian[F]) checkpoint(g *group[F], i, b, local int) (a, e []F) {
	if i == 0 || p.keep {
		return p.after(i*every, b)
	}
	return p.matrix(g.ck[i], local), p.matrix(g.ec[i], local)
}

// LearnBackward turns the gradients of step t's update into those of the rates,
// the neuromodulator and the candidates; see scan.Plastic.
func (p *hebbian[F]) LearnBackward(t, b0, b1 int, s scan.Step[F], dh, dc, dhPrev, dg []F) {
	g, n := p.groups[b0], p.post
	if g.waiting > 0 {
		if dg == nil {
			return
		}
		p.settle(g, b0, b1)
	}
	for b := b0; b < b1; b++ {
		lo, hi := (b-b0)*n, (b-b0+1)*n
		kernel.Add(dhPrev[(b-b0)*p.pre:(b-b0+1)*p.pre], p.senders(g.dh, 0, b-b0))
		post := g.unasked
		if dg != nil {
			post = dg[lo:hi]
		}
		dm := p.rateBackward(g, t, b, b0, p.receivers(g.q, 0, b-b0), p.receivers(g.r, 0, b-b0), post)
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
	clear(g.dh)
}

// rateBackward sets dg, adds to the gradients of the rate's parameters, and
// returns that of M(t), for stream b of the group that begins with b0.
func (p *hebbian[F]) rateBackward(g *group[F], t, b, b0 int, q, r, dg []F) (dm F) {
	deta, m := g.deta, p.m[t*p.batch+b]
	p.etaBackward(t, b, q, r, deta, dg)
	if p.rule.threshold {
		kernel.Mul(g.ds, p.receivers(p.rate, t, b), q)
		p.slideBackward(g, t, b, p.receivers(g.dtheta, 0, b-b0), g.ds, dg)
	}
	switch {
	case p.opt.Rate == PerNeuron && p.modulated():
		kernel.Axpy(m, deta, g.rate)
		kernel.Add(g.fanBias, deta)
		return kernel.Dot(deta, p.fan)
	case p.opt.Rate == PerNeuron:
		kernel.Add(g.rate, deta)
		return 0
	}
	for _, d := range deta {
		dm += d
	}
	if p.opt.Rate == PerLayer && !p.modulated() {
		g.rate[0] += dm
	}
	return dm
}

// etaBackward sets deta and dg from the sums q and r over the row of each neuron:
// with A + eta (s h - d A), deta = s q - d r and dg = eta (ds/dg q - dd/dg r);
// retroactive, A + eta E, deta = q and dg = k r comes through E. Per connection
// q and r are weighted by the rest of the rate, and eta is M(t).
func (p *hebbian[F]) etaBackward(t, b int, q, r, deta, dg []F) {
	eta := p.receivers(p.rate, t, b)
	switch {
	case p.retroactive():
		copy(deta, q)
		copy(dg, r)
		kernel.Scale(p.traceRate[0], dg)
	case p.rule.product:
		kernel.Mul(deta, p.receivers(p.g, t, b), q)
		kernel.Mul(dg, eta, q)
	default:
		for j := range deta {
			s, d, ds, dd := p.factors(t, b, j)
			deta[j], dg[j] = s*q[j]-d*r[j], eta[j]*(ds*q[j]-dd*r[j])
		}
	}
}

// DriveBackward goes backward through the plastic input of step t and the update
// of step t-1; see scan.Plastic.
func (p *hebbian[F]) DriveBackward(t, b0, b1 int, dz []F, stride int, dhPrev []F) {
	g := p.groups[b0]
	if dz == nil {
		if p.canWait(b0, b1) {
			p.wait(g, t-1, b0, b1)
			return
		}
		dz, stride = g.none, 0
	}
	if g.waiting > 0 {
		p.settle(g, b0, b1)
	}
	if !p.alphaMatrix() {
		for b := b0; b < b1; b++ {
			v, s := dz[(b-b0)*stride:][:p.post], p.receivers(p.s, t, b)
			if p.opt.Alpha == PerLayer {
				g.alpha[0] += kernel.Dot(v, s)
				continue
			}
			kernel.MulAdd(g.alpha, v, s)
		}
	}
	// At the first step nobody may ask for what is left of the pass.
	if dhPrev != nil || g.dtraces0 != nil || p.alphaMatrix() {
		p.blockAdjoint(g, t-1, b0, b1, dz, stride, dhPrev)
		for b := b0; b < b1; b++ {
			if p.fast[b] || p.begins(t, b) {
				continue
			}
			local, dhc := b-b0, g.unread[:p.pre]
			if dhPrev != nil {
				dhc = dhPrev[local*p.pre : (local+1)*p.pre]
			}
			p.rowsAdjoint(g, t-1, b, local, dz[local*stride:], p.senders(p.h, t, b), dhc)
		}
	}
	for b := b0; b < b1; b++ {
		if p.begins(t, b) {
			p.forget(g, b-b0)
		}
	}
	if t == 0 {
		p.endGroup(g, b0, b1)
	}
}

// endGroup hands out the gradient of the initial traces and gives the scratch back.
func (p *hebbian[F]) endGroup(g *group[F], b0, b1 int) {
	if g.dtraces0 != nil {
		nn, all := p.post*p.pre, p.batch*p.post*p.pre
		for b := b0; b < b1; b++ {
			p.unpad(g.dtraces0[b*nn:(b+1)*nn], p.matrix(g.d, b-b0))
			if p.retroactive() {
				p.unpad(g.dtraces0[all+b*nn:all+(b+1)*nn], p.matrix(g.de, b-b0))
			}
			if p.rule.threshold {
				copy(g.dtraces0[all+b*p.post:][:p.post], p.receivers(g.dtheta, 0, b-b0))
			}
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
	for _, g := range p.groups {
		if g.streams == 0 {
			continue
		}
		rest := dparams
		next := func() []F {
			d := rest[0]
			rest = rest[1:]
			return d
		}
		add := func(v []F, matrix bool) {
			d := next()
			if !matrix {
				kernel.Add(d, v)
				return
			}
			for j := range p.post {
				kernel.Add(d[j*p.pre:(j+1)*p.pre], p.row(v, j))
			}
		}
		coefficient := func(v []F, how Granularity, post, pre []F) {
			if how != Decomposed {
				add(v, how.matrix())
				return
			}
			dpost, dpre := next(), next() // of post_j pre_i
			for j := range p.post {
				dpost[j] += kernel.Dot(pre, p.row(v, j))
				kernel.Axpy(post[j], p.row(v, j), dpre)
			}
		}
		coefficient(g.alpha, p.opt.Alpha, p.alpha, p.alphaPre)
		if !p.modulated() {
			coefficient(g.rate, p.opt.Rate, p.eta, p.ratePre)
		}
		if p.rule.threshold {
			dparams[len(dparams)-1][0] += g.thresholdRate
		}
		if !p.modulated() {
			continue
		}
		add(g.wMod, false)
		next()[0] += g.bMod
		if p.fan != nil {
			coefficient(g.rate, p.opt.Rate, p.fan, p.ratePre)
		}
		if p.fanBias != nil {
			add(g.fanBias, false)
		}
		if p.retroactive() {
			next()[0] += g.traceRate
		}
	}
}
