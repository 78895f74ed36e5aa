package contrast

import (
	"fmt"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

// A meta-gradient of a net of 1,761 weights that learns from ten points, by the
// contrastive rule and by back-propagation through all steps of learning: what
// they take of time, and of memory (B/op), as learning grows longer.
func BenchmarkMetaGradient(b *testing.B) {
	r := rng.New(1, "bench")
	net := &MLP[float32]{Sizes: []int{1, 40, 40, 1}, Act: ReLU}
	body, rest := net.Len()
	theta := make([]float32, body+rest)
	net.Init(r.NormFloat64, theta[:body], theta[body:])
	points := func() *Set[float32] {
		x, y := make([]float32, 10), make([]float32, 10)
		for i := range x {
			x[i], y[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
		}
		return &Set[float32]{X: x, Loss: SquaredError[float32]{y}}
	}
	energy := &Synapse[float32]{Task: &Nets[float32]{net, points(), points()}, Strength: .1, Learned: true}
	phi, g := make([]float32, len(theta)), make([]float32, len(theta))
	const rate = .01
	descend := func() Optimizer[float32] { return &Descent[float32]{Rate: rate} }
	for _, steps := range []int{50, 200, 800} {
		rule := Rule[float32]{Beta: .1, Free: Phase[float32]{steps, descend}, Nudged: Phase[float32]{steps / 2, descend}}
		through := Unrolled[float32]{Steps: steps, Rate: rate, Through: steps}
		b.Run(fmt.Sprintf("contrastive/steps=%d", steps), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rule.Gradient(energy, theta, phi, g)
			}
		})
		b.Run(fmt.Sprintf("back-propagation/steps=%d", steps), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				through.Gradient(energy, theta, phi, g)
			}
		})
	}
}
