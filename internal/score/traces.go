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
	models, err := Readers(ctx, m, t, w, r)
	if err != nil {
		return nil, err
	}
	return ReadBy(ctx, models, tokens, r, method)
}

// Readers returns the models that m is with its traces as t says: one that reads
// all streams of a text, or, where each has traces of its own that stand still, one
// for each.
func Readers[F lm.Float](ctx context.Context, m *lm.Model[F], t Traces, w WarmUp, r Reading) ([]*lm.Model[F], error) {
	streams := map[Traces]int{Frozen: r.Batch, Mean: max(1, min(w.Streams, len(w.Tokens)))}[t]
	if t != On && !m.HasTraces() {
		return nil, fmt.Errorf("score: traces %s of a model that has none", t)
	}
	var state lm.State[F]
	if streams > 0 {
		state = m.NewState(streams)
		if err := m.Absorb(ctx, w.Tokens, state, r.Steps, nil); err != nil {
			return nil, fmt.Errorf("warm-up text: %w", err)
		}
	}
	var readers []*lm.Model[F]
	add := func(m *lm.Model[F], err error) error {
		readers = append(readers, m)
		return err
	}
	var err error
	switch t {
	case Off:
		err = add(m.Off())
	case Frozen:
		for b := 0; b < streams && err == nil; b++ {
			err = add(m.Frozen(state, b))
		}
	case Mean:
		err = add(m.Mean(state))
	default:
		err = add(m, nil)
	}
	return readers, err
}

// ReadBy is Read by models that Readers returned for r.
func ReadBy[F lm.Float](ctx context.Context, readers []*lm.Model[F], tokens []int32, r Reading, method Method[F]) (Losses, error) {
	if len(readers) == 1 {
		return read(ctx, readers[0], tokens, r, method)
	}
	var all Losses
	length, one := len(tokens)/r.Batch, r
	one.Batch = 1
	if r.Progress != nil {
		one.Progress = func(done int) { r.Progress(len(all) + done) }
	}
	for b, m := range readers {
		losses, err := read(ctx, m, tokens[b*length:(b+1)*length], one, method)
		if err != nil {
			return nil, err
		}
		all = append(all, losses...)
	}
	return all, nil
}
