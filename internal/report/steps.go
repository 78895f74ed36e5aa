package report

import (
	"math"

	"github.com/engram-lm/engram/internal/stats"
)

// UnderWay is the status of a seed whose training goes on, or was stopped and can.
const UnderWay = "is under way"

// StepPoint is what a training of a language model was like at a step: the loss over
// the epoch so far, the validation's at the end of an epoch, NaN within one, and the
// gradient's norm before the clip.
type StepPoint struct {
	Step     int     `json:"step"`
	TrainNLL float64 `json:"train_nll"`
	ValidNLL float64 `json:"valid_nll"`
	GradNorm float64 `json:"grad_norm"`
}

// xy is a point of a training: something at a step.
type xy struct{ X, Y float64 }

// curvePoints is how many points a curve by steps is drawn with.
const curvePoints = 120

// edges returns the ends of the stretches of training that a point of a curve
// stands for, of trainings given as their points. They grow geometrically where one
// took far longer than another, so that the shorter curve is more than a stroke at
// the edge.
func edges(trainings [][]xy) (edges []float64, geometric bool) {
	first, shortest, longest := math.Inf(1), math.Inf(1), 0.0
	for _, t := range trainings {
		if n := len(t); n > 0 {
			first = min(first, t[0].X)
			shortest, longest = min(shortest, t[n-1].X), max(longest, t[n-1].X)
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

// binned returns the median and, of two trainings or more, the quartiles over
// trainings, for each stretch that any of them has come to.
func binned(edges []float64, trainings [][]xy) series {
	bins := make([][]float64, len(edges)) // [stretch][training]
	for _, points := range trainings {
		var sum float64
		var n, bin int
		close := func() {
			if n > 0 {
				bins[bin] = append(bins[bin], sum/float64(n))
			}
			sum, n = 0, 0
		}
		for _, p := range points {
			for bin < len(edges)-1 && p.X > edges[bin] {
				close()
				bin++
			}
			if !math.IsNaN(p.Y) {
				sum += p.Y
				n++
			}
		}
		if n > 0 {
			close()
		}
	}
	var c series
	for i, values := range bins {
		if len(values) == 0 {
			continue
		}
		lower, median, upper := stats.Quartiles(values)
		c.X, c.Y = append(c.X, edges[i]), append(c.Y, median)
		c.Lower, c.Upper = append(c.Lower, lower), append(c.Upper, upper)
	}
	if len(trainings) < 2 {
		c.Lower, c.Upper = nil, nil
	}
	return c
}

// stepPanel draws something of the trainings of each arm by steps. Axes has what is
// particular; there is no panel where no arm has two points.
func stepPanel(a axes, title string, width float64, names []string, arms [][][]xy) []panel {
	var all [][]xy
	for _, trainings := range arms {
		all = append(all, trainings...)
	}
	ends, geometric := edges(all)
	var curves []series
	for i, h := range huesOf(names) {
		if c := binned(ends, arms[i]); len(c.X) > 1 {
			c.Hue, c.Name = h, names[i]
			curves = append(curves, c)
		}
	}
	if len(curves) == 0 {
		return nil
	}
	a.WholeX, a.LogX, a.Value = !geometric, geometric, typographic.number
	if lo, hi := span(curves, func(s series) []float64 { return s.Y }); a.Log {
		a.Log = lo > 0 && hi > 20*lo
	}
	return []panel{newPanel(title, width, func(width float64) chart { return lineChart(width, a, curves) })}
}

// steps draws the trainings step by step: loss, validation and gradient.
func (r *Report) steps() (panels []panel) {
	for _, m := range []struct {
		title string
		of    func(StepPoint) float64
	}{
		{"Train NLL of the epoch so far, nats", func(p StepPoint) float64 { return p.TrainNLL }},
		{"Validation NLL, nats", func(p StepPoint) float64 { return p.ValidNLL }},
		{"Norm of the gradient before the clip", func(p StepPoint) float64 { return p.GradNorm }},
	} {
		arms := make([][][]xy, len(r.Arms))
		for i, a := range r.Arms {
			for _, s := range a.Seeds {
				var points []xy
				for _, p := range s.Steps {
					if v := m.of(p); !math.IsNaN(v) {
						points = append(points, xy{float64(p.Step), v})
					}
				}
				arms[i] = append(arms[i], points)
			}
		}
		panels = append(panels, stepPanel(axes{Label: m.title + ", by step", XLabel: "step", Height: 250, Log: true}, m.title, halfWidth, r.models(), arms)...)
	}
	return panels
}

// Thin returns at most n of the points, each the mean of as many, the last of which
// gives the step; those with a validation stay.
func Thin(points []StepPoint, n int) []StepPoint {
	stride := (len(points) + n - 1) / n
	if stride < 2 {
		return points
	}
	var thin []StepPoint
	var sum StepPoint
	k := 0.0
	for _, p := range points {
		sum.TrainNLL, sum.GradNorm, k = sum.TrainNLL+p.TrainNLL, sum.GradNorm+p.GradNorm, k+1
		if k == float64(stride) || !math.IsNaN(p.ValidNLL) {
			thin = append(thin, StepPoint{p.Step, sum.TrainNLL / k, p.ValidNLL, sum.GradNorm / k})
			sum, k = StepPoint{}, 0
		}
	}
	return thin
}
