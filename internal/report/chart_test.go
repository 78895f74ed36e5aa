package report

import (
	"math"
	"strings"
	"testing"

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
