package patterns

import "math/rand/v2"

// episode is a stretch of input and what is to come of it.
type episode struct {
	x      []float32 // [T, Bits] of +1, -1 and, where there is no input, 0
	target []float32 // [Bits] the pattern to be completed
	zeroed []bool    // [Bits] the bits missing from it
}

// steps is the length of an episode.
func (s *settings) steps() int { return s.Patterns*s.Cycles*(s.Show+s.Delay) + s.Recall }

// draw returns a new episode: all patterns in random order, cycle by cycle, each
// for Show steps and Delay empty ones after them; then one of them without half of
// its bits for Recall steps.
func (s *settings) draw(r *rand.Rand) episode {
	patterns := make([][]float32, s.Patterns)
	for p := range patterns {
		patterns[p] = make([]float32, s.Bits)
		for i, at := range r.Perm(s.Bits) {
			patterns[p][at] = 1
			if i < s.Bits/2 {
				patterns[p][at] = -1
			}
		}
	}
	e := episode{x: make([]float32, 0, s.steps()*s.Bits), zeroed: make([]bool, s.Bits)}
	add := func(pattern []float32, steps int) {
		for range steps {
			e.x = append(e.x, pattern...)
		}
	}
	empty := make([]float32, s.Bits)
	for range s.Cycles {
		for _, p := range r.Perm(s.Patterns) {
			add(patterns[p], s.Show)
			add(empty, s.Delay)
		}
	}
	e.target = patterns[r.IntN(s.Patterns)]
	probe := append([]float32{}, e.target...)
	for _, i := range r.Perm(s.Bits)[:s.Bits/2] {
		probe[i], e.zeroed[i] = 0, true
	}
	add(probe, s.Recall)
	return e
}

// wrong returns the share of the zeroed bits whose sign is not that of the target.
// An output of exactly zero has no sign.
func (e *episode) wrong(y []float32) float64 {
	n, wrong := 0, 0
	for i, zeroed := range e.zeroed {
		if zeroed {
			n++
			if !(y[i]*e.target[i] > 0) {
				wrong++
			}
		}
	}
	return float64(wrong) / float64(n)
}
