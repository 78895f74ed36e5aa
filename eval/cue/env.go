// Package cue is the cue-reward task [1, section 4.1]: in each episode one of a
// few new cues is the target, and only the rewards tell which.
//
// An episode has four random cues of 20 bits, each -1 or +1. It is a sequence of
// trials; a trial is
//
//	a blank step,
//	two of the four cues, one step each, at random places among 0 to 3 blanks,
//	the Go cue,
//	a blank step, in which the reward for the answer is seen,
//
// 5 to 8 steps in all. The answer is the action in the Go cue's step, 1 if the
// target was among the two cues and 0 if not; it is worth +1 if right and -1 if
// wrong, and other actions are worth nothing. An episode takes 120 steps; its end
// may cut a trial.
//
// What the agent sees, 27 numbers for 20 bits, as in the published code of [1]:
//
//	 0-19  the bits of the cue shown, 0 in all other steps
//	20     1 in the step of the Go cue, else 0
//	21     1 (a bias)
//	22     the step's number, from 0, divided by the episode's length
//	23     the reward for the action before
//	24     0 (unused)
//	25-26  the action before, one-hot; 0 in the first step
//
//	[1] Miconi, Rawal, Clune and Stanley, Backpropamine, ICLR 2019, arXiv:2002.10585.
package cue

import (
	"fmt"
	"slices"

	"github.com/engram-lm/engram/internal/rng"
)

// Rules are the sizes of the task.
type Rules struct {
	Cues  int  // of an episode, half of which a trial shows
	Bits  int  // of a cue
	Steps int  // of an episode
	Fixed bool // the same cues in all episodes and streams; only the target changes
}

// Paper returns the rules of the published code.
func Paper() Rules { return Rules{Cues: 4, Bits: 20, Steps: 120} }

// Validate reports the first rule under which no episode can be made.
func (r Rules) Validate() error {
	switch {
	case r.Cues < 2 || r.Cues > 1000:
		return fmt.Errorf("cues %d: want 2 to 1000", r.Cues)
	case r.Bits < 1 || r.Bits > 1000 || r.Bits < 31 && 1<<r.Bits < r.Cues:
		return fmt.Errorf("cue_bits %d for %d cues: want enough for all to differ, at most 1000", r.Bits, r.Cues)
	case r.Steps < r.shortest()-1 || r.Steps > 10_000:
		return fmt.Errorf("steps %d: want at least the %d of a trial up to its answer, at most 10000", r.Steps, r.shortest()-1)
	}
	return nil
}

// What a step shows that shows no cue.
const (
	blank = -1
	goCue = -2
)

// Inputs beside the bits of a cue, counted from their end.
const (
	inGo = iota
	inBias
	inTime
	inReward
	inUnused
	inAction
	extraInputs = inAction + actions
)

const actions = 2

// Env is a batch of streams, each in an episode of its own. All begin and end
// theirs together.
type Env struct {
	rules   Rules
	t       int // steps taken in the episode
	streams []stream
}

// stream is one episode under way.
type stream struct {
	rng    *rng.Stream
	cues   []float32 // [Cues, Bits]
	target int
	order  []int // the cues in the order of the last draw; the first half is shown
	trial  []int // what each step of the trial shows
	at     int   // the step of the trial that is seen now
	shown  bool  // the target has been among what the trial has shown
}

// NewEnv returns an environment of batch streams, which begins with Reset. Stream
// b draws from the random stream NAME/b of seed, so it does not depend on how
// many there are beside it.
func NewEnv(rules Rules, batch int, seed uint64, name string) (*Env, error) {
	if err := rules.Validate(); err != nil {
		return nil, err
	}
	e := &Env{rules: rules, streams: make([]stream, batch)}
	for b := range e.streams {
		s := &e.streams[b]
		s.rng = rng.New(seed, fmt.Sprintf("%s/%d", name, b))
		s.cues = make([]float32, rules.Cues*rules.Bits)
		s.order = make([]int, rules.Cues)
		s.trial = make([]int, 0, rules.longest())
		if rules.Fixed {
			s.drawCues(rng.New(seed, "cues"), rules)
		}
	}
	return e, nil
}

// shortest and longest are the lengths of a trial.
func (r Rules) shortest() int { return r.Cues/2 + 3 }
func (r Rules) longest() int  { return r.shortest() + r.Cues - 1 }

// Inputs returns the size of an observation.
func (e *Env) Inputs() int { return e.rules.Bits + extraInputs }

// Actions returns 2: 1 says that the target was shown, 0 that it was not.
func (e *Env) Actions() int { return actions }

// Steps returns the length of an episode.
func (e *Env) Steps() int { return e.rules.Steps }

// Streams returns the random streams. Between episodes their positions are all
// there is to the environment's state.
func (e *Env) Streams() []*rng.Stream {
	all := make([]*rng.Stream, len(e.streams))
	for b := range all {
		all[b] = e.streams[b].rng
	}
	return all
}

// Target returns the number of stream b's target, which the agent never sees.
func (e *Env) Target(b int) int { return e.streams[b].target }

// Cue returns the number of the cue that stream b sees now, or -1.
func (e *Env) Cue(b int) int {
	s := &e.streams[b]
	return max(s.trial[s.at], blank)
}

// Reset begins an episode in all streams and writes the first observation
// [B, Inputs].
func (e *Env) Reset(obs []float32) {
	e.t = 0
	for b := range e.streams {
		s := &e.streams[b]
		if !e.rules.Fixed {
			s.drawCues(s.rng, e.rules)
		}
		s.target = s.rng.IntN(e.rules.Cues)
		for i := range s.order { // an episode takes nothing from the one before
			s.order[i] = i
		}
		s.newTrial(e.rules)
		e.observe(b, obs, 0, -1)
	}
}

// Step takes an action in each stream and writes what it is worth, rewards [B],
// and the next observation [B, Inputs].
func (e *Env) Step(actions []int, obs, rewards []float32) {
	e.t++
	for b, action := range actions {
		s := &e.streams[b]
		rewards[b] = 0
		if s.trial[s.at] == goCue {
			rewards[b] = -1
			if (action == 1) == s.shown {
				rewards[b] = 1
			}
		}
		if s.at++; s.at == len(s.trial) {
			s.newTrial(e.rules)
		}
		e.observe(b, obs, rewards[b], action)
	}
}

// observe writes what stream b sees now, after a reward and an action (-1: none).
func (e *Env) observe(b int, obs []float32, reward float32, action int) {
	s, bits := &e.streams[b], e.rules.Bits
	row := obs[b*e.Inputs():][:e.Inputs()]
	clear(row)
	extra := row[bits:]
	switch cue := s.trial[s.at]; cue {
	case blank:
	case goCue:
		extra[inGo] = 1
	default:
		copy(row, s.cues[cue*bits:][:bits])
		s.shown = s.shown || cue == s.target
	}
	extra[inBias] = 1
	extra[inTime] = float32(e.t) / float32(e.rules.Steps)
	extra[inReward] = reward
	if action >= 0 {
		extra[inAction+action] = 1
	}
}

// drawCues draws cues that all differ.
func (s *stream) drawCues(r *rng.Stream, rules Rules) {
	bits := rules.Bits
	for c := 0; c < rules.Cues; {
		cue := s.cues[c*bits:][:bits]
		for i := range cue {
			cue[i] = float32(2*r.IntN(2) - 1)
		}
		if !s.drawn(cue, c) {
			c++
		}
	}
}

// drawn reports whether cue is one of the first n.
func (s *stream) drawn(cue []float32, n int) bool {
	for i := range n {
		if slices.Equal(s.cues[i*len(cue):][:len(cue)], cue) {
			return true
		}
	}
	return false
}

// newTrial draws a trial and goes to its first step.
func (s *stream) newTrial(rules Rules) {
	length := rules.shortest() + s.rng.IntN(rules.Cues)
	s.trial, s.at, s.shown = s.trial[:length], 0, false
	shuffle(s.rng, s.order)
	middle := s.trial[1 : length-2]
	for i := range middle {
		middle[i] = blank
	}
	copy(middle, s.order[:rules.Cues/2])
	shuffle(s.rng, middle)
	s.trial[0], s.trial[length-2], s.trial[length-1] = blank, goCue, blank
}

// shuffle is rand.Shuffle without a closure to allocate.
func shuffle(r *rng.Stream, x []int) {
	for i := len(x) - 1; i > 0; i-- {
		k := r.IntN(i + 1)
		x[i], x[k] = x[k], x[i]
	}
}
