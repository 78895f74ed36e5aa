// Package score tells how well a language model predicts a text, and what its
// memory has to do with it: the traces may act or not, learn or stand still.
package score

import (
	"context"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
)

// Reading is how a text is read.
type Reading struct {
	Batch int // streams of equal length that the text is cut into
	Steps int // tokens of a stream that are read at a time
	// ResetEvery, unless 0, is after how many tokens of a stream its traces are put
	// back to zero, or with ResetState all of its state.
	ResetEvery int
	ResetState bool
	// Progress, unless nil, is told the number of tokens scored so far.
	Progress func(done int)
}

// Predictor scores windows one after the other; lm.Model is one whose parameters
// stay as they are.
type Predictor[F lm.Float] interface {
	// Score returns the NLL in nats of each target y [T, B], given the tokens
	// x [T, B] and all before them; the next call overwrites it. The state is
	// replaced by the one after x.
	Score(x, y []int32, state lm.State[F]) ([]float64, error)
}

// Method makes a Predictor of a model; nil takes the model itself.
type Method[F lm.Float] func(*lm.Model[F]) (Predictor[F], error)

// Losses are the NLLs in nats of the targets of a text, those of each stream in
// turn [B, L-1]: of Targets.
type Losses []float64

// Mean returns the mean NLL in nats.
func (l Losses) Mean() float64 {
	sum := 0.0
	for _, v := range l {
		sum += v
	}
	return sum / float64(len(l))
}

// Targets returns the tokens that are scored when tokens are read in batch
// streams, those of each stream in turn: all but each stream's first, and but the
// remainder, which belongs to none.
func Targets(tokens []int32, batch int) []int32 {
	length := len(tokens) / batch
	targets := make([]int32, 0, batch*(length-1))
	for b := range batch {
		targets = append(targets, tokens[b*length+1:(b+1)*length]...)
	}
	return targets
}

// read reads tokens from a zero state, which is carried to the end.
func read[F lm.Float](ctx context.Context, m *lm.Model[F], tokens []int32, r Reading, method Method[F]) (Losses, error) {
	windows, err := data.NewWindows(tokens, r.Batch, r.Steps)
	if err != nil {
		return nil, err
	}
	p := Predictor[F](m)
	if method != nil {
		if p, err = method(m); err != nil {
			return nil, err
		}
	}
	if c, ok := p.(closer); ok {
		defer c.Close()
	}
	if h, ok := p.(holder); ok {
		defer h.Hold()()
	}
	state := m.NewState(r.Batch)
	losses := make(Losses, windows.Targets())
	length, t0 := len(losses)/r.Batch, 0
	take := func(steps int, nll []float64) {
		for i, v := range nll {
			losses[i%r.Batch*length+t0+i/r.Batch] = v
		}
		t0 += steps
	}
	told := func() error {
		if r.Progress != nil {
			r.Progress(t0 * r.Batch)
		}
		return ctx.Err()
	}
	if model, ok := p.(*lm.Model[F]); ok && r.ResetEvery == 0 {
		return losses, model.ScoreAll(windows, state, func(steps int, nll []float64) error {
			take(steps, nll)
			return told()
		})
	}
	for w, ok := windows.Next(); ok; w, ok = windows.Next() {
		for from := 0; from < w.Steps; {
			to := w.Steps
			if r.ResetEvery > 0 {
				if t0%r.ResetEvery == 0 {
					r.reset(state)
				}
				to = min(to, from+r.ResetEvery-t0%r.ResetEvery)
			}
			nll, err := p.Score(w.X[from*r.Batch:to*r.Batch], w.Y[from*r.Batch:to*r.Batch], state)
			if err != nil {
				return nil, err
			}
			take(to-from, nll)
			from = to
		}
		if err := told(); err != nil {
			return nil, err
		}
	}
	return losses, nil
}

func (r Reading) reset(state resetter) {
	if r.ResetState {
		state.Reset()
	} else {
		state.ResetTraces()
	}
}

// resetter is a state of any element type.
type resetter interface {
	Reset()
	ResetTraces()
}

// holder is a Predictor whose parameters stay as they are between Hold and the
// release that it returns.
type holder interface{ Hold() (release func()) }

// closer is a Predictor that has something to put back when a text has been read.
type closer interface{ Close() }
