package evolve

import (
	"fmt"
	"strings"

	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
)

// The film's measures: of a cell in pixels, and of a step in seconds.
const (
	cellSide = 22
	gap      = 30
	stepTime = 0.12
)

// film is a life in the first of the mazes as an animated SVG: its first rollout
// beside its last.
func film(g *genotype.Genotype, mazes []*Maze, seed uint64) study.Picture {
	w := world{maze: mazes[0], draws: rng.New(seed, heldOutName+"/life/0"), path: []int{}}
	agent := g.Config.NewLife()
	agent.Begin(g.Config.NewGenome(g.Tensors), w.draws)
	var lengths [rollouts]int
	var paths [rollouts][]int
	for k := range paths {
		w.path = []int{}
		w.run(func() int {
			agent.Step(w.observe(), w.out[:])
			return w.choose()
		})
		paths[k], lengths[k] = w.path, len(w.path)-1
	}
	return study.Picture{
		Title: "A life",
		Caption: fmt.Sprintf("The first rollout (left) and the eighth (right) of a life in a held-out maze, a frame a step; the goal is orange and can be seen from the cells around it only. The shortest path has %s; the rollouts took %s, of 200 at most.",
			progress.Count(w.maze.Shortest(), "step"), strings.Join(strings.Fields(strings.Trim(fmt.Sprint(lengths), "[]")), ", ")),
		File: "life.svg", Image: animation(w.maze, paths[0], paths[rollouts-1]),
	}
}

// animation draws paths in a maze side by side, which begin together and again and
// again. It is SVG with declarative animation, without any script.
func animation(z *Maze, paths ...[]int) []byte {
	longest := 0
	for _, p := range paths {
		longest = max(longest, len(p))
	}
	duration := float64(longest)*stepTime + 1 // and a moment to see the end
	side := z.Size * cellSide
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img">`, len(paths)*(side+gap)-gap, side)
	for i, path := range paths {
		fmt.Fprintf(&b, `<g transform="translate(%d 0)"><rect width="%[2]d" height="%[2]d" fill="#fff"/>`, i*(side+gap), side)
		for cell, wall := range z.Wall {
			if wall {
				square(&b, z, cell, "#3c4048")
			}
		}
		square(&b, z, z.Start, "#d6e4f5")
		square(&b, z, z.Goal, "#f2a23a")
		fmt.Fprintf(&b, `<circle r="%d" fill="#2f6fc4">`, cellSide*7/20)
		for _, axis := range []string{"cx", "cy"} {
			var values, times []string
			for t, cell := range path {
				at := cell % z.Size
				if axis == "cy" {
					at = cell / z.Size
				}
				values = append(values, fmt.Sprint(at*cellSide+cellSide/2))
				times = append(times, fmt.Sprintf("%.4f", float64(t)*stepTime/duration))
			}
			fmt.Fprintf(&b, `<animate attributeName="%s" values="%s" keyTimes="%s" dur="%.2fs" calcMode="discrete" repeatCount="indefinite"/>`,
				axis, strings.Join(values, ";"), strings.Join(times, ";"), duration)
		}
		b.WriteString(`</circle></g>`)
	}
	b.WriteString(`</svg>`)
	return []byte(b.String())
}

// square fills a cell.
func square(b *strings.Builder, z *Maze, cell int, colour string) {
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%[3]d" height="%[3]d" fill="%[4]s"/>`, cell%z.Size*cellSide, cell/z.Size*cellSide, cellSide, colour)
}
