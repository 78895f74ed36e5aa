package report

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/stats"
)

// forest is a chart of one measure: a row a model, a small mark a seed, a large
// one for the mean, a bar for its confidence interval.
type forest struct {
	Label, XLabel string
	Rows          []forestRow
	Reference     float64 // where a dashed line stands; NaN for none
	Write         func(float64) string
}

type forestRow struct {
	Name, Title string
	Hue         hue
	Interval    stats.Interval
	Seeds       []forestSeed
}

type forestSeed struct {
	Seed  uint64
	Value float64
}

// nameWidth is that of a character of a name, in CSS pixels.
const nameWidth = 7

func (f forest) chart(width float64) chart {
	const row, right = 42.0, 18.0
	left := 96.0 // or as much as the longest name needs, to half of the chart
	for _, r := range f.Rows {
		left = max(left, min(nameWidth*float64(utf8.RuneCountInString(r.Name))+20, width/2))
	}
	height := 16 + row*float64(len(f.Rows)) + 44
	c := chart{Label: f.Label, Width: width, Height: height, XLabel: f.XLabel,
		Plot: box{X: left, Y: 8, W: width - left - right, H: height - 8 - 44}}
	if c.Label == "" {
		c.Label = f.XLabel
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	include := func(v float64) {
		if !math.IsNaN(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for _, r := range f.Rows {
		include(r.Interval.Mean - r.Interval.CI95)
		include(r.Interval.Mean + r.Interval.CI95)
		for _, s := range r.Seeds {
			include(s.Value)
		}
	}
	margin := max(0.06*(hi-lo), 1e-3*math.Abs(hi))
	x := scale{Lo: lo - margin, Hi: hi + margin, Start: c.Plot.X, End: c.Plot.X + c.Plot.W}
	c.XTicks = x.ticks(max(3, int(c.Plot.W/80)))
	if !math.IsNaN(f.Reference) {
		at := x.at(f.Reference)
		c.Lines = append(c.Lines, line{Class: "reference", Path: path([]float64{at, at}, []float64{c.Plot.Y, c.Plot.Y + c.Plot.H})})
	}
	for i, r := range f.Rows {
		c.addRow(r, x, c.Plot.Y+8+row*(float64(i)+0.5), f.Write)
	}
	return c
}

// addRow draws a model's row of the forest chart at height y.
func (c *chart) addRow(r forestRow, x scale, y float64, write func(float64) string) {
	class, name := colour(r.Hue), []rune(r.Name)
	if room := int((c.Plot.X - 20) / nameWidth); len(name) > room {
		name = append(name[:room-1], '…')
	}
	c.Texts = append(c.Texts, text{X: c.Plot.X - 10, Y: y + 4, Class: class, Text: string(name), Anchor: "end"})
	mean, ci := r.Interval.Mean, r.Interval.CI95
	if math.IsNaN(mean) {
		c.Texts = append(c.Texts, text{X: c.Plot.X + 10, Y: y + 4, Class: "quiet", Text: "no run finished", Anchor: "start"})
		return
	}
	if !math.IsNaN(ci) {
		low, high := x.at(mean-ci), x.at(mean+ci)
		c.Lines = append(c.Lines,
			line{Class: class + " whisker", Path: path([]float64{low, high}, []float64{y, y})},
			line{Class: class + " whisker", Path: path([]float64{low, low}, []float64{y - 5, y + 5})},
			line{Class: class + " whisker", Path: path([]float64{high, high}, []float64{y - 5, y + 5})})
		for _, s := range r.Seeds {
			c.Marks = append(c.Marks, mark{X: x.at(s.Value), Y: y - 13, Class: class + " seed", Shape: 0,
				Title: fmt.Sprintf("%s, seed %d: %s", r.Name, s.Seed, write(s.Value))})
		}
	}
	c.Marks = append(c.Marks, mark{X: x.at(mean), Y: y, Class: class + " mean", Shape: int(r.Hue), Title: r.Title})
}
