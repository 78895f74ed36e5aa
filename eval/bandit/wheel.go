package bandit

import (
	"math"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/contrast"
)

// arms is how many there are: one for each quadrant, and a safe one.
const (
	arms = 5
	safe = 4
)

// What an arm pays: the safe one a little more than the others, and beyond delta
// the arm of the context's quadrant far more (means and standard deviations).
const (
	usual, usualSD   = 1.0, .05
	better, betterSD = 1.2, .05
	jackpot, jackSD  = 50.0, .01
)

// wheel is the bandit: contexts lie in the unit disc, and what is risky within
// delta of its centre pays outside.
type wheel struct{ delta float64 }

// point draws a point of the disc, uniformly.
func point(r *rand.Rand) (x, y float64) {
	for {
		x, y = 2*r.Float64()-1, 2*r.Float64()-1
		if x*x+y*y <= 1 {
			return x, y
		}
	}
}

// mean is what an arm pays at a context, on average.
func (w wheel) mean(x, y float64, arm int) float64 {
	switch {
	case arm == safe:
		return better
	case math.Hypot(x, y) >= w.delta && arm == quadrant(x, y):
		return jackpot
	}
	return usual
}

// pay draws what an arm pays.
func (w wheel) pay(r *rand.Rand, x, y float64, arm int) float64 {
	mean := w.mean(x, y, arm)
	sd := usualSD
	switch mean {
	case better:
		sd = betterSD
	case jackpot:
		sd = jackSD
	}
	return mean + sd*r.NormFloat64()
}

// best is what the best arm pays, on average.
func (w wheel) best(x, y float64) float64 {
	if math.Hypot(x, y) >= w.delta {
		return jackpot
	}
	return better
}

// quadrant numbers (+,+), (+,-), (-,+), (-,-).
func quadrant(x, y float64) int {
	q := 0
	if x <= 0 {
		q += 2
	}
	if y <= 0 {
		q++
	}
	return q
}

// uniform is the expected regret of a trial for one who plays at random.
func (w wheel) uniform() float64 {
	inside := w.delta * w.delta
	return inside*(better-.2*better-.8*usual) + (1-inside)*(jackpot-.2*jackpot-.2*better-.6*usual)
}

// plays are trials: contexts [n, 2], the arms played and what they paid.
type plays struct {
	x    []float32
	arms []int
	paid []float32
}

func (p *plays) add(x, y float64, arm int, paid float64) {
	p.x = append(p.x, float32(x), float32(y))
	p.arms, p.paid = append(p.arms, arm), append(p.paid, float32(paid))
}

func (p *plays) set() *contrast.Set[float32] {
	return &contrast.Set[float32]{X: p.x, Loss: contrast.Played[float32]{Arms: p.arms, Paid: p.paid}}
}

// sample returns up to n of the plays, drawn with replacement; all of them where
// there are no more than n.
func (p *plays) sample(r *rand.Rand, n int) *contrast.Set[float32] {
	if len(p.arms) <= n {
		return p.set()
	}
	var s plays
	for range n {
		i := r.IntN(len(p.arms))
		s.x = append(s.x, p.x[2*i], p.x[2*i+1])
		s.arms, s.paid = append(s.arms, p.arms[i]), append(s.paid, p.paid[i])
	}
	return s.set()
}

// past is a bandit of another delta, played at random: what is learned slowly comes
// from such.
type past struct{ train, eval plays }

func drawPast(r *rand.Rand, train, eval int) *past {
	w := wheel{r.Float64()}
	var p past
	for i := range train + eval {
		to := &p.train
		if i >= train {
			to = &p.eval
		}
		x, y := point(r)
		arm := r.IntN(arms)
		to.add(x, y, arm, w.pay(r, x, y, arm))
	}
	return &p
}
