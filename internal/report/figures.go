package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// learning draws validation perplexity over epochs: every seed thin, the mean of
// an arm's finished seeds on top. A run of some length gets a second panel of
// its last half, where the arms lie close together.
func (r *Report) learning() []panel {
	whole := r.curves(1)
	epochs := r.epochs()
	if len(whole) == 0 || epochs < 2 {
		return nil // one point an arm is no curve: the table has it
	}
	if epochs < 4 {
		return []panel{newPanel("", wholeWidth, learningChart("Validation perplexity by epoch", whole, true))}
	}
	from := epochs/2 + 1
	return []panel{
		newPanel("The whole run", halfWidth, learningChart("Validation perplexity by epoch, the whole run", whole, false)),
		newPanel(fmt.Sprintf("From epoch %d on, enlarged", from), halfWidth,
			learningChart("Validation perplexity by epoch, the last half", r.curves(from), true)),
	}
}

func learningChart(label string, curves []series, named bool) func(float64) chart {
	lo, hi := span(curves, func(s series) []float64 { return s.Y })
	shown := make([]series, len(curves))
	for i, s := range curves {
		shown[i] = s
		if !named {
			shown[i].Name = ""
		}
	}
	return func(width float64) chart {
		return lineChart(width, axes{Label: label, XLabel: "epoch", Height: 280, WholeX: true,
			Log: hi > 3*lo, Value: typographic.perplexity}, shown)
	}
}

// learningNote explains the marks that the learning curves use.
func (r *Report) learningNote() string {
	note := "Validation perplexity at the end of each epoch."
	var repeated, stopped bool
	for i := range r.Arms {
		repeated = repeated || r.Arms[i].finished() > 1
		stopped = stopped || slices.ContainsFunc(r.Arms[i].Seeds, func(s Seed) bool { return !s.Finished() && s.Status != UnderWay })
	}
	if repeated {
		note += " Marks are means over seeds, thin lines single seeds."
	}
	if stopped {
		note += " A cross ends a run that stopped early."
	}
	return note
}

// epochs returns the number of the last epoch of any seed.
func (r *Report) epochs() int {
	var last int
	for _, a := range r.Arms {
		for _, s := range a.Seeds {
			for _, p := range s.Curve {
				last = max(last, p.Epoch)
			}
		}
	}
	return last
}

// curves returns the learning curves from an epoch on.
func (r *Report) curves(from int) []series {
	hues := r.hues()
	var all []series
	for i, a := range r.Arms {
		var finished []series
		for _, s := range a.Seeds {
			curve := series{Hue: hues[i], Thin: true, Broken: !s.Finished() && s.Status != UnderWay}
			for _, p := range s.Curve {
				if p.Epoch >= from && p.ValidPPL >= 1 && !math.IsInf(p.ValidPPL, 0) {
					curve.X, curve.Y = append(curve.X, float64(p.Epoch)), append(curve.Y, p.ValidPPL)
				}
			}
			switch {
			case len(curve.X) == 0:
			case curve.Broken:
				all = append(all, curve)
			default:
				finished = append(finished, curve)
			}
		}
		if len(finished) > 1 {
			all = append(all, finished...)
		}
		if len(finished) > 0 {
			mean := average(finished)
			mean.Hue, mean.Name, mean.Marked = hues[i], a.Model, true
			all = append(all, mean)
		}
	}
	return all
}

// average returns the mean of several series at each x that any of them has, in
// the order of x of the longest.
func average(all []series) series {
	values := map[float64][]float64{}
	var longest []float64
	for _, s := range all {
		if len(s.X) > len(longest) {
			longest = s.X
		}
		for i, x := range s.X {
			values[x] = append(values[x], s.Y[i])
		}
	}
	mean := series{X: longest}
	for _, x := range longest {
		mean.Y = append(mean.Y, stats.Mean(values[x]))
	}
	return mean
}

// forest draws the test perplexity of each arm: a small mark a seed, a large one
// for the mean, a bar for its confidence interval, and a line down from the
// LSTM's mean. Nil where there is nothing to compare.
func (r *Report) forest() []panel {
	var values int
	for i := range r.Arms {
		values += len(r.Arms[i].collect(testPPL))
	}
	if values < 2 {
		return nil
	}
	return []panel{newPanel("", wholeWidth, r.forestChart)}
}

// forestNote explains the marks that the forest chart uses.
func (r *Report) forestNote() string {
	var repeated, single bool
	for i := range r.Arms {
		n := len(r.Arms[i].collect(testPPL))
		repeated, single = repeated || n > 1, single || n == 1
	}
	note := "Test perplexity of one seed each."
	if repeated {
		note = "Large marks are means, bars their 95% confidence intervals, small dots single seeds."
		if single {
			note += " A model with one seed has its mark alone."
		}
	}
	if ref := r.reference(); ref != nil && !math.IsNaN(ref.TestPPL.Mean) {
		note += " The dashed line stands at the mean of " + called(ref.Model) + "."
	}
	return note
}

func (r *Report) forestChart(width float64) chart {
	f := forest{Label: "Test perplexity of each model, lower is better", XLabel: "test perplexity (lower is better)",
		Reference: math.NaN(), Write: typographic.perplexity}
	if ref := r.reference(); ref != nil {
		f.Reference = ref.TestPPL.Mean
	}
	hues := r.hues()
	for i := range r.Arms {
		a := &r.Arms[i]
		row := forestRow{Name: a.Model, Hue: hues[i], Interval: a.TestPPL,
			Title: fmt.Sprintf("%s: %s", a.Model, typographic.interval(a.TestPPL, !math.IsNaN(a.TestPPL.CI95)))}
		for _, s := range a.Seeds {
			if s.Finished() && !math.IsNaN(s.TestPPL) {
				row.Seeds = append(row.Seeds, forestSeed{s.Seed, s.TestPPL})
			}
		}
		f.Rows = append(f.Rows, row)
	}
	return f.chart(width)
}

// division draws how the parameters of each arm divide, with a line at the
// budget. Nil where no arm has an accounting.
func (r *Report) division() []panel {
	for i := range r.Arms {
		if len(r.Arms[i].Accounting) > 0 {
			return []panel{newPanel("", wholeWidth, r.divisionChart)}
		}
	}
	return nil
}

func (r *Report) divisionChart(width float64) chart {
	const row = 52.0
	height := row*float64(len(r.Arms)) + 8
	c := chart{Label: "How the parameters of each model divide", Width: width, Height: height,
		Plot: box{X: 1, Y: 0, W: width - 2, H: height}}
	most := r.Budget
	for i := range r.Arms {
		most = max(most, r.Arms[i].Params)
	}
	x := scale{Lo: 0, Hi: float64(most), Start: c.Plot.X, End: c.Plot.X + c.Plot.W - 1}
	for i := range r.Arms {
		a := &r.Arms[i]
		y := row * float64(i)
		c.Texts = append(c.Texts, text{X: c.Plot.X, Y: y + 14, Class: "strong", Anchor: "start",
			Text: fmt.Sprintf("%s, %s hidden: %s", a.Model, progress.Thousands(a.Hidden), progress.Thousands(a.Params))})
		var before int
		for j, n := range a.divide() {
			if n == 0 {
				continue
			}
			start, end := x.at(float64(before)), x.at(float64(before+n))
			before += n
			share := typographic.percent(float64(n) / float64(a.Params))
			c.Bars = append(c.Bars, bar{box: box{X: start, Y: y + 21, W: max(end-start-1, 0.6), H: 20},
				Class: groups[j] + "-part", Title: fmt.Sprintf("%s: %s (%s)", groups[j], progress.Thousands(n), share)})
			if end-start > 48 {
				c.Texts = append(c.Texts, text{X: (start + end) / 2, Y: y + 35, Class: "on-" + groups[j], Text: share, Anchor: "middle"})
			}
		}
	}
	if r.Budget > 0 {
		at := x.at(float64(r.Budget))
		c.Lines = append(c.Lines, line{Class: "budget", Path: path([]float64{at, at}, []float64{4, height})})
	}
	return c
}
