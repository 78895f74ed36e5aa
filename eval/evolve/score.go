package evolve

import (
	"context"
	"fmt"

	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// Lives are many lives of one agent, each in a maze of its own.
type Lives struct {
	Scores  []Scores
	Reached [][rollouts]bool
	Steps   int // of all
}

// Rollouts returns the mean score of each rollout.
func (l *Lives) Rollouts() []float64 {
	mean := make([]float64, rollouts)
	for _, s := range l.Scores {
		for k, v := range s {
			mean[k] += v / float64(len(l.Scores))
		}
	}
	return mean
}

// Arrived returns the share of lives that reached the goal in rollout k.
func (l *Lives) Arrived(k int) float64 {
	n := 0
	for _, r := range l.Reached {
		if r[k] {
			n++
		}
	}
	return float64(n) / float64(len(l.Reached))
}

// Fitness returns the mean fitness of a life.
func (l *Lives) Fitness() float64 {
	sum := 0.0
	for _, s := range l.Scores {
		sum += s.Fitness() / float64(len(l.Scores))
	}
	return sum
}

// heldOut returns the mazes of a test: they depend on the seed and the kind alone.
func (m Mazes) heldOut(n int, seed uint64, name string) []*Maze {
	all := make([]*Maze, n)
	kernel.Parallel(n, func(i int) { all[i] = m.New(rng.New(seed, fmt.Sprintf("%s/maze/%d", name, i))) })
	return all
}

// chunk is how many lives are one task of a worker.
const chunk = 16

// each runs lives in mazes, one after the other on each core, and calls progress
// with the number of those done.
func each(ctx context.Context, mazes []*Maze, progress func(done int), live func(worker, i int) (Scores, [rollouts]bool, int)) (*Lives, error) {
	l := &Lives{Scores: make([]Scores, len(mazes)), Reached: make([][rollouts]bool, len(mazes))}
	steps := make([]int, len(mazes))
	const turn = 256
	for from := 0; from < len(mazes); from += turn {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(len(mazes), from+turn)
		kernel.ParallelWorkers((to-from+chunk-1)/chunk, func(worker, task int) {
			for i := from + task*chunk; i < min(to, from+(task+1)*chunk); i++ {
				l.Scores[i], l.Reached[i], steps[i] = live(worker, i)
			}
		})
		progress(to)
	}
	for _, n := range steps {
		l.Steps += n
	}
	return l, nil
}

// Score runs a life of the genotype in each of the mazes. Its draws are those of
// streams NAME/life/I of seed.
func Score(ctx context.Context, g *genotype.Genotype, mazes []*Maze, ablation Ablation, seed uint64, name string, progress func(done int)) (*Lives, error) {
	genome := g.Config.NewGenome(g.Tensors)
	agents := make([]genotype.Life, kernel.Workers())
	return each(ctx, mazes, progress, func(worker, i int) (Scores, [rollouts]bool, int) {
		if agents[worker] == nil {
			agents[worker] = g.Config.NewLife()
		}
		w := world{maze: mazes[i], draws: rng.New(seed, fmt.Sprintf("%s/life/%d", name, i))}
		agents[worker].Begin(genome, w.draws)
		scores, reached := w.live(agents[worker], ablation)
		return scores, reached, w.steps
	})
}

// Wander is Score of an agent that acts at random.
func Wander(ctx context.Context, mazes []*Maze, seed uint64, name string) (*Lives, error) {
	return each(ctx, mazes, func(int) {}, func(_, i int) (Scores, [rollouts]bool, int) {
		w := world{maze: mazes[i], draws: rng.New(seed, fmt.Sprintf("%s/wander/%d", name, i))}
		scores, reached := w.wander()
		return scores, reached, w.steps
	})
}

// Optimal returns the mean score of shortest paths.
func Optimal(mazes []*Maze) float64 {
	sum := 0.0
	for _, z := range mazes {
		sum += (goalReward - stepCost*float64(z.Shortest())) / float64(len(mazes))
	}
	return sum
}
