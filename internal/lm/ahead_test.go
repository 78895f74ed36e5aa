package lm_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
)

// ScoreAll gives what Score gives window by window, to the same bits, and the same
// state after them; the last window is a shorter one.
func TestScoreAll(t *testing.T) {
	for _, tie := range []bool{false, true} {
		m, err := lm.New[float32](config(modeldir.Modulated, tie), 1)
		must(t, err)
		lively(m)
		r := rand.New(rand.NewPCG(1, 1))
		tokens := make([]int32, 3*50)
		for i := range tokens {
			tokens[i] = int32(r.IntN(m.Config.VocabSize))
		}
		windows := func() *data.Windows {
			w, err := data.NewWindows(tokens, 3, 7)
			must(t, err)
			return w
		}
		var want [][]float64
		state := m.NewState(3)
		all := windows()
		for w, ok := all.Next(); ok; w, ok = all.Next() {
			nll, err := m.Score(w.X, w.Y, state)
			must(t, err)
			want = append(want, slices.Clone(nll))
		}
		var got [][]float64
		after := m.NewState(3)
		must(t, m.ScoreAll(windows(), after, func(steps int, nll []float64) error {
			if len(nll) != 3*steps {
				t.Errorf("%d losses of %d steps", len(nll), steps)
			}
			got = append(got, slices.Clone(nll))
			return nil
		}))
		if !slices.EqualFunc(got, want, slices.Equal[[]float64]) {
			t.Errorf("tie %v: other losses than by Score", tie)
		}
		for i := range state {
			if !slices.Equal(state[i].Data, after[i].Data) {
				t.Errorf("tie %v: layer %d ends in another state", tie, i)
			}
		}
		stop, calls := errors.New("enough"), 0
		err = m.ScoreAll(windows(), m.NewState(3), func(int, []float64) error { calls++; return stop })
		if !errors.Is(err, stop) || calls != 1 {
			t.Errorf("%d calls and %v after an error", calls, err)
		}
		tokens[10] = int32(m.Config.VocabSize)
		if m.ScoreAll(windows(), m.NewState(3), func(int, []float64) error { return nil }) == nil {
			t.Error("a token outside the vocabulary is taken")
		}
	}
}
