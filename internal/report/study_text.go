package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// compare builds the table of the models.
func (s *Study) compare(n notation) table {
	model, about, params := column{Head: "model", Text: true}, column{Head: "sizes", Text: true}, column{Head: "parameters"}
	value, p := column{Head: s.Metric.label(), Cells: s.values(n)}, column{Head: "p"}
	learned, speed, seeds := column{Head: "learned at"}, column{Head: s.Unit + "/s"}, column{Head: "seeds"}
	var extra []column
	for _, m := range s.measures() {
		var values []stats.Interval
		for i := range s.Models {
			values = append(values, stats.Summary(s.Models[i].collect(func(s *StudySeed) float64 { return s.measure(m.Name) })))
		}
		extra = append(extra, column{Head: m.label(), Cells: n.column(values, m.Percent)})
	}
	var rates []stats.Interval
	var hasP bool
	for i := range s.Models {
		a := &s.Models[i]
		name := a.Model
		if a.Control {
			name += " (control)"
		}
		model.add(name)
		about.add(a.About)
		params.add(progress.Thousands(a.Params))
		p.add(n.pValue(a.P))
		hasP = hasP || !math.IsNaN(a.P)
		learned.add(s.learned(n, a))
		rates = append(rates, stats.Interval{Mean: stats.Mean(a.collect((*StudySeed).perSecond)), CI95: math.NaN()})
		seeds.add(ofSeeds(a.Seeds))
	}
	for i, cell := range n.column(rates, false) {
		if rates[i].Mean > 0 && !strings.ContainsAny(cell, "123456789") { // beside one that is much faster
			cell = n.number(rates[i].Mean)
		}
		speed.add(cell)
	}
	t := table{
		Columns: []column{model, about, params, value}, Note: s.tableNote(), Legend: legendOf(s.models()),
		Best: s.shaded(), Shaded: "The shaded row has the best mean.",
	}
	if hasP {
		t.Columns = append(t.Columns, p)
	}
	if s.Goal != nil {
		t.Columns = append(t.Columns, learned)
	}
	t.Columns = append(append(t.Columns, extra...), speed, seeds)
	return t
}

// values are the means of the models, as their column of the table has them.
func (s *Study) values(n notation) []string {
	values := make([]stats.Interval, len(s.Models))
	for i, a := range s.Models {
		values[i] = a.Value
	}
	return n.column(values, s.Metric.Percent)
}

// label heads the column of the metric. A name as short as mse is an abbreviation.
func (m Metric) label() string {
	if len(m.Name) <= 3 {
		return strings.ToUpper(m.Name)
	}
	return strings.ReplaceAll(m.Name, "_", " ")
}

// shown is a number beside the metric that the table of the models shows.
type shown struct {
	Column
	Percent bool
}

// measures are those that a model has, in the order of the columns.
func (s *Study) measures() []shown {
	var all []shown
	for _, c := range s.Columns {
		found, several := (*Measure)(nil), false
		for _, a := range s.Models {
			several = several || len(a.Seeds) > 1
			for i := range a.Seeds {
				if at := slices.IndexFunc(a.Seeds[i].Extra, func(m Measure) bool { return m.Name == c.Name }); at >= 0 {
					found = &a.Seeds[i].Extra[at]
				}
			}
		}
		if found != nil && !(found.Single && several) {
			all = append(all, shown{c, found.Percent})
		}
	}
	return all
}

// measureLabels are the heads of their columns.
func (s *Study) measureLabels() (labels []string) {
	for _, m := range s.measures() {
		labels = append(labels, m.label())
	}
	return labels
}

// label heads the column of a measure.
func (c Column) label() string { return strings.ReplaceAll(c.Name, "_", " ") }

// measure returns a number beside the metric, NaN if the seed has none.
func (s *StudySeed) measure(name string) float64 {
	for _, m := range s.Extra {
		if m.Name == name {
			return m.Value
		}
	}
	return math.NaN()
}

// tableNote says how the table's numbers were made.
func (s *Study) tableNote() string {
	note := capital(s.Metric.label()) + ": " + s.Metric.Label + ", on " + cmp.Or(s.Metric.On, "held-out episodes after training") + "."
	for _, m := range s.measures() {
		note += " " + capital(m.label()) + ": " + m.About + "."
	}
	for _, a := range s.Models {
		if !math.IsNaN(a.Value.CI95) {
			note += " Mean over seeds ± half-width of the 95% confidence interval (Student’s t)."
			break
		}
	}
	for _, a := range s.Models {
		if !math.IsNaN(a.P) {
			note += " p: exact two-sided rank-sum test against the control, uncorrected."
			break
		}
	}
	if s.Goal != nil {
		note += s.goalNote()
	}
	return note
}

// runs lists every training.
func (s *Study) runs() *table {
	var values []stats.Interval
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			values = append(values, stats.Interval{Mean: seed.Value, CI95: math.NaN()})
		}
	}
	cells := typographic.column(values, s.Metric.Percent)
	t := plainTable("Every run", "", []column{{Head: "model", Text: true}, {Head: "seed"}, {Head: s.Unit}, {Head: "time"}, {Head: s.Metric.label()}})
	if s.Goal != nil {
		t.Columns = append(t.Columns, column{Head: "learned at"})
	}
	t.Columns = append(t.Columns, column{Head: "status", Text: true})
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			row := []string{a.Model, strconv.FormatUint(seed.Seed, 10), progress.Thousands(seed.Episodes), elapsed(seed.Seconds), cells[0]}
			cells = cells[1:]
			if s.Goal != nil {
				row = append(row, s.learned(typographic, &StudyArm{Seeds: []StudySeed{seed}}))
			}
			t.add(append(row, cmp.Or(seed.Status, Done))...)
			t.Failed = append(t.Failed, !seed.Finished() && seed.Status != UnderWay)
		}
	}
	return t
}

// elapsed writes a time.
func elapsed(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0) || seconds < 0:
		return typographic.dash
	case seconds < 100:
		return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
	case seconds < 6000:
		return strconv.FormatFloat(seconds/60, 'f', 1, 64) + " min"
	}
	return strconv.FormatFloat(seconds/3600, 'f', 1, 64) + " h"
}
