package sinusoid

import (
	"fmt"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
)

// show draws a held-out wave, its points, and what the model makes of them.
func (s *settings) show(name string, l *meta.Learner) ([]study.Picture, []study.Measure, error) {
	if name == spikingName {
		return nil, nil, nil
	}
	// The first wave of the test, and the same numbers once more for its task.
	w, train, _ := s.draw(rng.New(l.Seed, "test").Rand)
	task := l.Draw(rng.New(l.Seed, "test").Rand)
	fast, _ := task.Energy.Len()
	phi := make([]float32, fast)
	adapt := l.Adapt
	if adapt == nil {
		adapt = l.Method
	}
	_, out := adapt.Learn(task.Energy, l.Theta, phi)

	const dots = 101
	x := make([]float64, dots)
	for i := range x {
		x[i] = reach * (2*float64(i)/(dots-1) - 1)
	}
	curve := func(name string, y func(float64) float64) study.Curve {
		c := study.Curve{Name: name, X: x, Y: make([]float64, dots)}
		for i, x := range x {
			c.Y[i] = y(x)
		}
		return c
	}
	var more []study.Measure
	var learned func(x float64) float64
	if wave, ok := task.Energy.(*reading[float32]); ok {
		weights, _, _ := wave.split(l.Theta)
		learned = func(x float64) float64 {
			return float64(wave.answer(weights, phi, wave.train, points{x: []float32{float32(x)}})[0])
		}
		alone, after := s.readings(l, &contrast.Rule[float32]{Free: adam(s.PlasticFree, s.PlasticRate)})
		more = []study.Measure{{Name: "reading_mse", Value: alone}, {Name: "learned_mse", Value: after}}
	} else {
		net, body, rest := s.learned(name, l.Theta, phi)
		learned = func(x float64) float64 { return float64(net.Forward(body, rest, []float32{float32(x)})[0]) }
	}
	lo, hi := train.x[0], train.x[0]
	for _, x := range train.x {
		lo, hi = min(lo, x), max(hi, x)
	}
	return []study.Picture{{
		Title:   "A new wave",
		Caption: fmt.Sprintf("The first held-out wave and what %s makes of it from %d points between %.1f and %.1f: a mean squared error of %.3g on others.", name, s.Shots, lo, hi, out),
		Curves:  []study.Curve{curve("learned", learned), curve("wave", w.at)}, X: "x", Y: "y", // the first in the model's colour
	}}, more, nil
}

// learned is the net of a model that is no plastic layer, with its parameters.
func (s *settings) learned(name string, theta, phi []float32) (net *contrast.MLP[float32], body, rest []float32) {
	net = &contrast.MLP[float32]{Sizes: s.sizes(), Act: contrast.ReLU}
	if name == modulatory {
		net.Act, net.Modulated = contrast.Tanh, true
		n, _ := net.Len()
		return net, theta[:n], phi
	}
	n, _ := net.Len()
	return net, phi[:n], phi[n:]
}
