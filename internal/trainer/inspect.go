package trainer

import (
	"context"
	"math"

	"github.com/engram-lm/engram/internal/lm"
)

// Trace tells what the Hebbian trace A [B, H, H] of a layer is, and the trained
// numbers that it acts and learns by.
type Trace struct {
	MeanAbs      float64 `json:"mean_abs"` // mean |A|
	AtClip       float64 `json:"at_clip"`  // share of elements at the clip, 0 to 1; 0 where nothing clips
	AlphaMeanAbs float64 `json:"alpha_mean_abs"`
	// Mean |rate|: of eta, or of the fan-out's weight; missing where the
	// neuromodulator itself is the rate.
	RateMeanAbs *float64 `json:"rate_mean_abs,omitempty"`
}

// traces looks at the traces of each layer; nil for a standard LSTM.
func traces(m *lm.Model[float32], state lm.State[float32]) []Trace {
	p := m.Config.Plasticity
	if p == nil {
		return nil
	}
	var all []Trace
	for l, layer := range state {
		var sum float64
		at := 0
		hebb := layer.Part("hebb")
		for _, a := range hebb {
			abs := math.Abs(float64(a))
			sum += abs
			if p.Rule != "additive" && float32(abs) >= float32(p.Clip) {
				at++
			}
		}
		n := float64(len(hebb))
		t := Trace{MeanAbs: sum / n, AtClip: float64(at) / n, AlphaMeanAbs: meanAbs(m.Layer(l, "alpha"))}
		for _, name := range []string{"eta", "fanout.weight"} {
			if rate := m.Layer(l, name); rate != nil {
				mean := meanAbs(rate)
				t.RateMeanAbs = &mean
			}
		}
		all = append(all, t)
	}
	return all
}

func meanAbs(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Abs(float64(v))
	}
	return sum / float64(len(x))
}

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
