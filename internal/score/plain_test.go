package score_test

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
)

// plain is a language model from the equations alone, one stream, one token at a
// time, a loop for each sum: what the package is held against.
type plain struct {
	config modeldir.Config
	param  map[string][]float64
	layers []plainLayer
	still  bool // the traces do not learn
}

type plainLayer struct{ h, c, hebb, trace []float64 }

func newPlain(m *lm.Model[float64]) *plain {
	p := &plain{config: m.Config, param: map[string][]float64{}}
	for _, q := range m.Params {
		p.param[q.Name] = q.Value
	}
	for l := range m.Config.NumLayers {
		_, n := m.Config.LayerSize(l)
		p.layers = append(p.layers, plainLayer{make([]float64, n), make([]float64, n), make([]float64, n*n), make([]float64, n*n)})
	}
	return p
}

// forget puts h and c to zero and leaves the traces.
func (p *plain) forget() {
	for _, l := range p.layers {
		clear(l.h)
		clear(l.c)
	}
}

// read takes a token in and returns the logits of the next.
func (p *plain) read(token int32) []float64 {
	e := p.config.EmbeddingSize
	x := p.param["embedding.weight"][int(token)*e : (int(token)+1)*e]
	for l := range p.layers {
		x = p.layer(l, x)
	}
	weight := p.param["decoder.weight"]
	if p.config.TieWeights {
		weight = p.param["embedding.weight"]
	}
	logits := make([]float64, p.config.VocabSize)
	for v := range logits {
		logits[v] = p.param["decoder.bias"][v]
		for i, xi := range x {
			logits[v] += weight[v*len(x)+i] * xi
		}
	}
	return logits
}

func (p *plain) layer(l int, x []float64) []float64 {
	get := func(name string) []float64 { return p.param[fmt.Sprintf("layers.%d.%s", l, name)] }
	s := &p.layers[l]
	n, q := len(s.h), p.config.Plasticity
	ih, hh, alpha := get("weight_ih"), get("weight_hh"), get("alpha")
	z := make([]float64, 4*n)
	for k := range z {
		z[k] = get("bias")[k]
		for i, v := range x {
			z[k] += ih[k*len(x)+i] * v
		}
		for i, v := range s.h {
			w := hh[k*n+i]
			if q != nil && k/n == 2 {
				w += shared(alpha, n, k-2*n, i) * s.hebb[(k-2*n)*n+i]
			}
			z[k] += w * v
		}
	}
	h, c, g := make([]float64, n), make([]float64, n), make([]float64, n)
	for j := range n {
		g[j] = math.Tanh(z[2*n+j])
		c[j] = sigmoid(z[n+j])*s.c[j] + sigmoid(z[j])*g[j]
		h[j] = sigmoid(z[3*n+j]) * math.Tanh(c[j])
	}
	if q != nil && !p.still {
		m := 0.0
		if p.config.Model != modeldir.Plastic {
			in := map[string][]float64{"hidden": h, "previous_hidden": s.h, "cell": c}[q.ModulatorInput]
			for j, v := range in {
				m += get("modulator.weight")[j] * v
			}
			m = math.Tanh(m + get("modulator.bias")[0])
		}
		for j := range n {
			for i := range n {
				eta := m
				switch {
				case p.config.Model == modeldir.Plastic:
					eta = shared(get("eta"), n, j, i)
				case q.Rate != "layer":
					eta = shared(get("fanout.weight"), n, j, i) * m
					if q.Rate == "neuron" {
						eta += get("fanout.bias")[j]
					}
				}
				a, product := &s.hebb[j*n+i], g[j]*s.h[i]
				switch {
				case p.config.Model == modeldir.Retroactive:
					k := get("trace_rate")[0]
					*a += eta * s.trace[j*n+i]
					s.trace[j*n+i] = (1-k)*s.trace[j*n+i] + k*product
				case q.Rule == "decay":
					*a = (1-eta)**a + eta*product
				case q.Rule == "oja":
					*a += eta * g[j] * (s.h[i] - g[j]**a)
				default:
					*a += eta * product
				}
				if q.Rule != "additive" {
					*a = max(-q.Clip, min(q.Clip, *a))
				}
			}
		}
	}
	s.h, s.c = h, c
	return h
}

// shared returns the value of connection i -> j of a parameter of any granularity.
func shared(x []float64, n, j, i int) float64 {
	switch len(x) {
	case n * n:
		return x[j*n+i]
	case n:
		return x[j]
	}
	return x[0]
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// score reads tokens and returns the NLL of all but the first.
func (p *plain) score(tokens []int32) []float64 {
	var nll []float64
	for t := range len(tokens) - 1 {
		nll = append(nll, logLoss(p.read(tokens[t]), tokens[t+1]))
	}
	return nll
}

func logLoss(logits []float64, target int32) float64 {
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(v)
	}
	return math.Log(sum) - logits[target]
}
