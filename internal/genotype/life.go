package genotype

import (
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

// Life is one network at work. It may be begun again and again, with any genome of
// its configuration.
type Life interface {
	// Begin begins a life of a genome; birth draws the plastic weights where they
	// are not born as zero.
	Begin(g Genome, birth evolved.Gauss)
	// Step takes an input [I] and writes the outputs [O].
	Step(x, o []float32)
	// ForgetWeights puts plastic weights back to their birth, ForgetHidden the
	// carried state (h, and c of an LSTM) to zero. Freeze switches plasticity off.
	ForgetWeights()
	ForgetHidden()
	Freeze()
}

// Genome is a genotype made ready, which many lives may share.
type Genome interface{ genome() }

type plasticGenome struct{ *evolved.Genome[float32] }

func (plasticGenome) genome() {}

type plasticLife struct{ *evolved.Life[float32] }

func (l plasticLife) Begin(g Genome, birth evolved.Gauss) {
	l.Life.Begin(g.(plasticGenome).Genome, birth)
}

// NewLife returns a life that Begin is to begin.
func (c Config) NewLife() Life {
	if c.Plastic() {
		net, err := c.net()
		if err != nil {
			panic(err) // validate has let it pass
		}
		return plasticLife{evolved.NewLife[float32](net)}
	}
	n := c.Hidden
	return &weightLife{in: make([]float32, c.Inputs+n), z: make([]float32, columns(c.gates()*n)), c: make([]float32, n), tanhC: make([]float32, n), reads: make([]float32, columns(c.Outputs))}
}

// NewGenome makes a genotype ready; it copies the tensors.
func (c Config) NewGenome(tensors [][]float32) Genome {
	if c.Plastic() {
		net, err := c.net()
		if err != nil {
			panic(err) // validate has let it pass
		}
		return plasticGenome{evolved.NewGenome(net, tensors)}
	}
	rows, wide, out := c.gates()*c.Hidden, columns(c.gates()*c.Hidden), columns(c.Outputs)
	g := &weightGenome{
		lstm: c.Model == "lstm", inputs: c.Inputs, hidden: c.Hidden,
		w: make([]float32, (c.Inputs+c.Hidden)*wide), bias: make([]float32, wide),
		read: make([]float32, c.Hidden*out), readBias: make([]float32, out),
	}
	transpose := func(to, from []float32, rows, pre, wide int) {
		for j := range rows {
			for i := range pre {
				to[i*wide+j] = from[j*pre+i]
			}
		}
	}
	transpose(g.read, tensors[0], c.Outputs, c.Hidden, out)
	copy(g.readBias, tensors[1])
	transpose(g.w, tensors[2], rows, c.Inputs, wide)
	transpose(g.w[c.Inputs*wide:], tensors[3], rows, c.Hidden, wide)
	copy(g.bias, tensors[4])
	return g
}

// weightGenome is a network whose weights are evolved: h = tanh(W [x; h] + b), or
// an LSTM without more. A matrix has a row a sending neuron, as the kernels take it.
type weightGenome struct {
	lstm           bool
	inputs, hidden int
	w, bias        []float32 // [I+H, G H], [G H], padded
	read, readBias []float32 // [H, O], [O], padded
}

func (*weightGenome) genome() {}

type weightLife struct {
	g           *weightGenome
	in          []float32 // [I+H]: x(t), h(t-1)
	z, c, tanhC []float32
	reads       []float32
}

func (l *weightLife) Begin(g Genome, _ evolved.Gauss) {
	l.g = g.(*weightGenome)
	l.ForgetHidden()
}

func (l *weightLife) ForgetHidden() {
	clear(l.in)
	clear(l.c)
}

func (l *weightLife) ForgetWeights() {} // they are what is evolved
func (l *weightLife) Freeze()        {}

func (l *weightLife) Step(x, o []float32) {
	g := l.g
	copy(l.in, x)
	copy(l.z, g.bias)
	kernel.MulWeights(g.w, l.in, l.z)
	h := l.in[g.inputs:]
	if g.lstm {
		kernel.LSTMForward(g.hidden, l.z[:4*g.hidden], l.c, l.c, l.tanhC, h)
	} else {
		kernel.Tanh(h, l.z[:g.hidden])
	}
	copy(l.reads, g.readBias)
	kernel.MulWeights(g.read, h, l.reads)
	copy(o, l.reads)
}

// columns is a number of columns as the kernels take them.
func columns(n int) int {
	return (n + kernel.WeightColumns - 1) / kernel.WeightColumns * kernel.WeightColumns
}
