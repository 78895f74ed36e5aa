package score_test

import (
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/score"
)

// The cache is its definition, summed over words and entries one by one, and what
// it mixes is a distribution over all words.
func TestCacheAgainstDefinition(t *testing.T) {
	tokens := text(30, 1)
	held(t, func(t *testing.T, m *lm.Model[float64]) {
		for _, c := range []score.Cache{{Theta: 0.9, Weight: 0.3, Size: 4}, {Theta: 0, Weight: 0.9, Size: 100}, {Theta: 3, Weight: 0.05, Size: 1}} {
			for _, steps := range []int{1, 7} {
				got, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: steps}, score.Point[float64](c, nil))
				must(t, err)
				p := newPlain(m)
				type entry struct {
					word int32
					h    []float64
				}
				var entries []entry
				for i := range got {
					logits := p.read(tokens[i])
					h := slices.Clone(p.layers[len(p.layers)-1].h)
					probability, all, total := make([]float64, vocab), 0.0, 0.0
					for _, e := range entries {
						all += math.Exp(c.Theta * inner(h, e.h))
					}
					for w := range probability {
						probability[w] = math.Exp(-logLoss(logits, int32(w)))
						if len(entries) > 0 {
							probability[w] *= 1 - c.Weight
							for _, e := range entries {
								if e.word == int32(w) {
									probability[w] += c.Weight * math.Exp(c.Theta*inner(h, e.h)) / all
								}
							}
						}
						total += probability[w]
					}
					want := -math.Log(probability[tokens[i+1]])
					if !(math.Abs(got[i]-want) <= 1e-12*math.Abs(want)) || !(math.Abs(total-1) < 1e-12) {
						t.Fatalf("%+v: target %d costs %.15f, want %.15f; all words have %.15f", c, i, got[i], want, total)
					}
					entries = append(entries, entry{tokens[i+1], h})
					if len(entries) > c.Size {
						entries = entries[1:]
					}
				}
			}
		}
	})
}

func inner(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// Each stream has a cache of its own.
func TestCacheOfEachStream(t *testing.T) {
	m := lively[float32](t, "modulated", "neuron", "neuron", "hidden", "clip", false)
	tokens := text(60, 1)
	method := score.Point[float32](score.Cache{Theta: 0.5, Weight: 0.4, Size: 6}, nil)
	together, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 3, Steps: 4}, method)
	must(t, err)
	for b := range 3 {
		alone := losses(t, m, tokens[20*b:20*(b+1)], method)
		for i, v := range alone {
			if !(math.Abs(v-together[19*b+i]) < 1e-5) {
				t.Fatalf("stream %d: target %d costs %v alone, %v beside others", b, i, v, together[19*b+i])
			}
		}
	}
}
