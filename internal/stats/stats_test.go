package stats

import (
	"math"
	"testing"
)

var nan = math.NaN()

// near holds got to want within a relative 1e-6, NaN to NaN.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
		t.Errorf("%s = %.9g, want %.9g", what, got, want)
	}
}

func TestSummaries(t *testing.T) {
	for _, test := range []struct {
		name                      string
		x                         []float64
		mean, sd, ci, median, iqr float64
	}{
		{"empty", nil, nan, nan, nan, nan, nan},
		{"one value", []float64{104.3}, 104.3, nan, nan, 104.3, 0},
		// sd = sqrt(2), half-width = 12.7062047362 (t, 1 dof) * sqrt(2)/sqrt(2).
		{"two", []float64{1, 3}, 2, math.Sqrt2, 12.706204736, 2, 1},
		// Deviations -1, 0, 1: sd = 1, half-width = 4.3026527297 (t, 2 dof) / sqrt(3).
		{"three", []float64{102, 101, 103}, 102, 1, 2.484137717, 102, 1},
		// Squares 2.25 + .25 + .25 + 2.25 = 5, sd = sqrt(5/3); t(3) = 3.1824463053.
		{"four", []float64{4, 1, 3, 2}, 2.5, 1.290994449, 2.054260378, 2.5, 1.5},
		{"equal", []float64{5, 5, 5}, 5, 0, 0, 5, 0},
		{"with NaN", []float64{1, nan, 3}, nan, nan, nan, nan, nan},
	} {
		t.Run(test.name, func(t *testing.T) {
			near(t, "mean", Mean(test.x), test.mean)
			near(t, "sd", SD(test.x), test.sd)
			near(t, "ci95", CI95(test.x), test.ci)
			near(t, "median", Median(test.x), test.median)
			near(t, "iqr", IQR(test.x), test.iqr)
			summary := Summary(test.x)
			near(t, "summary mean", summary.Mean, test.mean)
			near(t, "summary ci95", summary.CI95, test.ci)
		})
	}
}

func TestMedianLeavesItsInput(t *testing.T) {
	x := []float64{3, 1, 2}
	Median(x)
	if x[0] != 3 || x[1] != 1 || x[2] != 2 {
		t.Errorf("Median sorted its input: %v", x)
	}
}

func TestWelch(t *testing.T) {
	// Means 2 and 6, variances 1 and 4, each over 3: the standard error is
	// sqrt(1/3 + 4/3) = 1.290994, t = -3.098387, and the degrees of freedom are
	// (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2) = 50/17. p and the 0.975 quantile at
	// 50/17 are numerical integrals of the density.
	c := Welch([]float64{1, 2, 3}, []float64{4, 6, 8})
	near(t, "diff", c.Diff, -4)
	near(t, "p", c.P, integrateTail(3.0983866769659336, 50.0/17))
	half := c.CI95 / 1.2909944487358056
	near(t, "tail beyond the interval", integrateTail(half, 50.0/17), 0.05)

	for _, test := range []struct {
		name string
		x, y []float64
		diff float64
	}{
		{"one seed each", []float64{102}, []float64{104}, -2},
		{"one seed against two", []float64{102}, []float64{104, 106}, -3},
		{"no variance", []float64{1, 1}, []float64{2, 2}, -1},
		{"empty", nil, []float64{2, 3}, nan},
	} {
		c := Welch(test.x, test.y)
		near(t, test.name+": diff", c.Diff, test.diff)
		near(t, test.name+": ci", c.CI95, nan)
		near(t, test.name+": p", c.P, nan)
	}
}

// integrateTail returns both tails of Student's t distribution beyond ±t, by
// Simpson's rule over the density between them.
func integrateTail(t, dof float64) float64 {
	g1, _ := math.Lgamma((dof + 1) / 2)
	g2, _ := math.Lgamma(dof / 2)
	scale := math.Exp(g1-g2) / math.Sqrt(dof*math.Pi)
	density := func(x float64) float64 { return scale * math.Pow(1+x*x/dof, -(dof+1)/2) }
	const n = 2000
	h := t / n
	sum := density(0) + density(t)
	for i := 1; i < n; i++ {
		sum += float64(2+2*(i%2)) * density(float64(i)*h)
	}
	return 1 - 2*sum*h/3
}

func TestHolm(t *testing.T) {
	// Sorted: .01 x 3, .03 x 2, .04 x 1 = .04, raised to the .06 before it.
	got := Holm([]float64{0.04, 0.01, nan, 0.03})
	for i, want := range []float64{0.06, 0.03, nan, 0.06} {
		near(t, "adjusted", got[i], want)
	}
	if got := Holm([]float64{0.8, 0.9}); got[0] != 1 || got[1] != 1 {
		t.Errorf("adjusted p-values must not pass 1: %v", got)
	}
}

// As R's quantile and NumPy's percentile give them.
func TestQuartiles(t *testing.T) {
	for _, c := range []struct{ x, want []float64 }{
		{[]float64{4, 1, 3, 2}, []float64{1.75, 2.5, 3.25}},
		{[]float64{7}, []float64{7, 7, 7}},
		{[]float64{1, 2, 3, 4, 100}, []float64{2, 3, 4}},
	} {
		lower, median, upper := Quartiles(c.x)
		if lower != c.want[0] || median != c.want[1] || upper != c.want[2] {
			t.Errorf("%v: %v %v %v, want %v", c.x, lower, median, upper, c.want)
		}
	}
	if _, median, _ := Quartiles(nil); !math.IsNaN(median) {
		t.Errorf("of nothing: %v", median)
	}
}

// With two degrees of freedom the two-sided p-value of t is 1 - t / sqrt(2 + t^2).
func TestOneSample(t *testing.T) {
	c := OneSample([]float64{1, 2, 3})
	want := 2 * math.Sqrt(3) // t = mean / (sd / sqrt n)
	if p := 1 - want/math.Sqrt(2+want*want); c.Diff != 2 || !(math.Abs(c.P-p) < 1e-12) || c.CI95 != CI95([]float64{1, 2, 3}) {
		t.Errorf("%+v, want P %v", c, p)
	}
	for _, x := range [][]float64{nil, {1}, {1, 1}} {
		if c := OneSample(x); !math.IsNaN(c.P) {
			t.Errorf("%v: %+v, want no P", x, c)
		}
	}
}
