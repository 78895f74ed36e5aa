package optim

import "github.com/engram-lm/engram/internal/kernel"

// chunk is how many elements of a parameter a task takes. It does not depend on
// the number of cores, so neither does a sum over chunks in their order.
const chunk = 1 << 16

// inChunks calls f for each chunk [lo, hi) of n elements, on several cores; i is
// the chunk's number.
func inChunks(n int, f func(i, lo, hi int)) {
	kernel.Parallel((n+chunk-1)/chunk, func(i int) { f(i, i*chunk, min(n, (i+1)*chunk)) })
}

// sumSquares is kernel.SumSquares on several cores.
func sumSquares(x []float32) (sum float64) {
	sums := make([]float64, (len(x)+chunk-1)/chunk)
	inChunks(len(x), func(i, lo, hi int) { sums[i] = kernel.SumSquares(x[lo:hi]) })
	for _, s := range sums {
		sum += s
	}
	return sum
}

// nonFinite is kernel.IndexNonFinite on several cores.
func nonFinite(x []float32) int {
	found := make([]int, (len(x)+chunk-1)/chunk)
	inChunks(len(x), func(i, lo, hi int) { found[i] = kernel.IndexNonFinite(x[lo:hi]) })
	for i, at := range found {
		if at >= 0 {
			return i*chunk + at
		}
	}
	return -1
}
