package optim

import "github.com/engram-lm/engram/internal/kernel"

// chunk is how many elements of a parameter a task takes. It does not depend on
// the number of cores, so neither does a sum over chunks in their order.
const chunk = 1 << 16

// inChunks calls f for each chunk [lo, hi) of n elements, on several cores; i is
// the chunk's number.
func inChunks(n int, f func(i, lo, hi int)) {
	if n <= chunk {
		f(0, 0, n)
		return
	}
	kernel.Parallel((n+chunk-1)/chunk, func(i int) { f(i, i*chunk, min(n, (i+1)*chunk)) })
}

// inPieces is inChunks for what is done to each element alone, so that any cut gives
// the same bits: smaller parameters are worth a second core, too, and each core gets
// the same pieces of one in every step.
func inPieces(n int, f func(lo, hi int)) {
	const least = 1 << 11
	if n <= 2*least {
		f(0, n)
		return
	}
	size := min(chunk, max(least, n/16))
	kernel.Parallel((n+size-1)/size, func(i int) { f(i*size, min(n, (i+1)*size)) })
}

// inParts is inChunks for n rows of size elements, which stay whole.
func inParts(n, size int, f func(lo, hi int)) {
	rows := max(1, chunk/max(1, size))
	kernel.Parallel((n+rows-1)/rows, func(i int) { f(i*rows, min(n, (i+1)*rows)) })
}

// sumSquares is kernel.SumSquares on several cores.
func sumSquares(x []float32) (sum float64) {
	if len(x) <= chunk {
		return kernel.SumSquares(x)
	}
	sums := make([]float64, (len(x)+chunk-1)/chunk)
	inChunks(len(x), func(i, lo, hi int) { sums[i] = kernel.SumSquares(x[lo:hi]) })
	for _, s := range sums {
		sum += s
	}
	return sum
}

// IndexNonFinite is kernel.IndexNonFinite on several cores: the index of the first
// NaN or infinity in x, or -1.
func IndexNonFinite(x []float32) int {
	if len(x) <= chunk {
		return kernel.IndexNonFinite(x)
	}
	found := make([]int, (len(x)+chunk-1)/chunk)
	inChunks(len(x), func(i, lo, hi int) { found[i] = kernel.IndexNonFinite(x[lo:hi]) })
	for i, at := range found {
		if at >= 0 {
			return i*chunk + at
		}
	}
	return -1
}
