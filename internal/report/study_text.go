package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/stats"
)

// find says what the study showed.
func (s *Study) find() finding {
	best := s.best()
	if best < 0 {
		return finding{Headline: "No model came to its end.", Support: s.stopped()}
	}
	a, control := &s.Models[best], s.control()
	reached := func(a *StudyArm) string { return s.Metric.interval(typographic, a.Value) }
	f := finding{Headline: fmt.Sprintf("%s: %s with %s", s.Title, reached(a), a.Model)}
	switch {
	case control == nil || math.IsNaN(control.Value.Mean):
	case control != a:
		f.Headline += fmt.Sprintf(", %s with the control, %s", reached(control), control.Model)
	case len(s.Models) > 1:
		f.Headline += ", the control: no other model does better"
	}
	f.Headline += "."
	n := len(a.collect((*StudySeed).value))
	measured := fmt.Sprintf("Measured: %s, %s, on episodes that no model has learned from.", s.Metric.Label, pickText(s.Metric.Higher, "higher is better", "lower is better"))
	if n > 1 {
		measured += fmt.Sprintf(" Mean of %s with its 95%% confidence interval.", count(n, "seed"))
	} else {
		measured += " This is one seed: how far another would land from it is unknown."
	}
	f.Support = append(f.Support, measured)
	if s.Yardstick != "" {
		f.Support = append(f.Support, s.Yardstick)
	}
	if !math.IsNaN(a.P) {
		f.Support = append(f.Support, s.verdict(a, control))
	}
	f.Support = append(f.Support, s.undecided()...)
	f.Support = append(f.Support, s.stopped()...)
	return f
}

// verdict says whether the difference of a model to the control is significant.
// Three seeds against three cannot show that: their least p is 0.1.
func (s *Study) verdict(a, control *StudyArm) string {
	n, m := len(a.collect((*StudySeed).value)), len(control.collect((*StudySeed).value))
	test := fmt.Sprintf("exact two-sided rank-sum test, %s", typographic.equation(a.P))
	least := leastP(n, m)
	switch {
	case a.P < significant:
		return "The difference to the control is significant (" + test + ")."
	case least >= significant && a.P < least*1.001:
		return "Each seed of one lies apart from each of the other, but so few cannot show significance (" + test + ", the least there is)."
	}
	return "The difference to the control is not significant (" + test + "): it may be chance."
}

func pickText(use bool, yes, no string) string {
	if use {
		return yes
	}
	return no
}

// stopped has a sentence for each training that did not come to its end.
func (s *Study) stopped() []string {
	var sentences []string
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			if !seed.Finished() {
				sentences = append(sentences, fmt.Sprintf("%s, seed %d, %s: it is in no mean.", capital(a.Model), seed.Seed, seed.Status))
			}
		}
	}
	return sentences
}

// compare builds the table of the models.
func (s *Study) compare(n notation) table {
	model, about, params := column{Head: "model", Text: true}, column{Head: "sizes", Text: true}, column{Head: "parameters"}
	value, p := column{Head: s.Metric.label()}, column{Head: "p"}
	learned, speed, seeds := column{Head: "learned at"}, column{Head: s.Unit + "/s"}, column{Head: "seeds"}
	var extra []column
	measures := s.measures()
	for _, m := range measures {
		extra = append(extra, column{Head: m.label()})
	}
	var hasP bool
	for i := range s.Models {
		a := &s.Models[i]
		name := a.Model
		if a.Control {
			name += " (control)"
		}
		model.add(name)
		about.add(a.About)
		params.add(grouped(a.Params))
		value.add(s.Metric.interval(n, a.Value))
		p.add(n.pValue(a.P))
		hasP = hasP || !math.IsNaN(a.P)
		learned.add(s.learned(n, a))
		for j, m := range measures {
			write := n.measured
			if m.Percent {
				write = n.shares
			}
			extra[j].add(write(stats.Summary(a.collect(func(s *StudySeed) float64 { return s.measure(m.Name) }))))
		}
		speed.add(n.rate(stats.Mean(a.collect((*StudySeed).perSecond))))
		if done := a.finished(); done == len(a.Seeds) {
			seeds.add(grouped(done))
		} else {
			seeds.add(fmt.Sprintf("%d of %d", done, len(a.Seeds)))
		}
	}
	t := table{Columns: []column{model, about, params, value}, Best: s.best()}
	if hasP {
		t.Columns = append(t.Columns, p)
	}
	if s.Goal != nil {
		t.Columns = append(t.Columns, learned)
	}
	t.Columns = append(append(t.Columns, extra...), speed, seeds)
	return t
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
	note := capital(s.Metric.label()) + ": " + s.Metric.Label + ", on held-out episodes after training."
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

// WriteTable writes the comparison of the models for a terminal, in ASCII.
func (s *Study) WriteTable(w io.Writer) error {
	s.Summarise()
	t := s.compare(ascii)
	var b strings.Builder
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = c.Head
	}
	writeRow(&b, t.Columns, heads, "")
	for _, row := range t.Rows() {
		writeRow(&b, t.Columns, row, "")
	}
	b.WriteByte('\n')
	f := s.find()
	for _, sentence := range append([]string{f.Headline}, f.Support...) {
		b.WriteString(plain.Replace(sentence) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// runs lists every training.
func (s *Study) runs() []column {
	n := typographic
	columns := []column{{Head: "model", Text: true}, {Head: "seed"}, {Head: s.Unit}, {Head: "time"}, {Head: s.Metric.label()}}
	if s.Goal != nil {
		columns = append(columns, column{Head: "learned at"})
	}
	columns = append(columns, column{Head: "status", Text: true})
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			row := []string{a.Model, strconv.FormatUint(seed.Seed, 10), grouped(seed.Episodes), elapsed(seed.Seconds), s.Metric.write(n, seed.Value)}
			if s.Goal != nil {
				row = append(row, s.learned(n, &StudyArm{Seeds: []StudySeed{seed}}))
			}
			status := seed.Status
			if status == "" {
				status = Done
			}
			addRow(columns, append(row, status))
		}
	}
	return columns
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
