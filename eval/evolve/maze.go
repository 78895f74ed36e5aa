package evolve

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/rng"
)

// Mazes are the mazes of a side, the border counted, and a share of walls inside.
type Mazes struct {
	Size    int     // odd, 7 or more: 9, 15 and 21 in [1]
	Density float64 // of the cells inside the border, at most so many are wall: 0.30 at 9, else 0.35
}

// Validate reports the first field with which no maze can be made.
func (m Mazes) Validate() error {
	if m.Size < 7 || m.Size > 101 || m.Size%2 == 0 {
		return fmt.Errorf("size %d: want an odd number of 7 to 101", m.Size)
	}
	if !(m.Density >= 0 && m.Density <= 1) {
		return fmt.Errorf("density %v: want 0 to 1", m.Density)
	}
	return nil
}

// Maze is a maze with a start and a goal. A cell is numbered x * Size + y.
type Maze struct {
	Size        int
	Wall        []bool // [Size * Size]
	Start, Goal int
}

// moves are what the four actions add to x and y.
var moves = [4][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}

// reuse is the probability that a wall is taken which joins no two components.
const reuse = 0.2

// New draws a maze. Start and goal are among the cells of odd coordinates, which
// are always open, farther than 0.45 sides from each other. Then walls are opened,
// those that join two components first, until all is one component and no more
// than the density is left: there are loops, and openings that lead nowhere.
func (m Mazes) New(r *rng.Stream) *Maze {
	n := m.Size
	z := &Maze{Size: n, Wall: make([]bool, n*n)}
	for i := range z.Wall {
		z.Wall[i] = true
	}
	rooms := (n - 1) / 2
	room := func() int { return (2*r.IntN(rooms)+1)*n + 2*r.IntN(rooms) + 1 }
	z.Start, z.Goal = room(), (n-2)*n+n-2
	// As many draws as in [1]'s code before it takes the last room.
	for range rooms * rooms {
		goal := room()
		if math.Hypot(float64(goal/n-z.Start/n), float64(goal%n-z.Start%n)) > 0.45*float64(n) {
			z.Goal = goal
			break
		}
	}
	component := make([]int, n*n) // of an open cell; 0 of a wall
	components := 0
	for x := 1; x < n; x += 2 {
		for y := 1; y < n; y += 2 {
			components++
			component[x*n+y] = components
			z.Wall[x*n+y] = false
		}
	}
	var inner []int
	for x := 1; x < n-1; x++ {
		for y := 1; y < n-1; y++ {
			if z.Wall[x*n+y] {
				inner = append(inner, x*n+y)
			}
		}
	}
	most := m.Density * float64((n-2)*(n-2))
	for components > 1 || float64(len(inner)) > most {
		r.Shuffle(len(inner), func(i, j int) { inner[i], inner[j] = inner[j], inner[i] })
		at := len(inner) - 1
		for i, cell := range inner {
			if components > 1 && len(z.beside(cell, component)) > 1 || components == 1 && r.Float64() < reuse {
				at = i
				break
			}
		}
		cell := inner[at]
		beside := z.beside(cell, component)
		if len(beside) == 0 {
			continue
		}
		inner = slices.Delete(inner, at, at+1)
		z.Wall[cell] = false
		component[cell] = beside[0]
		for _, c := range beside[1:] {
			components--
			for i := range component {
				if component[i] == c {
					component[i] = beside[0]
				}
			}
		}
	}
	return z
}

// beside returns the components that the open neighbours of an inner cell are in.
func (z *Maze) beside(cell int, component []int) (all []int) {
	for _, move := range moves {
		if c := component[cell+move[0]*z.Size+move[1]]; c > 0 && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// Shortest returns the steps from start to goal, by breadth-first search.
func (z *Maze) Shortest() int {
	away := make([]int, len(z.Wall))
	for queue := []int{z.Start}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == z.Goal {
			return away[z.Goal]
		}
		for _, move := range moves {
			if to := queue[0] + move[0]*z.Size + move[1]; !z.Wall[to] && to != z.Start && away[to] == 0 {
				away[to] = away[queue[0]] + 1
				queue = append(queue, to)
			}
		}
	}
	return -1
}
