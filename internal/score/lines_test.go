package score_test

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/score"
)

// A line costs what the equations say of <eos> and the line after it, read from a
// state of its own: zero, or the one in which traces stand still.
func TestLinesAgainstEquations(t *testing.T) {
	const eos = 3
	lines := [][]int32{{1, 2, 5, eos}, {eos}, {4, 4, eos, 7, 8, 9, 10, 0, 1, eos}, {1, 2, 5, eos}}
	warm := text(50, 2)
	held(t, func(t *testing.T, m *lm.Model[float64]) {
		for _, mode := range score.AllTraces {
			for _, steps := range []int{1, 3, 35} {
				n, done := 0, 0
				r := score.Reading{Steps: steps, Progress: func(k int) { done = k }}
				err := score.Lines(background, m, lines, eos, mode, score.WarmUp{Tokens: warm, Streams: 4}, r, func(got score.Losses) error {
					want := byEquations(m, mode, append([]int32{eos}, lines[n]...), warm, 1, 4)
					if len(got) != len(want) {
						t.Fatalf("%s: line %d has %d losses, want %d", mode, n, len(got), len(want))
					}
					for i := range got {
						if !(math.Abs(got[i]-want[i]) <= 1e-12*math.Abs(want[i])) {
							t.Fatalf("%s, %d steps: line %d, token %d costs %.15f, want %.15f", mode, steps, n, i, got[i], want[i])
						}
					}
					n++
					return nil
				})
				must(t, err)
				if n != len(lines) || done != 4+1+10+4 {
					t.Errorf("%s: %d lines, progress to %d", mode, n, done)
				}
			}
		}
	})
}
