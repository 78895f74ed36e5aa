package score

import (
	"context"

	"github.com/engram-lm/engram/internal/lm"
)

// Lines reads each line of a text by itself, from a state of its own, and hands its
// losses to each: of the words and of the <eos> at its end, the first given the
// <eos> before it. A line is its words' ids and eos. What the traces do is as in
// Read: where they stand still they do so for all lines alike.
func Lines[F lm.Float](ctx context.Context, m *lm.Model[F], lines [][]int32, eos int32, t Traces, w WarmUp, r Reading, each func(Losses) error) error {
	r.Batch = 1
	readers, err := Readers(ctx, m, t, w, r)
	if err != nil {
		return err
	}
	m = readers[0]
	defer m.Hold()()
	state := m.NewState(1)
	done := 0
	var losses Losses
	for _, line := range lines {
		state.Reset()
		x := append([]int32{eos}, line[:len(line)-1]...)
		losses = losses[:0]
		for at := 0; at < len(x); at += r.Steps {
			if err := ctx.Err(); err != nil {
				return err
			}
			end := min(at+r.Steps, len(x))
			nll, err := m.Score(x[at:end], line[at:end], state)
			if err != nil {
				return err
			}
			losses = append(losses, nll...)
		}
		if err := each(losses); err != nil {
			return err
		}
		if done += len(line); r.Progress != nil {
			r.Progress(done)
		}
	}
	return nil
}
