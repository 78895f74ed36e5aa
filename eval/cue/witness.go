package cue

import "github.com/engram-lm/engram/internal/study"

// witness counts right answers, and notes what stream 0 sees in the first of the
// held-out episodes.
type witness struct {
	env            *Env
	answers, right [2]int // in the first and the second half of the episodes
	target, reward []float64
}

func (w *witness) See(batch, t int, rewards []float32) {
	half := 2 * (t - 1) / w.env.Steps()
	for _, r := range rewards {
		if r != 0 {
			w.answers[half]++
		}
		if r > 0 {
			w.right[half]++
		}
	}
	if batch > 0 || t == w.env.Steps() { // what comes after the last step is seen by nobody
		return
	}
	target, reward := 0.0, 0.0
	if w.env.Cue(0) == w.env.Target(0) {
		target = 1
	}
	if t > 0 {
		reward = float64(rewards[0])
	}
	w.target, w.reward = append(w.target, target), append(w.reward, reward)
}

// share is NaN of nothing.
func share(right, answers int) float64 { return float64(right) / float64(answers) }

func (w *witness) Report(modulation []float64) ([]study.Measure, []study.Picture) {
	measures := []study.Measure{
		{Name: "right_answers", Value: share(w.right[0]+w.right[1], w.answers[0]+w.answers[1]), Percent: true},
		{Name: "right_answers_late", Value: share(w.right[1], w.answers[1]), Percent: true},
	}
	if modulation == nil {
		return measures, nil
	}
	steps := make([]float64, len(modulation))
	for t := range steps {
		steps[t] = float64(t)
	}
	return measures, []study.Picture{{
		Title:   "The neuromodulator over an episode",
		Caption: "M(t) in a held-out episode, with the rewards that the agent sees, up for a right answer and down for a wrong one, and the steps that show it the target.",
		X:       "step", Y: "M(t)",
		Curves: []study.Curve{
			{Name: "M(t)", X: steps, Y: modulation},
			{Name: "reward seen", X: steps, Y: w.reward, Events: true},
			{Name: "target shown", X: steps, Y: w.target, Events: true},
		},
	}}
}
