package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/stats"
)

// learning draws the metric in training, the loss and the gradient's norm over
// episodes: the median over a model's seeds as a line, their interquartile range as a
// band.
func (s *Study) learning() []panel {
	title, factor := capital(s.Metric.label())+" in training", 1.0
	if s.Metric.Percent {
		title, factor = title+", %", 100
	}
	a := axes{Label: title + " by " + s.Unit, XLabel: s.Unit, Height: 300, ZeroBased: s.Metric.Percent, Log: !s.Metric.Percent && !s.Metric.Higher}
	panels := s.stepPanel(a, title, wholeWidth, func(p StudyPoint) float64 { return factor * p.Value })
	for _, m := range []struct {
		title string
		of    func(StudyPoint) float64
	}{
		{"Loss", func(p StudyPoint) float64 { return p.Loss }},
		{"Norm of the gradient before the clip", func(p StudyPoint) float64 { return orNaN(p.GradNorm, math.SmallestNonzeroFloat64) }}, // 0: there is none
	} {
		panels = append(panels, s.stepPanel(axes{Label: m.title + " by " + s.Unit, XLabel: s.Unit, Height: 230, Log: true}, m.title, halfWidth, m.of)...)
	}
	return panels
}

func (s *Study) stepPanel(a axes, title string, width float64, of func(StudyPoint) float64) []panel {
	return stepPanel(a, title, width, s.models(), s.trainings(of))
}

// trainings are the points of each model's seeds.
func (s *Study) trainings(of func(StudyPoint) float64) [][][]xy {
	all := make([][][]xy, len(s.Models))
	for i, arm := range s.Models {
		for _, seed := range arm.Seeds {
			var points []xy
			for _, p := range seed.Curve {
				points = append(points, xy{float64(p.Episode), of(p)})
			}
			all[i] = append(all[i], points)
		}
	}
	return all
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
	all := slices.Concat(s.trainings(func(StudyPoint) float64 { return 0 })...)
	if _, geometric := edges(all); geometric {
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
	curves, events := f.curves(), []Curve(nil)
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
	for _, l := range f.Curves {
		if l.Events {
			events = append(events, l)
		}
	}
	title := f.Y
	if len(all) == 1 && title == "" {
		title = curves[0].Name
	}
	a := axes{Label: f.Title, XLabel: f.X, Height: 230, Value: typographic.number, Events: events, WholeX: f.counts()}
	return []panel{newPanel(title, wholeWidth, func(width float64) chart { return lineChart(width, a, all) })}
}

// counts reports whether the figure runs over whole numbers: steps, rollouts, generations.
func (f *Figure) counts() bool {
	return !slices.ContainsFunc(f.Curves, func(l Curve) bool {
		return slices.ContainsFunc(l.X, func(x float64) bool { return x != math.Trunc(x) })
	})
}

// curves are the lines that are curves.
func (f *Figure) curves() (curves []Curve) {
	for _, l := range f.Curves {
		if !l.Events {
			curves = append(curves, l)
		}
	}
	return curves
}

// figureHue is the look of a figure's curve: the first has the model's.
func figureHue(model hue, i int) hue { return (model + hue(i)) % looks }
