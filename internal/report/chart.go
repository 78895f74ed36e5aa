package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/progress"
)

// The charts are SVG written by html/template (page/chart.svg.tmpl), not by
// gonum/plot: colours come from the page's style sheet, so that one chart serves
// light, dark and print, text is the page's own font at a size that stays
// readable on a telephone, and each mark carries its numbers as a tooltip.
// gonum/plot writes fixed colours and fonts into the file and no tooltips.

// panel is a chart in the two widths a page may have room for; the style sheet
// shows one of them.
type panel struct {
	Title        string
	Wide, Narrow chart
}

// Widths of a chart in CSS pixels: a whole figure, one of two panels, a telephone.
const (
	wholeWidth  = 820
	halfWidth   = 400
	narrowWidth = 340
)

// newPanel draws a chart at width and at the width of a telephone.
func newPanel(title string, width float64, draw func(width float64) chart) panel {
	return panel{Title: title, Wide: draw(width), Narrow: draw(narrowWidth)}
}

// chart is a drawing in pixels, from the top left.
type chart struct {
	Label         string // what a screen reader says of the chart
	Width, Height float64
	Plot          box // the plotting area; Lines and Bars are clipped to it

	XTicks, YTicks []tick
	XLabel         string
	Areas          []line // bands behind the lines
	Lines          []line
	Bars           []bar
	Marks          []mark
	Texts          []text
	Events         []bar // strokes outside of the plotting area, when something happened
	Hovers         []bar // invisible boxes that carry a tooltip
}

type box struct{ X, Y, W, H float64 }

type tick struct {
	At    float64
	Label string
}

// line is a path in the page's coordinates.
type line struct{ Class, Path string }

type bar struct {
	box
	Class, Title string
}

// mark is one value: a shape of its arm's, so that colour is never alone in
// telling arms apart.
type mark struct {
	X, Y         float64
	Class, Title string
	Shape        int // index into the shapes of the template
}

type text struct {
	X, Y        float64
	Class, Text string
	Anchor      string // start, middle or end
}

// scale maps values from Lo..Hi to pixels from Start..End.
type scale struct {
	Lo, Hi, Start, End float64
	Log                bool
}

func (s scale) at(v float64) float64 {
	lo, hi := s.Lo, s.Hi
	if s.Log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	if hi == lo {
		return (s.Start + s.End) / 2
	}
	return s.Start + (v-lo)/(hi-lo)*(s.End-s.Start)
}

// ticks returns round values within the scale, about n of them, with labels that
// have the decimals the step needs.
func (s scale) ticks(n int) []tick {
	if s.Log {
		return s.logTicks(n)
	}
	step := roundStep((s.Hi - s.Lo) / float64(n))
	if step == 0 {
		return []tick{{s.at(s.Lo), strconv.FormatFloat(s.Lo, 'g', 4, 64)}}
	}
	decimals := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	var ticks []tick
	for i := math.Ceil(s.Lo/step - 1e-9); i*step <= s.Hi+1e-9*step; i++ {
		ticks = append(ticks, tick{s.at(i * step), tickLabel(i*step, decimals)})
	}
	return ticks
}

// several returns some n ticks, more where n would leave less than two: one tick
// gives no scale.
func (s scale) several(n int) []tick {
	ticks := s.ticks(n)
	for most := 8 * n; len(ticks) < 2 && n < most; n++ {
		ticks = s.ticks(n + 1)
	}
	return ticks
}

// logTicks returns ticks at 1, 2 and 5 times powers of ten, or at the powers
// alone where that were more than twice n.
func (s scale) logTicks(n int) []tick {
	decades := math.Log10(s.Hi / s.Lo)
	factors := []float64{1, 1.5, 2, 3, 5, 7}
	switch {
	case decades*6 > float64(2*n):
		factors = []float64{1}
	case decades*6 > float64(n):
		factors = []float64{1, 2, 5}
	}
	var ticks []tick
	for power := math.Floor(math.Log10(s.Lo)); power <= math.Log10(s.Hi); power++ {
		for _, f := range factors {
			v := f * math.Pow(10, power)
			if v >= s.Lo*(1-1e-9) && v <= s.Hi*(1+1e-9) {
				ticks = append(ticks, tick{s.at(v), tickLabel(v, max(0, int(1-power)))})
			}
		}
	}
	return ticks
}

func tickLabel(v float64, decimals int) string {
	if math.Abs(v) < 1e-12 {
		v = 0 // no "−0.0" where steps of a tenth do not quite cancel
	}
	if decimals == 0 && math.Abs(v) < 1e6 {
		return strings.Replace(progress.Thousands(int(math.Round(v))), "-", "−", 1)
	}
	if math.Abs(v) >= 1e6 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strings.Replace(strconv.FormatFloat(v, 'f', decimals, 64), "-", "−", 1)
}

// roundStep returns 1, 2 or 5 times a power of ten: the smallest that is not below
// seven tenths of v.
func roundStep(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= 0.7*v {
			return f * power
		}
	}
	return 10 * power
}

// path joins points into an SVG path, interrupted wherever one is not a number.
func path(x, y []float64) string {
	var b strings.Builder
	pen := "M"
	for i := range x {
		if math.IsNaN(x[i]+y[i]) || math.IsInf(x[i]+y[i], 0) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, x[i], y[i])
		pen = "L"
	}
	return b.String()
}

// band joins two curves over the same x into the outline of the area between them.
func band(x, lower, upper []float64) string {
	var xs, ys []float64
	add := func(x, y float64) {
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			xs, ys = append(xs, x), append(ys, y)
		}
	}
	for i := range x {
		add(x[i], upper[i])
	}
	for i := len(x) - 1; i >= 0; i-- {
		add(x[i], lower[i])
	}
	return path(xs, ys) + "Z"
}

// spread moves labels apart vertically, keeping their order, until they are gap
// apart and none lies below bottom.
func spread(labels []text, gap, bottom float64) {
	for range labels { // a bubble sort: there are as many labels as arms
		for i := 1; i < len(labels); i++ {
			if labels[i].Y < labels[i-1].Y {
				labels[i], labels[i-1] = labels[i-1], labels[i]
			}
		}
	}
	for i := 1; i < len(labels); i++ {
		labels[i].Y = max(labels[i].Y, labels[i-1].Y+gap)
	}
	limit := bottom
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].Y = min(labels[i].Y, limit)
		limit = labels[i].Y - gap
	}
}
