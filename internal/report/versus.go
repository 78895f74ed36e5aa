package report

import (
	"cmp"
	"math"

	"github.com/engram-lm/engram/internal/stats"
)

// Versus is an arm's test perplexity held against that of a reference.
type Versus struct {
	Against string  `json:"against"` // the reference
	Diff    float64 `json:"diff"`    // of the means; below 0 the arm's is lower
	CI95    float64 `json:"ci95"`    // half-width of its confidence interval
	P       float64 `json:"p"`       // Welch's t-test
	Holm    float64 `json:"p_holm"`  // P corrected for the number of arms
	RankSum float64 `json:"p_ranks"` // exact two-sided rank-sum test
}

// Versus holds each arm against the one called reference: an entry an arm, nil for the
// reference itself, and for all where there is none. The report must have been
// summarised.
func (r *Report) Versus(reference string) []*Versus {
	all := make([]*Versus, len(r.Arms))
	var base []float64
	at := -1
	for i := range r.Arms {
		if r.Arms[i].Model == reference {
			at, base = i, r.Arms[i].collect(testPPL)
		}
	}
	if at < 0 {
		return all
	}
	p := make([]float64, len(r.Arms))
	for i := range r.Arms {
		if p[i] = math.NaN(); i == at {
			continue
		}
		values := r.Arms[i].collect(testPPL)
		c := stats.Welch(values, base)
		p[i] = c.P
		all[i] = &Versus{Against: reference, Diff: c.Diff, CI95: c.CI95, P: c.P, RankSum: math.NaN()}
		if len(values) > 1 && len(base) > 1 {
			all[i].RankSum = stats.RankSum(values, base)
		}
	}
	for i, holm := range stats.Holm(p) {
		if all[i] != nil {
			all[i].Holm = holm
		}
	}
	return all
}

// against is the name of the arm that the others are held against.
func (r *Report) against() string { return cmp.Or(r.Reference, baseline) }

// versusHead heads the column of the differences to it.
func (r *Report) versusHead() string {
	if name := r.against(); name != baseline {
		return "vs " + name
	}
	return "vs LSTM"
}

// tested is how many arms are tested against it.
func (r *Report) tested() (n int) {
	for i := range r.Arms {
		if v := r.Arms[i].Versus; v != nil && !math.IsNaN(v.P) {
			n++
		}
	}
	return n
}
