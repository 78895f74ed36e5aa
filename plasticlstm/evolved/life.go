package evolved

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// Life is one network at work, with the weights of its own that it is born with
// and changes. Different lives may step at the same time.
type Life[F lstm.Float] struct {
	genome *Genome[F]

	// wh [H, n] and wx [I, n] have a row a sending neuron, as the kernels take
	// them; e is E, likewise.
	wh, wx, e      []F
	birthH, birthX []F  // what they were born as; nil: zero
	h, before      []F  // [n]: h(t) and h(t-1)
	drive          []F  // [n]: b + W_h h(t), of the next step
	reads          []F  // [R]: U h(t) + c, and V h(t) + d
	inputs         []F  // [R]: V_x x(t) + d_x, before
	m              [2]F // the last m_h and m_x
	frozen         bool
}

// Gauss draws from N(0, 1).
type Gauss interface{ NormFloat64() float64 }

// NewLife returns a life that Begin is to begin.
func NewLife[F lstm.Float](net *Net) *Life[F] {
	h, in, n, r := net.hidden, net.in, padded(net.hidden), padded(net.out+2)
	l := &Life[F]{
		wh: make([]F, h*n), wx: make([]F, in*n), h: make([]F, n), before: make([]F, n),
		drive: make([]F, n), reads: make([]F, r), inputs: make([]F, r),
	}
	if net.opt.Rule == Retroactive {
		l.e = make([]F, h*n)
	}
	if net.opt.Birth == Normal {
		l.birthH, l.birthX = make([]F, h*n), make([]F, in*n)
	}
	return l
}

// Begin begins a life of a genome of the same network; birth draws the weights
// that it is born with, where they are not zero.
func (l *Life[F]) Begin(g *Genome[F], birth Gauss) {
	if len(l.wh) != g.net.hidden*g.n || len(l.wx) != g.net.in*g.n || (l.e != nil) != (g.net.opt.Rule == Retroactive) || (l.birthH != nil) != (g.net.opt.Birth == Normal) {
		panic("evolved: a life of another network than the genome's")
	}
	l.genome, l.frozen, l.m = g, false, [2]F{1, 1}
	for _, w := range [][]F{l.birthH, l.birthX} {
		for i := 0; i < len(w); i += g.n {
			for j := range g.net.hidden {
				w[i+j] = F(birth.NormFloat64())
			}
		}
	}
	l.ForgetWeights()
	l.ForgetHidden()
}

// ForgetWeights puts the weights back to what they were born as.
func (l *Life[F]) ForgetWeights() {
	clear(l.wh)
	clear(l.wx)
	clear(l.e)
	copy(l.wh, l.birthH)
	copy(l.wx, l.birthX)
	copy(l.wx, l.genome.fixed)
	l.recall()
}

// ForgetHidden sets h to zero.
func (l *Life[F]) ForgetHidden() {
	clear(l.h)
	copy(l.reads, l.genome.readBias)
	l.recall()
}

// Freeze switches plasticity off: the weights stay as they are.
func (l *Life[F]) Freeze() { l.frozen = true }

// recall makes drive anew.
func (l *Life[F]) recall() {
	copy(l.drive, l.genome.bias)
	kernel.MulWeights(l.wh, l.h[:l.genome.net.hidden], l.drive)
}

// Step takes an input x [I], writes the outputs o [O], and then changes the
// weights.
func (l *Life[F]) Step(x, o []F) {
	g := l.genome
	net, hidden := g.net, g.net.hidden
	if len(x) != net.in || len(o) != net.out {
		panic(fmt.Sprintf("evolved: a step of %d inputs and %d outputs; want %d and %d", len(x), len(o), net.in, net.out))
	}
	if net.opt.Modulation == Before {
		copy(l.inputs, g.inputBias)
		kernel.MulWeights(g.input, x, l.inputs)
		for k := range l.m {
			l.m[k] = sigmoid(l.inputs[net.out+k]) + sigmoid(l.reads[net.out+k])
		}
	}
	l.h, l.before = l.before, l.h
	kernel.MulWeights(l.wx, x, l.drive)
	kernel.Tanh(l.h, l.drive)
	copy(l.reads, g.readBias)
	kernel.MulWeights(g.read, l.h[:hidden], l.reads)
	copy(o, l.reads)
	if net.opt.Modulation == After {
		for k := range l.m {
			l.m[k] = sigmoid(l.reads[net.out+k])
		}
	}
	copy(l.drive, g.bias)
	if l.frozen {
		kernel.MulWeights(l.wh, l.h[:hidden], l.drive)
		return
	}
	l.learn(x)
}

// learn changes the weights and makes the next drive.
func (l *Life[F]) learn(x []F) {
	g := l.genome
	hidden, gain := g.net.hidden, F(g.net.opt.Gain)
	before, now := l.before[:hidden], l.h[:hidden]
	switch g.net.opt.Rule {
	case Decomposed:
		kernel.DecomposedUpdate(l.wh, g.hh.post, g.hh.pre, l.h, before, gain*l.m[0], now, l.drive)
		kernel.DecomposedUpdate(l.wx, g.ih.post, g.ih.pre, l.h, x, gain*l.m[1], nil, nil)
	case Retroactive:
		kernel.EligibilityUpdate(l.wh, l.e, l.h, before, gain*l.m[0], g.eta, g.clamps, now, l.drive)
	default:
		kernel.FullUpdate(l.wh, g.hh.each, l.h, before, gain*l.m[0], now, l.drive)
		kernel.FullUpdate(l.wx, g.ih.each, l.h, x, gain*l.m[1], nil, nil)
	}
}

// Weights returns copies of W_h [H, H] and W_x [H, I], a row a receiving neuron.
func (l *Life[F]) Weights() (hh, ih []F) {
	net, n := l.genome.net, l.genome.n
	hh, ih = make([]F, net.hidden*net.hidden), make([]F, net.hidden*net.in)
	for j := range net.hidden {
		for i := range net.hidden {
			hh[j*net.hidden+i] = l.wh[i*n+j]
		}
		for i := range net.in {
			ih[j*net.in+i] = l.wx[i*n+j]
		}
	}
	return hh, ih
}

// Hidden returns h [H] and Modulation m_h and m_x of the last step, as a view.
func (l *Life[F]) Hidden() []F          { return l.h[:l.genome.net.hidden] }
func (l *Life[F]) Modulation() (h, x F) { return l.m[0], l.m[1] }

func sigmoid[F lstm.Float](x F) F { return F(1 / (1 + math.Exp(-float64(x)))) }
