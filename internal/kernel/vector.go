package kernel

import "math"

// Axpy computes y += alpha x over the length of x.
func Axpy[F Float](alpha F, x, y []F) {
	y = y[:len(x)]
	if x32, ok := narrow(x); ok {
		simd.axpy(float32(alpha), x32, as32(y))
		return
	}
	for i, v := range x {
		y[i] += alpha * v
	}
}

// Scale computes x *= alpha.
func Scale[F Float](alpha F, x []F) {
	if x32, ok := narrow(x); ok {
		simd.scale(float32(alpha), x32)
		return
	}
	for i := range x {
		x[i] *= alpha
	}
}

// Add computes dst += x over the length of dst.
func Add[F Float](dst, x []F) {
	x = x[:len(dst)]
	if d, ok := narrow(dst); ok {
		simd.add(d, as32(x))
		return
	}
	for i, v := range x {
		dst[i] += v
	}
}

// AddRows adds to sum each row of x, ldx elements apart, one after the other.
func AddRows[F Float](sum, x []F, ldx int) {
	if len(sum) == 0 || len(x) < len(sum) {
		return
	}
	rows := (len(x)-len(sum))/ldx + 1
	if s, ok := narrow(sum); ok {
		simd.addRows(s, rows, &as32(x)[0], ldx)
		return
	}
	for r := range rows {
		for j, v := range x[r*ldx:][:len(sum)] {
			sum[j] += v
		}
	}
}

// Mul computes dst = x y element by element over the length of dst, which may be
// x or y.
func Mul[F Float](dst, x, y []F) {
	x, y = x[:len(dst)], y[:len(dst)]
	if d, ok := narrow(dst); ok {
		simd.mul(d, as32(x), as32(y))
		return
	}
	for i, v := range x {
		dst[i] = v * y[i]
	}
}

// MulAdd computes dst += x y element by element over the length of dst.
func MulAdd[F Float](dst, x, y []F) {
	x, y = x[:len(dst)], y[:len(dst)]
	if d, ok := narrow(dst); ok {
		simd.mulAdd(d, as32(x), as32(y))
		return
	}
	for i, v := range x {
		dst[i] += v * y[i]
	}
}

// Dot returns the inner product of x and y over the length of x.
func Dot[F Float](x, y []F) F {
	y = y[:len(x)]
	if x32, ok := narrow(x); ok {
		return F(simd.dot(x32, as32(y)))
	}
	var sum F
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// SumSquares returns the sum of x^2, summed in float64.
func SumSquares[F Float](x []F) float64 {
	var sum float64
	if x32, ok := narrow(x); ok {
		whole := len(x) &^ 31
		sum = simd.sumSquares(x32[:whole])
		x = x[whole:]
	}
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// IndexNonFinite returns the index of the first NaN or infinity in x, or -1.
func IndexNonFinite[F Float](x []F) int {
	x32, ok := narrow(x)
	if !ok {
		return indexNonFinite(x)
	}
	const block = 4096
	for i := 0; i < len(x); i += block {
		end := min(i+block, len(x))
		if !simd.allFinite(x32[i:end]) {
			return i + indexNonFinite(x[i:end])
		}
	}
	return -1
}

func indexNonFinite[F Float](x []F) int {
	for i, v := range x {
		if v-v != 0 { // NaN for NaN and infinities alike
			return i
		}
	}
	return -1
}

// maxOf returns the largest element of x that is not NaN, or -Inf.
func maxOf[F Float](x []F) F {
	if x32, ok := narrow(x); ok {
		return F(simd.maxOf(x32))
	}
	largest := F(math.Inf(-1))
	for _, v := range x {
		if v > largest {
			largest = v
		}
	}
	return largest
}
