package hyper

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/studytest"
)

var small = []string{"--inputs", "6", "--relevant", "2", "--hidden", "4", "--train", "20", "--held-out", "20", "--test", "30",
	"--free", "10", "--nudged", "5", "--through", "4", "--neumann-terms", "3", "--solver-steps", "3", "--checkpoint-every", "0"}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, append([]string{"--episodes", "4"}, small...)...)
}

func TestResumed(t *testing.T) { studytest.Resumed(t, Command, 4, small...) }

// Learning starts from the same weights each time, labels follow the relevant
// inputs alone, and the grid is 1e-5 to 1e-1.
func TestProblem(t *testing.T) {
	s := quick
	a, b := s.draw(3), s.draw(3)
	for i := range a.origin {
		if a.origin[i] != b.origin[i] {
			t.Fatal("the same seed starts from other weights")
		}
	}
	if len(a.train.labels) != s.Train || len(a.held.x) != s.HeldOut*s.Inputs || len(a.test.labels) != s.Test {
		t.Errorf("%d, %d, %d examples", len(a.train.labels), len(a.held.labels), len(a.test.labels))
	}
	if math.Abs(gridPoint(0)/1e-5-1) > 1e-12 || math.Abs(gridPoint(gridPoints-1)/.1-1) > 1e-12 {
		t.Errorf("a grid of %g to %g", gridPoint(0), gridPoint(gridPoints-1))
	}
	if got := accuracy([]float32{1, 2, 5, 3, 0, 1}, []int{1, 1, 1}); math.Abs(got-2./3) > 1e-12 {
		t.Errorf("accuracy %v, want 2/3", got)
	}
}

// A few updates of the contrastive rule lower the held-out loss.
func TestLearns(t *testing.T) {
	s := quick
	s.Free, s.Nudged = 200, 60
	l := s.learner(contrastive, contrast.Matched, 1)
	var first, last float64
	for i := range 8 {
		p, err := l.Update()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = p.Loss
		}
		last = p.Loss
	}
	if last > first-.05 {
		t.Errorf("held-out loss from %v to %v, want it to fall", first, last)
	}
}
