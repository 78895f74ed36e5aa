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
	return SoftmaxNLLGradBy(logits, target, func(float64) F { return scale })
}

// SoftmaxNLLGradBy is SoftmaxNLLGrad where the scale depends on the likelihood:
// scale is called once, with it.
func SoftmaxNLLGradBy[F Float](logits []F, target int, scale func(nll float64) F) (nll float64) {
	var by F
	nll = softmax(logits, target, func(nll float64) F {
		by = scale(nll)
		return by
	})
	logits[target] -= by
	return nll
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

// expShifted computes x = e^(x - shift) and returns its sum.
func expShifted[F Float](x []F, shift F) float64 {
	var sum float64
	if x32, ok := narrow(x); ok {
		for part := range slices.Chunk(x32, 1024) {
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
