package optim

import (
	"cmp"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Adam is Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and
// Hutter 2019, algorithm 2):
//
//	g <- g + L2 p
//	m <- b1 m + (1-b1) g,  v <- b2 v + (1-b2) g^2
//	p <- p - lr ( m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps) + WeightDecay p )
//
// With L2 above 0 it is the penalty of Kingma and Ba's Adam, which the moments
// take part in; under plain SGD the two are the same.
type Adam struct {
	Beta1, Beta2, Eps, WeightDecay, L2 float64

	t    int64 // steps taken
	m, v slots // first and second moments
}

// NewAdam returns Adam with the papers' betas .9 and .999 and eps 1e-8.
func NewAdam(weightDecay float64) *Adam {
	return &Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: weightDecay}
}

const (
	adamM     = "adam.m."
	adamV     = "adam.v."
	adamSteps = "adam.steps"
)

func (a *Adam) Step(params []Param, lr, scale float64) error {
	if err := check(params, lr, scale); err != nil {
		return err
	}
	if a.m == nil {
		a.m, a.v = slots{}, slots{}
	}
	if err := a.m.fit(adamM, params, a.t == 0); err != nil {
		return err
	}
	if err := a.v.fit(adamV, params, a.t == 0); err != nil {
		return err
	}
	a.t++
	// The corrections start near zero, where float32 would lose digits.
	bc1 := 1 - math.Pow(a.Beta1, float64(a.t))
	bc2 := 1 - math.Pow(a.Beta2, float64(a.t))
	var bad error
	for i := range params {
		p := &params[i]
		m, v := a.m[p.Name], a.v[p.Name]
		lr, scale := p.step(lr, scale)
		// A row without a gradient moves too: its moments decay.
		bad = cmp.Or(bad, p.nonFinite(p.all(scale, a.L2, func(value, grad []float32, at int) {
			kernel.AdamStep(value, grad, m[at:at+len(value)], v[at:at+len(value)], float32(lr),
				float32(a.Beta1), float32(a.Beta2), float32(a.Eps), float32(a.WeightDecay), float32(bc1), float32(bc2))
		})))
	}
	return bad
}

func (a *Adam) State() State {
	s := State{Slots: map[string][]float32{}, Counters: map[string]int64{adamSteps: a.t}}
	a.m.put(adamM, s)
	a.v.put(adamV, s)
	return s
}

func (a *Adam) Load(s State) error {
	if err := s.only("adam", []string{adamM, adamV}, []string{adamSteps}); err != nil {
		return err
	}
	a.t, a.m, a.v = s.Counters[adamSteps], s.take(adamM), s.take(adamV)
	return nil
}
