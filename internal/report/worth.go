package report

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/stats"
)

// Off minus on is not what plasticity is worth: a trace may be the same whatever
// was read, a constant weight by another name. What is learned while reading is
// worth the difference between the perplexity with the traces at their mean and
// with the traces on: that is the figure of a report's headline. The memory of a
// plastic readout has no mean; it holds nothing but what was read, so that off minus
// on is what it learned.

// readout is the kind of a model with a plastic readout.
const readout = "readout"

func testOff(s *Seed) float64    { return s.TestPPLOff }
func testFrozen(s *Seed) float64 { return s.TestPPLFrozen }
func testMean(s *Seed) float64   { return s.TestPPLMean }
func offOn(s *Seed) float64      { return s.TestPPLOff - s.TestPPL }
func meanOn(s *Seed) float64     { return s.TestPPLMean - s.TestPPL }

// worth is what the traces of an arm are worth on the test text.
type worth struct {
	Arm  *Arm
	Gain []float64 // mean minus on of each seed, or off minus on
	Off  bool      // which of the two
	P    float64   // of a t-test for its mean being 0, corrected for the number of arms
}

// worths returns those of the arms that have any.
func (r *Report) worths() []worth {
	var all []worth
	var p []float64
	for i := range r.Arms {
		w := worth{Arm: &r.Arms[i], Gain: r.Arms[i].collect(meanOn)}
		if r.Arms[i].Kind == readout {
			w.Gain, w.Off = r.Arms[i].collect(offOn), true
		}
		if len(w.Gain) > 0 {
			all, p = append(all, w), append(p, stats.OneSample(w.Gain).P)
		}
	}
	for i, adjusted := range stats.Holm(p) {
		all[i].P = adjusted
	}
	return all
}

// shown reports whether the seeds show that the traces help.
func (w worth) shown() bool { return w.P < significant && stats.Mean(w.Gain) > 0 }

func (w worth) figure() string {
	v := stats.Summary(w.Gain)
	text := typographic.gap(v, !math.IsNaN(v.CI95)) + " in " + called(w.Arm.Model)
	if w.Off {
		text += " (off minus on)"
	}
	return text
}

// figures are the words for those whose worth is shown, or is not.
func figures(all []worth, shown bool) []string {
	var text []string
	for _, w := range all {
		if w.shown() == shown {
			text = append(text, w.figure())
		}
	}
	return text
}

// learned is the headline of a report with traces, and what goes with it.
func learned(all []worth) finding {
	single, some := true, false
	for _, w := range all {
		single, some = single && len(w.Gain) < 2, some || w.shown()
	}
	of := "" // what is meant where a figure does not say it
	for _, w := range all {
		if !w.Off && (w.shown() || !some) {
			of = " (mean minus on)"
		}
	}
	helps, rest := figures(all, true), figures(all, false)
	switch {
	case single:
		return finding{Headline: "Learned while reading, of the test perplexity" + of + ": " + joined(rest) + "; one seed."}
	case len(helps) == 0:
		return finding{Headline: "Nothing that the traces learn while reading shows in the test perplexity: mean minus on is " + joined(rest) + "."}
	}
	f := finding{Headline: "What the traces learn while reading is worth " + joined(helps) + ", of the test perplexity" + of + "."}
	if len(rest) > 0 {
		f.Support = append(f.Support, "Elsewhere it does not show: mean minus on is "+joined(rest)+".")
	}
	return f
}

// credit says of the arm with the lowest perplexity that its traces have no part in
// that, if so; "" for an arm without any.
func credit(all []worth, best *Arm) string {
	for _, w := range all {
		if w.Arm == best && !w.shown() {
			return fmt.Sprintf("That is no credit to plasticity: mean minus on is %s, and is not shown to be above 0.", w.figure())
		}
	}
	return ""
}

// worthTable is what the traces of each plastic arm are worth; no columns without
// any such arm.
func (r *Report) worthTable(n notation) []column {
	columns := []column{{Head: "model", Text: true}, {Head: "on"}, {Head: "off"}, {Head: "frozen"}, {Head: "mean"},
		{Head: "off " + n.minus + " on"}, {Head: "mean " + n.minus + " on"}}
	found := false
	for i := range r.Arms {
		a := &r.Arms[i]
		if !a.stood() {
			continue
		}
		found = true
		cells := []string{a.Model}
		for _, v := range []stats.Interval{a.TestPPL, a.TestPPLOff, a.TestPPLFrozen, a.TestPPLMean} {
			cells = append(cells, n.interval(v, !math.IsNaN(v.CI95)))
		}
		for _, v := range []stats.Interval{a.OffMinusOn, a.MeanMinusOn} {
			cells = append(cells, n.gap(v, !math.IsNaN(v.CI95)))
		}
		addRow(columns, cells)
	}
	if !found {
		return nil
	}
	return columns
}

// ledWorth is worthTable for a page: what the traces have learned comes first.
func (r *Report) ledWorth() []column {
	columns := r.worthTable(typographic)
	if columns == nil {
		return nil
	}
	return table{Columns: columns}.led("mean "+typographic.minus+" on", "off "+typographic.minus+" on").Columns
}

// stood reports whether the test text was read with the arm's traces standing still.
func (a *Arm) stood() bool {
	return !math.IsNaN(a.TestPPLOff.Mean) || !math.IsNaN(a.TestPPLFrozen.Mean) || !math.IsNaN(a.TestPPLMean.Mean)
}

// worthPanels draw what the traces are worth on the validation text at the end of
// each epoch, a curve for each plastic arm: the mean over the seeds that finished.
func (r *Report) worthPanels() []panel {
	var panels []panel
	for _, p := range []struct {
		title string
		still func(EpochPoint) float64
	}{
		{"Mean minus on", func(p EpochPoint) float64 { return p.ValidPPLMean }},
		{"Off minus on", func(p EpochPoint) float64 { return p.ValidPPLOff }},
	} {
		all := r.worthCurves(p.still)
		if len(all) == 0 {
			continue
		}
		a := axes{Label: p.title + ", validation perplexity, by epoch", XLabel: "epoch", Height: 250, WholeX: true, Zero: true, Value: typographic.perplexity}
		panels = append(panels, newPanel(p.title, halfWidth, func(width float64) chart { return lineChart(width, a, all) }))
	}
	return panels
}

func (r *Report) worthCurves(still func(EpochPoint) float64) []series {
	hues := r.hues()
	var all []series
	for i := range r.Arms {
		var seeds []series
		for _, s := range r.Arms[i].Seeds {
			var curve series
			for _, p := range s.Curve {
				if v := still(p); s.Finished() && v >= 1 && p.ValidPPL >= 1 && !math.IsInf(v-p.ValidPPL, 0) {
					curve.X, curve.Y = append(curve.X, float64(p.Epoch)), append(curve.Y, v-p.ValidPPL)
				}
			}
			if len(curve.X) > 0 {
				seeds = append(seeds, curve)
			}
		}
		if len(seeds) > 0 {
			mean := average(seeds)
			mean.Hue, mean.Marked = hues[i], true
			all = append(all, mean)
		}
	}
	return all
}
