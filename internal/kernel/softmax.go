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
	return softmax(logits, target, 1)
}

// SoftmaxNLLGrad overwrites one row of logits with the gradient of
// scale * SoftmaxNLL, scale * (p - onehot(target)), and returns the unscaled
// negative log-likelihood.
func SoftmaxNLLGrad[F Float](logits []F, target int, scale F) (nll float64) {
	nll = softmax(logits, target, scale)
	logits[target] -= scale
	return nll
}

func softmax[F Float](logits []F, target int, scale F) float64 {
	shift := maxOf(logits)
	margin := float64(shift) - float64(logits[target])
	sum := expShifted(logits, shift)
	Scale(F(float64(scale)/sum), logits)
	return math.Log(sum) + margin
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
