package lm_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
)

// trained returns the parameters of a model after three windows, on so many cores.
func trained(t *testing.T, kind, precision string, cores int) [][]float32 {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	c := config(kind, false)
	c.VocabSize, c.EmbeddingSize, c.HiddenSize, c.Precision = 300, 33, 40, precision
	m, err := lm.New[float32](c, 1)
	must(t, err)
	lively(m)
	r := rand.New(rand.NewPCG(1, 1))
	const batch, steps = 21, 11
	x, y := make([]int32, batch*steps), make([]int32, batch*steps)
	state := m.NewState(batch)
	for range 3 {
		for i := range x {
			x[i], y[i] = int32(r.IntN(300)), int32(r.IntN(300))
		}
		_, err := m.Train(x, y, state, 0, nil)
		must(t, err)
		for _, p := range m.Params {
			for i, g := range dense(p) {
				p.Value[i] -= 2 * g
			}
		}
	}
	var all [][]float32
	for _, p := range m.Params {
		all = append(all, p.Value)
	}
	return all
}

// A training in bfloat16 has the same bits on any number of cores, and others than
// one in float32, in every parameter.
func TestPrecisionOfATraining(t *testing.T) {
	for _, kind := range []string{modeldir.LSTM, modeldir.Retroactive} {
		plain, rounded, alone := trained(t, kind, "", 2), trained(t, kind, "bf16", 2), trained(t, kind, "bf16", 1)
		for i := range plain {
			if !slices.Equal(rounded[i], alone[i]) {
				t.Errorf("%s: parameter %d has other bits on one core", kind, i)
			}
			if slices.Equal(rounded[i], plain[i]) {
				t.Errorf("%s: parameter %d is that of float32", kind, i)
			}
		}
	}
}

// Round changes a model in both directions, also while its parameters are held.
func TestRound(t *testing.T) {
	m, err := lm.New[float32](config(modeldir.Modulated, false), 1)
	must(t, err)
	lively(m)
	defer m.Hold()()
	score := func() []float64 {
		nll, err := m.Score([]int32{1, 2, 3, 4, 5, 6}, []int32{2, 3, 4, 5, 6, 7}, m.NewState(2))
		must(t, err)
		return slices.Clone(nll)
	}
	plain := score()
	must(t, m.Round(kernel.BF16))
	if slices.Equal(score(), plain) {
		t.Error("bf16 changes nothing")
	}
	must(t, m.RoundTo("f32"))
	if !slices.Equal(score(), plain) {
		t.Error("f32 does not come back")
	}
	if m.RoundTo("f16") == nil {
		t.Error("f16 is taken")
	}
}
