package kernel

import (
	"math"
	"math/big"
)

// exactSum is addProduct from exact arithmetic, rounded by math/big.
func exactSum(sum, x, y float32) float32 {
	zero := func(v float32) float32 {
		if math.Abs(float64(v)) < 0x1p-126 {
			return float32(math.Copysign(0, float64(v)))
		}
		return v
	}
	sum, x, y = zero(sum), zero(x), zero(y)
	for _, v := range []float32{sum, x, y} {
		if v != v || math.IsInf(float64(v), 0) {
			return float32(float64(sum) + float64(x)*float64(y)) // the rules for infinities
		}
	}
	wide := func(v float32) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(float64(v)) }
	exact := wide(x)
	exact.Mul(exact, wide(y)).Add(exact, wide(sum))
	if exact.Sign() == 0 {
		return float32(float64(sum) + float64(x)*float64(y)) // the rules for signs of zero
	}
	exact.SetPrec(24).SetMode(big.ToNearestEven)
	if new(big.Float).Abs(exact).Cmp(big.NewFloat(0x1p-126)) < 0 {
		return float32(math.Copysign(0, float64(exact.Sign())))
	}
	v, _ := exact.Float32()
	return v
}
