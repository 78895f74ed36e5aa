package bandit

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// neuralLinear is Bayesian linear regression for each arm on the last hidden layer
// of a net, which is trained from a random start, with Thompson sampling: NeuralLinear
// of Riquelme, Tucker and Snoek, Deep Bayesian bandits showdown, ICLR 2018. (The net
// is trained by Adam, theirs by RMSProp.)
type neuralLinear struct {
	*greedy
	mean  [arms]*mat.VecDense
	scale [arms]*mat.Cholesky // of the precision
	b     [arms]float64
	a     [arms]float64
}

// The prior of [Riquelme et al.] as the authors of [1] set it: precision lambda, and
// an inverse gamma (a, b) of the noise.
const (
	priorPrecision = 23
	priorA, priorB = 12, 30
)

// features returns the last hidden layer [n, H] for contexts, and a 1 for a bias.
func (l *neuralLinear) features(x []float32) *mat.Dense {
	n := len(x) / 2
	hidden := l.net.Hidden(l.phi, x)
	h := len(hidden) / n
	f := mat.NewDense(n, h+1, nil)
	for i := range n {
		for j := range h {
			f.Set(i, j, float64(hidden[i*h+j]))
		}
		f.Set(i, h, 1)
	}
	return f
}

func (l *neuralLinear) learn(seen *plays) {
	l.greedy.learn(seen)
	f := l.features(seen.x)
	_, d := f.Dims()
	for arm := range arms {
		precision := mat.NewSymDense(d, nil)
		for i := range d {
			precision.SetSym(i, i, priorPrecision)
		}
		xy := mat.NewVecDense(d, nil)
		n, yy := 0, 0.
		for i, played := range seen.arms {
			if played != arm {
				continue
			}
			row := f.RowView(i)
			precision.SymRankOne(precision, 1, row)
			y := float64(seen.paid[i])
			xy.AddScaledVec(xy, y, row)
			yy += y * y
			n++
		}
		var chol mat.Cholesky
		chol.Factorize(precision) // positive definite: the prior is
		mean := mat.NewVecDense(d, nil)
		// A condition that is large is no error here.
		_ = chol.SolveVecTo(mean, xy)
		var pm mat.VecDense
		pm.MulVec(precision, mean)
		l.mean[arm], l.scale[arm] = mean, &chol
		l.a[arm] = priorA + float64(n)/2
		l.b[arm] = math.Max(priorB+(yy-mat.Dot(mean, &pm))/2, 1e-9)
	}
}

// choose plays the arm that is best under one draw from what is believed.
func (l *neuralLinear) choose(x, y float32) int {
	if l.mean[0] == nil {
		return l.r.IntN(arms)
	}
	f := l.features([]float32{x, y}).RowView(0)
	best, at := math.Inf(-1), 0
	for arm := range arms {
		sd := math.Sqrt(l.b[arm] / gamma(l.r, l.a[arm]))
		// f . w with w ~ N(mean, sd^2 precision^-1) is N(f . mean, sd^2 f' precision^-1 f).
		var half mat.VecDense
		_ = l.scale[arm].SolveVecTo(&half, f)
		v := mat.Dot(f, l.mean[arm]) + sd*math.Sqrt(math.Max(mat.Dot(f, &half), 0))*l.r.NormFloat64()
		if v > best {
			best, at = v, arm
		}
	}
	return at
}

// gamma draws from the gamma distribution of shape a, at least 1, and rate 1
// (Marsaglia and Tsang 2000).
func gamma(r *rand.Rand, a float64) float64 {
	d := a - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

var _ player = (*neuralLinear)(nil)
