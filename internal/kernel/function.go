package kernel

import "math"

// Exp computes dst = e^x; dst may be x. In float32 the error is below 1 ulp,
// subnormal results included.
func Exp[F Float](dst, x []F) {
	x = x[:len(dst)]
	if d, ok := narrow(dst); ok {
		simd.exp(d, as32(x))
		return
	}
	for i, v := range x {
		dst[i] = F(math.Exp(float64(v)))
	}
}

// Tanh computes dst = tanh x; dst may be x. In float32 the error is below 3 ulp.
func Tanh[F Float](dst, x []F) {
	x = x[:len(dst)]
	if d, ok := narrow(dst); ok {
		simd.tanh(d, as32(x))
		return
	}
	for i, v := range x {
		dst[i] = F(math.Tanh(float64(v)))
	}
}

// TanhBackward turns d, the gradient of y = tanh x, into that of x: d *= 1 - y^2.
func TanhBackward[F Float](d, y []F) {
	y = y[:len(d)]
	if d32, ok := narrow(d); ok {
		simd.tanhBackward(d32, as32(y))
		return
	}
	for i, v := range y {
		d[i] -= v * v * d[i]
	}
}

// Sigmoid computes dst = 1 / (1 + e^-x); dst may be x. In float32 the error is
// below 2.5 ulp, subnormal results included.
func Sigmoid[F Float](dst, x []F) {
	x = x[:len(dst)]
	if d, ok := narrow(dst); ok {
		simd.sigmoid(d, as32(x))
		return
	}
	for i, v := range x {
		dst[i] = F(sigmoid(float64(v)))
	}
}

// sigmoid keeps its relative accuracy far into the negative tail, where e^-x
// would overflow.
func sigmoid(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}
