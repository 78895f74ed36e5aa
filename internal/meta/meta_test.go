package meta

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/engram-lm/engram/internal/contrast"
)

// pull is a task that draws its one weight to a target: L_in = (phi - theta)^2,
// L_out = (phi - target)^2 / 2. Learning ends at theta, so L_out's gradient by theta
// is theta - target.
type pull struct{ target float32 }

func (p pull) Len() (fast, slow int)                { return 1, 1 }
func (p pull) Start(theta, phi []float32)           { phi[0] = theta[0] }
func (p pull) StartBackward(dphi, dtheta []float32) { dtheta[0] += dphi[0] }
func (p pull) Gradient(phi, theta []float32, beta float64, dphi, dtheta []float32) (in, out float64) {
	d, e := phi[0]-theta[0], phi[0]-p.target
	if dphi != nil {
		dphi[0] = 2*d + float32(beta)*e
	}
	if dtheta != nil {
		dtheta[0] = -2 * d
	}
	return float64(d * d), float64(e*e) / 2
}

// newLearner draws targets 0, 1, 2, ... one after the other.
func newLearner(theta float32, lr float64) *Learner {
	l := New([]float32{theta}, lr, 1)
	l.Batch, l.Tests = 3, 1
	next := float32(0)
	l.Draw = func(*rand.Rand) Task {
		next++
		return Task{Energy: pull{next - 1}}
	}
	phase := contrast.Phase[float32]{Steps: 200, Optimizer: func() contrast.Optimizer[float32] { return &contrast.Descent[float32]{Rate: .2} }}
	l.Method = &contrast.Rule[float32]{Beta: .01, Estimate: contrast.Symmetric, Free: phase, Nudged: phase}
	return l
}

// An update goes by the mean of all tasks' gradients, and reports the mean of what
// they come to.
func TestMeanOfAllTasks(t *testing.T) {
	const theta = 5
	l := newLearner(theta, 1e-3)
	p, err := l.Update()
	if err != nil {
		t.Fatal(err)
	}
	if want := theta - (0.+1+2)/3; math.Abs(float64(l.dtheta[0])-want) > 1e-3 || math.Abs(p.Norm-want) > 1e-3 {
		t.Errorf("gradient %v of norm %v, want %v, the mean of three tasks'", l.dtheta[0], p.Norm, want)
	}
	if want := (25. + 16 + 9) / 2 / 3; math.Abs(p.Loss-want) > 1e-3 {
		t.Errorf("loss %v, want %v", p.Loss, want)
	}
}

// What must not fall below 0 does not, however far a step would take it.
func TestAtLeast0(t *testing.T) {
	l := newLearner(.05, 1)
	l.AtLeast0 = 0
	l.Draw = func(*rand.Rand) Task { return Task{Energy: pull{-3}} }
	for range 3 {
		if _, err := l.Update(); err != nil {
			t.Fatal(err)
		}
		if l.Theta[0] != 0 {
			t.Fatalf("%v, want 0", l.Theta[0])
		}
	}
}

// Validation keeps the average that does best, not the last, and goes on from a
// snapshot to the same.
func TestValidation(t *testing.T) {
	begin := func() *Learner {
		l := newLearner(0, .5)
		l.Draw = func(*rand.Rand) Task { return Task{Energy: pull{100}} } // theta rises and rises
		l.Validation = Validation{Draw: func(*rand.Rand) Task { return Task{Energy: pull{2}} }, Every: 2, Tasks: 1, Average: 3}
		return l
	}
	update := func(l *Learner, n int) {
		for range n {
			if _, err := l.Update(); err != nil {
				t.Fatal(err)
			}
		}
	}
	l := begin()
	var mean float64 // of the updates so far, the first three, and of the last three or so after them
	at, best, kept := 0, math.Inf(1), 0.
	for u := 1; u <= 12; u++ {
		update(l, 1)
		mean += (float64(l.Theta[0]) - mean) / float64(min(u, 3))
		if d := (mean - 2) * (mean - 2) / 2; u%2 == 0 && d < best {
			at, best, kept = u, d, mean
		}
	}
	if l.chosen.At != at || math.Abs(l.chosen.Value-best) > 1e-3 {
		t.Errorf("chosen at update %d with %v, want %d with %v", l.chosen.At, l.chosen.Value, at, best)
	}
	if got := float64(l.tested()[0]); math.Abs(got-kept) > 1e-4 {
		t.Errorf("%v is tested, want the average of update %d, %v", got, at, kept)
	}
	if at == 12 || l.tested()[0] == l.Theta[0] {
		t.Error("the last is the best: the case shows nothing")
	}

	half := begin()
	update(half, 5)
	s, err := half.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := begin()
	if err := again.Restore(s); err != nil {
		t.Fatal(err)
	}
	update(again, 7)
	if again.Theta[0] != l.Theta[0] || again.tested()[0] != l.tested()[0] || again.chosen.At != l.chosen.At || again.chosen.average[0] != l.chosen.average[0] {
		t.Errorf("in two sittings: %+v of %v, in one %+v of %v", again.chosen, again.Theta, l.chosen, l.Theta)
	}
}
