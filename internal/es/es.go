// Package es is the evolution strategy of evolved plasticity [1]: a CMA-ES [2]
// whose covariance is a diagonal, with a factor of its own on the noise of each
// tensor (segment) of each member.
//
// A strategy is asked for the members of a generation and told what each is
// worth; it draws member p of generation t from a random stream of that name, so
// whoever holds the state can draw any member, and all that is shared between
// machines is the worth of each. With K = P/2 parents of P members, weights
// w_k ~ ln(K+1) - ln k that sum to 1, mu = 1 / sum w_k^2, D = m' - m and
// q = sum w_k (z_k - m)^2 element by element:
//
//	z     = m + sigma sqrt(v) f N(0, 1), f by segment: .708 (5%), 1 (90%), 1.225 (5%); member 0 is m
//	m'    = sum w_k z_k over the parents, the best first
//	p_s  <- (1-c_s) p_s + sqrt(c_s (2-c_s) mu) D / (sigma sqrt(v))
//	v    <- clip((1-c_cov) v + (c_cov/mu) p_c^2 + c_cov (1-1/mu) q / sigma^2, 1e-12, 1)
//	p_c  <- (1-c_c) p_c + h sqrt(c_c (2-c_c) mu) D / sigma
//	sigma <- clip(sigma exp((c_s/d_s) (|p_s|/chi - 1)), 1e-6, 1)
//
// v takes p_c from before the generation, as published. h is 0 while |p_s| is
// beyond a bound and 1 otherwise, see Options.SettledBound.
//
// gonum's optimize.CmaEsChol does not do: its covariance is full (d^2 numbers for
// d parameters), its step size has no effect, it owns the loop, and its state is
// not to be had, so that no run could go on to the same bits.
//
//	[1] Wang et al., Evolving decomposed plasticity rules for information-bottlenecked
//	    meta-learning, TMLR 2022, arXiv:2109.03554.
//	[2] Hansen, The CMA evolution strategy: a tutorial, arXiv:1604.00772.
package es

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// Options are the choices of a strategy.
type Options struct {
	Pool     int     // members of a generation, at least 4
	Sigma    float64 // step size at the start: 0.01 in [1]
	Rate     float64 // c_cov, of the variances: 0.02 in [1]
	Segments []int   // lengths of the tensors that the parameters consist of; nil: one
	// SettledBound takes |p_s| < sqrt(1 - (1-c_s)^(2t)) (1.4 + 2/(d+1)) chi for the
	// bound below which h is 1, as [2] has it. That of [1], sqrt(2 c_s (t+1)) in the
	// place of the root, grows for ever: after some generations h is always 1.
	SettledBound bool
}

// Bounds of the variances and of the step size.
const (
	minVariance, maxVariance = 1e-12, 1
	minSigma, maxSigma       = 1e-6, 1
)

// factors are those of a segment's noise. Their mean square is 1.
var factors = [...]float64{0.708, 1, 1.225}

// rare is the probability of each factor that is not 1.
const rare = 0.05

// State is all that changes from one generation to the next. The vectors have an
// element a parameter.
type State struct {
	Generation int // told so far
	Sigma      float64
	Mean       []float64 // m
	Variance   []float64 // v
	PathSigma  []float64 // p_s
	PathCov    []float64 // p_c
}

// Strategy is an evolution strategy that maximises.
type Strategy struct {
	State
	opt     Options
	seed    uint64
	weights []float64 // of the parents, the best first

	mu, cs, ds, cc, chi float64
}

// New returns a strategy that begins at mean, of which it takes a copy.
func New(seed uint64, mean []float64, o Options) (*Strategy, error) {
	d := len(mean)
	if o.Segments == nil {
		o.Segments = []int{d}
	}
	sum := 0
	for _, n := range o.Segments {
		sum += n
	}
	switch {
	case d == 0 || sum != d:
		return nil, fmt.Errorf("es: segments of %d parameters for a mean of %d; want as many, and at least 1", sum, d)
	case o.Pool < 4:
		return nil, fmt.Errorf("es: a pool of %d; want at least 4", o.Pool)
	case !(o.Sigma >= minSigma && o.Sigma <= maxSigma):
		return nil, fmt.Errorf("es: sigma %v; want %v to %v", o.Sigma, minSigma, maxSigma)
	case !(o.Rate > 0 && o.Rate <= 1):
		return nil, fmt.Errorf("es: a rate of %v; want more than 0, at most 1", o.Rate)
	}
	s := &Strategy{opt: o, seed: seed, State: State{
		Sigma: o.Sigma, Mean: slices.Clone(mean), Variance: make([]float64, d),
		PathSigma: make([]float64, d), PathCov: make([]float64, d),
	}}
	for i := range s.Variance {
		s.Variance[i] = 1
	}
	s.weights = weights(o.Pool / 2)
	squares := 0.0
	for _, w := range s.weights {
		squares += w * w
	}
	n := float64(d)
	s.mu = 1 / squares
	s.cs = (s.mu + 2) / (n + s.mu + 3)
	s.ds = 1 + s.cs + 2*math.Sqrt(max(0, (s.mu-n-2)/(n+1)))
	s.cc = 4 / (n + 4)
	s.chi = math.Sqrt(n) * (1 - 1/(4*n) + 1/(21*n*n))
	return s, nil
}

// weights are those of so many parents, ln(parents+1) - ln k made to sum to 1.
func weights(parents int) []float64 {
	w, sum := make([]float64, parents), 0.0
	for k := range w {
		w[k] = math.Log(float64(parents+1)) - math.Log(float64(k+1))
		sum += w[k]
	}
	for k := range w {
		w[k] /= sum
	}
	return w
}

// Pool returns the number of members of a generation.
func (s *Strategy) Pool() int { return s.opt.Pool }

// Ask writes member p of the generation under way, counted from 0, into z. Calls
// may come in any order and at the same time.
func (s *Strategy) Ask(p int, z []float64) {
	copy(z, s.Mean)
	if p == 0 {
		return
	}
	noise := rng.New(s.seed, fmt.Sprintf("noise/%d/%d", s.Generation, p))
	i := 0
	for _, n := range s.opt.Segments {
		f := factors[1]
		switch u := noise.Float64(); {
		case u < rare:
			f = factors[0]
		case u >= 1-rare:
			f = factors[2]
		}
		for range n {
			z[i] += s.Sigma * math.Sqrt(s.Variance[i]) * f * noise.NormFloat64()
			i++
		}
	}
}

// group is how many parents are summed before the sums are. It is fixed, so that
// the bits do not depend on the number of cores.
const group = 16

// Tell ends a generation, given the worth of each member, higher being better.
// Members whose worth is no finite number are dropped. It is an error if none is
// left.
func (s *Strategy) Tell(worth []float64) error {
	if len(worth) != s.opt.Pool {
		return fmt.Errorf("es: the worth of %d members; want %d", len(worth), s.opt.Pool)
	}
	order := make([]int, 0, len(worth))
	for p, f := range worth {
		if f-f == 0 {
			order = append(order, p)
		}
	}
	if len(order) == 0 {
		return fmt.Errorf("es: no member of generation %d has a worth that is a number", s.Generation)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
	w := s.weights
	if len(order) < len(w) {
		w = weights(len(order))
	}
	s.update(s.recombine(order[:len(w)], w))
	return nil
}

// recombine returns D = sum w_k (z_k - m) and q = sum w_k (z_k - m)^2 of the parents.
func (s *Strategy) recombine(parents []int, w []float64) (move, square []float64) {
	d := len(s.Mean)
	groups := (len(parents) + group - 1) / group
	sums := make([]float64, groups*2*d)
	kernel.Parallel(groups, func(g int) {
		move, square := sums[g*2*d:][:d], sums[g*2*d+d:][:d]
		z := make([]float64, d)
		for k := g * group; k < min(len(parents), (g+1)*group); k++ {
			s.Ask(parents[k], z)
			for i, m := range s.Mean {
				x := z[i] - m
				move[i] += w[k] * x
				square[i] += w[k] * x * x
			}
		}
	})
	for g := 1; g < groups; g++ {
		kernel.Add(sums[:2*d], sums[g*2*d:][:2*d])
	}
	return sums[:d], sums[d : 2*d]
}

// update takes the step of a generation.
func (s *Strategy) update(move, square []float64) {
	d := float64(len(s.Mean))
	rate, settled := s.opt.Rate, math.Sqrt(s.cs*(2-s.cs)*s.mu)
	norm := 0.0
	for i, x := range move {
		p := (1-s.cs)*s.PathSigma[i] + settled*x/(s.Sigma*math.Sqrt(s.Variance[i]))
		s.PathSigma[i] = p
		norm += p * p
	}
	norm = math.Sqrt(norm)
	t := float64(s.Generation + 1) // as [1] counts: this one included
	bound := math.Sqrt(2 * s.cs * (t + 1))
	if s.opt.SettledBound {
		bound = math.Sqrt(1 - math.Pow(1-s.cs, 2*t))
	}
	h := 0.0
	if norm < bound*(1.4+2/(d+1))*s.chi {
		h = 1
	}
	for i, x := range move {
		p := s.PathCov[i]
		v := (1-rate)*s.Variance[i] + rate/s.mu*p*p + rate*(1-1/s.mu)*square[i]/(s.Sigma*s.Sigma)
		s.Variance[i] = min(max(v, minVariance), maxVariance)
		s.PathCov[i] = (1-s.cc)*p + h*math.Sqrt(s.cc*(2-s.cc)*s.mu)*x/s.Sigma
		s.Mean[i] += x
	}
	s.Sigma = min(max(s.Sigma*math.Exp(s.cs/s.ds*(norm/s.chi-1)), minSigma), maxSigma)
	s.Generation++
}

// Load takes over a state of as many parameters, of which it takes a copy.
func (s *Strategy) Load(from State) error {
	for _, v := range []struct {
		name      string
		to, given *[]float64
	}{
		{"mean", &s.Mean, &from.Mean}, {"variance", &s.Variance, &from.Variance},
		{"path_sigma", &s.PathSigma, &from.PathSigma}, {"path_cov", &s.PathCov, &from.PathCov},
	} {
		if len(*v.given) != len(*v.to) {
			return fmt.Errorf("es: %s has %d values; want %d", v.name, len(*v.given), len(*v.to))
		}
	}
	s.State = State{
		Generation: from.Generation, Sigma: from.Sigma, Mean: slices.Clone(from.Mean), Variance: slices.Clone(from.Variance),
		PathSigma: slices.Clone(from.PathSigma), PathCov: slices.Clone(from.PathCov),
	}
	return nil
}

// Restart begins anew around the mean, as a run of [1] does that takes over a
// snapshot: sigma at its start, the variances within [0.64, 1]. The paths go on.
func (s *Strategy) Restart() {
	s.Sigma = s.opt.Sigma
	for i, v := range s.Variance {
		s.Variance[i] = min(max(v, 0.64), maxVariance)
	}
}
