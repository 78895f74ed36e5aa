package stats

import (
	"cmp"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// Comparison is the difference between the means of two samples.
type Comparison struct {
	Diff float64 // mean of x minus mean of y
	CI95 float64 // half-width of the 95% confidence interval of Diff
	P    float64 // two-sided p-value of Welch's t-test for Diff = 0
}

// Welch compares the means of x and y by Welch's t-test, which does not take
// their variances for equal. Diff needs one value in each sample. CI95 and P
// need two in each and some variance in one: with less they are NaN.
func Welch(x, y []float64) Comparison {
	c := Comparison{Diff: Mean(x) - Mean(y), CI95: math.NaN(), P: math.NaN()}
	test, err := stats.TwoSampleWelchTTest(stats.Sample{Xs: x}, stats.Sample{Xs: y}, stats.LocationDiffers)
	if err != nil {
		return c
	}
	variance := sq(SD(x))/float64(len(x)) + sq(SD(y))/float64(len(y))
	c.CI95 = quantileT(test.DoF) * math.Sqrt(variance)
	c.P = test.P
	return c
}

// OneSample compares the mean of x with 0 by Student's t-test, as is done with the
// differences of pairs. Diff needs one value; CI95 and P need two, and P that they
// vary: with less they are NaN.
func OneSample(x []float64) Comparison {
	c := Comparison{Diff: Mean(x), CI95: CI95(x), P: math.NaN()}
	if test, err := stats.OneSampleTTest(stats.Sample{Xs: x}, 0, stats.LocationDiffers); err == nil {
		c.P = test.P
	}
	return c
}

func sq(x float64) float64 { return x * x }

// Holm returns the p-values adjusted for their number by Holm's step-down
// method, in the order given: to call those at most 0.05 significant is to err
// in at most 5% of such families. NaN stays NaN and does not count.
func Holm(p []float64) []float64 {
	adjusted := slices.Clone(p)
	var order []int
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var largest float64
	for rank, i := range order {
		largest = max(largest, min(1, p[i]*float64(len(order)-rank)))
		adjusted[i] = largest
	}
	return adjusted
}
