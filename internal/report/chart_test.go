package report

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/stats"
	"github.com/google/go-cmp/cmp"
)

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		name   string
		lo, hi float64
		log    bool
		n      int
		want   string
	}{
		{"tenths", -0.05, 0.55, false, 4, "0.0 0.2 0.4"},
		{"across zero", -0.7, 0.7, false, 4, "−0.5 0.0 0.5"},
		{"hundreds", 104, 187, false, 4, "120 140 160 180"},
		{"thousands", 900, 3100, false, 3, "1,000 2,000 3,000"},
		{"one value", 5, 5, false, 4, "5"},
		{"logarithmic", 95, 800, true, 6, "100 150 200 300 500 700"},
		{"decades", 1.5, 20000, true, 4, "10 100 1,000 10,000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := scale{Lo: test.lo, Hi: test.hi, Start: 0, End: 100, Log: test.log}
			var labels []string
			for _, tick := range s.ticks(test.n) {
				labels = append(labels, tick.Label)
				if !(-1e-6 <= tick.At && tick.At <= 100+1e-6) {
					t.Errorf("tick %s lies outside the scale, at %g", tick.Label, tick.At)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(labels, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScale(t *testing.T) {
	linear := scale{Lo: 10, Hi: 20, Start: 200, End: 0}
	if got := linear.at(15); got != 100 {
		t.Errorf("the middle lies at %g, want 100", got)
	}
	log := scale{Lo: 10, Hi: 1000, Start: 0, End: 100, Log: true}
	if got := log.at(100); !(math.Abs(got-50) <= 1e-9) {
		t.Errorf("100 lies at %g between 10 and 1000, want 50", got)
	}
}

func TestPathLeavesGaps(t *testing.T) {
	got := path([]float64{0, 1, 2, 3, 4}, []float64{5, 6, math.NaN(), 8, 9})
	if want := "M0.0 5.0L1.0 6.0M3.0 8.0L4.0 9.0"; got != want {
		t.Errorf("path = %s, want %s", got, want)
	}
}

func TestSpread(t *testing.T) {
	labels := []text{{Y: 98, Text: "c"}, {Y: 50, Text: "a"}, {Y: 97, Text: "b"}}
	spread(labels, 14, 100)
	want := []text{{Y: 50, Text: "a"}, {Y: 86, Text: "b"}, {Y: 100, Text: "c"}}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Error(diff)
	}
}

// A training that blew up may not flatten the curves of the others.
func TestBrokenSeriesDoesNotSetTheAxes(t *testing.T) {
	whole := series{X: []float64{1, 2}, Y: []float64{200, 100}}
	broken := series{X: []float64{1, 2}, Y: []float64{200, 1e9}, Broken: true}
	lo, hi := span([]series{whole, broken}, func(s series) []float64 { return s.Y })
	if lo != 100 || hi != 200 {
		t.Errorf("the axis spans %g to %g, want 100 to 200", lo, hi)
	}
	if _, hi := span([]series{broken}, func(s series) []float64 { return s.Y }); hi != 1e9 {
		t.Errorf("alone it spans to %g, want 1e9", hi)
	}
}

// The parts of every arm add up to its parameters.
func TestDivide(t *testing.T) {
	for _, a := range fourArms().Arms {
		var sum int
		counts := a.divide()
		for _, n := range counts {
			sum += n
		}
		if sum != a.Params {
			t.Errorf("%s: the parts add up to %d of %d", a.Model, sum, a.Params)
		}
		if plasticity := counts[2]; (plasticity == 0) != (a.Model == baseline) {
			t.Errorf("%s has %d parameters of plasticity", a.Model, plasticity)
		}
	}
	if got := group("layers.1.fanout.weight") + group("layers.0.modulator.bias") + group("layers.0.trace_rate") + group("readout.gate.match"); got != strings.Repeat("plasticity", 4) {
		t.Errorf("groups are %s", got)
	}
}

// What happens at a step is told beside the curves, in no model's colour: a stroke
// for each, none where nothing happens, and no part of the axes.
func TestEvents(t *testing.T) {
	steps := []float64{0, 1, 2, 3, 4}
	f := Figure{Y: "M(t)", Curves: []Curve{
		{"M(t)", steps, []float64{0.1, 0.2, 0.3, 0.2, 0.1}, false},
		{"reward seen", steps, []float64{0, 1, 0, -1, 0}, true},
		{"target shown", steps, []float64{1, 0, 0, 0, 1}, true},
	}}
	panels := f.lines(2)
	if len(panels) != 1 || panels[0].Title != "M(t)" {
		t.Fatalf("%+v", panels)
	}
	for _, c := range []chart{panels[0].Wide, panels[0].Narrow} {
		if len(c.Lines) != 1 || c.Lines[0].Class != "c-arm" {
			t.Errorf("curves %+v, want M(t) alone in the third model's colour", c.Lines)
		}
		var strokes, lanes int
		for _, e := range c.Events {
			if e.Y+e.H > c.Plot.Y || e.X < c.Plot.X-1 || e.X > c.Plot.X+c.Plot.W {
				t.Errorf("%+v is not above the plot %+v", e, c.Plot)
			}
			switch e.Class {
			case "event":
				strokes++
			case "lane":
				lanes++
			}
		}
		if strokes != 4 || lanes != 2 {
			t.Errorf("%d strokes in %d lanes, want 4 in 2", strokes, lanes)
		}
		if up, down := c.Events[1].box, c.Events[2].box; up.Y+up.H > down.Y || down.X <= up.X {
			t.Errorf("1 is at %+v, -1 at %+v", up, down)
		}
		for _, tick := range c.YTicks {
			if strings.Contains(tick.Label, "1.0") {
				t.Errorf("the y axis goes to %s, where an event would be", tick.Label)
			}
		}
		for _, label := range c.Texts {
			if room := c.Width - label.X; room < 6.2*float64(len(label.Text)) {
				t.Errorf("%q has %.0f pixels", label.Text, room)
			}
		}
	}
}

// Names of models have the room they need, up to half of the chart; longer ones are cut,
// and none begins outside of it.
func TestForestNames(t *testing.T) {
	for name, shown := range map[string]map[float64]string{
		"lstm":                     {narrowWidth: "lstm", wholeWidth: "lstm"},
		"plastic (patterns-2)":     {narrowWidth: "plastic (patterns-2)", wholeWidth: "plastic (patterns-2)"},
		"modulated (much-longer)x": {narrowWidth: "modulated (much-long…", wholeWidth: "modulated (much-longer)x"},
	} {
		for width, want := range shown {
			c := forest{Rows: []forestRow{{Name: name, Interval: stats.Interval{Mean: 1, CI95: math.NaN()}}}, Reference: math.NaN()}.chart(width)
			got := c.Texts[0]
			if begins := got.X - nameWidth*float64(utf8.RuneCountInString(got.Text)); got.Text != want || begins < 0 || c.Plot.W < width/2-20 {
				t.Errorf("%s at %g: %q from %g on, want %q; the plot has %g", name, width, got.Text, begins, want, c.Plot.W)
			}
		}
	}
}

// A figure over rollouts or steps has no tick between two of them; one over an angle may.
func TestFiguresThatCount(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want string
	}{
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8}, "1 2 3 4 5 6 7 8"},
		{[]float64{1, 2.5}, "1.0 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9 2.0 2.1 2.2 2.3 2.4 2.5"},
	} {
		f := Figure{Y: "score", Curves: []Curve{{"agent", c.x, make([]float64, len(c.x)), false}}}
		var labels []string
		for _, tick := range f.lines(0)[0].Wide.XTicks {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("ticks at %s, want %s", got, c.want)
		}
	}
}
