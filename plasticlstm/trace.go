package plasticlstm

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
)

// hebbian is the plastic part of the fused layer: it implements scan.Plastic.
//
// The forward pass keeps the traces at the window's start (a0, e0) and works on
// the running ones (a, e), in which the update of the last step is still
// outstanding: it is made when the next step reads the trace anyway. Where a step
// reads none more may be outstanding, up to as many as lie between checkpoints.
//
// Matrices are laid out for the vector kernels: a row takes ld numbers, of which
// the first n count and the others are zero, and there are zero rows up to a
// multiple of kernel.BlockRows. Vectors take lv numbers, those of the sending
// neurons and those of the receiving ones alike.
type hebbian[F lstm.Float] struct {
	pre, post    int // sending neurons i, receiving neurons j
	ld, size, lv int // numbers of a row, of a matrix, of a vector
	opt          Options
	rule         rule
	clip         F // +Inf for Additive

	// Parameters, as views; nil where the options have none.
	alpha, eta, wMod, bMod, fan, fanBias, traceRate []F
	thresholdRate                                   []F
	alphaPre, ratePre                               []F // of decomposed alpha and eta or fan
	alphas, rates                                   []F // alpha and eta or fan per connection, laid out as matrices

	batch, steps int
	applied      []int                   // [B]: updates made in a and e; the others are outstanding
	begun        [][]int                 // [B]: steps before which the traces were put to zero, ascending
	nothing      []F                     // a matrix of zeros
	fast         []bool                  // [B]: the stream goes through blocks
	peak         []F                     // [B]: for those, the largest magnitude that a trace came to before its clip
	rows         []kernel.TraceRow[F]    // [B, lanes]: the row at work
	blocks       []kernel.TraceBlocks[F] // [B]: the matrix at work
	a0, a        []F                     // [B, matrix]
	e0, e        []F                     // [B, matrix], retroactive only
	keep         bool                    // the forward pass keeps checkpoints
	ck, ec       []F                     // [T/every, B, matrix] if it does
	h, g         []F                     // [T, B, lv]: h(t-1) and g(t) at step t
	s            []F                     // [T, B, lv]: sum_i A_ji h_i, alpha inside if it is per connection
	rate         []F                     // [T, B, lv]: eta_j(t); M(t) if the rate is per connection
	step         []F                     // [T, B, lv]: rate times s, retroactive k s
	m            []F                     // [T, B]: M(t), 1 without a neuromodulator
	theta        []F                     // [T+1, B, lv]: theta_j before step t, of a rule with a threshold
	unasked      []F                     // [B, lv]: plastic inputs that nobody asks for

	adjoint[F]
}

var _ scan.Plastic[float32] = (*hebbian[float32])(nil)

func newHebbian[F lstm.Float](pre, post int, opt Options) *hebbian[F] {
	p := &hebbian[F]{pre: pre, post: post, ld: roundUp(pre, kernel.BlockColumns), opt: opt, clip: F(opt.Clip)}
	p.size = roundUp(post, kernel.BlockRows) * p.ld
	p.lv = roundUp(max(pre, post), kernel.BlockColumns)
	p.free = make(chan *scratch[F], maxScratch)
	p.freeLanes = make(chan *blockLanes[F], maxScratch)
	if p.rule = opt.rule(); p.rule.unbounded {
		p.clip = F(math.Inf(1))
	}
	return p
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

func (p *hebbian[F]) retroactive() bool { return p.opt.Modulation == Retroactive }
func (p *hebbian[F]) modulated() bool   { return p.opt.Modulation != None }
func (p *hebbian[F]) rateMatrix() bool  { return p.opt.Rate.matrix() }
func (p *hebbian[F]) alphaMatrix() bool { return p.opt.Alpha.matrix() }

// bind takes the plastic parameters, in the order of LSTM.Params.
func (p *hebbian[F]) bind(params [][]F) {
	next := func() []F {
		v := params[0]
		params = params[1:]
		return v
	}
	coefficient := func(g Granularity) (v, factor []F) {
		if v = next(); g == Decomposed {
			factor = next()
		}
		return v, factor
	}
	p.alpha, p.alphaPre = coefficient(p.opt.Alpha)
	if !p.modulated() {
		p.eta, p.ratePre = coefficient(p.opt.Rate)
	} else {
		p.wMod, p.bMod = next(), next()
		if p.opt.Rate != PerLayer {
			p.fan, p.ratePre = coefficient(p.opt.Rate)
		}
		if p.opt.Rate == PerNeuron {
			p.fanBias = next()
		}
		if p.retroactive() {
			p.traceRate = next()
		}
	}
	if p.rule.threshold {
		p.thresholdRate = next()
	}
	if p.alphaMatrix() {
		p.layOut(&p.alphas, p.alpha, p.alphaPre)
	}
	if p.rateMatrix() && p.modulated() {
		p.layOut(&p.rates, p.fan, p.ratePre)
	} else if p.rateMatrix() {
		p.layOut(&p.rates, p.eta, p.ratePre)
	}
}

// layOut makes the matrix of x [post, pre], or of x [post] and the factor pre [pre].
func (p *hebbian[F]) layOut(to *[]F, x, pre []F) {
	kernel.GrowPages(to, p.size)
	if pre == nil {
		p.pad(*to, x)
		return
	}
	clear(*to)
	for j := range p.post {
		kernel.Axpy(x[j], pre, p.row(*to, j))
	}
}

// pad lays x [post, pre] out as a matrix.
func (p *hebbian[F]) pad(to, x []F) {
	for j := range p.post {
		row := to[j*p.ld : (j+1)*p.ld]
		clear(row[copy(row, x[j*p.pre:(j+1)*p.pre]):])
	}
	clear(to[p.post*p.ld:])
}

// unpad is the inverse of pad.
func (p *hebbian[F]) unpad(to, x []F) {
	for j := range p.post {
		copy(to[j*p.pre:(j+1)*p.pre], x[j*p.ld:])
	}
}

// matrix returns the matrix of stream b in a [B, matrix] buffer, nil without one.
func (p *hebbian[F]) matrix(buf []F, b int) []F {
	if len(buf) == 0 {
		return nil
	}
	return buf[b*p.size : (b+1)*p.size]
}

// vector returns the vector of stream b at step t in a [T, B, lv] buffer.
func (p *hebbian[F]) vector(buf []F, t, b int) []F {
	i := (t*p.batch + b) * p.lv
	return buf[i : i+p.lv]
}

// senders and receivers are vector without the padding.
func (p *hebbian[F]) senders(buf []F, t, b int) []F   { return p.vector(buf, t, b)[:p.pre:p.pre] }
func (p *hebbian[F]) receivers(buf []F, t, b int) []F { return p.vector(buf, t, b)[:p.post:p.post] }

// Begin starts a recording; see scan.Plastic.
func (p *hebbian[F]) Begin(batch, steps int, params [][]F, traces []F) {
	p.bind(params)
	p.batch, p.steps = batch, steps
	for len(p.applied) < batch {
		p.applied, p.begun = append(p.applied, 0), append(p.begun, nil)
		p.fast, p.peak = append(p.fast, false), append(p.peak, 0)
		p.rows = append(p.rows, make([]kernel.TraceRow[F], p.lanes())...)
		p.blocks = append(p.blocks, kernel.TraceBlocks[F]{})
	}
	clear(p.applied)
	for b := range p.begun {
		p.begun[b] = p.begun[b][:0]
	}
	kernel.GrowPages(&p.nothing, p.size)
	clear(p.peak)
	kernel.GrowPages(&p.a0, batch*p.size)
	kernel.GrowPages(&p.a, batch*p.size)
	if p.retroactive() {
		kernel.GrowPages(&p.e0, batch*p.size)
		kernel.GrowPages(&p.e, batch*p.size)
	}
	for _, buf := range []*[]F{&p.h, &p.g, &p.s, &p.rate, &p.step} {
		kernel.GrowPages(buf, steps*batch*p.lv)
	}
	kernel.GrowPages(&p.m, steps*batch)
	kernel.GrowPages(&p.unasked, batch*p.lv)
	if p.rule.threshold {
		kernel.GrowPages(&p.theta, (steps+1)*batch*p.lv)
		for b := range batch {
			copy(p.receivers(p.theta, 0, b), traces[batch*p.post*p.pre+b*p.post:])
		}
	}
	p.beginBackward(batch)
	blocks := p.canBlock()
	p.beginCheckpoints(!blocks)
	nn := p.post * p.pre
	kernel.Parallel(batch, func(b int) {
		p.pad(p.matrix(p.a0, b), traces[b*nn:(b+1)*nn])
		p.fast[b] = blocks && finite(p.matrix(p.a0, b))
		if p.retroactive() {
			p.pad(p.matrix(p.e0, b), traces[(batch+b)*nn:(batch+b+1)*nn])
			p.fast[b] = p.fast[b] && finite(p.matrix(p.e0, b))
		}
	})
}

// alphaAt returns alpha of neuron j, unless it is per connection.
func (p *hebbian[F]) alphaAt(j int) F {
	if p.opt.Alpha == PerNeuron {
		return p.alpha[j]
	}
	return p.alpha[0]
}

// factors are s and d of the rule, and their derivatives, for neuron j of stream b
// at step t.
func (p *hebbian[F]) factors(t, b, j int) (s, d, ds, dd F) {
	if g := p.receivers(p.g, t, b)[j]; p.rule.product {
		return g, 0, 1, 0
	}
	theta := 0.0
	if p.rule.threshold {
		theta = float64(p.receivers(p.theta, t, b)[j])
	}
	s64, d64, ds64, dd64 := p.rule.factors(float64(p.receivers(p.g, t, b)[j]), theta)
	return F(s64), F(d64), F(ds64), F(dd64)
}

// Drive adds the plastic input; see scan.Plastic. The update of the step before,
// if it is outstanding, is made on the way.
func (p *hebbian[F]) Drive(t, b0, b1 int, h []F, z []F, stride int) {
	for b := b0; b < b1; b++ {
		to := p.vector(p.h, t, b)
		clear(to[copy(to, h[(b-b0)*p.pre:(b-b0+1)*p.pre]):])
	}
	p.blockDrive(t, b0, b1)
	for b := b0; b < b1; b++ {
		switch {
		case p.fast[b]:
			p.applied[b] = t
		case z == nil:
			p.rowRecord(t, b)
		default:
			p.rowDrive(t, b)
		}
		if z == nil {
			continue
		}
		zb, s := z[(b-b0)*stride:][:p.post], p.receivers(p.s, t, b)
		switch p.opt.Alpha {
		case PerConnection, Decomposed:
			kernel.Add(zb, s)
		case PerNeuron:
			kernel.MulAdd(zb, p.alpha, s)
		default:
			kernel.Axpy(p.alpha[0], s, zb)
		}
	}
}

// Learn records the step and works out M(t) and the rates; see scan.Plastic.
func (p *hebbian[F]) Learn(t, b0, b1 int, s scan.Step[F]) {
	n := p.post
	for b := b0; b < b1; b++ {
		lo, hi := (b-b0)*n, (b-b0+1)*n
		g, rate, step := p.vector(p.g, t, b), p.vector(p.rate, t, b), p.vector(p.step, t, b)
		for _, v := range [][]F{g, rate, step} {
			clear(v[n:])
		}
		copy(g, s.Post[(b-b0)*s.Stride:][:n])
		m := F(1)
		if p.modulated() {
			in := p.modulatorInput(s)[lo:hi]
			m = F(math.Tanh(float64(kernel.Dot(p.wMod, in) + p.bMod[0])))
		}
		p.m[t*p.batch+b] = m
		g, rate, step = g[:n], rate[:n], step[:n]
		switch {
		case p.opt.Rate == PerNeuron && p.modulated():
			copy(rate, p.fanBias)
			kernel.Axpy(m, p.fan, rate)
		case p.opt.Rate == PerNeuron:
			copy(rate, p.eta)
		default:
			if p.opt.Rate == PerLayer && !p.modulated() {
				m = p.eta[0]
			}
			for j := range rate {
				rate[j] = m
			}
		}
		copy(step, g)
		if !p.rule.product {
			for j := range step {
				step[j], _, _, _ = p.factors(t, b, j)
			}
		}
		if p.rule.threshold {
			p.slide(t, b)
		}
		if p.retroactive() {
			kernel.Scale(p.traceRate[0], step)
		} else {
			kernel.Mul(step, step, rate)
		}
		if p.fast[b] && !(finite(p.senders(p.h, t, b)) && finite(rate) && finite(step)) {
			p.fast[b] = false
		}
	}
}

func (p *hebbian[F]) modulatorInput(s scan.Step[F]) []F {
	switch p.opt.ModulatorInput {
	case PreviousHidden:
		return s.HPrev
	case Cell:
		return s.C
	}
	return s.H
}

// traces returns the traces of stream b after the updates made so far.
func (p *hebbian[F]) traces(b int) (a, e []F) { return p.after(p.applied[b], b) }

// after returns where the traces of stream b lie when count updates have been made.
func (p *hebbian[F]) after(count, b int) (a, e []F) {
	switch {
	case count == 0:
		return p.matrix(p.a0, b), p.matrix(p.e0, b)
	case p.keep && count%every == 0:
		b += (count/every - 1) * p.batch
		return p.matrix(p.ck, b), p.matrix(p.ec, b)
	}
	return p.matrix(p.a, b), p.matrix(p.e, b)
}

// State makes the outstanding updates and writes the traces; see scan.Plastic.
func (p *hebbian[F]) State(taken int, traces []F) {
	nn := p.post * p.pre
	kernel.Parallel(p.batch, func(b int) {
		if p.applied[b] < taken {
			if p.fast[b] {
				p.blockUpdate(taken-1, b)
				p.applied[b] = taken
			} else {
				p.rowUpdate(taken, b)
			}
		}
		a, e := p.traces(b)
		p.unpad(traces[b*nn:(b+1)*nn], a)
		if p.retroactive() {
			p.unpad(traces[(p.batch+b)*nn:(p.batch+b+1)*nn], e)
		}
		if p.rule.threshold {
			copy(traces[p.batch*nn+b*p.post:][:p.post], p.receivers(p.theta, taken, b))
		}
	})
}
