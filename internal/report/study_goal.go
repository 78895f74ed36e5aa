package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// unlearned is what a training that has not reached the goal needs more episodes
// than. It may have got there just before its end: that it holds shows later.
func (g *Goal) unlearned(seed *StudySeed) int { return max(0, seed.Episodes-g.Hold) }

// medianLearned bounds the median, over the seeds that finished, of the episode at
// which the goal was reached: lo is it if those that missed it had got there as
// soon as they may have, hi if they never do. hi is +Inf where that makes half of
// them or more.
func (s *Study) medianLearned(a *StudyArm) (lo, hi float64, missed []*StudySeed) {
	var soonest, never []float64
	for i := range a.Seeds {
		seed := &a.Seeds[i]
		switch {
		case !seed.Finished():
		case seed.LearnedAt > 0:
			soonest, never = append(soonest, float64(seed.LearnedAt)), append(never, float64(seed.LearnedAt))
		default:
			missed = append(missed, seed)
			soonest, never = append(soonest, float64(s.Goal.unlearned(seed))), append(never, math.MaxFloat64)
		}
	}
	lo, hi = stats.Median(soonest), stats.Median(never)
	if 2*len(missed) >= len(never) {
		hi = math.Inf(1)
	}
	return lo, hi, missed
}

// learned tells the median episode at which the seeds reached the goal, as far as
// it is known.
func (s *Study) learned(n notation, a *StudyArm) string {
	if s.Goal == nil || a.finished() == 0 {
		return n.dash
	}
	lo, hi, missed := s.medianLearned(a)
	if len(missed) == a.finished() {
		return "not within" + n.space + progress.Thousands(fewest(missed))
	}
	whole := func(v float64) string { return progress.Thousands(int(math.Round(v))) }
	text := whole(lo)
	switch {
	case math.IsInf(hi, 1):
		text = "more than" + n.space + text
	case lo < hi:
		text += n.space + "to" + n.space + whole(hi)
	}
	if len(missed) > 0 && len(missed) < a.finished() {
		text += fmt.Sprintf(" (%d of %d)", a.finished()-len(missed), a.finished())
	}
	return text
}

// fewest is the least number of episodes that one of the trainings had.
func fewest(seeds []*StudySeed) int {
	return slices.MinFunc(seeds, func(a, b *StudySeed) int { return a.Episodes - b.Episodes }).Episodes
}

// undecided has a sentence for each model whose trainings ended, unlearned, before
// the episode at which another had learned: a table of both reads as if it were the
// faster one.
func (s *Study) undecided() (sentences []string) {
	if s.Goal == nil {
		return nil
	}
	for i := range s.Models {
		a := &s.Models[i]
		lo, hi, missed := s.medianLearned(a)
		if len(missed) == 0 || !math.IsInf(hi, 1) {
			continue
		}
		var later []string
		for j := range s.Models {
			if _, at, _ := s.medianLearned(&s.Models[j]); lo < at && !math.IsInf(at, 1) { // NaN: none finished
				later = append(later, fmt.Sprintf("%s learned at %s", s.Models[j].Model, progress.Thousands(int(math.Round(at)))))
			}
		}
		if later == nil {
			continue
		}
		length := progress.Thousands(fewest(missed))
		if most := slices.MaxFunc(missed, func(a, b *StudySeed) int { return a.Episodes - b.Episodes }).Episodes; most > fewest(missed) {
			length += " to " + progress.Thousands(most)
		}
		sentences = append(sentences, fmt.Sprintf("The model %s was stopped after %s %s and had not learned by then; %s. These runs do not say which needs fewer.",
			a.Model, length, s.Unit, joined(later)))
	}
	return sentences
}

// goalNote says what the column learned at is.
func (s *Study) goalNote() string {
	g := s.Goal
	return fmt.Sprintf(" Learned at: how many %s training had taken when, for the first time, the mean over the last %s of them came to lie %s %s and then stayed there for %s more; median over seeds. A training in which that did not happen counts as more than its length less those %s in the median.",
		s.Unit, progress.Thousands(g.Window), pickText(s.Metric.Higher, "above", "below"), s.Metric.write(typographic, g.Value), progress.Thousands(g.Hold), progress.Thousands(g.Hold))
}
