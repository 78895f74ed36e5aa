package omniglot

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
)

// learner is a model learning under one seed; see study.Learner.
type learner struct {
	*trained.Weights
	settings    *settings
	train, test []*omniglot.Character
	seed        uint64
	tests       int
	episodes    *rng.Stream
	net         *network[float32]

	drawn  []episode // [B]
	images []float32 // [T, B, Pixels]
	labels []int     // [T, B]
	dy     []float32 // [B, Ways]
}

func newLearner(name string, s *settings, train, test []*omniglot.Character, seed uint64, tests int) (*learner, error) {
	layer, err := last(name, s)
	if err != nil {
		return nil, err
	}
	stack, err := convolutions[float32](s)
	if err != nil {
		return nil, err
	}
	l := &learner{Weights: trained.NewWeights(s.LR, 0), settings: s, train: train, test: test, seed: seed, tests: tests}
	l.net = &network[float32]{stack: stack, layer: layer, scan: lstm.NewScan[float32](layer)}
	r := rng.New(seed, "init")
	l.net.stackParams, l.net.stackGrads = l.Add("conv.", stack.Params(), r)
	l.net.layerParams, l.net.layerGrads = l.Add("layer.", s.initial(layer.Params()), r)
	l.episodes = l.Stream(seed, "episodes")
	return l, nil
}

// initial returns the parameters of the last layer with the bounds that new ones
// are drawn within: small weights, and the settings' plasticity.
func (s *settings) initial(params []lstm.Param) []lstm.Param {
	for i := range params {
		p := &params[i]
		switch p.Name {
		case "weight":
			p.Lo, p.Hi = -0.01, 0.01
		case "alpha":
			p.Lo, p.Hi = 0, s.Alpha
		case "eta":
			p.Lo, p.Hi = s.Eta, s.Eta
		}
	}
	return params
}

// params counts a model's trained numbers.
func params(name string, s *settings) (n int, err error) {
	layer, err := last(name, s)
	if err != nil {
		return 0, err
	}
	stack, err := convolutions[float32](s)
	if err != nil {
		return 0, err
	}
	for _, p := range stack.Params() {
		n += p.Size()
	}
	return n + lstm.ParamCount(layer), nil
}

// answer draws episodes of characters, runs them side by side and returns the
// outputs [B, Ways] to their test drawings, a view.
func (l *learner) answer(r *rand.Rand, from []*omniglot.Character, batch int) []float32 {
	steps := l.settings.steps()
	l.drawn = l.drawn[:0]
	for range batch {
		l.drawn = append(l.drawn, l.settings.draw(r, from))
	}
	kernel.Grow(&l.images, steps*batch*omniglot.Pixels)
	l.labels = l.labels[:0]
	to := l.images
	for t := range steps {
		for _, e := range l.drawn {
			e[t].Image(to, e[t].drawing)
			to = to[omniglot.Pixels:]
			if t < steps-1 {
				l.labels = append(l.labels, e[t].label)
			} else {
				l.labels = append(l.labels, -1)
			}
		}
	}
	return l.net.forward(batch, l.images, l.labels)
}

// Update learns from a batch of episodes: the loss is the mean binary cross-entropy
// at their test drawings.
func (l *learner) Update() (p study.Point, err error) {
	ways, batch := l.settings.Ways, l.settings.Batch
	y := l.answer(l.episodes.Rand, l.train, batch)
	kernel.Grow(&l.dy, len(y))
	for b, e := range l.drawn {
		out := y[b*ways : (b+1)*ways]
		p.Loss += crossEntropy(out, e[len(e)-1].label, 1/float64(batch), l.dy[b*ways:]) / float64(batch)
		if e.right(out) {
			p.Value += 1 / float64(batch)
		}
	}
	l.net.backward(l.dy)
	l.LR = l.settings.rate(l.Steps)
	p.Norm, err = l.Step()
	return p, err
}

// rate is the learning rate after so many updates.
func (s *settings) rate(updates int) float64 {
	if s.DecayEvery == 0 {
		return s.LR
	}
	return s.LR * math.Pow(s.Decay, float64(updates/s.DecayEvery))
}

// Test counts the right answers on held-out characters, and on as many new episodes
// of those trained on.
func (l *learner) Test(ctx context.Context, progress func(int)) (*study.Outcome, error) {
	var shown []answered
	heldOut, err := l.count(ctx, "test", l.test, func(i int, y []float32) {
		if i < pictured(l.settings) {
			shown = append(shown, answered{l.drawn[0], append([]float32{}, y...)})
		}
		progress(i + 1)
	})
	if err != nil {
		return nil, err
	}
	seen, err := l.count(ctx, "test on seen characters", l.train, func(int, []float32) {})
	if err != nil {
		return nil, err
	}
	n := float64(l.tests)
	low, high := wilson(heldOut, n)
	pic, err := picture(shown)
	return &study.Outcome{
		Value: heldOut / n,
		Extra: []study.Measure{
			{Name: "accuracy_low", Value: low, Percent: true, Single: true},
			{Name: "accuracy_high", Value: high, Percent: true, Single: true},
			{Name: "seen_accuracy", Value: seen / n, Percent: true},
			{Name: "chance", Value: 1 / float64(l.settings.Ways), Percent: true},
		},
		Pictures: []study.Picture{pic},
	}, err
}

// count runs test episodes of characters, calls each after every one, and returns
// how many answers were right.
func (l *learner) count(ctx context.Context, stream string, from []*omniglot.Character, each func(i int, y []float32)) (right float64, err error) {
	r := rng.New(l.seed, stream)
	for i := range l.tests {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		y := l.answer(r.Rand, from, 1)
		if l.drawn[0].right(y) {
			right++
		}
		each(i, y)
	}
	return right, nil
}

// wilson returns the 95% confidence interval of a share, of which right of n were
// seen (Wilson 1927), which holds near 0 and 1 too.
func wilson(right, n float64) (low, high float64) {
	const z = 1.959964
	share := right / n
	centre := share + z*z/(2*n)
	spread := z * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return (centre - spread) / (1 + z*z/n), (centre + spread) / (1 + z*z/n)
}
