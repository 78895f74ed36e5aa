package evolved

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
)

// Genome is what is evolved of a network, laid out for the kernels. Lives share
// it; nothing changes it.
type Genome[F lstm.Float] struct {
	net *Net
	n   int // H, padded

	bias        []F // [n]
	read        []F // [H, R]: per hidden neuron what it sends to outputs and modulators
	readBias    []F // [R]
	input       []F // [I, R], before: likewise per input to the modulators
	inputBias   []F // [R]
	hh, ih      rule[F]
	fixed       []F // [I, n], retroactive: W_x
	eta, clamps F   // retroactive
}

// rule is what a rule knows of a matrix.
type rule[F lstm.Float] struct {
	post, pre []F // decomposed: y [4, n], x [pre, 4]
	each      []F // full: [pre, 4, n]
}

// NewGenome takes the parameters as Params lists them; it copies them.
func NewGenome[F lstm.Float](net *Net, params [][]F) *Genome[F] {
	specs := net.Params()
	if len(params) != len(specs) {
		panic(fmt.Sprintf("evolved: %d parameters; want %d", len(params), len(specs)))
	}
	byName := map[string][]F{}
	for i, spec := range specs {
		if len(params[i]) != spec.Size() {
			panic(fmt.Sprintf("evolved: %d values of %v", len(params[i]), spec))
		}
		byName[spec.Name] = params[i]
	}
	h, in, n, r := net.hidden, net.in, padded(net.hidden), padded(net.out+2)
	g := &Genome[F]{net: net, n: n, bias: make([]F, n), read: make([]F, h*r), readBias: make([]F, r)}
	copy(g.bias, byName["bias"])
	transpose(g.read, byName["readout.weight"], net.out, h, r, 0)
	copy(g.readBias, byName["readout.bias"])
	if net.opt.Modulation != None {
		transpose(g.read, byName["modulator.weight"], 2, h, r, net.out)
		copy(g.readBias[net.out:], byName["modulator.bias"])
	}
	if net.opt.Modulation == Before {
		g.input, g.inputBias = make([]F, in*r), make([]F, r)
		transpose(g.input, byName["modulator.input.weight"], 2, in, r, net.out)
		copy(g.inputBias[net.out:], byName["modulator.input.bias"])
	}
	if net.opt.Rule == Retroactive {
		g.fixed, g.eta, g.clamps = make([]F, in*n), traceRate(byName["trace_rate"][0]), bound
		transpose(g.fixed, byName["ih.weight"], h, in, n, 0)
		return g
	}
	g.hh, g.ih = g.rule("hh", h, byName), g.rule("ih", in, byName)
	return g
}

// Net returns the network.
func (g *Genome[F]) Net() *Net { return g.net }

// rule lays out the numbers of the matrix of a name with pre sending neurons.
func (g *Genome[F]) rule(matrix string, pre int, byName map[string][]F) rule[F] {
	h, n := g.net.hidden, g.n
	if g.net.opt.Rule == Decomposed {
		r := rule[F]{post: make([]F, 4*n), pre: make([]F, 4*pre)}
		for k, term := range terms {
			copy(r.post[k*n:], byName[matrix+"."+term+".post"])
			for i, v := range byName[matrix+"."+term+".pre"] {
				r.pre[4*i+k] = v
			}
		}
		return r
	}
	r := rule[F]{each: make([]F, 4*pre*n)}
	for k, term := range terms {
		values := byName[matrix+"."+term]
		for j := range h {
			for i := range pre {
				at := j*pre + i
				if c := g.net.opt.Clusters; c != nil && matrix == "hh" {
					at = c.HH[at]
				} else if c != nil {
					at = c.IH[at]
				}
				r.each[(4*i+k)*n+j] = values[at]
			}
		}
	}
	return r
}

// transpose writes a matrix [post, pre] as [pre, columns], from a column on.
func transpose[F lstm.Float](to, from []F, post, pre, columns, column int) {
	for j := range post {
		for i := range pre {
			to[i*columns+column+j] = from[j*pre+i]
		}
	}
}
