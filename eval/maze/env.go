// Package maze is the grid-maze task [1, section 4.2; 2, section 4.5]: in each
// episode an agent finds an invisible reward once by exploring, and should go
// straight back to it after each teleport.
//
// The maze is a square of free cells within a wall, with a pillar in every cell
// whose row and column are both even, counted from 0 at the wall; its size counts
// the wall, so size 11 is the 9x9 maze with 16 pillars. The centre is always
// free. An episode draws a place for the reward among the free cells other than
// the centre, where the agent starts. The actions are up, down, left and right;
// an agent that walks into a wall or pillar stays where it is and pays the wall
// penalty, if there is one. Reaching the reward is worth 10, and the agent is
// moved at once to a random free cell other than the reward's. An episode takes
// 200 steps.
//
// What the agent sees, 17 numbers, as in the published code of [1]:
//
//	 0-8   the 3x3 cells around the agent, row by row: 1 wall, 0 free
//	 9     0 (unused)
//	10     1 (a bias)
//	11     the step's number, from 0, divided by the episode's length
//	12     the reward for the action before, the penalty included
//	13-16  the action before, one-hot; 0 in the first step, where the published
//	       code says "up"
//
//	[1] Miconi, Rawal, Clune and Stanley, Backpropamine, ICLR 2019, arXiv:2002.10585.
//	[2] Miconi, Clune and Stanley, Differentiable plasticity, ICML 2018, arXiv:1804.02464.
package maze

import (
	"fmt"

	"github.com/engram-lm/engram/internal/rng"
)

// Rules are the sizes and rewards of the task.
type Rules struct {
	Size        int     // of a side, the outer wall included; odd
	Steps       int     // of an episode
	Reward      float64 // for reaching the reward's place
	WallPenalty float64 // for walking into a wall: subtracted from the reward
}

// Backpropamine returns the rules of [1]'s published code, DifferentiablePlasticity
// those of [2]'s.
func Backpropamine() Rules { return Rules{Size: 11, Steps: 200, Reward: 10} }
func DifferentiablePlasticity() Rules {
	return Rules{Size: 11, Steps: 250, Reward: 10, WallPenalty: 0.1}
}

// Validate reports the first rule under which no episode can be made.
func (r Rules) Validate() error {
	switch {
	case r.Size < 5 || r.Size > 101 || r.Size%2 == 0:
		return fmt.Errorf("size %d: want an odd number of 5 to 101", r.Size)
	case r.Steps < 1 || r.Steps > 10_000:
		return fmt.Errorf("steps %d: want 1 to 10000", r.Steps)
	case !(r.Reward > 0):
		return fmt.Errorf("reward %v: want more than 0", r.Reward)
	case !(r.WallPenalty >= 0):
		return fmt.Errorf("wall_penalty %v: want 0 or more, which is subtracted", r.WallPenalty)
	}
	return nil
}

// The actions.
const (
	Up = iota
	Down
	Left
	Right
	actions
)

// The inputs.
const (
	view     = 9 // cells around the agent, and its own
	inUnused = view + iota - 1
	inBias
	inTime
	inReward
	inAction
	inputs = inAction + actions
)

// Env is a batch of streams, each in an episode of its own. All begin and end
// theirs together. A cell is numbered row * Size + column.
type Env struct {
	rules   Rules
	t       int // steps taken in the episode
	wall    []bool
	free    []int // the free cells, rising
	streams []stream
}

// stream is one episode under way.
type stream struct {
	rng      *rng.Stream
	at, goal int // cells
}

// NewEnv returns an environment of batch streams, which begins with Reset. Stream
// b draws from the random stream NAME/b of seed, so it does not depend on how
// many there are beside it.
func NewEnv(rules Rules, batch int, seed uint64, name string) (*Env, error) {
	if err := rules.Validate(); err != nil {
		return nil, err
	}
	e := &Env{rules: rules, streams: make([]stream, batch)}
	last := rules.Size - 1
	for row := range rules.Size {
		for col := range rules.Size {
			cell := row*rules.Size + col
			outer := row == 0 || col == 0 || row == last || col == last
			pillar := row%2 == 0 && col%2 == 0 && cell != e.centre()
			e.wall = append(e.wall, outer || pillar)
			if !e.wall[cell] {
				e.free = append(e.free, cell)
			}
		}
	}
	for b := range e.streams {
		e.streams[b].rng = rng.New(seed, fmt.Sprintf("%s/%d", name, b))
	}
	return e, nil
}

func (e *Env) centre() int { return e.rules.Size / 2 * (e.rules.Size + 1) }

// Inputs returns the size of an observation.
func (e *Env) Inputs() int { return inputs }

// Actions returns 4: Up, Down, Left, Right.
func (e *Env) Actions() int { return actions }

// Steps returns the length of an episode.
func (e *Env) Steps() int { return e.rules.Steps }

// Streams returns the random streams. Between episodes their positions are all
// there is to the environment's state.
func (e *Env) Streams() []*rng.Stream {
	all := make([]*rng.Stream, len(e.streams))
	for b := range all {
		all[b] = e.streams[b].rng
	}
	return all
}

// Wall reports whether a cell is wall or pillar.
func (e *Env) Wall(cell int) bool { return e.wall[cell] }

// Agent and Goal return the cells of stream b's agent and of its reward.
func (e *Env) Agent(b int) int { return e.streams[b].at }
func (e *Env) Goal(b int) int  { return e.streams[b].goal }

// Reset begins an episode in all streams and writes the first observation
// [B, Inputs].
func (e *Env) Reset(obs []float32) {
	e.t = 0
	for b := range e.streams {
		s := &e.streams[b]
		s.at = e.centre()
		s.goal = e.draw(s.rng, s.at)
		e.observe(b, obs, 0, -1)
	}
}

// Step takes an action in each stream and writes what it is worth, rewards [B],
// and the next observation [B, Inputs].
func (e *Env) Step(actions []int, obs, rewards []float32) {
	e.t++
	moves := e.moves()
	for b, action := range actions {
		s, reward := &e.streams[b], 0.0
		if next := s.at + moves[action]; e.wall[next] {
			reward = -e.rules.WallPenalty
		} else {
			s.at = next
		}
		if s.at == s.goal {
			reward += e.rules.Reward
			s.at = e.draw(s.rng, s.goal)
		}
		rewards[b] = float32(reward)
		e.observe(b, obs, rewards[b], action)
	}
}

// moves returns what each action adds to the number of the agent's cell.
func (e *Env) moves() [actions]int {
	return [...]int{Up: -e.rules.Size, Down: e.rules.Size, Left: -1, Right: 1}
}

// draw returns a random free cell other than the free cell but.
func (e *Env) draw(r *rng.Stream, but int) int {
	i := r.IntN(len(e.free) - 1)
	if e.free[i] >= but { // the cells from but on have moved down by one
		i++
	}
	return e.free[i]
}

// observe writes what stream b sees now, after a reward and an action (-1: none).
func (e *Env) observe(b int, obs []float32, reward float32, action int) {
	row := obs[b*inputs:][:inputs]
	clear(row)
	at, n := e.streams[b].at, e.rules.Size
	for i := range view {
		if e.wall[at+(i/3-1)*n+i%3-1] {
			row[i] = 1
		}
	}
	row[inBias] = 1
	row[inTime] = float32(e.t) / float32(e.rules.Steps)
	row[inReward] = reward
	if action >= 0 {
		row[inAction+action] = 1
	}
}
