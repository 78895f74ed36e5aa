package hyper

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEffects(t *testing.T) {
	small := func(c *study.Common, s *settings) {
		c.Episodes = 2
		s.Inputs, s.Relevant, s.Classes, s.Teacher, s.Hidden = 4, 2, 3, 2, 2
		s.Train, s.HeldOut, s.Test, s.Free, s.Nudged, s.Through = 6, 6, 6, 8, 3, 2
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "5", "inputs": "5", "relevant": "3", "classes": "2", "teacher": "3", "hidden": "3", "train": "7", "held_out": "7", "test": "7",
		"lambda": "0.1", "lr": "0.05", "estimate": "forward", "beta": "0.5", "free": "9", "nudged": "5", "rate": "0.05",
		"solver_steps": "1", "damping": "0.5", "neumann_terms": "2", "neumann_rate": "0.3", "through": "4",
	})
}
