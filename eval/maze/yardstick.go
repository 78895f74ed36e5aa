package maze

// Yardsticks of the rules: what the rewards of an agent may be held against. Both
// are exact expected rewards of an episode, over the places of the reward.

// maxWork bounds the steps of working a yardstick out, to about a second.
const maxWork = 200_000_000

// yardsticks returns the expected rewards of an agent that acts at random and of
// one that knows from the start where the reward is; ok is false for mazes and
// episodes too large to work them out.
func (r Rules) yardsticks() (random, knowing float64, ok bool) {
	e, err := NewEnv(r, 0, 0, "")
	if err != nil || 4*len(e.free)*len(e.free)*r.Steps > maxWork {
		return 0, 0, false
	}
	places := float64(len(e.free) - 1)
	for _, goal := range e.free {
		if goal != e.centre() {
			random += e.random(goal) / places
			knowing += e.knowing(goal) / places
		}
	}
	return random, knowing, true
}

// random follows the chance of being in each cell from step to step.
func (e *Env) random(goal int) (mean float64) {
	at, next := make([]float64, len(e.wall)), make([]float64, len(e.wall))
	at[e.centre()] = 1
	for range e.rules.Steps {
		clear(next)
		reached := 0.0
		for _, cell := range e.free {
			p := at[cell] / actions
			for _, move := range e.moves() {
				switch to := cell + move; {
				case e.wall[to]:
					mean -= e.rules.WallPenalty * p
					next[cell] += p
				case to == goal:
					reached += p
				default:
					next[to] += p
				}
			}
		}
		mean += e.rules.Reward * reached
		for _, cell := range e.free {
			if cell != goal {
				next[cell] += reached / float64(len(e.free)-1)
			}
		}
		at, next = next, at
	}
	return mean
}

// knowing is the mean reward of shortest paths: with so many steps left after a
// teleport, each place to be put at earns a reward if it is no further away, and
// what the steps left after that earn.
func (e *Env) knowing(goal int) float64 {
	away := e.distances(goal)
	earned := func(left, distance int, after []float64) float64 {
		if distance > left {
			return 0
		}
		return e.rules.Reward + after[left-distance]
	}
	after := make([]float64, e.rules.Steps+1)
	for left := range after {
		sum := 0.0
		for _, cell := range e.free {
			if cell != goal {
				sum += earned(left, away[cell], after)
			}
		}
		after[left] = sum / float64(len(e.free)-1)
	}
	return earned(e.rules.Steps, away[e.centre()], after)
}

// distances returns the steps from each free cell to goal, by breadth-first search.
func (e *Env) distances(goal int) []int {
	d := make([]int, len(e.wall))
	for queue := []int{goal}; len(queue) > 0; queue = queue[1:] {
		for _, move := range e.moves() {
			if to := queue[0] + move; !e.wall[to] && to != goal && d[to] == 0 {
				d[to] = d[queue[0]] + 1
				queue = append(queue, to)
			}
		}
	}
	return d
}
