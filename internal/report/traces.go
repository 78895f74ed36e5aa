package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/stats"
)

// traceTable has a row for each arm and layer that has a trace: what it did, over the
// seeds that finished.
func (r *Report) traceTable() *table {
	t := plainTable("Traces of each model and layer", "After the validation text, with the parameters of the best epoch; mean over seeds ± half-width of the 95% confidence interval. The rate is η, or with a neuromodulator the weight of its fan-out. A dash: does not apply (the neuromodulator itself is the rate, a rule does not clip).",
		[]column{{Head: "model", Text: true}, {Head: "layer"}, {Head: "mean |A|"}, {Head: "at the clip"}, {Head: "mean |α|"}, {Head: "mean |rate|"}})
	for i := range r.Arms {
		for _, layer := range r.Arms[i].traced() {
			over := func(of func(LayerTrace) float64) stats.Interval { return stats.Summary(r.Arms[i].overSeeds(layer, of)) }
			t.add(r.Arms[i].Model, strconv.Itoa(layer),
				typographic.measured(over(func(t LayerTrace) float64 { return t.MeanAbs })),
				typographic.percents(over(func(t LayerTrace) float64 { return t.AtClip })),
				typographic.measured(over(func(t LayerTrace) float64 { return t.AlphaMeanAbs })),
				typographic.measured(over(func(t LayerTrace) float64 { return t.RateMeanAbs })))
		}
	}
	return t
}

// traced returns the layers with a trace in any seed that finished, ascending.
func (a *Arm) traced() []int {
	var layers []int
	for _, s := range a.Seeds {
		for _, t := range s.Traces {
			if s.Finished() && !slices.Contains(layers, t.Layer) {
				layers = append(layers, t.Layer)
			}
		}
	}
	slices.Sort(layers)
	return layers
}

// overSeeds returns one measure of a layer's trace for each seed that finished
// and has it.
func (a *Arm) overSeeds(layer int, of func(LayerTrace) float64) []float64 {
	var values []float64
	for _, s := range a.Seeds {
		for _, t := range s.Traces {
			if v := of(t); s.Finished() && t.Layer == layer && !math.IsNaN(v) {
				values = append(values, v)
			}
		}
	}
	return values
}

// tracePanels draws mean |A|, the share at the clip, mean |alpha| and |rate| by
// epoch, a curve for each arm and layer: the mean over the seeds that finished.
func (r *Report) tracePanels() []panel {
	var panels []panel
	for _, p := range []struct {
		title string
		of    func(TracePoint) float64
		value func(float64) string
	}{
		{"Mean |A|", func(t TracePoint) float64 { return t.MeanAbs }, typographic.number},
		{"Share of elements at the clip, %", func(t TracePoint) float64 { return 100 * t.AtClip },
			func(v float64) string { return typographic.percent(v / 100) }},
		{"Mean |α|", func(t TracePoint) float64 { return t.AlphaMeanAbs }, typographic.number},
		{"Mean |rate|", func(t TracePoint) float64 { return t.RateMeanAbs }, typographic.number},
	} {
		all := r.traceCurves(p.of, p.value)
		if len(all) == 0 {
			continue
		}
		a := axes{Label: p.title + " by epoch", XLabel: "epoch", Height: 250, ZeroBased: true, WholeX: true, Value: p.value}
		panels = append(panels, newPanel(p.title, halfWidth, func(width float64) chart { return lineChart(width, a, all) }))
	}
	return panels
}

func (r *Report) traceCurves(of func(TracePoint) float64, write func(float64) string) []series {
	hues := r.hues()
	var all []series
	for i := range r.Arms {
		for _, layer := range r.Arms[i].traced() {
			var seeds []series
			for _, s := range r.Arms[i].Seeds {
				for _, t := range s.Traces {
					var curve series
					for _, p := range t.Epochs {
						if v := of(p); s.Finished() && t.Layer == layer && !math.IsNaN(v) && !math.IsInf(v, 0) {
							curve.X, curve.Y = append(curve.X, float64(p.Epoch)), append(curve.Y, v)
						}
					}
					if len(curve.X) > 0 {
						seeds = append(seeds, curve)
					}
				}
			}
			if len(seeds) == 0 {
				continue
			}
			mean := average(seeds)
			mean.Hue, mean.Dashed, mean.Marked = hues[i], layer > 0, true
			all = append(all, mean)
		}
	}
	return all
}

// passageView is what an arm's neuromodulator did over a passage.
type passageView struct {
	Model  string
	Class  string
	Seed   uint64
	Most   string // greatest |M|: full colour
	Layers []passageLayer
	Panels []panel
}

type passageLayer struct {
	Name  string
	Words []passageWord
}

// passageWord is a token on a ground whose colour is M: Side tells its sign,
// Strength is |M| as a share of the greatest in the passage.
type passageWord struct {
	Text, Side, Title string
	Strength          float64
	Ends              bool // the sentence ends here
}

// passages shows the neuromodulator of each arm that has one.
func (r *Report) passages() []passageView {
	hues := r.hues()
	var views []passageView
	for i := range r.Arms {
		s := r.Arms[i].shown(func(s *Seed) bool { return s.Passage.modulated() })
		if s == nil {
			continue
		}
		views = append(views, s.Passage.view(r.Arms[i].Model, s.Seed, hues[i]))
	}
	return views
}

func (p *Passage) modulated() bool {
	return p != nil && len(p.Tokens) > 0 && slices.ContainsFunc(p.M, func(m []float64) bool { return len(m) > 0 })
}

func (p *Passage) view(model string, seed uint64, h hue) passageView {
	var most float64
	for _, m := range p.M {
		for _, v := range m {
			if !math.IsNaN(v) {
				most = max(most, math.Abs(v))
			}
		}
	}
	v := passageView{Model: model, Class: colour(h), Seed: seed, Most: typographic.number(most)}
	for layer, m := range p.M {
		words := passageLayer{Name: p.speaker(layer)}
		for i, token := range p.Tokens {
			w := passageWord{Text: token, Title: p.title(i), Ends: token == eos}
			if i < len(m) && most > 0 && !math.IsNaN(m[i]) {
				w.Strength = math.Round(100*math.Min(math.Abs(m[i])/most, 1)) / 100
				w.Side = "plus"
				if m[i] < 0 {
					w.Side = "minus"
				}
			}
			words.Words = append(words.Words, w)
		}
		v.Layers = append(v.Layers, words)
	}
	v.Panels = p.panels(h)
	return v
}

// speaker names what a neuromodulator is in.
func (p *Passage) speaker(i int) string {
	if p.Readout && i == len(p.M)-1 {
		return "the readout"
	}
	return fmt.Sprintf("layer %d", i)
}

// title describes token i: its neuromodulators and what it cost.
func (p *Passage) title(i int) string {
	var parts []string
	for layer, m := range p.M {
		if i < len(m) {
			parts = append(parts, fmt.Sprintf("M in %s is %s", p.speaker(layer), typographic.number(m[i])))
		}
	}
	if i < len(p.NLL) {
		parts = append(parts, fmt.Sprintf("NLL is %s nats", typographic.number(p.NLL[i])))
	}
	return p.Tokens[i] + ": " + strings.Join(parts, ", ")
}

// panels draws M of each layer, and the NLL where it is known, along the
// passage.
func (p *Passage) panels(h hue) []panel {
	index := make([]float64, len(p.Tokens))
	for i := range index {
		index[i] = float64(i)
	}
	var m []series
	for layer, values := range p.M {
		n := min(len(values), len(index))
		name := ""
		if len(p.M) > 1 {
			name = p.speaker(layer)
		}
		m = append(m, series{Hue: h, Name: name, X: index[:n], Y: values[:n], Dashed: layer > 0})
	}
	draw := func(a axes, all []series) func(float64) chart {
		a.WholeX, a.Value = true, typographic.number
		return func(width float64) chart {
			c := lineChart(width, a, all)
			c.hover(p)
			return c
		}
	}
	panels := []panel{newPanel("M(t)", wholeWidth, draw(axes{Label: "The neuromodulator M along the passage", Height: 190}, m))}
	if n := min(len(p.NLL), len(index)); n > 0 {
		name := ""
		if len(p.M) > 1 {
			name = "NLL" // as much room at the right as the panel above
		}
		nll := []series{{Hue: 0, Name: name, X: index[:n], Y: p.NLL[:n]}}
		panels = append(panels, newPanel("NLL of each token, nats", wholeWidth,
			draw(axes{Label: "NLL of each token of the passage", XLabel: "token of the passage", Height: 150, ZeroBased: true}, nll)))
	}
	return panels
}

// hover lays a column with a tooltip over each token of the passage.
func (c *chart) hover(p *Passage) {
	if len(p.Tokens) < 2 {
		return
	}
	width := c.Plot.W / float64(len(p.Tokens)-1)
	for i := range p.Tokens {
		at := c.Plot.X + width*(float64(i)-0.5)
		start, end := max(at, c.Plot.X), min(at+width, c.Plot.X+c.Plot.W)
		c.Hovers = append(c.Hovers, bar{box: box{X: start, Y: c.Plot.Y, W: end - start, H: c.Plot.H}, Title: p.title(i)})
	}
}
