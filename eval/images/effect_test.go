package images

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// How long an image is shown is left out, as in eval/patterns.
func TestEffects(t *testing.T) {
	dir := folder(t, 40)
	small := func(c *study.Common, s *settings) {
		c.Episodes, c.Tests = 2, 2
		s.Data, s.Side, s.Images, s.Cycles, s.Show = dir, 4, 2, 1, 2
	}
	studytest.Effects(t, task, small, map[string]string{
		"data": "", "test_episodes": "9", "side": "2", "images": "3", "cycles": "2", "show": "", "delay": "1",
		"recall": "2", "lr": "0.02",
	})
}
