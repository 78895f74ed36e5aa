package report

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"
)

// series is a curve of a line chart.
type series struct {
	Hue    hue
	Name   string // written at the curve's end; none if empty
	X, Y   []float64
	Lower  []float64 // with Upper, the band around Y; none if nil
	Upper  []float64
	Thin   bool // one seed behind the mean of its arm
	Dashed bool
	Broken bool // a training that stopped early: its last value gets a cross
	Marked bool // each value gets a mark with a tooltip
}

// hue is the look of an arm: the index of its colour and of its shape.
type hue int

// hues gives each arm its look.
func (r *Report) hues() []hue { return huesOf(r.models()) }

// huesOf gives each model its look. The models of this project keep theirs from
// report to report; others take what is left.
func huesOf(models []string) []hue {
	known := []string{baseline, "plastic", "modulated", "retroactive", "rnn", "readout"}
	taken := map[int]bool{}
	for _, model := range models {
		taken[slices.Index(known, model)] = true
	}
	next := 0
	hues := make([]hue, len(models))
	for i, model := range models {
		at := slices.Index(known, model)
		if at < 0 {
			for next < looks && taken[next] {
				next++
			}
			at = next
			next++
		}
		hues[i] = hue(at % looks)
	}
	return hues
}

// looks is the number of colours in the style sheet, and of shapes.
const looks = 6

// broken is the shape of a training that stopped early.
const broken = looks

// axes is what a line chart needs to know beside its series.
type axes struct {
	Label, XLabel string
	Height        float64
	Log           bool // logarithmic y
	LogX          bool // logarithmic x
	ZeroBased     bool // y begins at zero
	Zero          bool // y spans zero, where there is a line
	Symmetric     bool // y is centred on zero
	WholeX        bool // x counts: ticks at whole numbers only
	Value         func(float64) string
	Events        []Curve // a lane each above the plot
}

// lineChart draws series over common axes. The axes span the series that did not
// break, so that a training that blew up does not flatten the others.
func lineChart(width float64, a axes, all []series) chart {
	c := chart{Label: a.Label, Width: width, Height: a.Height, XLabel: a.XLabel}
	named := slices.ContainsFunc(all, func(s series) bool { return s.Name != "" })
	right, top := 10.0, 10.0
	if named {
		right = 84 // or as much as the longest name needs, to a third of the chart
		for _, s := range all {
			right = max(right, min(nameWidth*float64(utf8.RuneCountInString(s.Name))+18, width/3))
		}
	}
	if len(a.Events) > 0 {
		right, top = max(right, 96), top+laneHeight*float64(len(a.Events))
		c.Height += top - 10
	}
	bottom := 26.0
	if a.XLabel != "" {
		bottom = 42
	}
	c.Plot = box{X: 46, Y: top, W: width - 46 - right, H: a.Height - 10 - bottom}

	x := scale{Start: c.Plot.X, End: c.Plot.X + c.Plot.W, Log: a.LogX}
	y := scale{Start: c.Plot.Y + c.Plot.H, End: c.Plot.Y, Log: a.Log}
	x.Lo, x.Hi = span(all, func(s series) []float64 { return s.X })
	y.Lo, y.Hi = span(all, func(s series) []float64 { return append(append(s.Y[:len(s.Y):len(s.Y)], s.Lower...), s.Upper...) })
	if a.Zero {
		y.Lo, y.Hi = min(y.Lo, 0), max(y.Hi, 0)
	}
	switch {
	case a.Symmetric:
		y.Hi = max(math.Abs(y.Lo), math.Abs(y.Hi), 1e-6) * 1.06
		y.Lo = -y.Hi
	case a.Log:
		y.Lo, y.Hi = y.Lo/1.06, y.Hi*1.06
	case a.ZeroBased:
		y.Lo, y.Hi = 0, max(y.Hi*1.08, 1e-6)
	default:
		margin := max(0.07*(y.Hi-y.Lo), 1e-3*math.Abs(y.Hi), 1e-6)
		y.Lo, y.Hi = y.Lo-margin, y.Hi+margin
	}
	if a.Zero {
		at := y.at(0)
		c.Lines = append(c.Lines, line{Class: "reference", Path: path([]float64{x.Start, x.End}, []float64{at, at})})
	}
	c.YTicks = y.several(max(2, int(a.Height/48)))
	c.XTicks = x.ticks(max(3, int(c.Plot.W/64)))
	if a.WholeX {
		room := 44.0 // of a label
		if x.Hi >= 1000 {
			room = 72
		}
		c.XTicks = wholeTicks(x, max(3, int(c.Plot.W/room)))
	}

	for i, e := range a.Events {
		c.lane(e, x, 4+laneHeight*(float64(i)+0.5))
	}

	// Thin curves first, so that the means lie on top of them.
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(s, t series) int { return cmp.Compare(rank(s), rank(t)) })
	var names []text
	for _, s := range order {
		names = append(names, c.add(s, x, y, a)...)
	}
	spread(names, 14, c.Plot.Y+c.Plot.H+4)
	c.Texts = append(c.Texts, names...)
	return c
}

// laneHeight is that of a lane of events, in pixels.
const laneHeight = 18

// lane draws when something happened as strokes on a line at middle: up from it for
// what counts 1, down for what counts -1.
func (c *chart) lane(e Curve, x scale, middle float64) {
	c.Events = append(c.Events, bar{box: box{x.Start, middle - 0.5, x.End - x.Start, 1}, Class: "lane"})
	for i, y := range e.Y {
		switch {
		case y > 0:
			c.Events = append(c.Events, bar{box{x.at(e.X[i]) - 1, middle - 6, 2, 6}, "event", e.Name})
		case y < 0:
			c.Events = append(c.Events, bar{box{x.at(e.X[i]) - 1, middle, 2, 6}, "event", e.Name})
		}
	}
	c.Texts = append(c.Texts, text{X: x.End + 9, Y: middle + 4, Class: "quiet", Text: e.Name, Anchor: "start"})
}

func rank(s series) int {
	if s.Thin {
		return 0
	}
	return 1
}

// add draws one series and returns its name as a label, if it has one.
func (c *chart) add(s series, x, y scale, a axes) []text {
	class := colour(s.Hue)
	xs, ys := make([]float64, len(s.X)), make([]float64, len(s.X))
	last := -1
	for i := range s.X {
		xs[i], ys[i] = x.at(s.X[i]), y.at(s.Y[i])
		if s.Broken { // it may leave the axes, which do not span it
			ys[i] = min(max(ys[i], c.Plot.Y), c.Plot.Y+c.Plot.H)
		}
		if math.IsNaN(ys[i]) || math.IsInf(ys[i], 0) {
			continue
		}
		last = i
		if s.Marked {
			c.Marks = append(c.Marks, mark{X: xs[i], Y: ys[i], Class: class + " curve-mark", Shape: int(s.Hue), Title: a.Value(s.Y[i])})
		}
	}
	if last < 0 {
		return nil
	}
	if s.Lower != nil {
		lower, upper := make([]float64, len(s.X)), make([]float64, len(s.X))
		for i := range s.X {
			lower[i], upper[i] = y.at(s.Lower[i]), y.at(s.Upper[i])
		}
		c.Areas = append(c.Areas, line{Class: class, Path: band(xs, lower, upper)})
	}
	style := class
	if s.Thin {
		style += " thin"
	}
	if s.Dashed {
		style += " dashed"
	}
	c.Lines = append(c.Lines, line{Class: style, Path: path(xs, ys)})
	if s.Broken {
		c.Marks = append(c.Marks, mark{X: xs[last], Y: ys[last], Class: class, Shape: broken, Title: "stopped early"})
	}
	if s.Name == "" {
		return nil
	}
	return []text{{X: xs[last] + 9, Y: ys[last] + 4, Class: class, Text: s.Name, Anchor: "start"}}
}

// colour is the class that gives an element its arm's colour.
func colour(h hue) string { return string("abcdef"[h]) + "-arm" }

// span returns the least and the greatest finite value of one coordinate over
// the series that did not break, or over all if all did.
func span(all []series, of func(series) []float64) (lo, hi float64) {
	for _, takeBroken := range []bool{false, true} {
		lo, hi = math.Inf(1), math.Inf(-1)
		for _, s := range all {
			if s.Broken && !takeBroken {
				continue
			}
			for _, v := range of(s) {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
		if lo <= hi {
			return lo, hi
		}
	}
	return 0, 1
}

// wholeTicks returns at most n ticks at whole numbers.
func wholeTicks(s scale, n int) []tick {
	step := max(1, roundStep((s.Hi-s.Lo)/float64(n)))
	var ticks []tick
	for v := math.Ceil(s.Lo/step) * step; v <= s.Hi; v += step {
		ticks = append(ticks, tick{s.at(v), tickLabel(v, 0)})
	}
	return ticks
}
