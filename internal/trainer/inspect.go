package trainer

import (
	"context"
	"math"

	"github.com/engram-lm/engram/internal/lm"
)

// worth reads the validation text again with the traces off, and with them at
// their mean over the streams of the train text, as the epoch has left them (those
// that the validation text leaves would know it already): the mean NLLs in nats,
// nil where there are no traces, no mean of them or no finite loss.
func (t *Training) worth(ctx context.Context) (off, mean *float64, err error) {
	if !t.model.HasTraces() {
		return nil, nil, nil
	}
	read := func(m *lm.Model[float32], err error) (*float64, error) {
		if err != nil {
			return nil, err
		}
		e, err := m.Evaluate(ctx, t.Valid.Tokens, t.validBatch(), t.Recipe.BPTT, nil)
		if err != nil || math.IsNaN(e.NLL) || math.IsInf(e.NLL, 0) {
			return nil, err
		}
		return &e.NLL, nil
	}
	if off, err = read(t.model.Off()); err != nil {
		return nil, nil, err
	}
	if t.model.HasMean() {
		mean, err = read(t.model.Mean(t.state))
	}
	return off, mean, err
}
