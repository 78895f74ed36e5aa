package omniglot

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEffects(t *testing.T) {
	train, test := characters(t)
	cheap := task
	cheap.Arms = func(c *study.Common, s *settings) ([]study.Arm, error) {
		return []study.Arm{{New: func(seed uint64) (study.Learner, error) {
			return newLearner(c.Models[0], s, train, test, seed, c.Tests)
		}}}, nil
	}
	small := func(c *study.Common, s *settings) {
		c.Episodes, c.Tests = 3, 2
		s.Ways, s.Features = 2, 2
		if s.DecayEvery > 0 {
			s.DecayEvery = 2
		}
	}
	studytest.Effects(t, cheap, small, map[string]string{
		"data": "", "test_episodes": "9", "ways": "3", "shots": "2", "features": "3", "batch": "2",
		"lr": "0.02", "decay": "0.3", "decay_every": "1", "alpha": "0.3", "eta": "0.1",
	})
}
