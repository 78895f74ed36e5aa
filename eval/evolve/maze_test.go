package evolve

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// published are the mazes of [1], with what was measured of them by a program of
// its own: the mean optimal score, a random walk's in one rollout, and how often it
// comes to the goal.
var published = []struct {
	mazes                   Mazes
	walls                   int
	optimal, random, wander float64
}{
	{Mazes{9, 0.30}, 14, 0.914, -1.18, 0.41},
	{Mazes{15, 0.35}, 59, 0.840, -1.87, 0.07},
	{Mazes{21, 0.35}, 126, 0.781, -1.975, 0.016},
}

// Ten thousand mazes of each size are what they should be, and so are the yardsticks.
func TestMazes(t *testing.T) {
	const n = 10_000
	for _, p := range published {
		t.Run(fmt.Sprint(p.mazes.Size), func(t *testing.T) {
			all := p.mazes.heldOut(n, 1, "test")
			shortest := make([]int, n)
			kernel.Parallel(n, func(i int) { shortest[i] = all[i].Shortest() })
			near, optimal := 0, 0.0
			for i, z := range all {
				size := z.Size
				walls, open := 0, 0
				for cell, wall := range z.Wall {
					x, y := cell/size, cell%size
					border := x == 0 || y == 0 || x == size-1 || y == size-1
					if border && !wall || wall && x%2 == 1 && y%2 == 1 {
						t.Fatalf("maze %d: cell %d, %d is wall: %t", i, x, y, wall)
					}
					if wall && !border {
						walls++
					}
					if !wall {
						open++
					}
				}
				if got := reachable(z); got != open {
					t.Fatalf("maze %d: %d of %d cells are reached from the start", i, got, open)
				}
				if walls != p.walls {
					t.Fatalf("maze %d: %d inner walls, want %d", i, walls, p.walls)
				}
				for _, cell := range []int{z.Start, z.Goal} {
					if cell/size%2 == 0 || cell%size%2 == 0 {
						t.Fatalf("maze %d: start %d, goal %d of side %d: want odd coordinates", i, z.Start, z.Goal, size)
					}
				}
				if math.Hypot(float64(z.Start/size-z.Goal/size), float64(z.Start%size-z.Goal%size)) <= 0.45*float64(size) {
					near++
				}
				optimal += (1 - 0.01*float64(shortest[i])) / n
			}
			if near > n/200 {
				t.Errorf("%d of %d goals are near the start, want .5%% at most", near, n)
			}
			if !(math.Abs(optimal-p.optimal) <= 0.005) {
				t.Errorf("mean optimal score %.4f, want %.3f within .005", optimal, p.optimal)
			}
			if got := Optimal(all[:100]); !(math.Abs(got-optimal) < 0.05) {
				t.Errorf("Optimal of 100 mazes is %v", got)
			}
			walk, err := Wander(context.Background(), all[:3000], 1, "test")
			if err != nil {
				t.Fatal(err)
			}
			score, arrived := 0.0, 0.0
			for k, v := range walk.Rollouts() {
				score += v / rollouts
				arrived += walk.Arrived(k) / rollouts
			}
			if !(math.Abs(score-p.random) <= 0.03) {
				t.Errorf("a random walk scores %.3f, want %.3f within .03", score, p.random)
			}
			if !(math.Abs(arrived-p.wander) <= 0.02) {
				t.Errorf("a random walk arrives in %.3f of its rollouts, want %.3f within .02", arrived, p.wander)
			}
			for i, s := range walk.Scores {
				for k, score := range s {
					if reached := walk.Reached[i][k]; !reached && score != -2 || reached && !(score > -2 && score <= 1-0.01*float64(shortest[i])+1e-12) {
						t.Fatalf("maze %d, %d steps from start to goal: score %v, reached %t", i, shortest[i], score, reached)
					}
				}
			}
		})
	}
}

// reachable counts the open cells that can be walked to, by filling.
func reachable(z *Maze) int {
	seen := make([]bool, len(z.Wall))
	var fill func(cell int) int
	fill = func(cell int) int {
		if z.Wall[cell] || seen[cell] {
			return 0
		}
		seen[cell] = true
		return 1 + fill(cell-1) + fill(cell+1) + fill(cell-z.Size) + fill(cell+z.Size)
	}
	return fill(z.Start)
}

// The same stream draws the same maze, and empty mazes can be.
func TestMazeBits(t *testing.T) {
	m := Mazes{9, 0.3}
	a, b := m.heldOut(50, 3, "x"), m.heldOut(50, 3, "x")
	other := m.heldOut(50, 4, "x")
	same := 0
	for i := range a {
		if fmt.Sprint(*a[i]) != fmt.Sprint(*b[i]) {
			t.Errorf("maze %d is not the same", i)
		}
		if fmt.Sprint(*a[i]) == fmt.Sprint(*other[i]) {
			same++
		}
	}
	if same > 5 {
		t.Errorf("%d of 50 mazes of two seeds are the same", same)
	}
	empty := Mazes{9, 0}.New(rng.New(1, "empty"))
	if open := reachable(empty); open != 49 {
		t.Errorf("%d of 49 cells of a maze without walls are open", open)
	}
	for _, bad := range []Mazes{{8, 0.3}, {5, 0.3}, {103, 0.3}, {9, -0.1}, {9, 1.1}, {9, math.NaN()}} {
		if bad.Validate() == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// What an agent sees, and what its actions do, in a maze drawn by hand.
func TestWorld(t *testing.T) {
	rows := []string{
		"#######",
		"#S.#..#",
		"#.##.##",
		"#.....#",
		"#.#G#.#",
		"#.....#",
		"#######",
	}
	z := &Maze{Size: 7, Wall: make([]bool, 49)}
	for x, row := range rows {
		for y, c := range row {
			z.Wall[x*7+y] = c == '#'
			if c == 'S' {
				z.Start = x*7 + y
			}
			if c == 'G' {
				z.Goal = x*7 + y
			}
		}
	}
	if got := z.Shortest(); got != 5 {
		t.Errorf("the shortest path has %d steps, want 5", got)
	}
	w := world{maze: z, draws: rng.New(1, "world"), path: []int{}}
	script := []int{0, 2, 1, 1, 3, 3, 1} // blocked twice, down, down, right, right, down
	i := 0
	var seen [][]float32
	score, reached := w.run(func() int {
		seen = append(seen, slices.Clone(w.observe()))
		i++
		return script[i-1]
	})
	if !reached || !(math.Abs(score-(1-0.07)) < 1e-12) {
		t.Errorf("score %v, reached %t; want .93 at the goal", score, reached)
	}
	if want := []int{8, 8, 8, 15, 22, 23, 24, 31}; !slices.Equal(w.path, want) {
		t.Errorf("path %v, want %v", w.path, want)
	}
	for at, want := range map[int][]float32{
		1: {1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0}, // at the start, after "up"
		2: {1, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0},
		6: {1, 1, 0, 0, 0, 0, 1, -1, 1, 0, 0, 0, 1, 0, 0}, // above the goal, after "right"
	} {
		if !slices.Equal(seen[at], want) {
			t.Errorf("before step %d it sees %v, want %v", at, seen[at], want)
		}
	}
	first := seen[0][9:13]
	if sum := first[0] + first[1] + first[2] + first[3]; sum != 1 {
		t.Errorf("the action before the first step is %v, want a random one", first)
	}
	score, reached = w.run(func() int { return 0 })
	if reached || score != -2 {
		t.Errorf("200 steps against a wall: score %v, reached %t; want -2", score, reached)
	}
}

// An action is drawn from the softmax, or is the largest with probability
// sigma(2 o_5).
func TestChoose(t *testing.T) {
	w := world{draws: rng.New(1, "choose")}
	for _, fifth := range []float32{-30, 0, 0.7} {
		w.out = [5]float32{0.5, -1, 1.5, 0, fifth}
		greedy, sum := 1/(1+math.Exp(-2*float64(fifth))), 0.0
		for _, o := range w.out[:4] {
			sum += math.Exp(float64(o))
		}
		const n = 40_000
		var count [4]float64
		for range n {
			count[w.choose()]++
		}
		for k, o := range w.out[:4] {
			want := (1 - greedy) * math.Exp(float64(o)) / sum
			if k == 2 {
				want += greedy
			}
			if !(math.Abs(count[k]/n-want) < 4*math.Sqrt(want*(1-want)/n)) {
				t.Errorf("o_5 = %v: action %d with frequency %.4f, want %.4f", fifth, k, count[k]/n, want)
			}
		}
	}
	nan := float32(math.NaN())
	w.out = [5]float32{nan, nan, nan, nan, nan}
	if a := w.choose(); a < 0 || a > 3 {
		t.Errorf("action %d of outputs that are no numbers", a)
	}
}

func TestFitness(t *testing.T) {
	s := Scores{9, 9, 1, 1, 1, 1, 1, 1}
	if got := s.Fitness(); !(math.Abs(got-1) < 1e-12) {
		t.Errorf("fitness %v of 1 in every rollout that counts, want 1", got)
	}
	s = Scores{7: 3.18}
	if got := s.Fitness(); !(math.Abs(got-1) < 1e-12) {
		t.Errorf("fitness %v of 3.18 in the last rollout, want 1", got)
	}
}

// Scores do not depend on the number of cores.
func TestScoreBits(t *testing.T) {
	run := func(threads int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		mazes := Mazes{9, 0.3}.heldOut(60, 1, "bits")
		l, err := Wander(context.Background(), mazes, 1, "bits")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(*l)
	}
	if run(1) != run(2) {
		t.Error("other bits on two cores")
	}
}
