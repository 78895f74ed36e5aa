package kernel

import (
	"math"
	"slices"
)

// SoftmaxNLL overwrites one row of logits with their softmax p and returns the
// negative log-likelihood of target, -ln p[target], in nats. The largest logit is
// subtracted first, so that nothing overflows. A NaN or +Inf among the logits
// makes all of p and the likelihood NaN; -Inf is a probability of zero.
func SoftmaxNLL[F Float](logits []F, target int) (nll float64) {
	return softmax(logits, target, func(float64) F { return 1 })
}

// SoftmaxNLLGrad overwrites one row of logits with the gradient of
// scale * SoftmaxNLL, scale * (p - onehot(target)), and returns the unscaled
// negative log-likelihood.
func SoftmaxNLLGrad[F Float](logits []F, target int, scale F) (nll float64) {
	nll = softmax(logits, target, func(float64) F { return scale })
	logits[target] -= scale
	return nll
}

// BiasedNLLGrad is SoftmaxNLLGrad of logits + bias, in as few passes as can be; it
// adds the gradient to dbias as well. scale is called once, with the negative
// log-likelihood.
func BiasedNLLGrad[F Float](logits, bias []F, target int, scale func(nll float64) F, dbias []F) (nll float64) {
	shift := addMax(logits, bias)
	margin := float64(shift) - float64(logits[target])
	sum := expShifted(logits, shift)
	nll = math.Log(sum) + margin
	by, before := scale(nll), dbias[target]
	scaleAdd(F(float64(by)/sum), logits, dbias)
	logits[target] -= by
	dbias[target] = before + logits[target]
	return nll
}

// BiasedNLL adds bias to one row of logits and returns the negative log-likelihood of
// target under their softmax, in nats, as SoftmaxNLL does.
func BiasedNLL[F Float](logits, bias []F, target int) (nll float64) {
	shift := addMax(logits, bias)
	margin := float64(shift) - float64(logits[target])
	return math.Log(sumExp(logits, shift)) + margin
}

// Softmax overwrites scores with their softmax and returns the logarithm of the
// sum of their exponentials. A score of -Inf has no share; all of them -Inf, or a
// NaN or +Inf among them, make everything NaN.
func Softmax[F Float](scores []F) (logSum float64) {
	shift := maxOf(scores)
	sum := expShifted(scores, shift)
	Scale(F(1/sum), scores)
	return float64(shift) + math.Log(sum)
}

func softmax[F Float](logits []F, target int, scale func(nll float64) F) float64 {
	shift := maxOf(logits)
	margin := float64(shift) - float64(logits[target])
	sum := expShifted(logits, shift)
	nll := math.Log(sum) + margin
	Scale(F(float64(scale(nll))/sum), logits)
	return nll
}

// sumParts is how many exponentials are summed in float32.
const sumParts = 1024

// expShifted computes x = e^(x - shift) and returns its sum.
func expShifted[F Float](x []F, shift F) float64 {
	var sum float64
	if x32, ok := narrow(x); ok {
		for part := range slices.Chunk(x32, sumParts) {
			sum += float64(simd.expShifted(part, float32(shift)))
		}
		return sum
	}
	for i, v := range x {
		e := F(math.Exp(float64(v - shift)))
		x[i] = e
		sum += float64(e)
	}
	return sum
}

// sumExp is expShifted without what x becomes.
func sumExp[F Float](x []F, shift F) float64 {
	var sum float64
	if x32, ok := narrow(x); ok {
		for part := range slices.Chunk(x32, sumParts) {
			sum += float64(simd.sumExp(part, float32(shift)))
		}
		return sum
	}
	for _, v := range x {
		sum += float64(F(math.Exp(float64(v - shift))))
	}
	return sum
}

// addMax computes dst += x and returns maxOf it.
func addMax[F Float](dst, x []F) F {
	x = x[:len(dst)]
	if dst32, ok := narrow(dst); ok {
		return F(simd.addMax(dst32, as32(x)))
	}
	Add(dst, x)
	return maxOf(dst)
}

// scaleAdd computes x *= alpha, then sum += x.
func scaleAdd[F Float](alpha F, x, sum []F) {
	sum = sum[:len(x)]
	if x32, ok := narrow(x); ok {
		simd.scaleAdd(float32(alpha), x32, as32(sum))
		return
	}
	Scale(alpha, x)
	Add(sum, x)
}
