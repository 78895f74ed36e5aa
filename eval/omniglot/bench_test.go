package omniglot

import (
	"fmt"
	"testing"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/rng"
)

// An update of the paper's network: episodes, forward and backward, and an
// optimiser step. The metric is the time of one episode.
func BenchmarkUpdate(b *testing.B) {
	r := rng.New(1, "bench")
	from := make([]*omniglot.Character, 20)
	for i := range from {
		from[i] = new(omniglot.Character)
		for d := range from[i].Drawings {
			for p := range from[i].Drawings[d] {
				from[i].Drawings[d][p] = uint8(r.IntN(256))
			}
		}
	}
	for _, batch := range []int{1, 8} {
		b.Run(fmt.Sprint("batch", batch), func(b *testing.B) {
			s := task.Presets[1].Own
			s.Batch = batch
			l, err := newLearner(plastic, &s, from, from, 1, 1)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Update(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "us/episode")
		})
	}
}
