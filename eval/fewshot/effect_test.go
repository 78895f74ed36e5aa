package fewshot

import (
	"math/rand/v2"
	"testing"

	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEffects(t *testing.T) {
	characters := alphabet(8)
	cheap := task
	cheap.Arms = func(c *study.Common, s *settings) ([]study.Arm, error) {
		estimate, err := s.validate()
		return []study.Arm{{New: func(seed uint64) (study.Learner, error) {
			l := s.learner(c.Models[0], estimate, characters[:3], characters[3:6], characters[4:], seed, c.Tests)
			l.Validation.Tasks = 1
			test := l.DrawTest
			l.DrawTest = func(r *rand.Rand) meta.Task {
				t := test(r)
				t.Value = nil // the loss, which tells more than right answers
				return t
			}
			return l, nil
		}}}, err
	}
	small := func(c *study.Common, s *settings) {
		c.Episodes, c.Tests = 2, 2
		s.Ways, s.Queries, s.Features, s.MetaBatch, s.Free, s.Nudged = 3, 3, 3, 1, 8, 4
		s.Rate, s.LR, s.Average, s.Validate = 0.1, 0.01, 1, 1
	}
	studytest.Effects(t, cheap, small, map[string]string{
		"data": "", "test_episodes": "9", "ways": "2", "shots": "2", "queries": "5", "features": "4", "meta_batch": "2",
		"estimate": "forward", "beta": "0.5", "pull": "1", "free": "12", "nudged": "6", "rate": "0.02", "lr": "0.1",
		"average": "2", "validate_every": "0",
	})
}
