package conv_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	. "github.com/engram-lm/engram/internal/conv"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm/layertest"
)

// normedProblem is a problem of normed layers.
type normedProblem[F kernel.Float] struct {
	n, side, channels int
	layers            []Layer
	stack             *Normed[F]
	x, dy             []F
	params            [][]F
}

func newNormed[F kernel.Float](t testing.TB, n, side, channels int, layers ...Layer) *normedProblem[F] {
	t.Helper()
	s, err := NewNormed[F](side, channels, layers...)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(1, "normed")
	p := &normedProblem[F]{n: n, side: side, channels: channels, layers: layers, stack: s}
	for _, spec := range s.Params() {
		v := make([]F, spec.Size())
		for i := range v {
			v[i] = F(r.Uniform(spec.Lo, spec.Hi) + .3*r.NormFloat64())
		}
		p.params = append(p.params, v)
	}
	p.x, p.dy = make([]F, n*side*side*channels), make([]F, n*s.OutSize())
	for i := range p.x {
		p.x[i] = F(r.NormFloat64())
	}
	for i := range p.dy {
		p.dy[i] = F(r.NormFloat64())
	}
	return p
}

func normedProblems(t testing.TB) []*normedProblem[float64] {
	return []*normedProblem[float64]{
		newNormed[float64](t, 3, 3, 1, Layer{2, 3, 1}),
		newNormed[float64](t, 4, 6, 2, Layer{3, 3, 2}),
		newNormed[float64](t, 5, 8, 1, Layer{4, 3, 2}, Layer{3, 2, 1}),
		newNormed[float64](t, 6, 15, 2, Layer{4, 3, 2}, Layer{5, 3, 2}, Layer{3, 3, 2}),
	}
}

// The definition, neuron by neuron.
func (p *normedProblem[F]) define() []float64 {
	x := make([]float64, len(p.x))
	for i, v := range p.x {
		x[i] = float64(v)
	}
	side, in := p.side, p.channels
	for k, l := range p.layers {
		weight, scale, shift := p.params[3*k], p.params[3*k+1], p.params[3*k+2]
		outSide := (side-l.Kernel)/l.Stride + 1
		y := make([]float64, p.n*outSide*outSide*l.Out)
		for o := range l.Out {
			var all []int // the places of channel o in y
			for image := range p.n {
				for r := range outSide {
					for c := range outSide {
						var z float64
						for a := range l.Kernel {
							for b := range l.Kernel {
								for i := range in {
									z += float64(weight[((a*l.Kernel+b)*in+i)*l.Out+o]) * x[((image*side+r*l.Stride+a)*side+c*l.Stride+b)*in+i]
								}
							}
						}
						at := ((image*outSide+r)*outSide+c)*l.Out + o
						y[at] = z
						all = append(all, at)
					}
				}
			}
			var mean, variance float64
			for _, at := range all {
				mean += y[at] / float64(len(all))
			}
			for _, at := range all {
				variance += (y[at] - mean) * (y[at] - mean) / float64(len(all))
			}
			for _, at := range all {
				y[at] = max(0, float64(scale[o])*(y[at]-mean)/math.Sqrt(variance+1e-5)+float64(shift[o]))
			}
		}
		x, side, in = y, outSide, l.Out
	}
	return x
}

func TestNormedIsItsDefinition(t *testing.T) {
	for k, p := range normedProblems(t) {
		layertest.Compare(t, fmt.Sprintf("problem %d", k), p.stack.Forward(p.n, p.params, p.x), p.define(), 1e-12)
	}
	p := newNormed[float32](t, 6, 15, 2, Layer{4, 3, 2}, Layer{5, 3, 2}, Layer{3, 3, 2})
	y := p.stack.Forward(p.n, p.params, p.x)
	for i, want := range p.define() {
		if math.Abs(float64(y[i])-want) > 1e-4 {
			t.Errorf("output %d in float32: %v, want %v", i, y[i], want)
		}
	}
}

// Every parameter's gradient by central differences, and that buffers which have
// held a larger batch are as good as new.
func TestNormedFiniteDifferences(t *testing.T) {
	for k, p := range normedProblems(t) {
		loss := func() (sum float64) {
			for i, v := range p.stack.Forward(p.n, p.params, p.x) {
				sum += v * p.dy[i]
			}
			return sum
		}
		gradients := func() (dparams [][]float64) {
			for _, v := range p.params {
				dparams = append(dparams, slices.Repeat([]float64{math.NaN()}, len(v)))
			}
			p.stack.Forward(p.n, p.params, p.x)
			p.stack.Backward(p.dy, dparams)
			return dparams
		}
		got := gradients()
		for i, values := range p.params {
			want := make([]float64, len(values))
			for j, v := range values {
				const h = 1e-5
				values[j] = v + h
				up := loss()
				values[j] = v - h
				want[j] = (up - loss()) / (2 * h)
				values[j] = v
			}
			layertest.Compare(t, fmt.Sprintf("problem %d: gradient %d", k, i), got[i], want, 2e-7)
		}
		p.stack.Forward(2*p.n, p.params, append(slices.Clone(p.x), p.x...))
		p.stack.Backward(append(slices.Clone(p.dy), p.dy...), gradients())
		for i, again := range gradients() {
			layertest.Compare(t, fmt.Sprintf("problem %d: gradient %d after a larger batch", k, i), again, got[i], 0)
		}
	}
}

// What is normed does not depend on the scale of the weights before it, and every
// image becomes something else beside others.
func TestNormedLaws(t *testing.T) {
	p := newNormed[float64](t, 4, 8, 1, Layer{4, 3, 2}, Layer{3, 2, 1})
	y := slices.Clone(p.stack.Forward(p.n, p.params, p.x))
	alone := slices.Clone(p.stack.Forward(2, p.params, p.x))
	if slices.Equal(alone, y[:len(alone)]) {
		t.Error("the first two images become the same without the others: there is no norm over the batch")
	}
	for i := range p.params[0] {
		p.params[0][i] *= 1000
	}
	layertest.Compare(t, "output of weights times 1000", p.stack.Forward(p.n, p.params, p.x), y, 1e-4)
}
