package bandit

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEffects(t *testing.T) {
	small := func(c *study.Common, o *options) {
		c.Episodes = 2
		o.Deltas, o.Trials, o.Hidden, o.Past, o.PastTrain, o.PastEval, o.MetaBatch = o.Deltas[:2], 60, 3, 3, 5, 4, 1
		o.Free, o.Nudged, o.InnerSteps, o.Every, o.Steps, o.Batch = 4, 3, 2, 10, 3, 4
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "5", "deltas": "0.2", "trials": "70", "hidden": "4", "past": "4", "past_train": "6", "past_evaluation": "5", "meta_batch": "2",
		"estimate": "matched", "beta": "0.5", "pull": "1", "lr": "0.1", "free": "6", "nudged": "5", "inner_optimizer": "descent", "rate": "0.05", "nudged_rate": "0.01",
		"modulatory_rate": "0.01", "modulatory_beta": "1", "control_rate": "0.05",
		"inner_steps": "3", "inner_rate": "0.05", "every": "7", "steps": "5", "batch": "6",
	})
}
