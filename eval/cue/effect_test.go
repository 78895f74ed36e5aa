package cue

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEffects(t *testing.T) {
	small := func(c *study.Common, s *Settings) {
		c.Episodes, c.Tests = 2, 2
		s.Bits, s.Steps, s.Hidden, s.Batch = 3, 20, 3, 2
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "5", "cues": "6", "cue_bits": "4", "steps": "21", "fixed_cues": "true",
		"hidden": "9", "batch": "3", "lr": "0.02", "adam_eps": "0.1", "clip_norm": "0.0001",
		"gamma": "0.5", "value_coef": "0.7", "concentration_coef": "0.9", "eta": "0.4", "trace_clip": "0.001",
	})
}
