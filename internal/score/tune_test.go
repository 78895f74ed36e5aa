package score_test

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/score"
)

// Each trial is what a reading under its setting gives, in one stream, in several,
// and stream by stream as frozen traces are read.
func TestTrialsAreReadings(t *testing.T) {
	m := lively[float32](t, "plastic", "connection", "neuron", "hidden", "clip", false)
	tokens, warm := text(45, 1), score.WarmUp{Tokens: text(30, 2)}
	for _, mode := range []score.Traces{score.On, score.Frozen} {
		for _, batch := range []int{1, 3} {
			r := score.Reading{Batch: batch, Steps: 4}
			readers, err := score.Readers(background, m, mode, warm, r)
			must(t, err)
			read := func(method score.Method[float32]) (score.Losses, error) {
				return score.ReadBy(background, readers, tokens, r, method)
			}
			caches, err := score.TuneCache(read, nil, 7, []float64{0.2, 1}, []float64{0, 0.1, 0.5})
			must(t, err)
			if len(caches) != 6 {
				t.Fatalf("%d trials, want 6", len(caches))
			}
			for _, trial := range caches {
				got, err := read(score.Point[float32](trial.Setting, nil))
				must(t, err)
				if !(math.Abs(got.Mean()-trial.NLL) < 1e-12) {
					t.Errorf("%s, %d streams, %+v: a reading gives %v", mode, batch, trial, got.Mean())
				}
				if best := score.Best(caches); best.NLL > trial.NLL {
					t.Errorf("%+v is better than the best, %+v", trial, best)
				}
			}
			if batch > 1 {
				continue
			}
			rms, err := score.GradientRMS(background, readers[0], text(83, 7), nil)
			must(t, err)
			dynamics, err := score.TuneDynamic(read, []score.Dynamic{{Rate: 0.1}, {RMS: true, Rate: 0.001, Decay: 0.1, Epsilon: 0.01}, {Rate: 1e39}}, rms)
			must(t, err)
			for _, trial := range dynamics[:2] {
				got, err := read(score.Adapt(trial.Setting, rms))
				must(t, err)
				if got.Mean() != trial.NLL {
					t.Errorf("%+v: a reading gives %v", trial, got.Mean())
				}
			}
			if !math.IsInf(dynamics[2].NLL, 1) || math.IsInf(score.Best(dynamics).NLL, 1) {
				t.Errorf("a rate without bounds gives %v, the best %v", dynamics[2].NLL, score.Best(dynamics))
			}
		}
	}
}
