// Package evolve is the task of evolved plasticity [1]: an agent is born into a
// maze that it has never seen and runs it eight times, from the same start to the
// same goal, carrying its weights and its state from one rollout to the next. What
// is evolved is how it comes to know the maze within that life.
//
// What the agent sees, 15 numbers:
//
//	0-8    the 3x3 cells around it, row by row: 1 wall, 0 free, -1 the goal
//	9-12   the action it has just taken, one-hot; a random one at a rollout's start
//	13, 14 0, as in the published code, which means them for reward and end
//
// Of its five outputs o_1 to o_4 stand for the actions (up, down, left, right);
// with probability sigma(2 o_5) it takes the largest, else it draws from their
// softmax. A wall blocks. A step costs 0.01, the goal is worth 1, and a rollout
// ends there or after 200 steps.
//
//	[1] Wang et al., Evolving decomposed plasticity rules for information-bottlenecked
//	    meta-learning, TMLR 2022, arXiv:2109.03554.
package evolve

import (
	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/rng"
)

// Sizes of the task.
const (
	inputs   = 15
	outputs  = 5
	rollouts = 8
	maxSteps = 200 // of a rollout

	stepCost   = 0.01
	goalReward = 1
)

// weights are those of the rollouts' scores in a life's fitness. The first two are
// for exploring.
var weights = [rollouts]float64{0, 0, .16, .22, .36, .64, .8, 1}

// Scores are what a life's rollouts come to.
type Scores [rollouts]float64

// Fitness is the weighted mean of the scores.
func (s Scores) Fitness() float64 {
	sum, of := 0.0, 0.0
	for k, w := range weights {
		sum += w * s[k]
		of += w
	}
	return sum / of
}

// Ablation is what a life is denied.
type Ablation int

// The ablations.
const (
	Intact        Ablation = iota
	NoPlasticity           // the weights stay as they were born
	ForgetWeights          // back to their birth at each rollout
	ForgetHidden           // h (and c) to zero at each rollout
)

// world is a life under way: an agent in a maze.
type world struct {
	maze   *Maze
	draws  *rng.Stream
	at     int // the agent's cell
	action int // the last one
	in     [inputs]float32
	out    [outputs]float32
	path   []int // nil, or of each rollout its cells, the start included
	steps  int   // of all rollouts
}

// live lets an agent, whose life has begun, run the maze. reached tells in which
// rollouts it came to the goal.
func (w *world) live(agent genotype.Life, ablation Ablation) (scores Scores, reached [rollouts]bool) {
	if ablation == NoPlasticity {
		agent.Freeze()
	}
	for k := range scores {
		if k > 0 && ablation == ForgetWeights {
			agent.ForgetWeights()
		}
		if k > 0 && ablation == ForgetHidden {
			agent.ForgetHidden()
		}
		scores[k], reached[k] = w.run(func() int {
			agent.Step(w.observe(), w.out[:])
			return w.choose()
		})
	}
	return scores, reached
}

// wander is live of an agent that takes every action with the same probability.
func (w *world) wander() (scores Scores, reached [rollouts]bool) {
	for k := range scores {
		scores[k], reached[k] = w.run(func() int { return w.draws.IntN(len(moves)) })
	}
	return scores, reached
}

// run is a rollout of an agent that acts.
func (w *world) run(act func() int) (score float64, reached bool) {
	w.at, w.action = w.maze.Start, w.draws.IntN(len(moves))
	w.see()
	for step := 1; step <= maxSteps; step++ {
		w.action = act()
		move := moves[w.action]
		if to := w.at + move[0]*w.maze.Size + move[1]; !w.maze.Wall[to] {
			w.at = to
		}
		w.steps++
		w.see()
		if w.at == w.maze.Goal {
			return goalReward - stepCost*float64(step), true
		}
	}
	return -stepCost * maxSteps, false
}

// see notes where the agent is, for a film.
func (w *world) see() {
	if w.path != nil {
		w.path = append(w.path, w.at)
	}
}

// observe is what the agent sees now, as a view.
func (w *world) observe() []float32 {
	clear(w.in[:])
	i := 0
	for x := -1; x <= 1; x++ {
		for y := -1; y <= 1; y++ {
			switch cell := w.at + x*w.maze.Size + y; {
			case w.maze.Wall[cell]:
				w.in[i] = 1
			case cell == w.maze.Goal:
				w.in[i] = -1
			}
			i++
		}
	}
	w.in[9+w.action] = 1
	return w.in[:]
}

// choose draws an action from the outputs.
func (w *world) choose() int { return choose(w.out[:], w.draws) }
