package patterns

import (
	"testing"

	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// How long a pattern is shown is left out: an input takes the neurons of rnn to the
// ends of their tanh in one step, so that it cannot make a difference there.
func TestEffects(t *testing.T) {
	small := func(c *study.Common, s *settings) {
		c.Episodes, c.Tests = 2, 2
		s.Bits, s.Extra, s.LSTMHidden = 4, 3, 3
	}
	studytest.Effects(t, task, small, map[string]string{
		"test_episodes": "20", "patterns": "3", "bits": "6", "cycles": "3", "show": "", "delay": "2", "recall": "2",
		"lr": "0.02", "lr_large": "0.02", "extra": "4", "lstm_hidden": "4",
	})
}
