package sinusoid

import (
	"math"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/eprop"
	"github.com/engram-lm/engram/internal/meta"
)

// wave is y = amplitude sin(x + phase), the thing to be learned.
type wave struct{ amplitude, phase float64 }

func (w wave) at(x float64) float64 { return w.amplitude * math.Sin(x+w.phase) }

// points are places on a wave.
type points struct{ x, y []float32 }

// reach is how far to both sides of zero the places lie.
const reach = 5

// draw returns a wave, what to learn it from and what it is measured on.
func (s *settings) draw(r *rand.Rand) (w wave, train, eval points) {
	w = wave{s.AmplitudeLo + (s.AmplitudeHi-s.AmplitudeLo)*r.Float64(), math.Pi * r.Float64()}
	return w, w.sample(r, s.Shots), w.sample(r, s.Evaluation)
}

func (w wave) sample(r *rand.Rand, n int) points {
	p := points{make([]float32, n), make([]float32, n)}
	for i := range p.x {
		x := reach * (2*r.Float64() - 1)
		p.x[i], p.y[i] = float32(x), float32(w.at(x))
	}
	return p
}

func (p *points) set() *contrast.Set[float32] {
	return &contrast.Set[float32]{X: p.x, Loss: contrast.SquaredError[float32]{Target: p.y}}
}

// synapse is a wave learned by a net whose weights are all fast, drawn to their slow
// values at a strength; gauss says which curvature it has.
func (s *settings) synapse(r *rand.Rand, pull float64, gauss bool) meta.Task {
	_, train, eval := s.draw(r)
	net := &contrast.MLP[float32]{Sizes: s.sizes(), Act: contrast.ReLU, GaussNewton: gauss}
	task := &contrast.Nets[float32]{Net: net, Train: train.set(), Eval: eval.set()}
	return meta.Task{Energy: &contrast.Synapse[float32]{Task: task, Strength: pull / float64(task.Len()), Learned: true}}
}

// plain is synapse without the pull, for MAML and for a net from a random start.
func (s *settings) plain(r *rand.Rand) meta.Task { return s.synapse(r, 0, false) }

// modulatory is a wave learned by gains, biases and readout alone.
func (s *settings) modulatory(r *rand.Rand) meta.Task {
	_, train, eval := s.draw(r)
	net := &contrast.MLP[float32]{Sizes: s.sizes(), Act: contrast.Tanh, Modulated: true}
	return meta.Task{Energy: &contrast.Modulatory[float32]{Net: net, Train: train.set(), Eval: eval.set()}}
}

func (s *settings) sizes() []int { return []int{1, s.Hidden, s.Hidden, 1} }

// The spiking net's input: a population of neurons with bumps of this variance over
// x mapped to [0, 1].
const (
	population = 100
	bump       = 2e-4
	steps      = 20
)

// spikes are those of a population for places x, drawn once: [steps-1, n, population].
func spikes(r *rand.Rand, x []float32) []float32 {
	s := make([]float32, (steps-1)*len(x)*population)
	for i, at := range x {
		place := (float64(at) + reach) / (2 * reach)
		for c := range population {
			off := float64(c)/(population-1) - place
			rate := math.Exp(-off * off / (2 * bump))
			for t := range steps - 1 {
				if r.Float64() < rate {
					s[(t*len(x)+i)*population+c] = 1
				}
			}
		}
	}
	return s
}

// spiking is a wave learned by a net of spiking neurons with e-prop.
type spiking struct {
	net               *eprop.Net[float32]
	trainIn, evalIn   []float32
	trainOut, evalOut []float32
}

func newSpiking(hidden int) *eprop.Net[float32] {
	return eprop.New[float32](population, hidden, 1, steps)
}

func (s *settings) spiking(r *rand.Rand) meta.Task {
	_, train, eval := s.draw(r)
	task := &spiking{newSpiking(s.Spiking), spikes(r, train.x), spikes(r, eval.x), train.y, eval.y}
	return meta.Task{
		Energy: &contrast.Synapse[float32]{Task: task, Strength: s.SpikingPull / 2, Learned: true},
		Value:  func(phi, _ []float32) float64 { return task.error(phi) },
	}
}

func (t *spiking) Len() int { return t.net.Len() }

func (t *spiking) In(phi []float32, scale float32, dphi []float32) float64 {
	return t.loss(t.trainIn, t.trainOut, phi, scale, dphi)
}

func (t *spiking) Out(phi []float32, scale float32, dphi []float32) float64 {
	return t.loss(t.evalIn, t.evalOut, phi, scale, dphi)
}

func (t *spiking) loss(in, target, phi []float32, scale float32, dphi []float32) float64 {
	t.net.Forward(phi, in)
	if dphi == nil {
		dphi = make([]float32, len(phi))
	}
	return t.net.Backward(phi, in, target, scale, dphi)
}

// error is the mean squared error of the outputs, means over time, on the points of
// the evaluation.
func (t *spiking) error(phi []float32) float64 {
	return contrast.SquaredError[float32]{Target: t.evalOut}.Gradient(t.net.Forward(phi, t.evalIn), nil)
}
