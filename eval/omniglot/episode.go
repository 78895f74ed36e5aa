package omniglot

import (
	"math/rand/v2"
	"slices"

	"github.com/engram-lm/engram/data/omniglot"
)

// showing is a drawing of an episode.
type showing struct {
	omniglot.Class
	drawing int
	label   int // of its class within the episode
}

// episode shows each class's labelled drawings in random order, and then, without
// its label, another drawing of one of them.
type episode []showing // [Ways x Shots + 1], the test drawing last

// steps is the length of an episode.
func (s *settings) steps() int { return s.Ways*s.Shots + 1 }

// draw returns a new episode. Its classes are of as many characters, so that two
// turns of one, which may look alike, never meet.
func (s *settings) draw(r *rand.Rand, from []*omniglot.Character) episode {
	e := make(episode, 0, s.steps())
	tested := r.IntN(s.Ways)
	var test showing
	var taken []int
	for label := range s.Ways {
		i := r.IntN(len(from))
		for slices.Contains(taken, i) {
			i = r.IntN(len(from))
		}
		taken = append(taken, i)
		class := omniglot.Class{Character: from[i], Quarters: r.IntN(4)}
		drawings := r.Perm(omniglot.Drawings)
		for _, d := range drawings[:s.Shots] {
			e = append(e, showing{class, d, label})
		}
		if label == tested {
			test = showing{class, drawings[s.Shots], label}
		}
	}
	r.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
	return append(e, test)
}

// right reports whether outputs y [Ways] are greatest at the tested class.
func (e episode) right(y []float32) bool { return best(y) == e[len(e)-1].label }

// best is where y is greatest.
func best(y []float32) (at int) {
	for j, v := range y {
		if v > y[at] {
			at = j
		}
	}
	return at
}
