package evolve

import (
	"fmt"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

// BenchmarkLesson is a life of the quick preset that is recorded, and its gradient.
func BenchmarkLesson(b *testing.B) {
	p, err := newPupil(task.Presets[0].Own, 4, 1)
	if err != nil {
		b.Fatal(err)
	}
	mazes, l := p.settings.ofGeneration(0, 256, 1), newLesson[float32](p.net, p.settings.Window)
	steps := 0
	for i := 0; b.Loop(); i++ {
		w := &world{maze: mazes[i%256], draws: rng.New(1, fmt.Sprintf("life/%d", i%256))}
		l.live(evolved.NewGenome(p.net, p.values), w)
		l.backward(p.settings.loss(), p.values, p.grads)
		steps += w.steps
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
