package plasticlstm

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/scan"
	"github.com/engram-lm/engram/lstm"
)

// hebbian is the plastic part of the fused layer: it implements scan.Plastic.
//
// The forward pass keeps the traces at the window's start (a0, e0) and works on
// the running ones (a, e), in which the update of the last step is still
// outstanding: it is made when the next step reads the row anyway.
type hebbian[F lstm.Float] struct {
	n    int
	opt  Options
	clip F // +Inf for Additive

	// Parameters, as views; nil where the options have none.
	alpha, eta, wMod, bMod, fan, fanBias, traceRate []F

	batch, steps int
	applied      []int                   // [B]: updates made in a and e; at most one is outstanding
	blocks       []kernel.TraceBlocks[F] // [B]: likewise, of all blocked rows
	rows         []kernel.TraceRow[F]    // [B]: the row at work
	a0, a        []F                     // [B, H, H]
	e0, e        []F                     // [B, H, H], retroactive only
	h, g         []F                     // [T, B, H]: h(t-1) and g(t) at step t
	s            []F                     // [T, B, H]: sum_i A_ji h_i, unless alpha is per connection
	rate         []F                     // [T, B, H]: eta_j(t), unless the rate is per connection
	step         []F                     // [T, B, H]: eta_j(t) g_j(t), retroactive k g_j(t); where rate is
	m            []F                     // [T, B]: M(t), 1 without a neuromodulator

	adjoint[F]
}

var _ scan.Plastic[float32] = (*hebbian[float32])(nil)

func newHebbian[F lstm.Float](n int, opt Options) *hebbian[F] {
	h := &hebbian[F]{n: n, opt: opt, clip: F(opt.Clip)}
	h.free = make(chan *scratch[F], maxScratch)
	if opt.Rule == Additive {
		h.clip = F(math.Inf(1))
	}
	return h
}

func (p *hebbian[F]) retroactive() bool { return p.opt.Modulation == Retroactive }
func (p *hebbian[F]) modulated() bool   { return p.opt.Modulation != None }
func (p *hebbian[F]) rateMatrix() bool  { return p.opt.Rate == PerConnection }
func (p *hebbian[F]) alphaMatrix() bool { return p.opt.Alpha == PerConnection }

// bind takes the plastic parameters, in the order of LSTM.Params.
func (p *hebbian[F]) bind(params [][]F) {
	next := func() []F {
		v := params[0]
		params = params[1:]
		return v
	}
	p.alpha = next()
	if !p.modulated() {
		p.eta = next()
		return
	}
	p.wMod, p.bMod = next(), next()
	if p.opt.Rate != PerLayer {
		p.fan = next()
	}
	if p.opt.Rate == PerNeuron {
		p.fanBias = next()
	}
	if p.retroactive() {
		p.traceRate = next()
	}
}

func grow[F lstm.Float](p *[]F, n int) {
	if cap(*p) < n {
		*p = make([]F, n)
	}
	*p = (*p)[:n]
}

// Begin starts a recording; see scan.Plastic.
func (p *hebbian[F]) Begin(batch, steps int, traces []F) {
	n := p.n
	p.batch, p.steps = batch, steps
	p.applied = append(p.applied[:0], make([]int, batch)...)
	size := batch * n * n
	grow(&p.a0, size)
	grow(&p.a, size)
	copy(p.a0, traces)
	if p.retroactive() {
		grow(&p.e0, size)
		grow(&p.e, size)
		copy(p.e0, traces[size:])
	}
	for len(p.rows) < batch {
		p.rows = append(p.rows, kernel.TraceRow[F]{})
		p.blocks = append(p.blocks, kernel.TraceBlocks[F]{})
	}
	for len(p.groups)*p.Group() < batch {
		p.groups = append(p.groups, &group[F]{})
	}
	grow(&p.h, steps*batch*n)
	grow(&p.g, steps*batch*n)
	grow(&p.m, steps*batch)
	if !p.alphaMatrix() {
		grow(&p.s, steps*batch*n)
	}
	if !p.rateMatrix() {
		grow(&p.rate, steps*batch*n)
		grow(&p.step, steps*batch*n)
	}
}

// of returns the row of stream b at step t in a [T, B, H] buffer.
func (p *hebbian[F]) of(buf []F, t, b int) []F {
	i := (t*p.batch + b) * p.n
	return buf[i : i+p.n]
}

// row returns row j of stream b in a [B, H, H] buffer.
func (p *hebbian[F]) row(buf []F, b, j int) []F {
	i := (b*p.n + j) * p.n
	return buf[i : i+p.n]
}

// alphaAt returns alpha of neuron j, unless it is per connection.
func (p *hebbian[F]) alphaAt(j int) F {
	if p.opt.Alpha == PerNeuron {
		return p.alpha[j]
	}
	return p.alpha[0]
}

// pull is the factor d of the trace's own pull in A + eta (g h - d A).
func (p *hebbian[F]) pull(g F) F {
	switch p.opt.Rule {
	case Decay:
		return 1
	case Oja:
		return g * g
	}
	return 0
}

// coef returns the two numbers of the update of step t in row j of stream b; see
// kernel.TraceRow.
func (p *hebbian[F]) coef(t, b, j int) (c0, c1 F) {
	g, m := p.of(p.g, t, b)[j], p.m[t*p.batch+b]
	switch {
	case p.retroactive() && p.rateMatrix():
		return m, p.traceRate[0] * g
	case p.retroactive():
		return p.of(p.rate, t, b)[j], p.of(p.step, t, b)[j]
	case p.rateMatrix():
		return m * g, m * p.pull(g)
	}
	return 1 - p.of(p.rate, t, b)[j]*p.pull(g), p.of(p.step, t, b)[j]
}

// updates sets r up for the updates of steps [first, last] in row j of stream b,
// from the traces in a and e.
func (p *hebbian[F]) updates(r *kernel.TraceRow[F], first, last, b, j int, a, e []F) {
	r.A, r.E = a, e
	r.H, r.Stride, r.Updates = p.h[(first*p.batch+b)*p.n:], p.batch*p.n, last-first+1
	r.Coef = r.Coef[:0]
	for t := first; t <= last; t++ {
		c0, c1 := p.coef(t, b, j)
		r.Coef = append(r.Coef, c0, c1)
	}
	r.Clip = p.clip
	if p.retroactive() {
		r.Keep = 1 - p.traceRate[0]
	}
	if p.rateMatrix() {
		r.Rate = p.rates(j)
	}
	if p.alphaMatrix() {
		r.Alpha = p.alpha[j*p.n : (j+1)*p.n]
	}
}

// rates returns row j of the rates per connection.
func (p *hebbian[F]) rates(j int) []F {
	r := p.eta
	if p.modulated() {
		r = p.fan
	}
	return r[j*p.n : (j+1)*p.n]
}

// eRow returns row j of stream b of an eligibility buffer, nil without one.
func (p *hebbian[F]) eRow(buf []F, b, j int) []F {
	if !p.retroactive() {
		return nil
	}
	return p.row(buf, b, j)
}

// Drive adds the plastic input; see scan.Plastic. The update of the step before,
// if it is outstanding, is made on the way.
func (p *hebbian[F]) Drive(t, b0, b1 int, h []F, z []F, stride int) {
	for b := b0; b < b1; b++ {
		hb := h[(b-b0)*p.n : (b-b0+1)*p.n]
		zb := z[(b-b0)*stride:]
		r, first := &p.rows[b], 0
		if p.applied[b] < t {
			if first = p.blocked(); first > 0 {
				p.blockDrive(t, b, hb, p.of(p.s, t, b))
			}
		}
		for j := first; j < p.n; j++ {
			a := p.row(p.running(b), b, j)
			var s F
			switch {
			case p.applied[b] < t:
				p.updateRow(r, t-1, b, j)
				r.HC = hb
				s = kernel.TraceForward(r)
			case p.alphaMatrix():
				s = kernel.Dot3(p.alpha[j*p.n:(j+1)*p.n], a, hb)
			default:
				s = kernel.Dot(a, hb)
			}
			if p.alphaMatrix() {
				zb[j] += s
			} else {
				p.of(p.s, t, b)[j] = s
			}
		}
		if !p.alphaMatrix() {
			for j, s := range p.of(p.s, t, b) {
				zb[j] += p.alphaAt(j) * s
			}
		}
		p.applied[b] = t
	}
}

// Learn records the step and works out M(t) and the rates; see scan.Plastic.
func (p *hebbian[F]) Learn(t, b0, b1 int, s scan.Step[F]) {
	n := p.n
	for b := b0; b < b1; b++ {
		lo, hi := (b-b0)*n, (b-b0+1)*n
		copy(p.of(p.h, t, b), s.HPrev[lo:hi])
		copy(p.of(p.g, t, b), s.Act[4*lo+2*n:])
		m := F(1)
		if p.modulated() {
			in := p.modulatorInput(s)[lo:hi]
			m = F(math.Tanh(float64(kernel.Dot(p.wMod, in) + p.bMod[0])))
		}
		p.m[t*p.batch+b] = m
		if p.rateMatrix() {
			continue
		}
		rate, step, g := p.of(p.rate, t, b), p.of(p.step, t, b), p.of(p.g, t, b)
		for j := range rate {
			switch {
			case p.opt.Rate == PerNeuron && p.modulated():
				rate[j] = p.fan[j]*m + p.fanBias[j]
			case p.opt.Rate == PerNeuron:
				rate[j] = p.eta[j]
			case p.modulated():
				rate[j] = m
			default:
				rate[j] = p.eta[0]
			}
			if p.retroactive() {
				step[j] = p.traceRate[0] * g[j]
			} else {
				step[j] = rate[j] * g[j]
			}
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

// updateRow sets r up for the outstanding update of step t in row j of stream b.
func (p *hebbian[F]) updateRow(r *kernel.TraceRow[F], t, b, j int) {
	if p.applied[b] == 0 {
		p.updates(r, t, t, b, j, p.row(p.a0, b, j), p.eRow(p.e0, b, j))
	} else {
		p.updates(r, t, t, b, j, p.row(p.a, b, j), p.eRow(p.e, b, j))
	}
	r.ToA, r.ToE = p.row(p.a, b, j), p.eRow(p.e, b, j)
}

// running returns the buffer of stream b's traces after the updates made so far.
func (p *hebbian[F]) running(b int) []F {
	if p.applied[b] == 0 {
		return p.a0
	}
	return p.a
}

// State makes the outstanding update and writes the traces; see scan.Plastic.
func (p *hebbian[F]) State(taken int, traces []F) {
	all := p.batch * p.n * p.n
	kernel.Parallel(p.batch, func(b int) {
		if p.applied[b] < taken {
			first := p.blocked()
			if first > 0 {
				p.blockUpdate(taken-1, b)
			}
			for j := first; j < p.n; j++ {
				p.updateRow(&p.rows[b], taken-1, b, j)
				kernel.TraceUpdate(&p.rows[b])
			}
			p.applied[b] = taken
		}
		copy(p.matrix(traces[:all], b), p.matrix(p.running(b), b))
		if !p.retroactive() {
			return
		}
		e := p.e
		if p.applied[b] == 0 {
			e = p.e0
		}
		copy(p.matrix(traces[all:], b), p.matrix(e, b))
	})
}
