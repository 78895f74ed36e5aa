package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
)

// RankSum returns the two-sided p-value of the Wilcoxon-Mann-Whitney rank-sum
// test of x against y, twice the smaller tail and at most 1. It is exact, over
// all ways to share the values out, ties included, while these can be counted
// (28 values against 28, or 3 against some 2,000), a normal approximation with
// corrections for ties and continuity above. It assumes nothing about the shape
// of the distributions, and pays for it: three values against three cannot fall
// below 0.1. An empty sample or a NaN gives NaN; samples whose values are all
// equal give 1.
func RankSum(x, y []float64) float64 {
	if len(x) == 0 || len(y) == 0 || slices.ContainsFunc(x, math.IsNaN) || slices.ContainsFunc(y, math.IsNaN) {
		return math.NaN()
	}
	if len(x) > len(y) { // the same test, with fewer values to pick
		x, y = y, x
	}
	ranks, sum := doubledRanks(x, y)
	const most = 1e8 // additions, some 0.1 s
	n, m := float64(len(ranks)), float64(len(x))
	if combin.LogGeneralizedBinomial(n, m) < 53*math.Ln2 && n*m*m*2*n < most {
		return exactRankSum(ranks, len(x), sum)
	}
	return normalRankSum(ranks, len(x), sum)
}

// doubledRanks returns twice the rank of each value of x and y in their union, in
// ascending order, and the sum of those of x. Values that are equal share the mean
// of their ranks, whose double is a whole number.
func doubledRanks(x, y []float64) (ranks []int, sum int) {
	all := slices.Sorted(slices.Values(slices.Concat(x, y)))
	of := map[float64]int{}
	for first := 0; first < len(all); {
		v, end := all[first], first
		for end < len(all) && all[end] == v {
			end++
		}
		of[v] = first + 1 + end // the first rank of these and the last, counted from 1
		ranks = append(ranks, slices.Repeat([]int{of[v]}, end-first)...)
		first = end
	}
	for _, v := range x {
		sum += of[v]
	}
	return ranks, sum
}

// exactRankSum counts in how many of all ways to pick m of the ranks their sum is
// at most, and at least, what it is: ways[k][s] is the number of ways to pick k of
// the ranks seen so far with sum s. The counts are below 2^53, and so exact.
func exactRankSum(ranks []int, m, sum int) float64 {
	most := 0
	for _, r := range ranks[len(ranks)-m:] {
		most += r
	}
	ways := make([][]float64, m+1)
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for seen, r := range ranks {
		for k := min(seen+1, m); k > 0; k-- {
			for s := r; s <= most; s++ {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	var all, below, above float64
	for s, w := range ways[m] {
		all += w
		if s <= sum {
			below += w
		}
		if s >= sum {
			above += w
		}
	}
	return min(1, 2*min(below, above)/all)
}

// normalRankSum takes the sum of m of the ranks for normal (Lehmann,
// Nonparametrics, 1975, 1.3): its variance is that of drawing without replacement.
func normalRankSum(ranks []int, m, sum int) float64 {
	n := float64(len(ranks))
	var variance float64 // of one doubled rank, whose mean is n + 1
	for _, r := range ranks {
		variance += sq(float64(r)-(n+1)) / n
	}
	variance *= float64(m) * (n - float64(m)) / (n - 1)
	if variance == 0 {
		return 1
	}
	off := math.Abs(float64(sum)-float64(m)*(n+1)) - 1 // half a rank
	return min(1, 2*distuv.UnitNormal.Survival(off/math.Sqrt(variance)))
}
