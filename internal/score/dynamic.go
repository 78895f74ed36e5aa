package score

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
)

// Dynamic says how dynamic evaluation [1] goes on training while it reads: when a
// window has been scored, the parameters theta, trained to theta_g, take a step
// down the gradient of its mean NLL L and are drawn back,
//
//	SGD  theta <- theta - rate dL + decay (theta_g - theta)
//	RMS  theta <- theta - rate dL / (rms + epsilon) + min(1, decay rms / mean rms) (theta_g - theta)
//
// and are put back into the bounds that training keeps them in, with rms the root of the
// mean square gradient over windows of the train text.
//
//	[1] Krause, Kahembwe, Murray and Renals, Dynamic Evaluation of Neural Sequence
//	    Models, ICML 2018, arXiv:1709.07432.
type Dynamic struct {
	RMS     bool
	Rate    float64
	Decay   float64
	Epsilon float64 // of RMS only
}

// Adapt returns the method of dynamic evaluation; rms is that of GradientRMS, and
// not used by SGD. The model's parameters are as before when a text has been read.
//
// Plasticity coefficients that are 0 throughout stay so, and what has no gradient in
// the train text has no part in the mean: a control without plasticity is adapted as
// the model of its other parameters.
func Adapt[F lm.Float](d Dynamic, rms [][]F) Method[F] {
	return func(m *lm.Model[F]) (Predictor[F], error) {
		a := &adaptive[F]{Dynamic: d, m: m, step: F(d.Rate), pull: F(d.Decay)}
		var sizes [][]F // of the gradients of a.params
		mean, n := 0.0, 0
		for i, p := range m.Params {
			if d.RMS && (i >= len(rms) || len(rms[i]) != len(p.Value)) {
				return nil, fmt.Errorf("score: the gradient statistics are not of this model's %s", p.Name)
			}
			if modeldir.RoleOf(p.Name) == modeldir.Coefficients && zero(p.Value) {
				continue
			}
			a.params = append(a.params, p)
			a.trained = append(a.trained, slices.Clone(p.Value))
			if !d.RMS {
				continue
			}
			sizes = append(sizes, rms[i])
			if !zero(rms[i]) {
				n += len(rms[i])
				for _, v := range rms[i] {
					mean += float64(v)
				}
			}
		}
		mean /= float64(n)
		for _, v := range sizes {
			steps, pulls := make([]F, len(v)), make([]F, len(v))
			for k, r := range v {
				steps[k] = F(d.Rate / (float64(r) + d.Epsilon))
				pulls[k] = F(min(1, d.Decay*float64(r)/mean))
			}
			a.steps, a.pulls = append(a.steps, steps), append(a.pulls, pulls)
		}
		return a, nil
	}
}

func zero[F lm.Float](x []F) bool {
	return !slices.ContainsFunc(x, func(v F) bool { return v != 0 })
}

// adaptive is a model in dynamic evaluation.
type adaptive[F lm.Float] struct {
	Dynamic
	m            *lm.Model[F]
	params       []*lm.Param[F] // theta
	trained      [][]F          // theta_g
	step, pull   F              // of SGD
	steps, pulls [][]F          // of RMS, for each number
	nll          []float64
}

// Score scores the window and then learns from it.
func (a *adaptive[F]) Score(x, y []int32, state lm.State[F]) ([]float64, error) {
	if state[0].Batch != 1 {
		return nil, fmt.Errorf("score: dynamic evaluation of %d streams: want 1, for what one stream teaches the others would know", state[0].Batch)
	}
	if _, err := a.m.Train(x, y, state, 0, nil); err != nil {
		return nil, err
	}
	a.nll = append(a.nll[:0], a.m.Losses()...)
	for i, p := range a.params {
		a.drawBack(i, p.Value)
		if p.Rows == nil {
			a.descend(i, 0, p.Value, p.Grad)
		} else {
			size := p.Shape[1]
			for r, row := range p.Rows {
				a.descend(i, row*size, p.Value[row*size:(row+1)*size], p.Grad[r*size:])
			}
		}
		if p.Min < p.Max {
			for k, v := range p.Value {
				p.Value[k] = min(max(v, F(p.Min)), F(p.Max))
			}
		}
	}
	return a.nll, nil
}

// parameterChunk is how many numbers of a parameter a task updates.
const parameterChunk = 1 << 14

// drawBack moves parameter i towards what it was trained to.
func (a *adaptive[F]) drawBack(i int, value []F) {
	if a.Decay == 0 {
		return
	}
	trained := a.trained[i]
	inChunks(len(value), func(lo, hi int) {
		if a.RMS {
			pulls := a.pulls[i]
			for k := lo; k < hi; k++ {
				value[k] += pulls[k] * (trained[k] - value[k])
			}
			return
		}
		for k := lo; k < hi; k++ {
			value[k] += a.pull * (trained[k] - value[k])
		}
	})
}

// descend takes a step down the gradient of the numbers of parameter i from offset on.
func (a *adaptive[F]) descend(i, offset int, value, grad []F) {
	inChunks(len(value), func(lo, hi int) {
		if a.RMS {
			steps := a.steps[i][offset:]
			for k := lo; k < hi; k++ {
				value[k] -= steps[k] * grad[k]
			}
			return
		}
		for k := lo; k < hi; k++ {
			value[k] -= a.step * grad[k]
		}
	})
}

func inChunks(n int, f func(lo, hi int)) {
	kernel.Parallel((n+parameterChunk-1)/parameterChunk, func(task int) {
		f(task*parameterChunk, min(n, (task+1)*parameterChunk))
	})
}

// Close puts the parameters back to what they were trained to.
func (a *adaptive[F]) Close() {
	for i, p := range a.params {
		copy(p.Value, a.trained[i])
	}
}

// The windows whose gradients GradientRMS takes, unless the text is too short.
const (
	statisticsBatch = 20
	statisticsSteps = 35
)

// GradientRMS returns the root of the mean, over the windows of a text, of the
// squared gradient of a window's mean NLL, for each number of each parameter: what
// the RMS form of dynamic evaluation divides by. The text is the train text.
// Progress, unless nil, is told the number of tokens read so far.
func GradientRMS[F lm.Float](ctx context.Context, m *lm.Model[F], tokens []int32, progress func(done int)) ([][]F, error) {
	batch := max(1, min(statisticsBatch, len(tokens)/2))
	windows, err := data.NewWindows(tokens, batch, statisticsSteps)
	if err != nil {
		return nil, err
	}
	var squares [][]F
	for _, p := range m.Params {
		squares = append(squares, make([]F, len(p.Value)))
	}
	state := m.NewState(batch)
	done := 0
	for w, ok := windows.Next(); ok; w, ok = windows.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := m.Train(w.X, w.Y, state, 0, nil); err != nil {
			return nil, err
		}
		for i, p := range m.Params {
			if p.Rows == nil {
				addSquares(squares[i], p.Grad)
				continue
			}
			size := p.Shape[1]
			for r, row := range p.Rows {
				addSquares(squares[i][row*size:(row+1)*size], p.Grad[r*size:])
			}
		}
		if done += len(w.X); progress != nil {
			progress(done)
		}
	}
	for _, s := range squares {
		for k, v := range s {
			s[k] = F(math.Sqrt(float64(v) / float64(windows.Len())))
		}
	}
	return squares, nil
}

func addSquares[F lm.Float](to, x []F) {
	inChunks(len(to), func(lo, hi int) {
		for k := lo; k < hi; k++ {
			to[k] += x[k] * x[k]
		}
	})
}
