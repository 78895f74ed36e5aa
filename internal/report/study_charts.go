package report

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/stats"
)

// curvePoints is how many points a learning curve is drawn with.
const curvePoints = 120

// learning draws the metric in training over episodes: the median over an arm's
// seeds as a line, their interquartile range as a band.
func (s *Study) learning() []panel {
	hues := s.hues()
	edges, geometric := s.edges()
	var all []series
	for i, a := range s.Models {
		if c := a.curve(edges, s.Metric); len(c.X) > 1 {
			c.Hue, c.Name = hues[i], a.Model
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	title := capital(s.Metric.label()) + " in training"
	if s.Metric.Percent {
		title += ", %"
	}
	a := axes{Label: title + " by " + s.Unit, XLabel: s.Unit, Height: 300, WholeX: !geometric, LogX: geometric,
		ZeroBased: s.Metric.Percent, Value: typographic.number}
	lo, hi := span(all, func(s series) []float64 { return s.Y })
	a.Log = !s.Metric.Percent && !s.Metric.Higher && lo > 0 && hi > 20*lo
	return []panel{newPanel(title, wholeWidth, func(width float64) chart { return lineChart(width, a, all) })}
}

// edges returns the ends of the stretches of training that a point of a curve
// stands for. They grow geometrically where one model took far longer than
// another, so that the shorter curve is more than a stroke at the edge.
func (s *Study) edges() (edges []float64, geometric bool) {
	first, shortest, longest := math.Inf(1), math.Inf(1), 0.0
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			if n := len(seed.Curve); n > 0 {
				last := float64(seed.Curve[n-1].Episode)
				first = min(first, float64(seed.Curve[0].Episode))
				shortest, longest = min(shortest, last), max(longest, last)
			}
		}
	}
	if longest == 0 {
		return nil, false
	}
	if longest > 10*shortest {
		for e := first; ; e *= math.Pow(longest/first, 1.0/curvePoints) {
			if edges = append(edges, math.Round(e)); e >= longest {
				return edges, true
			}
		}
	}
	width := max(first, math.Ceil(longest/curvePoints/first)*first)
	for e := width; ; e += width {
		if edges = append(edges, e); e >= longest {
			return edges, false
		}
	}
}

// curve returns the median and the quartiles over the seeds, for each stretch that
// any of them has come to.
func (a *StudyArm) curve(edges []float64, m Metric) series {
	factor := 1.0
	if m.Percent {
		factor = 100
	}
	binned := make([][]float64, len(edges)) // [stretch][seed]
	for _, seed := range a.Seeds {
		var sum float64
		var n, bin int
		close := func() {
			if n > 0 {
				binned[bin] = append(binned[bin], factor*sum/float64(n))
			}
			sum, n = 0, 0
		}
		for _, p := range seed.Curve {
			for bin < len(edges)-1 && float64(p.Episode) > edges[bin] {
				close()
				bin++
			}
			if !math.IsNaN(p.Value) {
				sum += p.Value
				n++
			}
		}
		if n > 0 {
			close()
		}
	}
	var c series
	for i, values := range binned {
		if len(values) == 0 {
			continue
		}
		lower, median, upper := stats.Quartiles(values)
		c.X, c.Y = append(c.X, edges[i]), append(c.Y, median)
		c.Lower, c.Upper = append(c.Lower, lower), append(c.Upper, upper)
	}
	if len(a.Seeds) < 2 {
		c.Lower, c.Upper = nil, nil
	}
	return c
}

// learningNote explains the curves.
func (s *Study) learningNote() string {
	note := fmt.Sprintf("While learning, over %s: %s.", s.Unit, s.Metric.Label)
	for _, a := range s.Models {
		if len(a.Seeds) > 1 {
			note += " Lines are medians over seeds, bands their interquartile ranges."
			break
		}
	}
	if _, geometric := s.edges(); geometric {
		note += " The axis is logarithmic, for the models took very different times."
	}
	return note
}

// forest draws each seed's value and each model's mean with its interval. Nil
// where there is nothing to compare.
func (s *Study) forest() []panel {
	hues := s.hues()
	f := forest{XLabel: fmt.Sprintf("%s (%s)", s.Metric.label(), pickText(s.Metric.Higher, "higher is better", "lower is better")),
		Reference: math.NaN(), Write: func(v float64) string { return s.Metric.write(typographic, v) }}
	values := 0
	factor := 1.0
	if s.Metric.Percent {
		factor = 100
		f.XLabel = s.Metric.label() + ", %"
		f.Write = func(v float64) string { return typographic.share(v / 100) }
	}
	for i := range s.Models {
		a := &s.Models[i]
		row := forestRow{Name: a.Model, Hue: hues[i], Interval: stats.Interval{Mean: factor * a.Value.Mean, CI95: factor * a.Value.CI95},
			Title: a.Model + ": " + s.Metric.interval(typographic, a.Value)}
		for _, seed := range a.Seeds {
			if seed.Finished() && !math.IsNaN(seed.Value) {
				row.Seeds = append(row.Seeds, forestSeed{seed.Seed, factor * seed.Value})
				values++
			}
		}
		if a.Control {
			f.Reference = row.Interval.Mean
		}
		f.Rows = append(f.Rows, row)
	}
	if values < 3 || values <= len(s.Models) {
		return nil // a seed each: the table has it
	}
	return []panel{newPanel("", wholeWidth, f.chart)}
}

// forestNote explains the marks of the forest chart.
func (s *Study) forestNote() string {
	note := "Large marks are means, bars their 95% confidence intervals, small dots single seeds."
	if s.control() != nil {
		note += " The dashed line stands at the control’s mean."
	}
	return note
}

// lines draws the curves of a figure, the first of them in the model's colour.
func (f *Figure) lines(model hue) []panel {
	curves, events := f.curves(), []Figured(nil)
	var all []series
	for i, l := range curves {
		s := series{Hue: figureHue(model, i), X: l.X, Y: l.Y}
		if len(curves) > 1 {
			s.Name = l.Name
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil
	}
	for _, l := range f.Lines {
		if l.Events {
			events = append(events, l)
		}
	}
	title := f.Y
	if len(all) == 1 && title == "" {
		title = curves[0].Name
	}
	a := axes{Label: f.Title, XLabel: f.X, Height: 230, Value: typographic.number, Events: events}
	return []panel{newPanel(title, wholeWidth, func(width float64) chart { return lineChart(width, a, all) })}
}

// curves are the lines that are curves.
func (f *Figure) curves() (curves []Figured) {
	for _, l := range f.Lines {
		if !l.Events {
			curves = append(curves, l)
		}
	}
	return curves
}

// figureHue is the look of a figure's curve: the first has the model's.
func figureHue(model hue, i int) hue { return (model + hue(i)) % looks }
