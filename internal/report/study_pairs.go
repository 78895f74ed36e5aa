package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/combin"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// Pair is the test of one model against another.
type Pair struct {
	Better string  `json:"better"` // by the mean
	Other  string  `json:"other"`
	Seeds  [2]int  `json:"seeds"`   // that finished, of the one and of the other
	P      float64 `json:"p"`       // exact two-sided rank-sum test
	Least  float64 `json:"p_least"` // that so many seeds can give
	Holm   float64 `json:"p_holm"`  // P corrected for the number of pairs
}

// pairs tests every two models that have two seeds or more; nil where there are not
// three, for then the test against the control says it all.
func (s *Study) pairs() []Pair {
	var arms []*StudyArm
	var values [][]float64
	for i := range s.Models {
		if v := s.Models[i].collect((*StudySeed).value); len(v) > 1 {
			arms, values = append(arms, &s.Models[i]), append(values, v)
		}
	}
	if len(arms) < 3 {
		return nil
	}
	var all []Pair
	var p []float64
	for i := range arms {
		for j := i + 1; j < len(arms); j++ {
			a, b := i, j
			if s.Metric.better(arms[b].Value.Mean, arms[a].Value.Mean) {
				a, b = b, a
			}
			n, m := len(values[a]), len(values[b])
			p = append(p, stats.RankSum(values[a], values[b]))
			all = append(all, Pair{Better: arms[a].Model, Other: arms[b].Model, Seeds: [2]int{n, m}, P: p[len(p)-1], Least: leastP(n, m)})
		}
	}
	for i, holm := range stats.Holm(p) {
		all[i].Holm = holm
	}
	return all
}

// leastP is what the exact two-sided rank-sum test of n values against m gives when
// each of the ones lies on one side of each of the others: it cannot give less.
func leastP(n, m int) float64 { return 2 / combin.GeneralizedBinomial(float64(n+m), float64(n)) }

// pairColumns are the pairs as the columns of a table.
func (s *Study) pairColumns() []column {
	columns := []column{{Head: "model", Text: true}, {Head: "against", Text: true}, {Head: "p"}, {Head: "p corrected"}}
	for _, pair := range s.Pairs {
		addRow(columns, []string{pair.Better, pair.Other, typographic.pValue(pair.P), typographic.pValue(pair.Holm)})
	}
	return columns
}

// pairsNote says how the table's numbers were made, and how little so few seeds can
// show.
func (s *Study) pairsNote() string {
	if len(s.Pairs) == 0 {
		return ""
	}
	note := fmt.Sprintf("The model with the better mean stands first. p: exact two-sided rank-sum test over seeds; beside it p corrected by Holm’s method for %s.", progress.Count(len(s.Pairs), "pair"))
	var seen [][2]int
	least := math.Inf(1)
	for _, pair := range s.Pairs {
		sizes := [2]int{max(pair.Seeds[0], pair.Seeds[1]), min(pair.Seeds[0], pair.Seeds[1])}
		if !slices.Contains(seen, sizes) {
			seen = append(seen, sizes)
			least = min(least, pair.Least)
			note += fmt.Sprintf(" The smallest p that %s against %d can give is %s.", progress.Count(sizes[0], "seed"), sizes[1], typographic.pValue(pair.Least))
		}
	}
	if corrected := min(1, least*float64(len(s.Pairs))); corrected >= significant {
		note += fmt.Sprintf(" Corrected that is %s: so few seeds cannot show significance among so many pairs, however far apart the models are.", typographic.pValue(corrected))
	}
	return note
}
