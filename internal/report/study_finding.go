package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// contest is the comparison that the headline is about: of the best model with the
// control, or of the best with the next best where it is the control itself or there
// is none.
type contest struct {
	best, other    *StudyArm // other is nil where there is but one model
	values, others string    // their means, as in the table
	n, m           int       // their seeds
	p              float64   // exact two-sided rank-sum test, corrected (Holm); NaN where one has a single seed
	compared       int       // what p is corrected for: the comparisons it was picked from
	separate       bool      // each seed of one lies apart from each of the other
}

// contest returns nil where no model has a value.
func (s *Study) contest() *contest {
	best := s.best(-1)
	if best < 0 {
		return nil
	}
	other, anchor := s.best(best), best
	for i, a := range s.Models {
		if a.Control && i != best && !math.IsNaN(a.Value.Mean) {
			other, anchor = i, i
		}
	}
	cells, samples := s.values(typographic), make([][]float64, len(s.Models))
	for i := range s.Models {
		samples[i] = s.Models[i].collect((*StudySeed).value)
	}
	c := &contest{best: &s.Models[best], values: cells[best], n: len(samples[best]), p: math.NaN()}
	if other < 0 {
		return c
	}
	c.other, c.others, c.m = &s.Models[other], cells[other], len(samples[other])
	if min(c.n, c.m) < 2 {
		return c
	}
	tested := best
	if anchor == best {
		tested = other
	}
	family := make([]float64, len(s.Models)) // of comparisons with the anchor
	for i := range family {
		family[i] = math.NaN()
		if i != anchor && len(samples[i]) > 1 {
			family[i] = stats.RankSum(samples[i], samples[anchor])
			c.compared++
		}
	}
	c.p = stats.Holm(family)[tested]
	c.separate = family[tested] < leastP(c.n, c.m)*1.001
	return c
}

// tied reports whether the two means look the same.
func (c *contest) tied() bool { return c.other != nil && c.values == c.others }

// unclear reports whether the seeds leave open which of the two is better.
func (c *contest) unclear() bool { return !math.IsNaN(c.p) && !c.separate && !(c.p < significant) }

// named is a model within a sentence.
func (a *StudyArm) named() string {
	if a.Control {
		return "the control, " + a.Model
	}
	return a.Model
}

// headline has the numbers, and no more than they say.
func (s *Study) headline(c *contest) string {
	if c.other == nil {
		return fmt.Sprintf("%s: %s with %s%s.", s.Title, c.values, c.best.named(), pickText(c.n == 1, " (one seed)", ""))
	}
	first, second := c.best, c.other
	if c.tied() && first.Control {
		first, second = second, first
	}
	then := second.named()
	if !second.Control && len(s.Models) > 2 {
		then = "the next best, " + then
	}
	text := fmt.Sprintf("%s: %s with %s, %s with %s", s.Title, c.values, first.named(), c.others, then)
	if c.tied() {
		text = fmt.Sprintf("%s: %s both with %s and with %s", s.Title, c.values, first.named(), second.named())
	}
	switch {
	case c.n == 1 && c.m == 1:
		text += " (one seed each)"
	case c.n == 1 || c.m == 1:
		text += fmt.Sprintf(" (%s and %s)", progress.Count(c.n, "seed"), progress.Count(c.m, "seed"))
	case c.unclear() && !c.tied():
		text += ": no clear difference"
	}
	return text + "."
}

// find says what the study showed.
func (s *Study) find() finding {
	c := s.contest()
	if c == nil {
		return finding{Headline: pickText(s.underWay(), "No training is finished yet.", "No model came to its end."), Support: s.stopped()}
	}
	f := finding{Headline: s.headline(c)}
	measured := fmt.Sprintf("Measured: %s, %s, on %s.", s.Metric.Label, pickText(s.Metric.Higher, "higher is better", "lower is better"),
		cmp.Or(s.Metric.On, "episodes that no model has learned from"))
	if c.n > 1 {
		measured += fmt.Sprintf(" Mean of %s with its 95%% confidence interval.", progress.Count(c.n, "seed"))
	} else {
		measured += " This is one seed: how far another would land from it is unknown" + pickText(c.other != nil, ", and so is whether the models would keep their order.", ".")
	}
	f.Support = append(f.Support, measured)
	if s.Yardstick != "" {
		f.Support = append(f.Support, s.Yardstick)
	}
	if !math.IsNaN(c.p) {
		f.Support = append(f.Support, c.verdict())
	}
	f.Support = append(f.Support, s.undecided()...)
	f.Support = append(f.Support, s.stopped()...)
	return f
}

// verdict says whether the difference between the two is significant. Three seeds
// against three cannot show that: their least p is 0.1.
func (c *contest) verdict() string {
	test := fmt.Sprintf("exact two-sided rank-sum test, %s", typographic.equation(c.p))
	if c.compared > 1 {
		test += fmt.Sprintf(" after Holm’s correction for %d comparisons", c.compared)
	}
	between := fmt.Sprintf("between %s and %s", c.best.Model, c.other.Model)
	switch {
	case c.p < significant:
		return fmt.Sprintf("The difference %s is significant (%s).", between, test)
	case c.separate:
		return "Each seed of one lies apart from each of the other, but so few cannot show significance (" + test + ", the least there is)."
	}
	return fmt.Sprintf("The difference %s is not significant (%s): it may be chance.", between, test)
}

// shaded returns the index of the model whose row of the table stands out: that with
// the best mean, -1 where another looks the same or the seeds leave it open, as single
// ones do.
func (s *Study) shaded() int {
	best, c := s.best(-1), s.contest()
	if c == nil || c.n == 1 || c.m == 1 || c.unclear() {
		return -1
	}
	means := make([]stats.Interval, len(s.Models))
	for i, a := range s.Models {
		means[i] = stats.Interval{Mean: a.Value.Mean, CI95: math.NaN()}
	}
	cells := ascii.column(means, s.Metric.Percent)
	for i := range cells {
		if i != best && cells[i] == cells[best] {
			return -1
		}
	}
	return best
}

// underWay reports whether a training goes on.
func (s *Study) underWay() bool {
	return slices.ContainsFunc(s.Models, func(a StudyArm) bool {
		return slices.ContainsFunc(a.Seeds, func(seed StudySeed) bool { return seed.Status == UnderWay })
	})
}

// stopped has a sentence for each training that did not come to its end.
func (s *Study) stopped() []string {
	var sentences []string
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			if !seed.Finished() {
				sentences = append(sentences, fmt.Sprintf("Left out of the means: %s, seed %d, which %s.", a.Model, seed.Seed, seed.Status))
			}
		}
	}
	return sentences
}

func pickText(use bool, yes, no string) string {
	if use {
		return yes
	}
	return no
}
