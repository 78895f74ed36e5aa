package sinusoid

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// Steps and sizes are all that tells the presets apart.
func TestEffects(t *testing.T) {
	small := func(c *study.Common, s *settings) {
		c.Episodes, c.Tests = 2, 2
		s.MetaBatch, s.Hidden, s.Free, s.Nudged, s.Solver, s.Spiking, s.SpikingNudged = 1, 3, 4, 3, 3, 4, 3
		s.Plastic, s.PlasticFree, s.PlasticNudged = 3, 3, 2
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "5", "shots": "4", "evaluation": "4", "amplitude_lo": "1", "amplitude_hi": "2", "meta_batch": "2", "hidden": "4",
		"estimate": "forward", "beta": "0.3", "pull": "3", "lr": "0.05", "free": "6", "nudged": "5", "rate": "0.05", "implicit_pull": "3", "implicit_lr": "0.05", "solver_steps": "1", "damping": "0.5", "gauss_newton": "false",
		"modulatory_rate": "0.05", "modulatory_beta": "0.5", "inner_steps": "3", "inner_rate": "0.05", "outer_rate": "0.05",
		"spiking": "5", "spiking_pull": "0.1", "spiking_rate": "0.05", "spiking_nudged": "5", "spiking_lr": "0.05",
		"plastic": "4", "plastic_pull": "0.1", "plastic_free": "5", "plastic_nudged": "3", "plastic_rate": "0.05", "plastic_lr": "0.05",
	})
}
