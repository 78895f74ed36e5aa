package maze

import "github.com/engram-lm/engram/internal/study"

// witness counts how often and how fast the reward is found, and notes what
// stream 0 does in the first of the held-out episodes.
type witness struct {
	env      *Env
	episodes int
	found    int   // times that the reward was reached
	since    []int // per stream: the step of its last teleport, 0 before
	first    tally // steps to the first reward of an episode; all of them where there is none
	again    tally // steps from a teleport to the reward
	goal     int   // the reward's cell in the episode of path
	path     []moment
}

// tally is a sum of so many numbers.
type tally struct{ n, sum int }

func (t *tally) add(x int) { t.n, t.sum = t.n+1, t.sum+x }

// mean is NaN of nothing.
func (t tally) mean() float64 { return float64(t.sum) / float64(t.n) }

// moment is where stream 0 is, and what its last action was worth.
type moment struct {
	cell   int
	reward float32
}

func newWitness(env *Env) *witness {
	return &witness{env: env, since: make([]int, len(env.streams))}
}

func (w *witness) See(batch, t int, rewards []float32) {
	if t == 0 {
		w.episodes += len(w.since)
		clear(w.since)
	}
	for b, r := range rewards {
		if r <= 0 {
			if t == w.env.Steps() && w.since[b] == 0 {
				w.first.add(t)
			}
			continue
		}
		w.found++
		if w.since[b] == 0 {
			w.first.add(t)
		} else {
			w.again.add(t - w.since[b])
		}
		w.since[b] = t
	}
	if batch > 0 || t == w.env.Steps() { // what comes after the last step is seen by nobody
		return
	}
	w.goal = w.env.Goal(0)
	now := moment{cell: w.env.Agent(0)}
	if t > 0 {
		now.reward = rewards[0]
	}
	w.path = append(w.path, now)
}

func (w *witness) Report(modulation []float64) ([]study.Measure, []study.Picture) {
	measures := []study.Measure{
		{Name: "found", Value: float64(w.found) / float64(w.episodes)},
		{Name: "steps_to_first", Value: w.first.mean()},
		{Name: "steps_to_return", Value: w.again.mean()},
	}
	pictures := []study.Picture{{
		Title:   "An episode",
		Caption: "The agent (blue, with its last places) in a held-out episode, of which 300 steps are shown at most. The reward is in the orange cell, which the agent cannot see; the cell turns green when the agent has reached it and is put elsewhere.",
		File:    "episode.gif", Image: w.film(),
	}}
	if modulation == nil {
		return measures, pictures
	}
	steps, rewards := make([]float64, len(modulation)), make([]float64, len(modulation))
	for t := range steps {
		steps[t] = float64(t)
		if w.path[t].reward > 0 {
			rewards[t] = 1
		}
	}
	return measures, append(pictures, study.Picture{
		Title:   "The neuromodulator over the episode",
		Caption: "M(t) in the same episode, and the steps in which the agent sees that it has found the reward.",
		X:       "step", Y: "M(t)",
		Curves: []study.Curve{
			{Name: "M(t)", X: steps, Y: modulation},
			{Name: "reward found", X: steps, Y: rewards, Events: true},
		},
	})
}
