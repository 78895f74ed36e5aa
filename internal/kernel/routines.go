package kernel

// routines is one level's float32 versions of the inner loops. Each field does
// what the plain Go function of the same name does; lengths are those of the
// first slice, and the callers check the others.
type routines struct {
	// mr is the number of rows of a strip of A, nr that of columns of a panel of B,
	// few the most rows that mulRows takes.
	mr, nr, few int
	// mulStrip and mulRows multiply by packed panels, mulStrip also by a matrix as it
	// lies, where inPlace.
	inPlace  bool
	mulStrip func(m, n, k int, alpha float32, strip, b []float32, ldb int, beta float32, c []float32, ldc int, ahead *upcoming[float32], tile int)
	mulRows  func(m, n, k int, a []float32, lda int, b []float32, beta float32, c []float32, ldc int)
	// mulGathered is a block of Gathered.Mul, see the function mulGathered.
	mulGathered func(x []float32, rows, columns []int32, n int, b []float32, ldb int, d []float32, from []int32, c []float32, to []int32)
	furthest    func(offsets []int32) uint32 // the largest; a negative one counts as 2^31 and more
	// transpose writes dst [k, 8] = the transpose of src [8, k], for k >= 8.
	transpose func(k int, src []float32, ld int, dst []float32, ldd int)
	// packStrips, nil at some levels, packs a transposed A, see packStrips.
	packStrips func(k, m, rows int, a *float32, lda int, dst *float32)

	// dots are for products in bfloat16, nil where the processor has none;
	// roundBF16 rounds x for it then.
	dots      *dotRoutines
	roundBF16 func(x []float32)

	exp, tanh, sigmoid func(dst, x []float32)

	axpy       func(alpha float32, x, y []float32)
	scale      func(alpha float32, x []float32)
	add        func(dst, x []float32)
	mul        func(dst, x, y []float32)
	mulAdd     func(dst, x, y []float32)
	dot        func(x, y []float32) float32
	sumSquares func(x []float32) float64 // of a multiple of 32 elements
	allFinite  func(x []float32) bool

	addRows      func(sum []float32, rows int, x *float32, ldx int) // rows > 0
	tanhBackward func(d, y []float32)

	maxOf    func(x []float32) float32
	addMax   func(dst, x []float32) (largest float32)
	scaleAdd func(alpha float32, x, sum []float32)
	// expShifted and sumExp take short slices, so that a float32 sum is exact enough.
	expShifted, sumExp func(x []float32, shift float32) (sum float32)

	lstmForward  func(n int, z, cPrev, c, tanhC, h []float32)
	lstmBackward func(n int, act, cPrev, tanhC, dh, dc, dgExtra, dz []float32)

	sgd     func(p, g []float32, lr, wd float32)
	adam    func(p, g, m, v []float32, lr, beta1, beta2, eps, wd, rbc1, rbc2 float32) // reciprocal bias corrections
	average func(avg, p []float32, mu float32)

	// The variants are numbered by variant; r points to a TraceRow[float32].
	traceUpdate, traceBackward [8]func(r *byte)
	traceForward               [8]func(r *byte) float32

	// Likewise; r points to a TraceBlocks[float32]. Nil at levels that have too
	// few registers.
	blockUpdate, blockForward, blockBackward [8]func(r *byte)
	blockUpdateFree, blockBackwardFree       [8]func(r *byte) // for traces that reach no bound; not for every variant

	// Those without Mul are for a next of nil.
	mulWeights           func(w, pre, out []float32)
	decomposedUpdate     func(w, y, x, post, pre []float32, rate float32)
	decomposedUpdateMul  func(w, y, x, post, pre []float32, rate float32, next, out []float32)
	fullUpdate           func(w, k, post, pre []float32, rate float32)
	fullUpdateMul        func(w, k, post, pre []float32, rate float32, next, out []float32)
	eligibilityUpdate    func(w, e, post, pre []float32, rate, eta, bound float32)
	eligibilityUpdateMul func(w, e, post, pre []float32, rate, eta, bound float32, next, out []float32)

	fma func(rounds int) // rounds * fmaPerRound multiply-adds, for PeakFMA
}

// dotRoutines are the routines on pairs of bfloat16 numbers, each in the place of a
// float32. Those that pack are as the functions of the same names; those that
// multiply are as in routines, with k the number of pairs.
type dotRoutines struct {
	mulStrip   func(m, n, k int, alpha float32, strip, b []float32, ldb int, beta float32, c []float32, ldc int, ahead *upcoming[float32], tile int)
	mulRows    func(m, n, k int, a []float32, lda int, b []float32, beta float32, c []float32, ldc int)
	packPanel  func(trans bool, k, n, nr int, b []float32, ldb int, dst []float32)
	packStrips func(trans bool, k, m, rows, mr int, a []float32, lda int, dst []float32)
	pairRow    func(k int, src, dst *float32) // dst[i] = the pair src[2i], src[2i+1]; an odd last one with a zero
}

// narrow returns x as []float32 if that is what it is and the level has routines
// for it.
func narrow[F Float](x []F) ([]float32, bool) {
	if simd == nil {
		return nil, false
	}
	y, ok := any(x).([]float32)
	return y, ok
}

// as32 is narrow without the check, for the further arguments of a call.
func as32[F Float](x []F) []float32 { return any(x).([]float32) }
