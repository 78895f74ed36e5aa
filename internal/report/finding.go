package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// baseline is the model that the others are compared with.
const baseline = "lstm"

// significant is the level below which a p-value is called significant.
const significant = 0.05

// finding is what the run showed, in sentences.
type finding struct {
	Headline string
	Support  []string // how far to believe it, and what went wrong
}

// find compares the arms by test perplexity, or by validation perplexity if no
// test text was scored. The report must have been summarised.
func (r *Report) find() finding {
	f := r.findBest(testPPL, "test perplexity")
	if f.Headline == "" {
		f = r.findBest(validPPL, "validation perplexity")
	}
	if f.Headline == "" {
		f.Headline = r.withoutAny()
	}
	if all := r.worths(); len(all) > 0 {
		about := learned(all)
		f.Headline, f.Support = about.Headline, slices.Concat(about.Support, []string{f.Headline}, f.Support)
	}
	f.Support = slices.Concat(f.Support, r.unknownWords(), r.ignorant(), r.stopped())
	return f
}

// unknownWords has a sentence if words were read as <unk>: the more of them, the
// easier a text is to predict, and the less its perplexity says.
func (r *Report) unknownWords() []string {
	d := r.Dataset
	if d.ValidUnknown+d.TestUnknown == 0 || d.ValidTokens == 0 || d.TestTokens == 0 {
		return nil
	}
	share := func(n, of int) string {
		return fmt.Sprintf("%s (%s)", progress.Thousands(n), typographic.share(float64(n)/float64(of)))
	}
	return []string{fmt.Sprintf("Words outside the vocabulary, read as <unk>: %s of the validation text, %s of the test text; perplexities with more or fewer of them do not compare.",
		share(d.ValidUnknown, d.ValidTokens), share(d.TestUnknown, d.TestTokens))}
}

// ignorant has a sentence if arms do no better than a model that knows nothing,
// whose perplexity is the size of the vocabulary.
func (r *Report) ignorant() []string {
	var names []string
	for i := range r.Arms {
		if a := &r.Arms[i]; r.Dataset.Vocab > 0 && a.TestPPL.Mean >= float64(r.Dataset.Vocab) {
			names = append(names, called(a.Model))
		}
	}
	if names == nil {
		return nil
	}
	verb := " has"
	if len(names) > 1 {
		verb = " have"
	}
	return []string{fmt.Sprintf("%s%s learned nothing that helps here: a model that knows nothing has the vocabulary’s size, %s, as its perplexity.",
		capital(joined(names)), verb, progress.Thousands(r.Dataset.Vocab))}
}

// withoutAny is the headline of a report in which no perplexity counts.
func (r *Report) withoutAny() string {
	trainings, stopped, beyond, underWay := 0, 0, 0, 0
	for i := range r.Arms {
		for j := range r.Arms[i].Seeds {
			s := &r.Arms[i].Seeds[j]
			trainings++
			switch {
			case s.Status == UnderWay:
				underWay++
			case !s.Finished():
				stopped++
			}
			if math.IsNaN(s.ValidPPL) && s.BestEpoch > 0 { // it was validated, and came to no number
				beyond++
			}
		}
	}
	subject := "Every training"
	if trainings == 1 {
		subject = "The training"
	}
	switch {
	case underWay > 0:
		return "No training is finished yet."
	case trainings == 0 || stopped < trainings:
		return "No perplexity was measured."
	case beyond == trainings:
		return subject + " diverged: the perplexity is too large for a number."
	}
	return subject + " diverged: there is no perplexity that means anything."
}

// findBest names the arm with the lowest mean of measure. Without any value it
// returns an empty finding.
func (r *Report) findBest(measure func(*Seed) float64, name string) finding {
	var values [][]float64
	var arms []*Arm
	for i := range r.Arms {
		if v := r.Arms[i].collect(measure); len(v) > 0 {
			values, arms = append(values, v), append(arms, &r.Arms[i])
		}
	}
	if len(arms) == 0 {
		return finding{}
	}
	best := lowest(values)
	reached := typographic.interval(stats.Summary(values[best]), len(values[best]) > 1)
	if len(arms) == 1 {
		f := finding{Headline: fmt.Sprintf("%s reaches a %s of %s.", capital(called(arms[0].Model)), name, reached)}
		if n := len(values[0]); n > 1 {
			f.Support = append(f.Support, fmt.Sprintf("Mean of %s with its 95%% confidence interval.", progress.Count(n, "seed")))
		} else {
			f.Support = append(f.Support, "This is one seed: how far another would land from it is unknown.")
		}
		return f
	}

	// The best is held against the reference, mostly the LSTM; the LSTM, if it is best itself, and any
	// best where there is no LSTM, against the next best.
	other := -1
	for i, a := range arms {
		if i != best && a.Model == r.against() {
			other = i
		}
	}
	anchor := other // the arm that all comparisons of the family share
	if other < 0 {
		anchor = best
		rest := append([][]float64(nil), values...)
		rest[best] = []float64{math.Inf(1)}
		other = lowest(rest)
	}
	if min(len(values[best]), len(values[other])) < 2 {
		return finding{
			Headline: "A single seed names no winner: the order of the models may be chance.",
			Support:  []string{"Train each model under several seeds, as with --seeds 3."},
		}
	}
	diff := stats.Welch(values[best], values[other])
	f := finding{Headline: fmt.Sprintf("%s has the lowest %s: %s, which is %s below %s.",
		capital(called(arms[best].Model)), name, reached, typographic.perplexity(-diff.Diff), called(arms[other].Model))}
	family := make([]float64, len(arms))
	for i := range arms {
		family[i] = stats.Welch(values[i], values[anchor]).P
	}
	family[anchor] = math.NaN()
	tested := best
	if anchor == best {
		tested = other
	}
	f.Support = append(f.Support, verdict(family, tested, len(values[best]), len(values[other])))
	if text := credit(r.worths(), arms[best]); text != "" {
		f.Support = append(f.Support, text)
	}
	return f
}

// verdict says whether the difference between two arms of n1 and n2 seeds is
// significant: it is family[tested], corrected for the size of its family of
// comparisons, since the arm to look at was picked after the fact.
func verdict(family []float64, tested, n1, n2 int) string {
	p := stats.Holm(family)[tested]
	if math.IsNaN(p) {
		return "No test applies: the perplexities do not vary over the seeds."
	}
	var compared int
	for _, p := range family {
		if !math.IsNaN(p) {
			compared++
		}
	}
	by := fmt.Sprintf("(Welch’s t-test, %s", typographic.equation(p))
	if compared > 1 {
		by += fmt.Sprintf(" after Holm’s correction for %d comparisons", compared)
	}
	if n1 == n2 {
		by += fmt.Sprintf("; %s each)", progress.Count(n1, "seed"))
	} else {
		by += fmt.Sprintf("; %d and %d seeds)", n1, n2)
	}
	if p < significant {
		return "The difference is significant " + by + "."
	}
	return "The difference is not significant " + by + ": it may be chance."
}

// stopped has a sentence for each arm with seeds that did not train to the end.
func (r *Report) stopped() []string {
	var sentences []string
	for i := range r.Arms {
		arm := &r.Arms[i]
		n := arm.finished()
		if n == len(arm.Seeds) {
			continue
		}
		sentence := fmt.Sprintf("%s finished %d of %s (%s)", capital(called(arm.Model)), n, progress.Count(len(arm.Seeds), "run"), arm.reasons())
		if n > 0 {
			sentence += "; its means are over those that did"
		}
		sentences = append(sentences, sentence+".")
	}
	return sentences
}

// reasons tells how the seeds ended that did not finish, those that ended alike
// together.
func (a *Arm) reasons() string {
	var statuses []string
	seeds := map[string][]string{}
	for _, s := range a.Seeds {
		if s.Finished() {
			continue
		}
		if seeds[s.Status] == nil {
			statuses = append(statuses, s.Status)
		}
		seeds[s.Status] = append(seeds[s.Status], strconv.FormatUint(s.Seed, 10))
	}
	for i, status := range statuses {
		word := "seed "
		if len(seeds[status]) > 1 {
			word = "seeds "
		}
		statuses[i] = word + joined(seeds[status]) + " " + status
	}
	return strings.Join(statuses, "; ")
}

// lowest returns the index of the sample with the lowest mean.
func lowest(samples [][]float64) int {
	best := 0
	for i := range samples {
		if stats.Mean(samples[i]) < stats.Mean(samples[best]) {
			best = i
		}
	}
	return best
}

// called names a model within a sentence.
func called(model string) string {
	if model == baseline {
		return "the LSTM"
	}
	return "the " + model + " model"
}

// capital begins a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
