package cue

import (
	"testing"

	"github.com/engram-lm/engram/internal/a2c"
)

// An update of the paper's agents: a batch of episodes, forward and backward, and
// an optimiser step.
func BenchmarkUpdate(b *testing.B) {
	preset := task.Presets[1]
	for _, kind := range a2c.Kinds {
		b.Run(kind.Name, func(b *testing.B) {
			common, own := preset.Common, preset.Own
			common.Models = []string{kind.Name}
			arms, err := task.Arms(&common, &own)
			if err != nil {
				b.Fatal(err)
			}
			l, err := arms[0].New(1)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := l.Update(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
