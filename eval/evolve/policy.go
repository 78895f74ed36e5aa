package evolve

import (
	"math"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
)

// policy is what an action is drawn from, given outputs o: with probability
// sure = sigma(2 o_5) it is the one of the largest output, else a draw from the
// softmax of o_1 to o_4.
type policy struct {
	largest int
	sure    float64
}

func newPolicy[F lstm.Float](o []F) (p policy) {
	for k := range moves {
		if o[k] > o[p.largest] {
			p.largest = k
		}
	}
	p.sure = 1 / (1 + math.Exp(-2*float64(o[len(moves)])))
	return p
}

// exps returns the softmax times sum.
func exps[F lstm.Float](p policy, o []F) (soft [len(moves)]float64, sum float64) {
	for k := range soft {
		soft[k] = math.Exp(float64(o[k] - o[p.largest]))
		sum += soft[k]
	}
	return soft, sum
}

// probabilities returns those of the actions, and the softmax that they are mixed
// with.
func probabilities[F lstm.Float](p policy, o []F) (pi, soft [len(moves)]float64) {
	soft, sum := exps(p, o)
	for k := range soft {
		soft[k] /= sum
		pi[k] = (1 - p.sure) * soft[k]
	}
	pi[p.largest] += p.sure
	return pi, soft
}

// choose draws an action.
func choose[F lstm.Float](o []F, draws *rng.Stream) int {
	p := newPolicy(o)
	if draws.Float64() < p.sure {
		return p.largest
	}
	soft, sum := exps(p, o)
	u := draws.Float64() * sum
	for k, v := range soft {
		if u -= v; u < 0 {
			return k
		}
	}
	return p.largest
}
