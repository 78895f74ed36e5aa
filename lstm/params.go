package lstm

import "github.com/engram-lm/engram/internal/rng"

// NewParams returns new parameters as specs describe them, and their gradients,
// zero: a flat slice of Size numbers for each, in the order of specs, matrices row
// by row, as a Scan takes both. Each number is drawn uniformly between its Lo and
// Hi, one after the other from the stream that the seed gives the name "init": the
// same numbers on every machine. For other ranges change Lo and Hi in specs, for
// parameters of one's own beside a layer's append theirs.
func NewParams[F Float](specs []Param, seed uint64) (params, grads [][]F) {
	r := rng.New(seed, "init")
	for _, p := range specs {
		v := make([]F, p.Size())
		for i := range v {
			v[i] = F(r.Uniform(p.Lo, p.Hi))
		}
		params, grads = append(params, v), append(grads, make([]F, p.Size()))
	}
	return params, grads
}
