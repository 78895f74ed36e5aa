package maze

import (
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

// grid is the maze of size 11 as drawn by hand.
const grid = "" +
	"###########" +
	"#.........#" +
	"#.#.#.#.#.#" +
	"#.........#" +
	"#.#.#.#.#.#" +
	"#....o....#" +
	"#.#.#.#.#.#" +
	"#.........#" +
	"#.#.#.#.#.#" +
	"#.........#" +
	"###########"

const (
	side   = 11
	centre = 5*side + 5
)

var steps = [4]int{Up: -side, Down: side, Left: -1, Right: 1}

// distances returns the length of the shortest path from every cell to goal, by
// breadth-first search; -1 from a wall.
func distances(goal int) []int {
	d := make([]int, len(grid))
	for i := range d {
		d[i] = -1
	}
	d[goal] = 0
	for queue := []int{goal}; len(queue) > 0; queue = queue[1:] {
		for _, step := range steps {
			if to := queue[0] + step; grid[to] != '#' && d[to] < 0 {
				d[to] = d[queue[0]] + 1
				queue = append(queue, to)
			}
		}
	}
	return d
}

func free() (cells []int) {
	for i, c := range grid {
		if c != '#' {
			cells = append(cells, i)
		}
	}
	return cells
}

// optimal returns the expected reward of an episode of n steps for an agent that
// knows the place and takes shortest paths. From a teleport with n steps left, d
// steps from the place, it earns 10 if d <= n and goes on with n-d:
//
//	R(n) = mean over the 64 places to be teleported to, at d(c), of
//	       [d(c) <= n] (10 + R(n - d(c))),
//
// an episode begins at the centre: [d(centre) <= n] (10 + R(n - d(centre))); its
// mean is over the 64 places of the reward.
func optimal(n int) (mean float64) {
	cells := free()
	for _, goal := range cells {
		if goal == centre {
			continue
		}
		d := distances(goal)
		r := make([]float64, n+1)
		for left := range r {
			for _, c := range cells {
				if c != goal && d[c] <= left {
					r[left] += (10 + r[left-d[c]]) / 64
				}
			}
		}
		if d[centre] <= n {
			mean += (10 + r[n-d[centre]]) / 64
		}
	}
	return mean
}

// random returns the expected reward of an agent that takes each action with
// chance 1/4, less the penalty for each walk into a wall, by following the chance
// of being in each cell from step to step.
func random(n int, penalty float64) (mean float64) {
	cells := free()
	for _, goal := range cells {
		if goal == centre {
			continue
		}
		at, next := make([]float64, len(grid)), make([]float64, len(grid))
		at[centre] = 1
		for range n {
			clear(next)
			for _, c := range cells {
				for _, step := range steps {
					p, to := at[c]/4, c+step
					if grid[to] == '#' {
						mean -= penalty * p / 64
						to = c
					}
					if to != goal {
						next[to] += p
						continue
					}
					mean += 10 * p / 64
					for _, c := range cells {
						if c != goal {
							next[c] += p / 64
						}
					}
				}
			}
			at, next = next, at
		}
	}
	return mean
}

func newEnv(t testing.TB, rules Rules, batch int, seed uint64) *Env {
	t.Helper()
	e, err := NewEnv(rules, batch, seed, "environment")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// returns plays an episode in each stream and returns its mean reward with the
// standard error.
func returns(e *Env, policy func(b int) int) (mean, se float64) {
	batch := len(e.streams)
	obs, rewards, acts := make([]float32, batch*inputs), make([]float32, batch), make([]int, batch)
	sums := make([]float64, batch)
	e.Reset(obs)
	for range e.Steps() {
		for b := range acts {
			acts[b] = policy(b)
		}
		e.Step(acts, obs, rewards)
		for b, r := range rewards {
			sums[b] += float64(r)
		}
	}
	for _, s := range sums {
		mean += s / float64(batch)
	}
	for _, s := range sums {
		se += (s - mean) * (s - mean) / float64(batch)
	}
	return mean, math.Sqrt(se / float64(batch))
}

// The expected rewards are worked out above from the drawing alone.
func TestOptimalAndRandomPolicies(t *testing.T) {
	const batch = 3000
	toGoal := make([][]int, len(grid))
	for _, goal := range free() {
		toGoal[goal] = distances(goal)
	}
	e := newEnv(t, Backpropamine(), batch, 1)
	shortest := func(b int) int {
		d := toGoal[e.Goal(b)]
		for action, step := range steps {
			if to := e.Agent(b) + step; d[to] == d[e.Agent(b)]-1 && d[to] >= 0 {
				return action
			}
		}
		t.Fatalf("no way from %d to %d", e.Agent(b), e.Goal(b))
		return 0
	}
	mean, se := returns(e, shortest)
	want := optimal(200)
	if !(math.Abs(want-324.23) <= 0.01) || !(math.Abs(random(200, 0)-7.72) <= 0.01) {
		t.Errorf("expected rewards %.2f and %.2f; --help says 324 and 7.7", want, random(200, 0))
	}
	for _, n := range []int{3, 200} {
		r := Backpropamine()
		r.Steps, r.WallPenalty = n, 0.1
		if chance, knowing, ok := r.yardsticks(); !ok || !(math.Abs(chance-random(n, 0.1)) < 1e-9) || !(math.Abs(knowing-optimal(n)) < 1e-9) {
			t.Errorf("%d steps: the yardsticks are %v and %v, want %v and %v", n, chance, knowing, random(n, 0.1), optimal(n))
		}
	}
	if _, _, ok := (Rules{Size: 101, Steps: 10_000, Reward: 10}).yardsticks(); ok {
		t.Error("yardsticks that would take hours")
	}
	if !(math.Abs(mean-want) <= 4*se) || se > 0.02*want {
		t.Errorf("the optimal policy earns %.2f +- %.2f, want %.2f", mean, se, want)
	}
	r := rng.New(1, "policy")
	for _, rules := range []Rules{Backpropamine(), DifferentiablePlasticity()} {
		mean, se := returns(newEnv(t, rules, batch, 1), func(int) int { return r.IntN(4) })
		want := random(rules.Steps, rules.WallPenalty)
		if !(math.Abs(mean-want) <= 4*se) || se > 1 {
			t.Errorf("a random policy earns %.2f +- %.2f in %d steps with a penalty of %v, want %.2f", mean, se, rules.Steps, rules.WallPenalty, want)
		}
	}
}

func TestMaze(t *testing.T) {
	e := newEnv(t, Backpropamine(), 1, 1)
	for cell, c := range grid {
		if e.Wall(cell) != (c == '#') {
			t.Errorf("cell %d, %d: wall %t", cell/side, cell%side, e.Wall(cell))
		}
	}
	if len(e.free) != 65 {
		t.Errorf("%d free cells, want 81 less 16 pillars", len(e.free))
	}
	large := newEnv(t, Rules{Size: 13, Steps: 200, Reward: 10}, 1, 1)
	if large.Wall(6*13+6) || !large.Wall(4*13+6) {
		t.Error("size 13: want no pillar at the centre, and one two cells above")
	}
}

// From the centre: what each move shows, what a wall costs, what the reward
// brings and when it is seen.
func TestStep(t *testing.T) {
	e := newEnv(t, Rules{Size: 11, Steps: 200, Reward: 10, WallPenalty: 0.5}, 1, 1)
	if e.Inputs() != 17 || e.Actions() != 4 || e.Steps() != 200 {
		t.Fatalf("%d inputs, %d actions, %d steps; want 17, 4, 200", e.Inputs(), e.Actions(), e.Steps())
	}
	obs, rewards := make([]float32, 17), make([]float32, 1)
	e.Reset(obs)
	s := &e.streams[0]
	if s.at != centre {
		t.Fatalf("start at %d, want the centre", s.at)
	}
	crossing := []float32{1, 0, 1, 0, 0, 0, 1, 0, 1}
	corridor := []float32{0, 0, 0, 1, 0, 1, 0, 0, 0} // between two pillars, up and down free
	s.goal = 1*side + 5
	for i, want := range []struct {
		action   int
		at       int
		reward   float32
		view     []float32
		teleport bool
	}{
		{Up, 4*side + 5, 0, corridor, false},
		{Left, 4*side + 5, -0.5, corridor, false},
		{Up, 3*side + 5, 0, crossing, false},
		{Right, 3*side + 6, 0, []float32{0, 1, 0, 0, 0, 0, 0, 1, 0}, false},
		{Down, 3*side + 6, -0.5, []float32{0, 1, 0, 0, 0, 0, 0, 1, 0}, false},
		{Left, 3*side + 5, 0, crossing, false},
		{Up, 2*side + 5, 0, corridor, false},
		{Up, 0, 10, nil, true},
	} {
		e.Step([]int{want.action}, obs, rewards)
		if rewards[0] != want.reward || obs[inReward] != want.reward {
			t.Errorf("move %d: reward %v, seen as %v, want %v", i, rewards[0], obs[inReward], want.reward)
		}
		if !want.teleport && (s.at != want.at || !slices.Equal(obs[:9], want.view)) {
			t.Errorf("move %d: at %d seeing %v, want %d seeing %v", i, s.at, obs[:9], want.at, want.view)
		}
		if want.teleport && s.at == s.goal {
			t.Error("teleported to the reward's place")
		}
		if obs[9] != 0 || obs[10] != 1 || obs[11] != float32(i+1)/200 {
			t.Errorf("move %d: unused, bias and time are seen as %v", i, obs[9:12])
		}
		one := make([]float32, 4)
		if one[want.action] = 1; !slices.Equal(obs[13:], one) {
			t.Errorf("move %d: action %d is seen as %v", i, want.action, obs[13:])
		}
	}
	s.at, s.goal = 1*side+4, 1*side+5 // the reward in the top row
	e.Step([]int{Up}, obs, rewards)
	if rewards[0] != -0.5 || !slices.Equal(obs[:9], []float32{1, 1, 1, 0, 0, 0, 0, 1, 0}) {
		t.Errorf("into the outer wall: reward %v seeing %v", rewards[0], obs[:9])
	}
	e.Reset(obs)
	if s.at != centre || !slices.Equal(obs[9:], []float32{0, 1, 0, 0, 0, 0, 0, 0}) || !slices.Equal(obs[:9], crossing) {
		t.Errorf("a new episode begins at %d seeing %v", s.at, obs)
	}
}

// Places are drawn with equal chances from all free cells but one.
func TestDraw(t *testing.T) {
	const n = 64000
	e := newEnv(t, Backpropamine(), 1, 1)
	for _, but := range []int{centre, e.free[0], e.free[len(e.free)-1]} {
		count := map[int]int{}
		for range n {
			count[e.draw(e.streams[0].rng, but)]++
		}
		if count[but] > 0 || len(count) != 64 {
			t.Errorf("%d cells drawn, %d times the one left out", len(count), count[but])
		}
		for cell, k := range count {
			if !(math.Abs(float64(k)-1000) <= 5*math.Sqrt(1000)) {
				t.Errorf("cell %d is drawn %d times of %d, want about 1000", cell, k, n)
			}
		}
	}
}

// A stream sees the same whether it is alone or one of many; another seed gives
// another episode.
func TestStreams(t *testing.T) {
	record := func(e *Env, b int) (seen []float32) {
		batch := len(e.streams)
		obs, rewards, acts := make([]float32, batch*inputs), make([]float32, batch), make([]int, batch)
		r := rng.New(5, "policy")
		for range 3 {
			e.Reset(obs)
			for range e.Steps() {
				action := r.IntN(4)
				for b := range acts {
					acts[b] = action
				}
				e.Step(acts, obs, rewards)
				seen = append(seen, obs[b*inputs:][:inputs]...)
			}
		}
		return seen
	}
	want := record(newEnv(t, Backpropamine(), 2, 7), 1)
	if !slices.Equal(record(newEnv(t, Backpropamine(), 9, 7), 1), want) {
		t.Error("stream 1 depends on its neighbours")
	}
	if slices.Equal(record(newEnv(t, Backpropamine(), 2, 7), 0), want) || slices.Equal(record(newEnv(t, Backpropamine(), 2, 8), 1), want) {
		t.Error("two streams or two seeds give the same episodes")
	}
}

// Between episodes the positions of the random streams are all there is to the
// state: an environment that gets them goes on alike.
func TestStateIsTheStreams(t *testing.T) {
	rules := Backpropamine()
	e, copied := newEnv(t, rules, 3, 1), newEnv(t, rules, 3, 2)
	obs, rewards := make([]float32, 3*e.Inputs()), make([]float32, 3)
	again := make([]float32, 3*e.Inputs())
	episode := func(e *Env, obs []float32, check func()) {
		e.Reset(obs)
		check()
		for i := range e.Steps() {
			e.Step([]int{i % 2, 1, 0}, obs, rewards)
			check()
		}
	}
	for range 2 {
		episode(e, obs, func() {})
	}
	for b, s := range e.Streams() {
		at, err := s.MarshalBinary()
		if err == nil {
			err = copied.Streams()[b].UnmarshalBinary(at)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var seen [][]float32
	episode(e, obs, func() { seen = append(seen, slices.Clone(obs)) })
	i := 0
	episode(copied, again, func() {
		if !slices.Equal(again, seen[i]) {
			t.Fatalf("observations differ after %d steps", i)
		}
		i++
	})
}

func TestRulesAreChecked(t *testing.T) {
	for _, r := range []Rules{{Size: 3, Steps: 10, Reward: 1}, {Size: 10, Steps: 10, Reward: 1}, {Size: 11, Reward: 1}, {Size: 11, Steps: 10},
		{Size: 11, Steps: 10, Reward: 1, WallPenalty: -1}, {Size: 11, Steps: 10, Reward: 1, WallPenalty: math.NaN()}} {
		if _, err := NewEnv(r, 1, 1, "environment"); err == nil {
			t.Errorf("%+v is taken", r)
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	e := newEnv(t, Backpropamine(), 30, 1)
	obs, rewards, acts := make([]float32, 30*inputs), make([]float32, 30), make([]int, 30)
	if n := testing.AllocsPerRun(5, func() {
		e.Reset(obs)
		for range e.Steps() {
			e.Step(acts, obs, rewards)
		}
	}); n != 0 {
		t.Errorf("%v allocations an episode", n)
	}
}

func BenchmarkEpisode(b *testing.B) {
	e := newEnv(b, Backpropamine(), 30, 1)
	obs, rewards, acts := make([]float32, 30*inputs), make([]float32, 30), make([]int, 30)
	for b.Loop() {
		e.Reset(obs)
		for i := range e.Steps() {
			acts[i%30] = (acts[i%30] + 1) % 4
			e.Step(acts, obs, rewards)
		}
	}
}
