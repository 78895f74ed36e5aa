package maze

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEffects(t *testing.T) {
	small := func(c *study.Common, s *Settings) {
		c.Episodes, c.Tests = 2, 2
		s.Size, s.Steps, s.Hidden, s.Batch = 5, 30, 3, 2
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "5", "size": "7", "steps": "31", "reward": "3", "wall_penalty": "0.2",
		"hidden": "9", "batch": "3", "lr": "0.02", "adam_eps": "0.1", "clip_norm": "0.0001",
		"gamma": "0.5", "value_coef": "0.7", "concentration_coef": "0.9", "eta": "0.4", "trace_clip": "0.001",
	})
}
