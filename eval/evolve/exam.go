package evolve

import (
	"context"
	"math"

	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/stats"
	"github.com/engram-lm/engram/internal/study"
)

// heldOutName names the streams of held-out mazes and lives.
const heldOutName = "report"

// late are the rollouts that come after the learning of a life: 6 to 8.
const late = 5

// gain is what a life gains by living: the mean of rollouts 6 to 8 less rollout 1.
func gain(rollouts []float64) float64 { return lateMean(rollouts) - rollouts[0] }

// gainError is the standard error of what the lives gain.
func (l *Lives) gainError() float64 {
	gains := make([]float64, len(l.Scores))
	for i, s := range l.Scores {
		gains[i] = gain(s[:])
	}
	return stats.SD(gains) / math.Sqrt(float64(len(gains)))
}

func lateMean(rollouts []float64) (mean float64) {
	for _, v := range rollouts[late:] {
		mean += v / float64(len(rollouts)-late)
	}
	return mean
}

// exam is what a genotype comes to on held-out mazes, beside what it comes to where
// something is denied to it, and beside the yardsticks.
type exam struct {
	intact, random *Lives
	ablated        map[Ablation]*Lives // those that say something about the model
	optimal        float64
	mazes          []*Maze
}

// examine runs the exam; progress is called with the number of mazes that the
// intact agent has done.
func examine(ctx context.Context, g *genotype.Genotype, kind Mazes, n int, seed uint64, ablations []Ablation, progress func(done int)) (*exam, error) {
	e := &exam{mazes: kind.heldOut(n, seed, heldOutName), ablated: map[Ablation]*Lives{}}
	e.optimal = Optimal(e.mazes)
	var err error
	if e.intact, err = Score(ctx, g, e.mazes, Intact, seed, heldOutName, progress); err != nil {
		return nil, err
	}
	if e.random, err = Wander(ctx, e.mazes, seed, heldOutName); err != nil {
		return nil, err
	}
	for _, a := range ablations {
		if e.ablated[a], err = Score(ctx, g, e.mazes, a, seed, heldOutName, func(int) {}); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// ablations are those that say something about a model: what has no plastic weights
// can only be denied its state.
func ablations(c genotype.Config) []Ablation {
	if c.Plastic() {
		return []Ablation{NoPlasticity, ForgetWeights, ForgetHidden}
	}
	return []Ablation{ForgetHidden}
}

// ablationNames are the words and the keys for the ablations.
var ablationNames = map[Ablation]struct{ label, key string }{
	NoPlasticity:  {"plasticity off", "no_plasticity"},
	ForgetWeights: {"weights reset", "weights_reset"},
	ForgetHidden:  {"state reset", "hidden_reset"},
}

// curves are the score by rollout beside its yardsticks and ablations.
func (e *exam) curves(c genotype.Config) study.Picture {
	p := study.Picture{
		Title:   "Score by rollout",
		Caption: "Mean score of each rollout of a life on the held-out mazes: what a life learns is what the line gains from left to right. Shortest paths would score the optimal line. Reset: the weights go back to their birth, or the hidden state to zero, at the start of each rollout.",
		X:       "rollout", Y: "score",
	}
	add := func(name string, y []float64) {
		curve := study.Curve{Name: name}
		for k, v := range y {
			curve.X, curve.Y = append(curve.X, float64(k+1)), append(curve.Y, v)
		}
		p.Curves = append(p.Curves, curve)
	}
	add("agent", e.intact.Rollouts())
	for _, a := range ablations(c) {
		add(ablationNames[a].label, e.ablated[a].Rollouts())
	}
	add("random", e.random.Rollouts())
	best := make([]float64, rollouts)
	for k := range best {
		best[k] = e.optimal
	}
	add("optimal", best)
	return p
}
