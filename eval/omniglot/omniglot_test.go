package omniglot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

func TestEpisode(t *testing.T) {
	_, from := characters(t) // 8
	for _, s := range []settings{{Ways: 5, Shots: 1}, {Ways: 8, Shots: 3}, {Ways: 2, Shots: 19}} {
		r := rng.New(1, "episodes")
		quarters, tested, first := map[int]int{}, map[int]int{}, map[int]int{}
		const episodes = 400
		for range episodes {
			e := s.draw(r.Rand, from)
			if len(e) != s.steps() || len(e) != s.Ways*s.Shots+1 {
				t.Fatalf("%d drawings in %d steps", len(e), s.steps())
			}
			classes := map[int]omniglot.Class{} // by label
			shown := map[int][]int{}            // drawings by label
			for i, d := range e {
				if c, ok := classes[d.label]; ok && c != d.Class {
					t.Fatal("a label stands for two classes")
				}
				classes[d.label] = d.Class
				if slices.Contains(shown[d.label], d.drawing) {
					t.Fatal("a drawing is shown twice")
				}
				shown[d.label] = append(shown[d.label], d.drawing)
				if i < len(e)-1 && len(shown[d.label]) > s.Shots {
					t.Fatalf("label %d is shown more than %d times", d.label, s.Shots)
				}
			}
			met := map[*omniglot.Character]bool{}
			for label := range s.Ways {
				c, ok := classes[label]
				if !ok || met[c.Character] {
					t.Fatal("two classes of an episode are of one character, or one is missing")
				}
				met[c.Character] = true
				quarters[c.Quarters]++
			}
			tested[e[len(e)-1].label]++
			first[e[0].label]++
		}
		for q := range 4 {
			if share := float64(quarters[q]) / float64(episodes*s.Ways); share < 0.15 || share > 0.35 {
				t.Errorf("%+v: a share of %v is turned by %d quarters", s, share, q)
			}
		}
		for label := range s.Ways {
			for what, n := range map[string]int{"tested": tested[label], "first": first[label]} {
				if n < episodes/s.Ways/2 || n > episodes/s.Ways*2 {
					t.Errorf("%+v: label %d is %s in %d of %d episodes", s, label, what, n, episodes)
				}
			}
		}
	}
}

func small() settings {
	return settings{Ways: 4, Shots: 1, Features: 12, Batch: 2, LR: 2e-3, Decay: 0.5, DecayEvery: 3, Alpha: 1, Eta: 0.5}
}

func learn(t *testing.T, name string, s *settings, seed uint64) *learner {
	t.Helper()
	train, test := characters(t)
	l, err := newLearner(name, s, train, test, seed, 200)
	must(t, err)
	return l
}

// What the network is shown is the episode, stream beside stream; the test drawings
// have no label.
func TestAnswer(t *testing.T) {
	s := small()
	l := learn(t, plastic, &s, 1)
	l.answer(rng.New(1, "x").Rand, l.train, 3)
	want := make([]float32, omniglot.Pixels)
	for step := range s.steps() {
		for b, e := range l.drawn {
			r := step*3 + b
			e[step].Image(want, e[step].drawing)
			if !slices.Equal(l.images[r*omniglot.Pixels:(r+1)*omniglot.Pixels], want) {
				t.Errorf("stream %d is shown another drawing at step %d", b, step)
			}
			label := e[step].label
			if step == s.steps()-1 {
				label = -1
			}
			if l.labels[r] != label {
				t.Errorf("stream %d, step %d: label %d, want %d", b, step, l.labels[r], label)
			}
		}
	}
}

// Whoever is held out appears in no training episode, and the test has no one else;
// every seed holds out the same ones.
func TestSplit(t *testing.T) {
	common := task.Presets[0].Common
	common.Models = []string{plastic}
	s := task.Presets[0].Own
	s.Data, s.Features = folder(t), 4
	all, err := arms(&common, &s)
	must(t, err)
	var held []string
	for seed := uint64(1); seed <= 3; seed++ {
		learner0, err := all[0].New(seed)
		must(t, err)
		l := learner0.(*learner)
		if len(l.train) != 32 || len(l.test) != 8 {
			t.Fatalf("%d characters to train with and %d to test with, want 32 and 8", len(l.train), len(l.test))
		}
		var names []string
		for _, c := range l.test {
			names = append(names, c.Alphabet+c.Name)
			for _, d := range l.train {
				if c == d || c.Alphabet == d.Alphabet && c.Name == d.Name || c.Drawings == d.Drawings {
					t.Errorf("%s %s is on both sides", c.Alphabet, c.Name)
				}
			}
		}
		if held != nil && !slices.Equal(held, names) {
			t.Errorf("seed %d holds out %q, not %q", seed, names, held)
		}
		held = names
		for range 50 {
			_, err := l.Update()
			must(t, err)
			for _, d := range l.drawn[0] {
				if !slices.Contains(l.train, d.Character) {
					t.Fatal("a held-out character in training")
				}
			}
		}
		l.tests = 50
		tested := 0
		out, err := l.Test(context.Background(), func(int) {
			for _, d := range l.drawn[0] {
				if !slices.Contains(l.test, d.Character) {
					t.Fatal("a training character in the test")
				}
			}
			tested++
		})
		must(t, err)
		if tested != 50 || out.Extra[3].Value != 0.2 {
			t.Errorf("%d test episodes, %v", tested, out.Extra)
		}
	}
}

// A plastic network learns characters it has never seen from one drawing; without
// plasticity it guesses.
func TestLearns(t *testing.T) {
	s := settings{Ways: 4, Shots: 1, Features: 24, Batch: 4, LR: 1e-3, Decay: 1, Alpha: 1, Eta: 0.5}
	reached := map[string]*study.Outcome{}
	for _, name := range []string{plastic, fixed} {
		l := learn(t, name, &s, 1)
		for range 150 {
			_, err := l.Update()
			must(t, err)
		}
		out, err := l.Test(context.Background(), func(int) {})
		must(t, err)
		reached[name] = out
		if m, err := png.Decode(bytes.NewReader(out.Pictures[0].Image)); err != nil || m.Bounds().Dx() < 6*31*2 {
			t.Errorf("%s: the picture: %v", name, err)
		}
		if low, high := out.Extra[0].Value, out.Extra[1].Value; !(low < out.Value && out.Value < high && high-low < 0.15) {
			t.Errorf("%s: %v within %v to %v", name, out.Value, low, high)
		}
	}
	if v := reached[plastic].Extra[0].Value; !(v >= 0.4) {
		t.Errorf("plastic: %+v", reached[plastic])
	}
	if v := reached[fixed].Value; !(math.Abs(v-0.25) <= 0.1) {
		t.Errorf("fixed: %v, want about 0.25", v)
	}
}

// A restored learner goes on to the same bits, its rate decayed as far, at any
// number of threads.
func TestRestore(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	s := small()
	update := func(l *learner) float64 {
		var loss float64
		for range 4 {
			p, err := l.Update()
			must(t, err)
			loss = p.Loss
		}
		return loss
	}
	runtime.GOMAXPROCS(4)
	a := learn(t, plastic, &s, 2)
	update(a)
	snapshot, err := a.Snapshot()
	must(t, err)
	b := learn(t, plastic, &s, 2)
	must(t, b.Restore(snapshot))
	runtime.GOMAXPROCS(1)
	lb := update(b)
	runtime.GOMAXPROCS(4)
	if la := update(a); la != lb || a.LR != b.LR || a.LR != s.LR/4 {
		t.Errorf("loss %v at rate %v, restored %v at %v; want the same, and the rate decayed twice", la, a.LR, lb, b.LR)
	}
	for i, p := range a.Params {
		if !slices.Equal(p.Value, b.Params[i].Value) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if n, err := params(plastic, &s); err != nil || n != a.Count() {
		t.Errorf("%d parameters, counted %d, %v", a.Count(), n, err)
	}
}

// By hand, and at the ends, where the plain interval has no width.
func TestWilson(t *testing.T) {
	for _, c := range []struct{ right, n, low, high float64 }{
		{50, 100, 0.40383, 0.59617}, {1000, 1000, 0.99617, 1}, {0, 10, 0, 0.27753},
	} {
		low, high := wilson(c.right, c.n)
		if !(math.Abs(low-c.low) <= 1e-5) || !(math.Abs(high-c.high) <= 1e-5) {
			t.Errorf("%v of %v: %v to %v, want %v to %v", c.right, c.n, low, high, c.low, c.high)
		}
	}
}

// The last tile is over green if the answer is right and over red if not, whatever
// the number of drawings.
func TestPicture(t *testing.T) {
	_, from := characters(t)
	for _, s := range []settings{{Ways: 5, Shots: 1}, {Ways: 8, Shots: 5}} {
		e := s.draw(rng.New(1, "x").Rand, from)
		y := make([]float32, s.Ways)
		for label := range y {
			clear(y)
			y[label] = 1
			want := red
			if label == e[len(e)-1].label {
				want = green
			}
			a := answered{e, y}
			if got := a.outputs().At(0, omniglot.Side); got != want {
				t.Errorf("%d of %d: %v, want %v", label, s.Ways, got, want)
			}
		}
		p, err := picture(slices.Repeat([]answered{{e, y}}, pictured(&s)))
		must(t, err)
		m, err := png.Decode(bytes.NewReader(p.Image))
		must(t, err)
		if b := m.Bounds(); b.Dx() > 1000 || b.Dy() > 1000 {
			t.Errorf("%+v: a picture of %v", s, b)
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
	dir, data := filepath.Join(t.TempDir(), "run"), folder(t)
	out, err := run(t, "--data", data, "--ways", "3", "--shots", "2", "--features", "4", "--episodes", "20", "--test-episodes", "10", "--json", "--out", dir)
	must(t, err)
	for line := range strings.Lines(out) {
		var o struct {
			Task, Model, Metric string
			Value, Control      float64
			Params, Episodes    int
			Extra               map[string]float64
		}
		must(t, json.Unmarshal([]byte(line), &o))
		want := 4*9 + 4 + 3*(4*36+4) + 3*4
		if o.Model == plastic {
			want += 3*4 + 1
		}
		if o.Task != "omniglot" || o.Metric != "accuracy" || o.Episodes != 20 || o.Params != want || o.Extra["accuracy_high"] <= o.Value || o.Extra["chance"] != 1./3 {
			t.Errorf("%s", line)
		}
	}
	if strings.Count(out, "\n") != 2 {
		t.Errorf("%q", out)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	must(t, err)
	if !strings.Contains(string(page), ">accuracy low</th>") || !strings.Contains(string(page), "Guessing is right in 33.3% of the episodes") || strings.Contains(string(page), ">chance</th>") {
		t.Error("the table of one seed has no interval, or chance is no sentence")
	}
	out, err = run(t, "--resume", dir, "--seeds", "2", "--json")
	must(t, err)
	page, err = os.ReadFile(filepath.Join(dir, "report.html"))
	must(t, err)
	if strings.Contains(string(page), ">accuracy low</th>") || strings.Count(out, "accuracy_low") != 4 {
		t.Errorf("two seeds: want the interval of each in the JSON alone: %s", out)
	}
	for _, file := range []string{"plastic-seed1/episodes.png", "fixed-seed1/episodes.png", "report.html"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}

// A run keeps to the set that it found, and follows it to another place.
func TestData(t *testing.T) {
	t.Chdir(t.TempDir())
	small := filepath.Join("data", "sets", "omniglot-small")
	must(t, os.CopyFS(small, os.DirFS(folder(t))))
	args := []string{"--ways", "3", "--features", "4", "--test-episodes", "10", "--models", fixed}
	_, err := run(t, append(args, "--episodes", "4", "--out", "run")...)
	must(t, err)
	contains := func(name, want string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join("run", name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: no %q in %s:\n%s", err, want, name, text)
		}
	}
	contains("config.yaml", "data: omniglot-small ")
	contains("report.html", "Data: omniglot-small: 32 characters to train with, 8 held out.")
	must(t, os.Rename(small, "elsewhere"))
	_, err = run(t, "--resume", "run", "--data", "elsewhere", "--episodes", "5")
	must(t, err)
	contains("config.yaml", "data: elsewhere ")
}

func TestUsage(t *testing.T) {
	data := folder(t)
	out := filepath.Join(t.TempDir(), "run")
	for args, want := range map[string]string{
		"":                                     "scripts/download",
		"--data mnist":                         `"mnist"`,
		"--data " + data + " --ways 1":         "ways 1: want 2 to",
		"--data " + data + " --shots 20":       "shots 20: want 1 to 19",
		"--data " + data + " --features 0":     "features 0: want 1 to",
		"--data " + data + " --batch 0":        "batch 0: want 1 to",
		"--data " + data + " --lr NaN":         "lr",
		"--data " + data + " --decay 2":        "decay 2: want",
		"--data " + data + " --decay-every=-1": "decay_every -1: want 0 to",
		"--data " + data + " --alpha=-1":       "alpha -1: want",
		"--data " + data + " --eta 2":          "eta 2: want",
	} {
		t.Run(args, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, err := run(t, append(strings.Fields(args), "--out", out)...)
			if _, usage := errors.AsType[*cli.UsageError](err); !usage || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	if _, err := run(t, "--data", data, "--out", out, "--ways", "9"); err == nil || !strings.Contains(err.Error(), "8 to test with; want at least the 9") {
		t.Errorf("nine of eight held-out characters: %v", err)
	}
}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, "--data", folder(t), "--ways", "3", "--features", "4", "--episodes", "20", "--test-episodes", "10")
}
