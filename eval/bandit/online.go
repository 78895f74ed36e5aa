package bandit

import (
	"context"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/contrast"
)

// player chooses arms and learns from what they pay.
type player interface {
	// choose returns the arm to play at a context.
	choose(x, y float32) int
	// learn takes in the trials so far, after every so many of them.
	learn(seen *plays)
}

// initial is how often each arm is played first.
const initial = 2

// play returns the regret of so many trials against the means, over what playing
// at random would regret.
func (w wheel) play(ctx context.Context, r *rand.Rand, p player, trials, every int) (float64, error) {
	var seen plays
	var regret float64
	for t := range trials {
		if t%every == 0 {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			if t >= initial*arms {
				p.learn(&seen)
			}
		}
		x, y := point(r)
		arm := t % arms
		if t >= initial*arms {
			arm = p.choose(float32(x), float32(y))
		}
		regret += w.best(x, y) - w.mean(x, y, arm)
		seen.add(x, y, arm, w.pay(r, x, y, arm))
	}
	return regret / (float64(trials) * w.uniform()), nil
}

// greedy plays the arm that a net expects most of, and goes on training it: by the
// energy that it was meta-learned with, on batches of all it has seen.
type greedy struct {
	r         *rand.Rand
	net       *contrast.MLP[float32]
	energy    contrast.Energy[float32]
	train     func(*contrast.Set[float32]) // sets what the energy learns from
	theta     []float32
	phi, dphi []float32
	optimizer contrast.Optimizer[float32]
	steps     int
	batch     int
}

func (g *greedy) outputs(x []float32) []float32 {
	n, _ := g.net.Len()
	if g.net.Modulated {
		return g.net.Forward(g.theta[:n], g.phi, x)
	}
	return g.net.Forward(g.phi[:n], g.phi[n:], x)
}

func (g *greedy) choose(x, y float32) int {
	out := g.outputs([]float32{x, y})
	best := 0
	for i, v := range out {
		if v > out[best] {
			best = i
		}
	}
	return best
}

func (g *greedy) learn(seen *plays) {
	for range g.steps {
		g.train(seen.sample(g.r, g.batch))
		g.energy.Gradient(g.phi, g.theta, 0, g.dphi, nil)
		g.optimizer.Step(g.phi, g.dphi)
	}
}
