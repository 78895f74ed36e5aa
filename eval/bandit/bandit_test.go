package bandit

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/stats"
	"github.com/engram-lm/engram/internal/studytest"
)

var small = []string{"--models", "contrastive,modulatory,maml,neural-linear,random", "--trials", "40", "--hidden", "5", "--past", "4", "--past-train", "20",
	"--past-evaluation", "6", "--meta-batch", "2", "--free", "4", "--nudged", "3", "--every", "10", "--steps", "3", "--batch", "15", "--checkpoint-every", "0"}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, append([]string{"--episodes", "4"}, small...)...)
}

func TestResumed(t *testing.T) { studytest.Resumed(t, Command, 4, small...) }

// blind plays at random, oracle knows the wheel.
type blind struct{ r *rng.Stream }

func (b blind) choose(float32, float32) int { return b.r.IntN(arms) }
func (blind) learn(*plays)                  {}

type oracle struct{ w wheel }

func (o oracle) choose(x, y float32) int {
	if math.Hypot(float64(x), float64(y)) >= o.w.delta {
		return quadrant(float64(x), float64(y))
	}
	return safe
}
func (oracle) learn(*plays) {}

// The wheel's figures: contexts beyond delta, and what playing at random regrets a
// trial, worked out by hand.
func TestWheel(t *testing.T) {
	for delta, want := range map[float64]float64{.5: 29.41, .7: 20.05, .9: 7.57, .95: 3.96, .99: .936} {
		w := wheel{delta}
		if math.Abs(w.uniform()-want) > .006 {
			t.Errorf("delta %v: playing at random regrets %.4f, want %v", delta, w.uniform(), want)
		}
		r := rng.New(1, "wheel")
		const n = 40000
		regrets := make([]float64, n)
		out := 0
		for i := range regrets {
			x, y := point(r.Rand)
			if x*x+y*y > 1 {
				t.Fatalf("context %v, %v", x, y)
			}
			if math.Hypot(x, y) >= delta {
				out++
			}
			regrets[i] = w.best(x, y) - w.mean(x, y, r.IntN(arms))
		}
		if share, want := float64(out)/n, 1-delta*delta; math.Abs(share-want) > 4*math.Sqrt(want*(1-want)/n) {
			t.Errorf("delta %v: %v of the contexts lie outside, want %v", delta, share, want)
		}
		if mean := stats.Mean(regrets); math.Abs(mean-w.uniform()) > 2.5*stats.SD(regrets)/math.Sqrt(n) {
			t.Errorf("delta %v: playing at random regretted %v, want %v", delta, mean, w.uniform())
		}
		// One who knows regrets only the trials that each arm gets first.
		regret, err := w.play(context.Background(), r.Rand, oracle{w}, 20000, 1000)
		if err != nil || regret > 10*50/(20000*w.uniform()) {
			t.Errorf("delta %v: the oracle regrets %v of random, %v", delta, regret, err)
		}
		regret, err = w.play(context.Background(), r.Rand, blind{r}, 20000, 1000)
		if err != nil || math.Abs(regret-1) > .15 {
			t.Errorf("delta %v: a blind player regrets %v of random, %v; want 1", delta, regret, err)
		}
	}
	for q, at := range [][2]float64{{.5, .5}, {.5, -.5}, {-.5, .5}, {-.5, -.5}} {
		if got := quadrant(at[0], at[1]); got != q {
			t.Errorf("quadrant of %v is %d, want %d", at, got, q)
		}
	}
}

// The regression's gamma variates against their distribution (Kolmogorov-Smirnov).
func TestGamma(t *testing.T) {
	r := rng.New(1, "gamma")
	const n = 4000
	for _, a := range []float64{1, 12, 300} {
		x := make([]float64, n)
		for i := range x {
			x[i] = gamma(r.Rand, a)
		}
		want := distuv.Gamma{Alpha: a, Beta: 1}
		if mean, sd := stats.Mean(x), stats.SD(x); math.Abs(mean-a) > 4*math.Sqrt(a/n) || math.Abs(sd/math.Sqrt(a)-1) > .06 {
			t.Errorf("shape %v: mean %v, deviation %v", a, mean, sd)
		}
		if m := stats.Median(x); math.Abs(want.CDF(m)-.5) > 4*.5/math.Sqrt(n) {
			t.Errorf("shape %v: half lie below %v, of the distribution %v", a, m, want.CDF(m))
		}
	}
}

// Regression on features that determine the pay finds the arm.
func TestNeuralLinear(t *testing.T) {
	o := quick
	o.Hidden, o.Steps = 20, 100
	l := o.learner(linear, 0, []float64{.5}, 1)
	r := rng.New(1, "play")
	w := wheel{.5}
	p := l.player(r.Rand).(*neuralLinear)
	var seen plays
	for range 1500 {
		x, y := point(r.Rand)
		arm := r.IntN(arms)
		seen.add(x, y, arm, w.pay(r.Rand, x, y, arm))
	}
	for range 4 {
		p.learn(&seen)
	}
	right := 0
	for range 200 {
		x, y := point(r.Rand)
		if math.Hypot(x, y) < .7 {
			x, y = .7*x/math.Hypot(x, y), .7*y/math.Hypot(x, y)
		}
		if p.choose(float32(x), float32(y)) == quadrant(x, y) {
			right++
		}
	}
	if right < 140 {
		t.Errorf("%d of 200 choices beyond the radius are right, want most", right)
	}
}

// What a model pays heed to while it learns from past bandits is no regret, so there
// is no curve of it.
func TestTrainingHasNoRegret(t *testing.T) {
	o := quick
	o.Hidden, o.Past, o.PastTrain, o.Free, o.Nudged, o.MetaBatch = 4, 3, 12, 3, 2, 2
	p, err := o.learner(contrastive, 0, []float64{.5}, 1).Update()
	if err != nil || !math.IsNaN(p.Value) || !(p.Loss > 0) {
		t.Errorf("%+v, %v: want a loss, and no regret", p, err)
	}
}

// byDescent are the settings under which the nudge is what the estimate is made of.
var byDescent = func() options {
	o := quick
	o.Estimate, o.Optimizer, o.Free, o.Nudged, o.Rate, o.NudgedRate = "matched", "descent", 50, 25, .001, .001
	return o
}()

// By gradient descent at one rate the matched estimate points where back-propagation
// through the same steps of learning does, although no phase comes to rest. (Under
// Adam it does not: what a step is does not depend on the size of the gradient, and
// so hardly on the nudge.)
func TestEstimateIsMetaGradient(t *testing.T) {
	o := byDescent
	through := &contrast.Unrolled[float32]{Steps: o.Free, Rate: o.Rate, Through: o.Free}
	cosine := func(o options, seed uint64) float64 {
		l := o.learner(contrastive, contrast.Matched, nil, seed)
		e := l.Draw(rng.New(seed, "past").Rand).Energy
		fast, slow := e.Len()
		phi, estimate, exact := make([]float32, fast), make([]float32, slow), make([]float32, slow)
		l.Method.Gradient(e, l.Theta, phi, estimate)
		through.Gradient(e, l.Theta, phi, exact)
		return float64(kernel.Dot(estimate, exact)) / math.Sqrt(kernel.SumSquares(estimate)*kernel.SumSquares(exact))
	}
	for seed := range uint64(3) {
		if c := cosine(o, seed+1); c < .95 {
			t.Errorf("seed %d: a cosine of %.3f to back-propagation, want nearly 1", seed+1, c)
		}
	}
	o.Optimizer = "adam"
	if c := cosine(o, 1); c > .3 {
		t.Errorf("a cosine of %.3f under Adam too: the one above shows nothing", c)
	}
}

// A few updates lower the error of predicted pay to half and less: at the settings of
// the paper, whose nudged phase is what learns, and by descent.
func TestLearns(t *testing.T) {
	for name, o := range map[string]options{"by Adam": quick, "by descent": byDescent} {
		o.Hidden, o.PastTrain, o.Free, o.Nudged = 20, 200, 20, 20
		estimate, _, err := o.validate()
		if err != nil {
			t.Fatal(err)
		}
		l := o.learner(contrastive, estimate, nil, 1)
		var first, last float64
		const updates, look = 50, 10
		for i := range updates {
			p, err := l.Update()
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case i < look:
				first += p.Loss / look
			case i >= updates-look:
				last += p.Loss / look
			}
		}
		if !(last < first/2) {
			t.Errorf("%s: error of predicted pay from %.0f to %.0f, want less than half", name, first, last)
		}
	}
}
