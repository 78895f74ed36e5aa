package lm

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/readout"
	"github.com/engram-lm/engram/internal/rng"
)

// Sampling says how Generate chooses each word.
type Sampling struct {
	// Temperature, at least 0, divides the logits; at 0 the most likely word is
	// taken (greedy).
	Temperature float64
	// TopK keeps the K most likely words only; 0 keeps all.
	TopK int
	// Never lists words that are not produced.
	Never []int32
	// Frozen holds the Hebbian and the eligibility traces and a plastic readout's
	// memory as they are after the prompt; else they go on learning from what the model writes.
	Frozen bool
}

// promptSteps is how many tokens of a prompt are read at once.
const promptSteps = 64

// Generate reads prompt, at least one token, from a zero state and continues it
// word by word without end, until the caller breaks off or after an error. The
// model is in use all the while.
func (m *Model[F]) Generate(prompt []int32, s Sampling, r *rng.Stream) iter.Seq2[int32, error] {
	return func(yield func(int32, error) bool) {
		defer m.Hold()()
		state := m.NewState(1)
		var logits []F
		err := errors.New("lm: the prompt is empty; want at least one token")
		for part := range slices.Chunk(prompt, promptSteps) {
			if logits, err = m.Logits(part, state); err != nil {
				break
			}
		}
		hold := func() {}
		if s.Frozen {
			hold = holdTraces(state)
			if m.memory != nil {
				defer func(was readout.Mode) { m.memory.Mode = was }(m.memory.Mode)
				m.memory.Mode = readout.Frozen
			}
		}
		choice := newChooser[F](s, m.Config.VocabSize, r)
		next := make([]int32, 1)
		for err == nil {
			if next[0], err = choice.choose(logits); err != nil {
				break
			}
			if !yield(next[0], nil) {
				return
			}
			logits, err = m.Logits(next, state)
			hold()
		}
		yield(0, err)
	}
}

// holdTraces returns a function that puts the traces back to what they are now.
func holdTraces[F Float](state State[F]) func() {
	type held struct{ part, value []F }
	var all []held
	for _, layer := range state {
		for _, part := range traces(layer) {
			all = append(all, held{part, slices.Clone(part)})
		}
	}
	return func() {
		for _, h := range all {
			copy(h.part, h.value)
		}
	}
}

// chooser draws words from logits.
type chooser[F Float] struct {
	Sampling
	allowed []int32
	order   []int32
	weights []float64
	rng     *rng.Stream
}

func newChooser[F Float](s Sampling, vocab int, r *rng.Stream) *chooser[F] {
	c := &chooser[F]{Sampling: s, rng: r}
	for id := range int32(vocab) {
		if !slices.Contains(s.Never, id) {
			c.allowed = append(c.allowed, id)
		}
	}
	return c
}

// choose returns a word drawn from the softmax of logits [V] over temperature.
// Of equally likely words the first counts as the more likely one.
func (c *chooser[F]) choose(logits []F) (int32, error) {
	if len(c.allowed) == 0 {
		return 0, errors.New("the vocabulary has no word that may be produced")
	}
	if i := kernel.IndexNonFinite(logits); i >= 0 {
		return 0, fmt.Errorf("the model's logits are no longer finite (%v): its state has grown without bound; freeze the traces, or use a model whose rule clips them", logits[i])
	}
	best := c.allowed[0]
	for _, id := range c.allowed[1:] {
		if logits[id] > logits[best] {
			best = id
		}
	}
	if c.Temperature == 0 || c.TopK == 1 {
		return best, nil
	}
	c.order = append(c.order[:0], c.allowed...)
	if 0 < c.TopK && c.TopK < len(c.order) {
		c.order = c.order[:0]
		for _, id := range c.allowed {
			z := logits[id]
			if len(c.order) == c.TopK {
				if z <= logits[c.order[c.TopK-1]] {
					continue
				}
				c.order = c.order[:c.TopK-1]
			}
			at := sort.Search(len(c.order), func(i int) bool { return logits[c.order[i]] < z })
			c.order = slices.Insert(c.order, at, id)
		}
	}
	// The best word's exponent is 0 and all others are at most that, so however
	// small the temperature is, the sum lies between 1 and the number of words.
	kernel.Grow(&c.weights, len(c.order))
	kernel.Parallel((len(c.order)+columns-1)/columns, func(i int) {
		for j := i * columns; j < min(len(c.order), (i+1)*columns); j++ {
			c.weights[j] = math.Exp((float64(logits[c.order[j]]) - float64(logits[best])) / c.Temperature)
		}
	})
	sum := 0.0
	for _, w := range c.weights {
		sum += w
	}
	u := c.rng.Float64() * sum
	for i, w := range c.weights {
		if u -= w; u < 0 {
			return c.order[i], nil
		}
	}
	return best, nil // rounding has left a rest of u
}
