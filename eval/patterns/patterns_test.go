package patterns

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The papers' lengths, worked out by hand: 5 x 2 x (6+4) + 6 and 2 x (3+1) + 3.
func TestSteps(t *testing.T) {
	if n := large.steps(); n != 106 {
		t.Errorf("%d steps, want 106", n)
	}
	if n := small.steps(); n != 11 {
		t.Errorf("%d steps, want 11", n)
	}
}

func TestEpisode(t *testing.T) {
	s := settings{Patterns: 3, Bits: 10, Cycles: 2, Show: 2, Delay: 3, Recall: 4}
	r := rng.New(1, "episodes")
	targets := map[int]bool{} // by order of appearance in the first cycle
	for range 200 {
		e := s.draw(r.Rand)
		row := func(t int) []float32 { return e.x[t*s.Bits : (t+1)*s.Bits] }
		if len(e.x) != s.steps()*s.Bits || s.steps() != 34 {
			t.Fatalf("%d numbers in %d steps", len(e.x), s.steps())
		}
		var cycles [2][]string
		at := 0
		for c := range s.Cycles {
			for range s.Patterns {
				pattern := row(at)
				plus := 0
				for _, v := range pattern {
					if v != 1 && v != -1 {
						t.Fatalf("a bit of %v", v)
					}
					if v == 1 {
						plus++
					}
				}
				if plus != s.Bits/2 {
					t.Fatalf("%d of %d bits are +1, want half", plus, s.Bits)
				}
				if !slices.Equal(row(at+1), pattern) {
					t.Fatal("a pattern changes while it is shown")
				}
				for d := range s.Delay {
					if slices.ContainsFunc(row(at+s.Show+d), func(v float32) bool { return v != 0 }) {
						t.Fatal("a delay is not empty")
					}
				}
				if slices.Equal(pattern, e.target) && c == 0 {
					targets[len(cycles[0])] = true
				}
				b, err := json.Marshal(pattern)
				must(t, err)
				cycles[c] = append(cycles[c], string(b))
				at += s.Show + s.Delay
			}
		}
		slices.Sort(cycles[0])
		slices.Sort(cycles[1])
		if !slices.Equal(cycles[0], cycles[1]) {
			t.Fatal("the cycles have different patterns")
		}
		zeroed := 0
		for i, v := range row(at) {
			switch {
			case e.zeroed[i] && v == 0:
				zeroed++
			case e.zeroed[i] || v != e.target[i]:
				t.Fatalf("bit %d of the probe is %v, of the target %v, zeroed %t", i, v, e.target[i], e.zeroed[i])
			}
		}
		if zeroed != s.Bits/2 {
			t.Fatalf("%d bits are zeroed, want half", zeroed)
		}
		for range s.Recall {
			if !slices.Equal(row(at), row(s.steps()-1)) {
				t.Fatal("the probe changes")
			}
			at++
		}
	}
	if len(targets) != 3 {
		t.Errorf("the patterns asked for are those shown in places %v, want all three", targets)
	}
}

func TestEpisodesFollowTheSeed(t *testing.T) {
	a, b, c := rng.New(1, "episodes"), rng.New(1, "episodes"), rng.New(2, "episodes")
	first := small.draw(a.Rand)
	if !slices.Equal(first.x, small.draw(b.Rand).x) {
		t.Error("the same seed gives other episodes")
	}
	if slices.Equal(first.x, small.draw(c.Rand).x) || slices.Equal(first.x, small.draw(a.Rand).x) {
		t.Error("another seed, or the next episode, is the same")
	}
}

// Only zeroed bits count, and a zero has no sign.
func TestWrong(t *testing.T) {
	e := episode{target: []float32{1, -1, 1, -1, 1, -1}, zeroed: []bool{true, true, false, false, true, true}}
	for want, y := range map[float64][]float32{
		0:    {0.1, -0.1, -1, 1, 9, -1},
		1:    {-1, 1, 1, -1, -1, 1},
		0.25: {1, 1, 0, 0, 1, -1},
		0.5:  {1, -1, 0, 0, 0, 0},
		0.75: {1, float32(math.NaN()), 0, 0, 0, 0},
	} {
		if got := e.wrong(y); got != want {
			t.Errorf("%v: %v, want %v", y, got, want)
		}
	}
}

// The sizes of the paper's networks (docs/equations.md has the counting).
func TestParams(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *settings
		want int
	}{
		{plastic, &large, 2_004_003}, {rnn, &large, 1_002_001},
		{plastic, &small, 2*51*51 + 1}, {rnn, &small, 51 * 51}, {rnnLarge, &small, 2051 * 2051},
		{lstmName, &small, 4*2000*(50+2000+1) + 50*2000 + 50},
	} {
		m, err := build(c.name, c.s)
		must(t, err)
		if got := m.params(); got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.name, got, c.want)
		}
	}
}

func learn(t *testing.T, name string, s settings, seed uint64) *learner {
	t.Helper()
	l, err := newLearner(name, &s, seed, 200)
	must(t, err)
	if m, err := build(name, &s); err != nil || l.Count() != m.params() {
		t.Fatalf("%s: %d parameters, counted %d", name, l.Count(), m.params())
	}
	return l
}

func test(t *testing.T, l *learner) float64 {
	t.Helper()
	out, err := l.Test(context.Background(), func(int) {})
	must(t, err)
	return out.Value
}

// A Hebbian associator set by hand completes patterns that it sees for the first
// time; without plasticity the best that it can do is to guess.
func TestByHand(t *testing.T) {
	s := quick
	fill := func(x []float32, v float32) {
		for i := range x {
			x[i] = v
		}
	}
	l := learn(t, plastic, s, 1)
	fill(l.Param("layer.weight_hh").Value, 0)
	fill(l.Param("layer.alpha").Value, 0.05)
	fill(l.Param("layer.eta").Value, 0.05)
	if e := test(t, l); !(e <= 0.03) {
		t.Errorf("the associator gets %.3f of the bits wrong", e)
	}
	fill(l.Param("layer.alpha").Value, -0.05)
	if e := test(t, l); !(e >= 0.9) {
		t.Errorf("the opposite of the associator gets only %.3f of the bits wrong", e)
	}
	fill(l.Param("layer.alpha").Value, 0)
	if e := test(t, l); e != 1 {
		t.Errorf("a network that says nothing gets %.3f of the bits wrong, want all", e)
	}
	for _, name := range []string{rnn, rnnLarge, lstmName} {
		s := s
		s.Extra, s.LSTMHidden = 10, 20
		if e := test(t, learn(t, name, s, 1)); !(0.45 <= e && e <= 0.55) {
			t.Errorf("an untrained %s gets %.3f of the bits wrong, want about half", name, e)
		}
	}
}

// Training lowers the error of the plastic network and leaves the control's.
func TestLearns(t *testing.T) {
	for name, bound := range map[string][2]float64{plastic: {0, 0.15}, rnn: {0.4, 0.6}} {
		l := learn(t, name, quick, 3)
		for range 300 {
			if _, err := l.Update(); err != nil {
				t.Fatal(err)
			}
		}
		if e := test(t, l); !(bound[0] <= e && e <= bound[1]) {
			t.Errorf("%s: %.3f of the bits wrong after 300 episodes, want %v", name, e, bound)
		}
	}
}

// The gradients are those of the loss, by differences, the readout's included.
func TestGradients(t *testing.T) {
	for _, name := range []string{plastic, rnn, lstmName} {
		s := settings{Patterns: 2, Bits: 4, Cycles: 1, Show: 2, Delay: 1, Recall: 2, LR: 1e-3, LRLarge: 1e-3, LSTMHidden: 5}
		l := learn(t, name, s, 5)
		if eta := l.Param("layer.eta"); eta != nil {
			eta.Value[0] = 0.3
			for _, p := range []string{"layer.alpha", "layer.weight_hh"} {
				for i, v := range l.Param(p).Value {
					l.Param(p).Value[i] = 20 * v // off the flat start
				}
			}
		}
		e := s.draw(rng.New(5, "test").Rand)
		loss := func() float64 {
			y, _, err := l.recall(&e)
			must(t, err)
			sum := 0.0
			for i := range y {
				d := float64(y[i] - e.target[i])
				sum += d * d
			}
			return sum
		}
		y, hidden, err := l.recall(&e)
		must(t, err)
		dy := make([]float32, len(y))
		for i := range y {
			dy[i] = 2 * (y[i] - e.target[i])
		}
		l.backward(dy, hidden)
		for _, p := range l.Params {
			for i := range p.Value {
				const h = 4e-3
				kept := p.Value[i]
				p.Value[i] = kept + h
				up := loss()
				p.Value[i] = kept - h
				down := loss()
				p.Value[i] = kept
				want := (up - down) / (2 * h)
				if got := float64(p.Grad[i]); !(math.Abs(got-want) <= 4e-3*max(1, math.Abs(want))) {
					t.Errorf("%s: %s %d: %v, want %v", name, p.Name, i, got, want)
				}
			}
		}
	}
}

// A restored learner goes on to the same bits, at any number of threads.
func TestRestore(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, name := range []string{plastic, rnn, lstmName} {
		s := small
		s.LSTMHidden = 40
		begin := func(threads int) *learner {
			runtime.GOMAXPROCS(threads)
			return learn(t, name, s, 7)
		}
		update := func(l *learner, n int) (p study.Point) {
			for range n {
				var err error
				p, err = l.Update()
				must(t, err)
			}
			return p
		}
		a := begin(4)
		update(a, 5)
		snapshot, err := a.Snapshot()
		must(t, err)
		b := begin(1)
		must(t, b.Restore(snapshot))
		pb := update(b, 5)
		runtime.GOMAXPROCS(4)
		if pa := update(a, 5); pa != pb {
			t.Errorf("%s: %v, and restored %v", name, pa, pb)
		}
		for i, p := range a.Params {
			if !slices.Equal(p.Value, b.Params[i].Value) {
				t.Errorf("%s: %s differs", name, p.Name)
			}
		}
	}
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := cli.Execute(context.Background(), Command(), args, &out, io.Discard)
	return out.String(), err
}

func TestCommand(t *testing.T) {
	out, err := run(t, "--out", filepath.Join(t.TempDir(), "run"), "--models", "plastic,rnn,rnn-large,lstm", "--extra", "9", "--lstm-hidden", "12",
		"--episodes", "30", "--test-episodes", "50", "--json")
	must(t, err)
	var models []string
	for line := range strings.Lines(out) {
		var o struct {
			Task, Model, Metric string
			Value, Control      float64
			Seed                uint64
			Params, Episodes    int
		}
		must(t, json.Unmarshal([]byte(line), &o))
		models = append(models, o.Model)
		if o.Task != "patterns" || o.Metric != "error_rate" || o.Seed != 1 || o.Episodes != 30 || o.Params < 100 || o.Control < 0.4 || o.Control > 0.6 {
			t.Errorf("%s", line)
		}
	}
	if strings.Join(models, " ") != "plastic rnn rnn-large lstm" {
		t.Errorf("models %v", models)
	}
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"--patterns 0":        "patterns 0: want 1 to",
		"--bits 3":            "bits 3: want an even number",
		"--show 0":            "show 0",
		"--lr 0":              "lr 0: want a number above 0",
		"--lr-large -1":       "lr_large -1",
		"--models transducer": `"transducer": want some of plastic, rnn, rnn-large, lstm`,
		"--preset huge":       "want one of quick, paper, comparison",
	} {
		_, err := run(t, append(strings.Fields(args), "--out", filepath.Join(t.TempDir(), "run"))...)
		if _, usage := errors.AsType[*cli.UsageError](err); !usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, "--models", "plastic,rnn-large,lstm", "--extra", "9", "--lstm-hidden", "12", "--episodes", "20", "--test-episodes", "10")
}
