package score_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/score"
)

// Two streams of a a b a and c c c b (the last token is in none), each loss a power
// of two, so that every sum tells which losses are in it.
func TestGroups(t *testing.T) {
	tokens := []int32{0, 0, 1, 0, 2, 2, 2, 1, 0}
	l := score.Losses{1, 2, 4, 8, 16, 32} // a b a, c c b
	for by, want := range map[score.By][]score.Group{
		score.Position:  {{From: 1, To: 10, Tokens: 6, NLL: 63.0 / 6}},
		score.Frequency: {{From: 0, To: 0, Tokens: 2, NLL: (2 + 32) / 2}, {From: 1, To: 1, Tokens: 2, NLL: (1 + 8) / 2.}, {From: 2, To: 3, Tokens: 2, NLL: (4 + 16) / 2}},
		score.Recency:   {{From: 0, To: 0, Tokens: 2, NLL: (2 + 32) / 2}, {From: 1, To: 3, Tokens: 4, NLL: (1 + 4 + 8 + 16) / 4.}},
	} {
		if diff := cmp.Diff(want, score.Groups(by, tokens, 2, l)); diff != "" {
			t.Errorf("by %s: %s", by, diff)
		}
	}
}

// The groups follow each other without gap or overlap, and every loss is in one.
func TestGroupsCoverAll(t *testing.T) {
	tokens := make([]int32, 3000)
	for i := range tokens {
		tokens[i] = int32(i % (1 + i/40)) // words come back after longer and longer
	}
	l := make(score.Losses, len(tokens)-1)
	for i := range l {
		l[i] = float64(i)
	}
	for _, by := range score.AllBy {
		groups := score.Groups(by, tokens, 1, l)
		n, sum := 0, 0.0
		for i, g := range groups {
			if i > 0 && g.From != groups[i-1].To+1 || g.To < g.From {
				t.Errorf("by %s: %+v after %+v", by, g, groups[max(0, i-1)])
			}
			n += g.Tokens
			sum += g.NLL * float64(g.Tokens)
		}
		if n != len(l) || math.Abs(sum-2998*2999/2) > 1e-3 || len(groups) < 4 {
			t.Errorf("by %s: %d losses of sum %v in %d groups", by, n, sum, len(groups))
		}
	}
}

// Resets are what the equations say: traces, or the whole state, at zero after every
// so many words of a stream, wherever the windows end.
func TestResets(t *testing.T) {
	tokens := text(41, 1)
	held(t, func(t *testing.T, m *lm.Model[float64]) {
		for _, r := range []score.Reading{
			{Batch: 1, Steps: 7, ResetEvery: 5}, {Batch: 1, Steps: 3, ResetEvery: 9, ResetState: true},
			{Batch: 2, Steps: 8, ResetEvery: 4}, {Batch: 2, Steps: 4, ResetEvery: 1, ResetState: true},
		} {
			got, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, r, nil)
			must(t, err)
			length := len(tokens) / r.Batch
			for b := range r.Batch {
				p := newPlain(m)
				for i := range length - 1 {
					if i%r.ResetEvery == 0 {
						for _, l := range p.layers {
							clear(l.hebb)
							clear(l.trace)
						}
						if r.ResetState {
							p.forget()
						}
					}
					want := logLoss(p.read(tokens[b*length+i]), tokens[b*length+i+1])
					if v := got[b*(length-1)+i]; !(math.Abs(v-want) <= 1e-12*math.Abs(want)) {
						t.Fatalf("%+v: target %d of stream %d costs %.15f, want %.15f", r, i, b, v, want)
					}
				}
			}
		}
	})
}
