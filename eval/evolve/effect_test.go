package evolve

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// The bound of the path's length, which counts after many generations only, is left to
// internal/es.
func TestEffects(t *testing.T) {
	small := func(c *study.Common, s *Settings) {
		c.Episodes, c.Tests = 4, 2
		s.Size, s.Mazes, s.Hidden, s.Population, s.Validation = 7, 1, 2, 4, 2
		s.ValidateEvery, s.Sigma, s.CovRate = 2, 0.05, 0.02
		s.Batch, s.LR = 2, 0.02
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "5", "size": "9", "density": "0.1", "mazes": "2", "hidden": "3", "modulation": "none", "birth": "normal",
		"population": "6", "sigma": "0.2", "cov_rate": "0.5", "settled_bound": "", "validate_every": "1", "validation_mazes": "5",
		"batch": "3", "window": "5", "lr": "0.1", "clip_norm": "0.0001", "gamma": "0.5", "value_coef": "5", "concentration_coef": "3",
	})
}
