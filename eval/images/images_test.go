package images

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

	"github.com/engram-lm/engram/data/cifar"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/studytest"
	"github.com/engram-lm/engram/lstm"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder writes a batch of n smooth random images, from which cifar.Open holds out
// the last tenth.
func folder(t *testing.T, n int) string {
	t.Helper()
	r := rng.New(1, "images")
	var b []byte
	for range n {
		b = append(b, byte(r.IntN(10)))
		for range 3 {
			fx, fy, px, py := r.Uniform(0.1, 0.5), r.Uniform(0.1, 0.5), r.Uniform(0, 6), r.Uniform(0, 6)
			for i := range cifar.Pixels {
				v := math.Sin(fx*float64(i%32)+px) * math.Sin(fy*float64(i/32)+py)
				b = append(b, byte(128+120*v))
			}
		}
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "data_batch_1.bin"), b, 0o666))
	return dir
}

func galleries(t *testing.T, n, side int) (train, test *gallery) {
	t.Helper()
	set, err := cifar.Open(folder(t, n), "")
	must(t, err)
	return &gallery{set.Train, side}, &gallery{set.Test, side}
}

func paper() settings { return task.Presets[1].Own }

// The paper's length and size, worked out by hand: 3 x 3 x (20+2) + 3 steps, and w
// and alpha of 1,025 x 1,025 connections and eta.
func TestPaper(t *testing.T) {
	s := paper()
	if n := s.steps(); n != 201 {
		t.Errorf("%d steps, want 201", n)
	}
	for name, want := range map[string]int{plastic: 2_101_251, rnn: 1025 * 1025} {
		layer, err := build(name, &s)
		must(t, err)
		if n := params(layer); n != want {
			t.Errorf("%s: %d parameters, want %d", name, n, want)
		}
	}
}

func TestShrink(t *testing.T) {
	whole, _ := galleries(t, 20, 32)
	small := &gallery{whole.images, 16}
	a, b := make([]float32, 1024), make([]float32, 256)
	for i := range whole.len() {
		whole.image(a, i)
		small.image(b, i)
		var mean, greatest float64
		for _, v := range b {
			mean += float64(v) / 256
			greatest = max(greatest, math.Abs(float64(v)))
		}
		if !(math.Abs(mean) <= 1e-5) || !(math.Abs(greatest-1) <= 1e-6) {
			t.Fatalf("image %d has mean %v and greatest absolute value %v", i, mean, greatest)
		}
		// Up to one factor, a pixel is the mean of four.
		factor := 0.0
		for p, v := range b {
			y, x := p/16*2, p%16*2
			want := float64(a[y*32+x]+a[y*32+x+1]+a[(y+1)*32+x]+a[(y+1)*32+x+1]) / 4
			if math.Abs(float64(v)) == 1 {
				factor = float64(v) / want
			}
		}
		for p, v := range b {
			y, x := p/16*2, p%16*2
			want := factor * float64(a[y*32+x]+a[y*32+x+1]+a[(y+1)*32+x]+a[(y+1)*32+x+1]) / 4
			if !(math.Abs(float64(v)-want) <= 1e-5) {
				t.Fatalf("image %d, pixel %d: %v, want %v", i, p, v, want)
			}
		}
	}
}

func TestEpisode(t *testing.T) {
	train, _ := galleries(t, 40, 8)
	s := settings{Side: 8, Images: 3, Cycles: 2, Show: 2, Delay: 1, Recall: 2}
	r := rng.New(1, "episodes")
	const pixels, hidden = 64, 65
	halves := map[bool]int{}
	targets := map[int]int{}
	for range 100 {
		e := s.draw(r.Rand, train)
		if len(e.x) != s.steps()*2*hidden || s.steps() != 20 {
			t.Fatalf("%d numbers in %d steps", len(e.x), s.steps())
		}
		row := func(t int) (values, mask []float32) {
			x := e.x[t*2*hidden : (t+1)*2*hidden]
			return x[:hidden], x[hidden:]
		}
		for step := range s.steps() {
			values, mask := row(step)
			if values[pixels] != 1 || mask[pixels] != 1 {
				t.Fatalf("step %d: the bias is %v, clamped %v", step, values[pixels], mask[pixels])
			}
			clamped := 0
			for i := range pixels {
				if mask[i] == 1 {
					clamped++
				} else if mask[i] != 0 || values[i] != 0 {
					t.Fatalf("step %d: an unclamped pixel of %v, mask %v", step, values[i], mask[i])
				}
			}
			want := pixels
			switch {
			case step >= 18:
				want = pixels / 2
			case step%3 == 2:
				want = 0
			}
			if clamped != want {
				t.Fatalf("step %d: %d pixels are clamped, want %d", step, clamped, want)
			}
		}
		// The first cycle has three different images, the second the same; one of them
		// is the target.
		var first, second [][]float32
		for k := range 3 {
			a, _ := row(3 * k)
			again, _ := row(3*k + 1)
			b, _ := row(9 + 3*k)
			if !slices.Equal(a, again) {
				t.Fatal("an image changes while it is shown")
			}
			first, second = append(first, a), append(second, b)
			if slices.Equal(a[:pixels], e.target) {
				targets[k]++
			}
		}
		for k, a := range first {
			if !slices.ContainsFunc(second, func(b []float32) bool { return slices.Equal(a, b) }) {
				t.Fatal("the cycles have different images")
			}
			if k > 0 && slices.Equal(a, first[0]) {
				t.Fatal("an image is shown twice in a cycle")
			}
		}
		values, mask := row(19)
		half := mask[:pixels/2]
		if !e.lower {
			half = mask[pixels/2 : pixels]
		}
		if slices.Contains(half, 0) {
			t.Fatal("the visible half is not clamped")
		}
		for i := range pixels {
			if mask[i] == 1 && values[i] != e.target[i] {
				t.Fatal("the visible half is not the target's")
			}
		}
		halves[e.lower]++
	}
	if halves[true] < 25 || halves[false] < 25 || targets[0] < 15 || targets[1] < 15 || targets[2] < 15 {
		t.Errorf("halves %v, targets %v: want all about equally often", halves, targets)
	}
}

// Only the erased half counts.
func TestMSE(t *testing.T) {
	e := episode{target: []float32{1, 0.5, -1, 0}}
	y := []float32{0, 0.5, 9, 9}
	if got := e.mse(y); got != 0.5 {
		t.Errorf("upper half: %v, want 0.5", got)
	}
	e.lower = true
	if got := e.mse(y); got != (100+81)/2. {
		t.Errorf("lower half: %v", got)
	}
}

func learn(t *testing.T, name string, s *settings, train, test *gallery, seed uint64) *learner {
	t.Helper()
	layer, err := build(name, s)
	must(t, err)
	return newLearner(layer, s, train, test, seed, 30)
}

func score(t *testing.T, l *learner) (mse, fill float64) {
	t.Helper()
	out, err := l.Test(context.Background(), func(int) {})
	must(t, err)
	if m, err := png.Decode(bytes.NewReader(out.Pictures[0].Image)); err != nil || m.Bounds().Dx() < 500 {
		t.Errorf("the picture: %v", err)
	}
	return out.Value, out.Extra[0].Value
}

// The clamped pixels come back as they are, whatever the weights; a network that
// says nothing is as far off as filling with the mean.
func TestSilent(t *testing.T) {
	train, test := galleries(t, 60, 8)
	s := settings{Side: 8, Images: 2, Cycles: 1, Show: 3, Delay: 1, Recall: 2, LR: 1e-3}
	l := learn(t, plastic, &s, train, test, 1)
	e := s.draw(rng.New(1, "test").Rand, test)
	y, err := l.complete(&e)
	must(t, err)
	for i, v := range y {
		if half := i >= 32; half != e.lower && v != e.target[i] {
			t.Fatalf("visible pixel %d is %v, want %v", i, v, e.target[i])
		}
	}
	for _, p := range l.Params {
		clear(p.Value)
	}
	if mse, fill := score(t, l); mse != fill || mse < 0.01 {
		t.Errorf("a silent network has %v, filling with the mean %v", mse, fill)
	}
}

// Plasticity lets images be remembered that were never trained on.
func TestLearns(t *testing.T) {
	train, test := galleries(t, 300, 8)
	s := settings{Side: 8, Images: 2, Cycles: 2, Show: 4, Delay: 1, Recall: 2, LR: 1e-3}
	reached := map[string]float64{}
	for _, name := range []string{plastic, rnn} {
		l := learn(t, name, &s, train, test, 1)
		for range 400 {
			if _, err := l.Update(); err != nil {
				t.Fatal(err)
			}
		}
		mse, fill := score(t, l)
		reached[name] = mse / fill
	}
	if p := reached[plastic]; !(p <= 0.5 && p <= 0.7*reached[rnn]) {
		t.Errorf("errors as shares of the mean fill's: %v", reached)
	}
}

// A restored learner goes on to the same bits, at any number of threads.
func TestRestore(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	train, test := galleries(t, 60, 16)
	s := settings{Side: 16, Images: 3, Cycles: 1, Show: 3, Delay: 1, Recall: 2, LR: 1e-3}
	runtime.GOMAXPROCS(4)
	a := learn(t, plastic, &s, train, test, 2)
	update := func(l *learner) float64 {
		var loss float64
		for range 4 {
			p, err := l.Update()
			must(t, err)
			loss = p.Loss
		}
		return loss
	}
	update(a)
	snapshot, err := a.Snapshot()
	must(t, err)
	runtime.GOMAXPROCS(1)
	b := learn(t, plastic, &s, train, test, 2)
	must(t, b.Restore(snapshot))
	lb := update(b)
	runtime.GOMAXPROCS(4)
	if la := update(a); la != lb {
		t.Errorf("loss %v, and restored %v", la, lb)
	}
	for i, p := range a.Params {
		if !slices.Equal(p.Value, b.Params[i].Value) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if n := lstm.ParamCount(a.net.Layer); n != a.Count() {
		t.Errorf("%d parameters, counted %d", a.Count(), n)
	}
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := cli.Execute(context.Background(), Command(), args, &out, io.Discard)
	return out.String(), err
}

func TestCommand(t *testing.T) {
	dir, data := filepath.Join(t.TempDir(), "run"), folder(t, 60)
	args := []string{"--data", data, "--side", "4", "--show", "2", "--episodes", "20", "--test-episodes", "10", "--json"}
	out, err := run(t, append(args, "--out", dir)...)
	must(t, err)
	for line := range strings.Lines(out) {
		var o struct {
			Task, Model, Metric string
			Value, Control      float64
			Params, Episodes    int
			Extra               map[string]float64
		}
		must(t, json.Unmarshal([]byte(line), &o))
		if o.Task != "images" || o.Metric != "mse" || o.Episodes != 20 || o.Value <= 0 || o.Control <= 0 || o.Extra["mean_fill_mse"] <= 0 || o.Params < 17*17 {
			t.Errorf("%s", line)
		}
	}
	if strings.Count(out, "\n") != 2 {
		t.Errorf("%q", out)
	}
	for _, file := range []string{"plastic-seed1/completed.png", "rnn-seed1/completed.png", "report.html"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	// Other images in the same place are not what the run learned from.
	must(t, os.WriteFile(filepath.Join(data, "data_batch_1.bin"), make([]byte, 3073*60), 0o666))
	record, err := os.ReadFile(filepath.Join(dir, "run.json"))
	must(t, err)
	if _, err := run(t, "--resume", dir, "--episodes", "30"); err == nil || !strings.Contains(err.Error(), "data (SHA-256)") {
		t.Errorf("resumed on other images: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "run.json")); err != nil || !bytes.Equal(after, record) {
		t.Errorf("%v: the refused command is in run.json: %s", err, after)
	}
}

// A run keeps to the set that it found, and follows it to another place.
func TestData(t *testing.T) {
	t.Chdir(t.TempDir())
	place := func(name string, n int) {
		t.Helper()
		must(t, os.CopyFS(filepath.Join("data", "sets", name), os.DirFS(folder(t, n))))
	}
	place("cifar-10-sample", 60)
	_, err := run(t, "--side", "4", "--show", "2", "--episodes", "20", "--test-episodes", "10", "--out", "run")
	must(t, err)
	contains := func(name, want string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join("run", name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: no %q in %s:\n%s", err, want, name, text)
		}
	}
	contains("config.yaml", "data: cifar-10-sample ")
	contains("report.html", "Data: cifar-10-sample: 54 images to train with, 6 held out.")

	place("cifar-10", 80) // a better set, fetched since
	_, err = run(t, "--resume", "run", "--episodes", "24")
	must(t, err)
	if _, err := run(t, "--resume", "run", "--data", "cifar-10"); err == nil || !strings.Contains(err.Error(), "data (SHA-256)") {
		t.Errorf("resumed on another set: %v", err)
	}
	must(t, os.Rename(filepath.Join("data", "sets", "cifar-10-sample"), "elsewhere"))
	if _, err := run(t, "--resume", "run"); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("resumed without its set: %v", err)
	}
	_, err = run(t, "--resume", "run", "--data", "elsewhere", "--episodes", "28")
	must(t, err)
	contains("config.yaml", "data: elsewhere ")
}

func TestUsage(t *testing.T) {
	data := folder(t, 20)
	out := filepath.Join(t.TempDir(), "run")
	for args, want := range map[string]string{
		"":                              "scripts/download",
		"--data cifar-100":              `"cifar-100"`,
		"--data omniglot":               "handwritten",
		"--data " + data + " --side 12": "side 12: want 32, 16",
		"--data " + data + " --side 1":  "side 1",
		"--data " + data + " --show 0":  "show 0: want 1 to",
		"--data " + data + " --lr 0":    "lr 0",
	} {
		t.Run(args, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, err := run(t, append(strings.Fields(args), "--out", out)...)
			if _, usage := errors.AsType[*cli.UsageError](err); !usage || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	if _, err := run(t, "--data", data, "--out", out); err == nil || !strings.Contains(err.Error(), "2 to test with") {
		t.Errorf("two held-out images for episodes of three: %v", err)
	}
}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, "--data", folder(t, 60), "--side", "4", "--show", "2", "--episodes", "20", "--test-episodes", "10")
}
