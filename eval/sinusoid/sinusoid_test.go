package sinusoid

import (
	"encoding/json"
	"io"
	"math"
	"path/filepath"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// small are flags of a run of a moment.
var small = []string{
	"--models", "contrastive,implicit,maml,first-order,modulatory,spiking,plastic,plastic-bptt,random", "--test-episodes", "4",
	"--meta-batch", "2", "--hidden", "6", "--spiking", "8", "--plastic", "5", "--plastic-free", "3", "--plastic-nudged", "2", "--free", "6", "--nudged", "3", "--spiking-nudged", "3", "--solver-steps", "3", "--checkpoint-every", "0",
}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, append([]string{"--episodes", "4"}, small...)...)
}

func TestResumed(t *testing.T) { studytest.Resumed(t, Command, 4, small...) }

// The curve in a model's colour is its own, not that of the wave.
func TestPicture(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := append(append([]string{"--episodes", "1", "--quiet", "--out", dir}, small...), "--models", "contrastive")
	if err := cli.Execute(t.Context(), Command(), args, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	res, err := run.ReadResult(dir, contrastive, 1)
	if err != nil {
		t.Fatal(err)
	}
	var outcome study.Outcome
	if err := json.Unmarshal(res.Outcome, &outcome); err != nil {
		t.Fatal(err)
	}
	if p := outcome.Pictures; len(p) != 1 || len(p[0].Curves) != 2 || p[0].Curves[0].Name != "learned" || p[0].Curves[1].Name != "wave" {
		t.Errorf("pictures %+v", p)
	}
}

// Waves are within their bounds, and their points on them.
func TestDraw(t *testing.T) {
	s := paper
	r := rng.New(1, "waves")
	var least, most float64 = 9, 0
	for range 500 {
		w, train, eval := s.draw(r.Rand)
		if w.amplitude < .1 || w.amplitude > 5 || w.phase < 0 || w.phase > math.Pi || len(train.x) != 10 || len(eval.x) != 10 {
			t.Fatalf("wave %v with %d and %d points", w, len(train.x), len(eval.x))
		}
		least, most = min(least, w.amplitude), max(most, w.amplitude)
		for i, x := range train.x {
			if x < -5 || x > 5 || math.Abs(float64(train.y[i])-w.amplitude*math.Sin(float64(x)+w.phase)) > 1e-5 {
				t.Fatalf("point %v, %v of %v", x, train.y[i], w)
			}
		}
	}
	if least > .3 || most < 4.8 {
		t.Errorf("amplitudes of %v to %v, want .1 to 5", least, most)
	}
}

// A place makes some 20 x 99 sqrt(2 pi 2e-4) = 70 spikes over 20 steps, away from
// the ends; there are 19 steps here, since the readout begins at rest.
func TestSpikes(t *testing.T) {
	r := rng.New(1, "spikes")
	const n = 400
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(4 * (2*r.Float64() - 1))
	}
	var sum float64
	for _, s := range spikes(r.Rand, x) {
		sum += float64(s)
	}
	if got, want := sum/n, 19*99*math.Sqrt(2*math.Pi*2e-4); math.Abs(got-want) > 1 {
		t.Errorf("%.1f spikes a place, want %.1f", got, want)
	}
}

func TestUsage(t *testing.T) {
	for _, change := range []func(*settings){
		func(s *settings) { s.Shots = 0 }, func(s *settings) { s.Nudged = 0 }, func(s *settings) { s.Beta = 0 },
		func(s *settings) { s.Pull = -1 }, func(s *settings) { s.AmplitudeLo = 6 }, func(s *settings) { s.Estimate = "backward" },
	} {
		s := quick
		change(&s)
		if _, err := s.validate(); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}
