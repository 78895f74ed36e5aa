package trainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/run"
)

// methods are ways to train that keep different things in a checkpoint.
var methods = map[string][]string{
	"plateau": {"optimizer=sgd", "plateau=true", "decay=0.5", "lr=2"},
	"asgd":    {"optimizer=asgd", "average_from=2", "decay_start=2", "decay=0.7"},
	"adam":    {"optimizer=adam", "lr=0.01", "weight_decay=0.01"},
	"8 steps": {"optimizer=sgd", "steps=8"},
}

// A training that is stopped again and again, within epochs, at their ends and
// during validations, and goes on with another number of cores each time, comes
// to what one without a pause does, bit for bit.
func TestStoppedAndResumed(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(cores) })
	for _, kind := range modeldir.Models {
		for name, changes := range methods {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				changes := append([]string{"dropout=0.3", "rate=neuron"}, changes...)
				whole := newJob(t, t.TempDir(), kind, changes...)
				want := productOf(t, whole, train(t, whole))
				if e := want.Outcome.Epochs; name == "plateau" && e[1].LR == e[len(e)-1].LR {
					t.Errorf("no plateau was met: %+v", e)
				}

				dir := t.TempDir()
				for pause := 1; ; pause++ {
					if pause > 100 {
						t.Fatal("it does not come to an end")
					}
					ctx, cancel := context.WithCancel(context.Background())
					w, count := &watcher{}, 0
					stop := func() {
						if count++; count == 3 {
							cancel()
						}
					}
					if w.step = stop; pause%2 == 0 {
						w.validated = stop
					}
					runtime.GOMAXPROCS(1 + pause%3)
					j := newJob(t, dir, kind, changes...)
					j.watcher = w
					out, err := start(t, ctx, j)
					cancel()
					if err == nil {
						same(t, want, productOf(t, j, out))
						if pause < 3 {
							t.Errorf("it was stopped %d times only", pause-1)
						}
						return
					}
					if !errors.Is(err, run.ErrStopped) {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// What a machine that dies leaves is the folder as it is at that moment: with a
// checkpoint from some steps ago, or none, and a longer metrics.jsonl.
func TestKilledAndResumed(t *testing.T) {
	for name, changes := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := append([]string{"dropout=0.3", "checkpoint_every=4", "log_every=1"}, changes...)
			dir, left := t.TempDir(), map[string]string{}
			whole := newJob(t, dir, "retroactive", changes...)
			steps, validations := 0, 0
			leave := func(when string) {
				left[when] = copied(t, dir)
			}
			whole.watcher = &watcher{
				step: func() {
					if steps++; steps%3 == 1 || steps == 8 {
						leave(fmt.Sprintf("step %d", steps))
					}
				},
				validated: func() {
					if validations++; validations%4 == 1 {
						leave(fmt.Sprintf("validation, part %d", validations))
					}
				},
			}
			want := productOf(t, whole, train(t, whole))
			if len(left) < 4 {
				t.Fatalf("killed %d times only", len(left))
			}
			for when, dir := range left {
				t.Run(when, func(t *testing.T) {
					j := newJob(t, dir, "retroactive", changes...)
					same(t, want, productOf(t, j, train(t, j)))
				})
			}
		})
	}
}

// A damaged checkpoint is named and skipped: the one before it takes its place.
func TestDamagedCheckpoint(t *testing.T) {
	whole := newJob(t, t.TempDir(), "modulated", "dropout=0.3", "checkpoint_every=3")
	want := productOf(t, whole, train(t, whole))
	dir := t.TempDir()
	j := newJob(t, dir, "modulated", "dropout=0.3", "checkpoint_every=3")
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	j.watcher = &watcher{step: func() {
		if steps++; steps == 8 {
			cancel()
		}
	}}
	if _, err := start(t, ctx, j); !errors.Is(err, run.ErrStopped) {
		t.Fatal(err)
	}
	newest := filepath.Join(j.Dir, "checkpoints", "step-00000008")
	must(t, os.Truncate(filepath.Join(newest, "tensors.safetensors"), 100))
	j = newJob(t, dir, "modulated", "dropout=0.3", "checkpoint_every=3")
	same(t, want, productOf(t, j, train(t, j)))
	if w := j.warnings(); len(w) != 1 || !strings.Contains(w[0], newest) {
		t.Errorf("warnings %q, want one about %s", w, newest)
	}
}

// A best model that is gone or damaged is missed at once, not after the hours that
// are left of the training.
func TestBestIsMissed(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"gone": os.Remove,
		"cut":  func(path string) error { return os.Truncate(path, 100) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := newJob(t, dir, "plastic", "epochs=1")
			train(t, j)
			path := filepath.Join(j.Dir, best, modeldir.TensorsFile)
			must(t, harm(path))
			j = newJob(t, dir, "plastic")
			j.Force = true // with two epochs
			j.watcher = &watcher{step: func() { t.Error("it goes on") }}
			_, err := start(t, context.Background(), j)
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove "+j.Dir) {
				t.Errorf("%v, want an error about %s", err, path)
			}
		})
	}
}

func TestFinishedIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	j := newJob(t, dir, "plastic")
	want := productOf(t, j, train(t, j))
	again := newJob(t, dir, "plastic")
	again.watcher = &watcher{step: func() { t.Error("a step of a finished training") }}
	same(t, want, productOf(t, again, train(t, again)))
}

func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	train(t, newJob(t, dir, "plastic"))
	for name, c := range map[string]struct {
		change func(*job)
		want   string
	}{
		"seed":       {func(j *job) { j.reseed(t) }, "its seed is 5, not 6"},
		"train text": {func(j *job) { j.Train = text("other", 100) }, "its train text is train, not other"},
		"valid text": {func(j *job) { j.Valid = text("other", 50) }, "its valid text is valid, not other"},
		"vocabulary": {func(j *job) { j.Tokenizer = []byte("{} ") }, "its vocabulary is "},
		"setting":    {func(j *job) { j.Recipe.Dropout = 0.5 }, "its dropout is 0.2, not 0.5"},
		"optimizer":  {func(j *job) { j.Recipe.Optimizer = "adam" }, "its optimizer is sgd, not adam"},
		"model":      {func(j *job) { j.Model.Plasticity.Rule = "oja" }, "its model is {"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJob(t, dir, "plastic")
			c.change(j)
			_, err := start(t, context.Background(), j)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "step-000000") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("what may change", func(t *testing.T) {
		j := newJob(t, dir, "plastic", "threads=1", "checkpoint_every=1m")
		train(t, j)
	})
	t.Run("lost metrics", func(t *testing.T) {
		metrics := filepath.Join(dir, "metrics.jsonl")
		must(t, os.Truncate(metrics, 10))
		_, err := start(t, context.Background(), newJob(t, dir, "plastic"))
		if err == nil || !strings.Contains(err.Error(), metrics+" has 0 lines of plastic, seed 5; want the ") {
			t.Error(err)
		}
	})
}

// What a checkpoint does not hold but counts on is held against its sum: lines of
// metrics when a training goes on, the best model at its end.
func TestRottenCompanions(t *testing.T) {
	dir := t.TempDir()
	j := newJob(t, dir, "plastic")
	train(t, j)
	metrics := filepath.Join(dir, "metrics.jsonl")
	text := read(t, metrics)
	must(t, os.WriteFile(metrics, []byte(strings.Replace(text, `"epoch":1`, `"epoch":2`, 1)), 0o666))
	_, err := start(t, context.Background(), newJob(t, dir, "plastic"))
	if err == nil || !strings.Contains(err.Error(), metrics+" has other lines of plastic, seed 5, in its first ") {
		t.Error(err)
	}
	must(t, os.WriteFile(metrics, []byte(text), 0o666))

	path := filepath.Join(j.Dir, best, modeldir.TensorsFile)
	tensors := []byte(read(t, path))
	tensors[len(tensors)-2] ^= 1
	must(t, os.WriteFile(path, tensors, 0o666))
	_, err = start(t, context.Background(), newJob(t, dir, "plastic"))
	if err == nil || !strings.Contains(err.Error(), "the best model is not whole: "+path+" has SHA-256 ") {
		t.Error(err)
	}
}
