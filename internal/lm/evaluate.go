package lm

import (
	"context"
	"fmt"

	"github.com/engram-lm/engram/data"
)

// Evaluation is the outcome of reading a text once.
type Evaluation struct {
	NLL    float64 // mean over the scored tokens, in nats
	Tokens int     // scored
}

// Evaluate reads tokens in batch streams, steps at a time, from a zero state
// that is carried to the end, and scores every token but each stream's first.
// Progress, unless nil, is told the number of tokens scored so far.
func (m *Model[F]) Evaluate(ctx context.Context, tokens []int32, batch, steps int, progress func(done int)) (Evaluation, error) {
	if batch < 1 {
		return Evaluation{}, fmt.Errorf("a batch of %d streams: want at least 1", batch)
	}
	return m.Read(ctx, tokens, m.NewState(batch), steps, progress)
}

// Read is Evaluate from a state of one's own, which it replaces by the final one.
func (m *Model[F]) Read(ctx context.Context, tokens []int32, state State[F], steps int, progress func(done int)) (Evaluation, error) {
	windows, err := data.NewWindows(tokens, state[0].Batch, steps)
	if err != nil {
		return Evaluation{}, err
	}
	var sum float64
	var e Evaluation
	err = m.ScoreAll(windows, state, func(_ int, nll []float64) error {
		for _, v := range nll {
			sum += v
		}
		e.Tokens += len(nll)
		if progress != nil {
			progress(e.Tokens)
		}
		return ctx.Err()
	})
	if err != nil {
		return Evaluation{}, err
	}
	e.NLL = sum / float64(e.Tokens)
	return e, nil
}
