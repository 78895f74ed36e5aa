package images

import (
	"context"
	"math"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// initSD is that of new weights and coefficients [1, code].
const initSD = 0.01

// build returns a model's layer: a neuron a pixel and one for a bias.
func build(name string, s *settings) (lstm.Layer, error) {
	n := s.Side*s.Side + 1
	if name == rnn {
		return lstm.RNN{In: 2 * n, Hidden: n, Feed: lstm.Clamped}, nil
	}
	return plasticlstm.NewRNN(2*n, n, plasticlstm.Options{
		Rule: plasticlstm.Decay, Rate: plasticlstm.PerLayer, Feed: lstm.Clamped,
	})
}

func params(l lstm.Layer) int { return lstm.ParamCount(l) }

// learner is a model learning under one seed; see study.Learner.
type learner struct {
	*trained.Weights
	settings    *settings
	train, test *gallery
	seed        uint64
	tests       int
	episodes    *rng.Stream
	net         *trained.Network

	dy []float32 // [T, H]
}

func newLearner(layer lstm.Layer, s *settings, train, test *gallery, seed uint64, tests int) *learner {
	l := &learner{Weights: trained.NewWeights(s.LR, 0), settings: s, train: train, test: test, seed: seed, tests: tests}
	r := rng.New(seed, "init")
	values, grads := l.Add("layer.", layer.Params(), r)
	for i, p := range layer.Params() {
		if p.Name == "weight_hh" || p.Name == "alpha" {
			for j := range values[i] {
				values[i][j] = float32(initSD * r.NormFloat64())
			}
		}
	}
	l.net = trained.NewNetwork(layer, values, grads)
	l.episodes = l.Stream(seed, "episodes")
	l.dy = make([]float32, s.steps()*layer.HiddenSize())
	return l
}

// complete runs an episode and returns the image [Pixels] at its last step, a view.
func (l *learner) complete(e *episode) ([]float32, error) {
	y, err := l.net.Forward(1, e.x)
	if err != nil {
		return nil, err
	}
	hidden := l.net.Layer.HiddenSize()
	return y[len(y)-hidden : len(y)-1], nil
}

// Update learns from one episode: the loss is the sum of the squared errors at the
// last step, to which only the erased half adds.
func (l *learner) Update() (study.Point, error) {
	e := l.settings.draw(l.episodes.Rand, l.train)
	y, err := l.complete(&e)
	if err != nil {
		return study.Point{}, err
	}
	p := study.Point{Value: e.mse(y)}
	p.Loss = p.Value * float64(len(e.erased(y)))
	last := l.dy[len(l.dy)-l.net.Layer.HiddenSize():]
	clear(last)
	to, want := e.erased(last), e.erased(e.target)
	for i, v := range e.erased(y) {
		to[i] = 2 * (v - want[i])
	}
	l.net.Backward(l.dy)
	p.Norm, err = l.Step()
	return p, err
}

// Test completes images of the other gallery, and says how far from them is the
// image's mean, which is 0, in the place of the erased half.
func (l *learner) Test(ctx context.Context, progress func(int)) (*study.Outcome, error) {
	r := rng.New(l.seed, "test")
	var shown []completed
	var sum, fill float64
	for i := range l.tests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := l.settings.draw(r.Rand, l.test)
		y, err := l.complete(&e)
		if err != nil {
			return nil, err
		}
		sum += e.mse(y)
		fill += e.mse(make([]float32, len(y)))
		if len(shown) < pictured {
			shown = append(shown, completed{e, append([]float32{}, y...)})
		}
		progress(i + 1)
	}
	n := float64(l.tests)
	picture, err := draw(shown, l.settings.Side)
	return &study.Outcome{
		Value:    sum / n,
		Extra:    []study.Measure{{Name: "mean_fill_mse", Value: fill / n}, {Name: "of_mean_fill", Value: ratio(sum, fill), Percent: true}},
		Pictures: []study.Picture{picture},
	}, err
}

// ratio is NaN where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}
