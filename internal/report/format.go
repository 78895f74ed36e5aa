package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// notation holds the signs that a medium can show: a terminal may know ASCII
// only. The space does not break a line between a number and its sign.
type notation struct{ plusMinus, minus, dash, space string }

var (
	ascii       = notation{plusMinus: "+-", minus: "-", dash: "-", space: " "}
	typographic = notation{plusMinus: "±", minus: "−", dash: "–", space: "\u00a0"}
)

// interval writes a mean and, if asked for, the half-width of its confidence
// interval, which a single seed has not: "104.26 ± 0.22".
func (n notation) interval(v stats.Interval, withCI bool) string {
	mean := n.perplexity(v.Mean)
	if !withCI || math.IsNaN(v.Mean) || math.IsNaN(v.CI95) {
		return mean
	}
	return mean + n.space + n.plusMinus + n.space + n.perplexity(v.CI95)
}

// difference writes a comparison with the sign of its difference.
func (n notation) difference(c stats.Comparison, withCI bool) string {
	if math.IsNaN(c.Diff) {
		return n.dash
	}
	sign := "+"
	if c.Diff < 0 {
		sign = n.minus
	}
	return sign + n.interval(stats.Interval{Mean: math.Abs(c.Diff), CI95: c.CI95}, withCI)
}

// gap writes a difference that each seed gave, with its sign unless it rounds to 0.
func (n notation) gap(v stats.Interval, withCI bool) string {
	text := n.interval(stats.Interval{Mean: math.Abs(v.Mean), CI95: v.CI95}, withCI)
	switch {
	case math.IsNaN(v.Mean) || math.Abs(v.Mean) < 0.005:
		return text
	case v.Mean < 0:
		return n.minus + text
	}
	return "+" + text
}

// perplexity writes two decimals, none from 1,000 on.
func (n notation) perplexity(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return n.dash
	case math.Abs(v) < 999.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 1e9:
		return progress.Thousands(int(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'e', 1, 64)
}

// number writes v with three significant digits, such as 0.0123 or 12.3.
func (n notation) number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return n.dash
	}
	text := strconv.FormatFloat(v, 'g', 3, 64)
	return strings.Replace(text, "-", n.minus, 1)
}

// measured writes a mean and the half-width of its confidence interval, both with
// the decimals of two significant digits of the latter: "0.210 ± 0.032".
func (n notation) measured(v stats.Interval) string {
	if !(v.CI95 > 0) || math.IsInf(v.CI95, 0) {
		return n.number(v.Mean)
	}
	decimals := min(max(0, 1-int(math.Floor(math.Log10(v.CI95)))), 9)
	mean := strings.Replace(strconv.FormatFloat(v.Mean, 'f', decimals, 64), "-", n.minus, 1)
	return mean + n.space + n.plusMinus + n.space + strconv.FormatFloat(v.CI95, 'f', decimals, 64)
}

// percent writes a share of one as a percentage.
func (n notation) percent(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return n.dash
	case v > 0 && v < 0.0005:
		return "< 0.1%"
	}
	return strconv.FormatFloat(100*v, 'f', 1, 64) + "%"
}

// share writes a share of one as a percentage of at least two significant digits:
// "0.32%".
func (n notation) share(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return n.dash
	}
	decimals := 1
	if v := math.Abs(100 * v); v > 0 && v < 1 {
		decimals = min(1-int(math.Floor(math.Log10(v))), 4)
	}
	return strings.Replace(strconv.FormatFloat(100*v, 'f', decimals, 64), "-", n.minus, 1) + "%"
}

// shares writes a mean of shares and, if there is one, the half-width of its
// confidence interval as percentages.
func (n notation) shares(v stats.Interval) string {
	if math.IsNaN(v.CI95) {
		return n.share(v.Mean)
	}
	return n.share(v.Mean) + n.space + n.plusMinus + n.space + n.share(v.CI95)
}

// percents writes the mean of shares of one and the half-width of its confidence
// interval as percentages.
func (n notation) percents(v stats.Interval) string {
	if math.IsNaN(v.CI95) {
		return n.percent(v.Mean)
	}
	return n.percent(v.Mean) + n.space + n.plusMinus + n.space + n.percent(v.CI95)
}

// speed writes tokens a second.
func (n notation) speed(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return n.dash
	}
	return progress.Thousands(int(math.Round(v)))
}

// pValue writes p with three decimals.
func (n notation) pValue(p float64) string {
	switch {
	case math.IsNaN(p):
		return n.dash
	case p < 0.001:
		return "< 0.001"
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}

// equation writes "p = 0.012" or "p < 0.001".
func (n notation) equation(p float64) string {
	if text := n.pValue(p); strings.HasPrefix(text, "<") {
		return "p" + n.space + strings.Replace(text, " ", n.space, 1)
	} else {
		return "p" + n.space + "=" + n.space + text
	}
}

// joined writes a list as prose: "a", "a and b", "a, b and c".
func joined(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
}

// shape writes a tensor's shape: "[800, 200]".
func shape(dims []int) string {
	return strings.ReplaceAll(fmt.Sprint(dims), " ", ", ")
}

// column writes values below one another, all with as many decimals: of the means
// alone three significant digits of the largest; of shares, which become
// percentages, one decimal, and more where the smallest needs it for two digits; with
// confidence intervals, two digits of the widest and one of the narrowest.
func (n notation) column(values []stats.Interval, percent bool) []string {
	scale, sign := 1.0, ""
	if percent {
		scale, sign = 100, "%"
	}
	decimals, ok := places(values, scale, percent)
	cells := make([]string, len(values))
	for i, v := range values {
		switch {
		case math.IsNaN(v.Mean) || math.IsInf(v.Mean, 0):
			cells[i] = n.dash
		case !ok:
			cells[i] = n.measured(stats.Interval{Mean: scale * v.Mean, CI95: scale * v.CI95}) + sign
		default:
			cells[i] = n.fixed(scale*v.Mean, decimals) + sign
			if bounded(v.CI95) {
				cells[i] += n.space + n.plusMinus + n.space + n.fixed(scale*v.CI95, decimals) + sign
			}
		}
	}
	return cells
}

// places is the number of decimals of a column; ok is false where no such number
// suits its values.
func places(values []stats.Interval, scale float64, percent bool) (decimals int, ok bool) {
	least, most, narrowest, widest, whole := math.Inf(1), 0.0, math.Inf(1), 0.0, true
	for _, v := range values {
		mean, ci := math.Abs(scale*v.Mean), scale*v.CI95
		if math.IsNaN(mean) || math.IsInf(mean, 0) {
			continue
		}
		whole = whole && mean == math.Trunc(mean)
		if most = max(most, mean); mean > 0 {
			least = min(least, mean)
		}
		if bounded(ci) {
			narrowest, widest = min(narrowest, ci), max(widest, ci)
		}
	}
	// digits is how many decimals show so many significant digits of v.
	digits := func(v float64, significant int) int { return max(0, significant-1-int(math.Floor(math.Log10(v)))) }
	switch {
	case most >= 1e9 || most > 0 && most < 1e-4:
		return 0, false
	case widest > 0:
		decimals = max(digits(widest, 2), digits(narrowest, 1))
	case percent && least < 1:
		decimals = digits(least, 2)
	case !percent && !whole:
		decimals = digits(most, 3)
	}
	if percent {
		return min(max(decimals, 1), 3), true
	}
	return min(decimals, 6), true
}

// bounded reports whether there is an interval to show.
func bounded(ci float64) bool { return ci > 0 && !math.IsInf(ci, 0) }

// fixed writes v with so many decimals; what rounds to zero has no sign.
func (n notation) fixed(v float64, decimals int) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	if decimals == 0 && len(text) <= 10 {
		text = progress.Thousands(int(math.Round(math.Abs(v))))
	}
	if v < 0 && strings.ContainsAny(text, "123456789") {
		return n.minus + text
	}
	return text
}
