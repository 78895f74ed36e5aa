package evolve

import (
	"context"
	"fmt"
	"strings"

	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/study"
)

// history is what validations have come to, and the steps taken in mazes.
type history struct {
	Steps       float64      `json:"steps"`
	Validations []validation `json:"validations"`
	Restarts    []int        `json:"restarts,omitempty"` // the generations at which the strategy began anew
}

type validation struct {
	Generation int       `json:"generation"`
	Steps      float64   `json:"steps"` // before it
	Rollouts   []float64 `json:"rollouts"`
}

func newHistory() history { return history{Validations: []validation{}} }

// validate scores what has been learned on the validation mazes every so many
// generations, before the first of them.
func (h *history) validate(g *genotype.Genotype, s *Settings, seed uint64, generation int) error {
	if s.ValidateEvery == 0 || generation%s.ValidateEvery != 0 {
		return nil
	}
	lives, err := Score(context.Background(), g, s.mazes().heldOut(s.Validation, seed, "validation"), Intact, seed, "validation", func(int) {})
	if err != nil {
		return err
	}
	h.Validations = append(h.Validations, validation{generation, h.Steps, lives.Rollouts()})
	return nil
}

// test measures what has been learned on held-out mazes.
func (h *history) test(ctx context.Context, g *genotype.Genotype, s *Settings, tests int, seed uint64, progress func(done int)) (*study.Outcome, error) {
	denied := ablations(g.Config)
	e, err := examine(ctx, g, s.mazes(), tests, seed, denied, progress)
	if err != nil {
		return nil, err
	}
	scores := e.intact.Rollouts()
	out := &study.Outcome{
		Value:  e.intact.Fitness(),
		Series: []study.Series{{Name: "rollouts", Values: scores}, {Name: "random_rollouts", Values: e.random.Rollouts()}},
		Extra: []study.Measure{
			{Name: "rollout_1", Value: scores[0]},
			{Name: "rollouts_6_8", Value: lateMean(scores)},
			{Name: "gain", Value: gain(scores)},
			{Name: "reached", Value: e.intact.Arrived(rollouts - 1), Percent: true, Key: true},
			{Name: "random_gain", Value: gain(e.random.Rollouts())},
			{Name: "random_gain_se", Value: e.random.gainError(), Single: true},
			{Name: "optimal", Value: e.optimal},
			{Name: "steps", Value: h.Steps},
		},
	}
	for _, a := range denied {
		scores := e.ablated[a].Rollouts()
		key := ablationNames[a].key
		out.Extra = append(out.Extra, study.Measure{Name: "gain_" + key, Value: gain(scores)})
		out.Series = append(out.Series, study.Series{Name: key + "_rollouts", Values: scores})
	}
	out.Pictures = append(out.Pictures, e.curves(g.Config))
	if len(h.Validations) > 1 {
		out.Pictures = append(out.Pictures, h.curves(s.Validation))
	}
	out.Series = append(out.Series, h.series()...)
	out.Pictures = append(out.Pictures, film(g, e.mazes, seed))
	return out, nil
}

// curves are the scores of three rollouts over the generations.
func (h *history) curves(n int) study.Picture {
	caption := "Mean score of the first, the third and the last rollout of what had been learned by then, on " + progress.Count(n, "validation maze") + "."
	if h.Restarts != nil {
		caption += fmt.Sprintf(" The strategy began anew at generation %s.", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(h.Restarts)), ", "), "[]"))
	}
	p := study.Picture{
		Title:   "Rollouts over the generations",
		Caption: caption,
		X:       "generation", Y: "score",
	}
	for _, k := range []int{0, 2, rollouts - 1} {
		curve := study.Curve{Name: "rollout " + progress.Thousands(k+1)}
		for _, v := range h.Validations {
			curve.X, curve.Y = append(curve.X, float64(v.Generation)), append(curve.Y, v.Rollouts[k])
		}
		p.Curves = append(p.Curves, curve)
	}
	return p
}

// series are the validations' fitness and the steps in mazes before each.
func (h *history) series() []study.Series {
	steps, fitness := study.Series{Name: "validation_steps"}, study.Series{Name: "validation_fitness"}
	for _, v := range h.Validations {
		steps.Values = append(steps.Values, v.Steps)
		fitness.Values = append(fitness.Values, Scores(v.Rollouts).Fitness())
	}
	return []study.Series{steps, fitness}
}
