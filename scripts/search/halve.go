package main

import (
	"cmp"
	"math"
	"slices"
)

// score is what a finished trial came to: the validation perplexity, +Inf if it
// diverged.
type score struct {
	job job
	ppl float64
}

// state is how far a sweep is.
type state struct {
	sweep  *sweep
	scores map[string]float64 // of finished jobs, by name
}

// entrants lists an arm's trials in a round, and whether they are known yet: from
// the second round on they are the best of the round before, all of which must
// have finished.
func (s *state) entrants(a *arm, round int) (trials []int, known bool) {
	if round == 0 {
		for t := range s.sweep.Trials {
			trials = append(trials, t)
		}
		return trials, true
	}
	ranked, complete := s.ranked(a, round-1)
	if !complete {
		return nil, false
	}
	for _, r := range ranked {
		// A trial that diverged is not tried for longer.
		if keep := s.sweep.Rounds[round].Keep; (keep == 0 || len(trials) < keep) && !math.IsInf(r.ppl, 1) {
			trials = append(trials, r.job.trial)
		}
	}
	return trials, true
}

// ranked lists what has finished of an arm's round, the lowest perplexity first,
// and whether that is all of it.
func (s *state) ranked(a *arm, round int) (ranked []score, complete bool) {
	trials, known := s.entrants(a, round)
	for _, t := range trials {
		j := job{a, t, round}
		if ppl, ok := s.scores[j.String()]; ok {
			ranked = append(ranked, score{j, ppl})
		}
	}
	slices.SortStableFunc(ranked, func(x, y score) int { return cmp.Compare(x.ppl, y.ppl) })
	return ranked, known && len(ranked) == len(trials)
}

// jobs lists what can be trained by now and has not finished: later rounds first,
// then trial by trial over the arms, so that all of them come forward together.
func (s *state) jobs() (open []job) {
	for round := len(s.sweep.Rounds) - 1; round >= 0; round-- {
		for i := range s.sweep.Trials {
			for a := range s.sweep.Arms {
				trials, _ := s.entrants(&s.sweep.Arms[a], round)
				if i >= len(trials) {
					continue
				}
				j := job{&s.sweep.Arms[a], trials[i], round}
				if _, done := s.scores[j.String()]; !done {
					open = append(open, j)
				}
			}
		}
	}
	return open
}

// best is the trial that an arm's search has come to: the best of the last round
// of which anything has finished.
func (s *state) best(a *arm) (best score, ok bool) {
	for round := range s.sweep.Rounds {
		if ranked, _ := s.ranked(a, round); len(ranked) > 0 {
			best, ok = ranked[0], true
		}
	}
	return best, ok
}
