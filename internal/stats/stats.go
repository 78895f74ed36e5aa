// Package stats summarises and compares small samples, such as the perplexities
// that a model reached under a handful of seeds.
//
// A number that a sample is too small to give is NaN: the mean of nothing, the
// spread of one seed, the significance of a difference between single runs.
// NaN travels through every function here, so that a report shows a dash
// instead of an invented zero.
package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a mean and the half-width of its 95% confidence interval:
// Mean ± CI95.
type Interval struct {
	Mean float64 `json:"mean"`
	CI95 float64 `json:"ci95"` // NaN where the sample has fewer than two values
}

// Mean returns the arithmetic mean of x, NaN if x is empty.
func Mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	return stat.Mean(x, nil)
}

// SD returns the sample standard deviation of x (denominator n-1), NaN for
// fewer than two values.
func SD(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	return stat.StdDev(x, nil)
}

// Summary returns the mean of x with its 95% confidence interval.
func Summary(x []float64) Interval { return Interval{Mean: Mean(x), CI95: CI95(x)} }

// CI95 returns the half-width of the 95% confidence interval of the mean of x by
// Student's t with n-1 degrees of freedom, NaN for fewer than two values.
func CI95(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	n := float64(len(x))
	return quantileT(n-1) * SD(x) / math.Sqrt(n)
}

// quantileT returns the 0.975 quantile of Student's t distribution: the factor
// from a standard error to the half-width of a two-sided 95% interval.
func quantileT(dof float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: dof}.Quantile(0.975)
}

// Median returns the middle value of x, the mean of the two middle ones if
// their number is even, NaN if x is empty.
func Median(x []float64) float64 { return quantile(x, 0.5) }

// Quartiles returns the quartiles of x, the median between the two others; NaN if
// x is empty. They interpolate as IQR's do.
func Quartiles(x []float64) (lower, median, upper float64) {
	return quantile(x, 0.25), quantile(x, 0.5), quantile(x, 0.75)
}

// IQR returns the interquartile range of x, NaN if x is empty. The quartiles
// interpolate linearly between order statistics (Hyndman and Fan 1996, type 7,
// the default of R and NumPy).
func IQR(x []float64) float64 { return quantile(x, 0.75) - quantile(x, 0.25) }

// quantile returns the p-quantile of x by Hyndman and Fan's type 7, which
// gonum's stat.Quantile does not offer (its LinInterp is type 4, whose median of
// 1, 2, 3, 4 is 2).
func quantile(x []float64, p float64) float64 {
	if len(x) == 0 || slices.ContainsFunc(x, math.IsNaN) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(x))
	at := p * float64(len(sorted)-1)
	below := int(at)
	if below == len(sorted)-1 {
		return sorted[below]
	}
	weight := at - float64(below)
	return (1-weight)*sorted[below] + weight*sorted[below+1]
}
