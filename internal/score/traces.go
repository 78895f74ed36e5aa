package score

import (
	"context"
	"fmt"

	"github.com/engram-lm/engram/internal/lm"
)

// Traces says what the traces of a model do while a text is read.
type Traces string

const (
	// On: they learn, from zero.
	On Traces = "on"
	// Off: what they add to the network's input is left out, alpha = 0.
	Off Traces = "off"
	// Frozen: another text is read first, in as many streams, in which they learn;
	// then h and c start at zero and each stream's traces stand still.
	Frozen Traces = "frozen"
	// Mean: they stand still at their average over the streams of another text, at
	// its end: a constant weight by another name.
	Mean Traces = "mean"
)

// AllTraces lists what traces may do.
var AllTraces = []Traces{On, Off, Frozen, Mean}

// WarmUp is the text that is read before the traces stand still, without being
// scored.
type WarmUp struct {
	Tokens  []int32
	Streams int // that Mean averages over; fewer, of a token each, if the text is too short
}

// MeanStreams is how many streams Mean averages over unless told otherwise.
const MeanStreams = 20

// Read reads tokens from a zero state, which is carried to the end, and scores
// them by method. It is an error to ask a model without traces for any but On.
func Read[F lm.Float](ctx context.Context, m *lm.Model[F], tokens []int32, t Traces, w WarmUp, r Reading, method Method[F]) (Losses, error) {
	if t == Frozen {
		return readFrozen(ctx, m, tokens, w, r, method)
	}
	m, err := still(ctx, m, t, w, r.Steps)
	if err != nil {
		return nil, err
	}
	return read(ctx, m, tokens, r, method)
}

// still returns the model whose traces are off or at their mean; else m.
func still[F lm.Float](ctx context.Context, m *lm.Model[F], t Traces, w WarmUp, steps int) (*lm.Model[F], error) {
	switch t {
	case Off:
		return m.Off()
	case Mean:
		state := m.NewState(max(1, min(w.Streams, len(w.Tokens))))
		if err := absorb(ctx, m, w, state, steps); err != nil {
			return nil, err
		}
		return m.Mean(state)
	}
	return m, nil
}

// absorb reads the warm-up text.
func absorb[F lm.Float](ctx context.Context, m *lm.Model[F], w WarmUp, state lm.State[F], steps int) error {
	if err := m.Absorb(ctx, w.Tokens, state, steps, nil); err != nil {
		return fmt.Errorf("warm-up text: %w", err)
	}
	return nil
}

// readFrozen takes stream after stream, for each has traces of its own.
func readFrozen[F lm.Float](ctx context.Context, m *lm.Model[F], tokens []int32, w WarmUp, r Reading, method Method[F]) (Losses, error) {
	state := m.NewState(r.Batch)
	if err := absorb(ctx, m, w, state, r.Steps); err != nil {
		return nil, err
	}
	var all Losses
	length := len(tokens) / r.Batch
	one := Reading{Batch: 1, Steps: r.Steps}
	if r.Progress != nil {
		one.Progress = func(done int) { r.Progress(len(all) + done) }
	}
	for b := range r.Batch {
		still, err := m.Frozen(state, b)
		if err != nil {
			return nil, err
		}
		losses, err := read(ctx, still, tokens[b*length:(b+1)*length], one, method)
		if err != nil {
			return nil, err
		}
		all = append(all, losses...)
	}
	return all, nil
}
