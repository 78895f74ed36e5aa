package patterns

import (
	"context"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
)

// learner is a model learning under one seed; see study.Learner.
type learner struct {
	*trained.Weights
	model    *model
	settings *settings
	seed     uint64
	tests    int
	episodes *rng.Stream
	net      *trained.Network

	readout, readoutGrads [][]float32

	x, y, dy []float32 // [T, I], [Bits], [T, H]
}

func newLearner(name string, s *settings, seed uint64, tests int) (*learner, error) {
	m, err := build(name, s)
	if err != nil {
		return nil, err
	}
	l := &learner{Weights: trained.NewWeights(m.lr, 0), model: m, settings: s, seed: seed, tests: tests}
	values, grads, readout, readoutGrads := m.draw(l.Weights, seed)
	l.net = trained.NewNetwork(m.layer, values, grads)
	l.readout, l.readoutGrads = readout, readoutGrads
	l.episodes = l.Stream(seed, "episodes")
	l.x = make([]float32, s.steps()*m.layer.InputSize())
	l.y = make([]float32, s.Bits)
	l.dy = make([]float32, s.steps()*m.layer.HiddenSize())
	return l, nil
}

// recall runs an episode and returns the outputs [Bits] at its last step, and with
// them the hidden outputs [H] there.
func (l *learner) recall(e *episode) (y, hidden []float32, err error) {
	in, bits := l.model.layer.InputSize(), l.settings.Bits
	for t := range l.settings.steps() {
		to := l.x[t*in : (t+1)*in]
		for i, v := range e.x[t*bits : (t+1)*bits] {
			to[i] = l.model.scale * v
		}
		for i := range l.model.bias {
			to[bits+i] = l.model.scale
		}
	}
	out, err := l.net.Forward(1, l.x)
	if err != nil {
		return nil, nil, err
	}
	hidden = out[len(out)-l.model.layer.HiddenSize():]
	if l.readout == nil {
		return append(l.y[:0], hidden[:bits]...), hidden, nil
	}
	weight, bias := l.readout[0], l.readout[1]
	for i := range l.y {
		sum := bias[i]
		for j, w := range weight[i*len(hidden) : (i+1)*len(hidden)] {
			sum += w * hidden[j]
		}
		l.y[i] = sum
	}
	return l.y, hidden, nil
}

// backward goes back through the last episode with the gradient of its outputs.
func (l *learner) backward(dy, hidden []float32) {
	last := l.dy[len(l.dy)-len(hidden):]
	if l.readout == nil {
		copy(last, dy)
	} else {
		clear(last)
		weight, dWeight := l.readout[0], l.readoutGrads[0]
		copy(l.readoutGrads[1], dy)
		for i, d := range dy {
			row := weight[i*len(hidden) : (i+1)*len(hidden)]
			grad := dWeight[i*len(hidden) : (i+1)*len(hidden)]
			for j, h := range hidden {
				last[j] += d * row[j]
				grad[j] = d * h
			}
		}
	}
	l.net.Backward(l.dy)
}

// Update learns from one episode: the loss is the sum of the squared errors of all
// bits at the last step.
func (l *learner) Update() (study.Point, error) {
	e := l.settings.draw(l.episodes.Rand)
	y, hidden, err := l.recall(&e)
	if err != nil {
		return study.Point{}, err
	}
	p := study.Point{Value: e.wrong(y)}
	for i := range y {
		d := y[i] - e.target[i]
		p.Loss += float64(d) * float64(d)
		y[i] = 2 * d
	}
	l.backward(y, hidden)
	p.Norm, err = l.Step()
	return p, err
}

// Test counts the wrong bits of new episodes.
func (l *learner) Test(ctx context.Context, progress func(int)) (*study.Outcome, error) {
	r := rng.New(l.seed, "test")
	var shown []recalled
	sum := 0.0
	for i := range l.tests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := l.settings.draw(r.Rand)
		y, _, err := l.recall(&e)
		if err != nil {
			return nil, err
		}
		sum += e.wrong(y)
		if len(shown) < pictured {
			shown = append(shown, recalled{e, append([]float32{}, y...)})
		}
		progress(i + 1)
	}
	picture, err := draw(shown)
	return &study.Outcome{Value: sum / float64(l.tests), Pictures: []study.Picture{picture}}, err
}
