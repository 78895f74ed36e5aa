package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/run"
)

// spoiled makes numbers of a training NaN: after step 9 as long as the rate is
// above a quarter of what it was.
var spoiled = []string{"on_nan=rollback", "rollbacks=3", "checkpoint_every=4", "log_every=1"}

func spoil(t *testing.T, j *job, step func()) (*Outcome, error) {
	t.Helper()
	var tr *Training
	j.step = func() {
		step()
		if tr.position.Step == 9 && tr.rate() > tr.Recipe.LR/4 {
			tr.model.Params[2].Value[1] = float32(math.NaN())
		}
	}
	return startAs(t, context.Background(), j, func(begun *Training) { tr = begun })
}

// A training that rolls back comes to its end, tells of each time, and comes to
// the same wherever it is killed.
func TestRollback(t *testing.T) {
	dir, left := t.TempDir(), map[string]string{}
	j := newJob(t, dir, "plastic", spoiled...)
	steps := 0
	out, err := spoil(t, j, func() {
		steps++
		left[fmt.Sprint("at step ", steps)] = copied(t, dir)
	})
	must(t, err)
	want := productOf(t, j, out)
	told := j.rollbacks
	if warned := j.warnings(); len(told) != 2 || len(warned) != 2 ||
		!strings.HasPrefix(told[1], "rollback 2 of 3 to step 8, at half the rate: step 10, epoch 2: the ") {
		t.Fatalf("warned %q, told %q", warned, told)
	}
	// The second one went back to where the first one's line was written before.
	events := 0
	for _, l := range lines(t, j) {
		if l["event"] != nil {
			if events++; l["event"] != told[events-1] || l["lr"] != j.Recipe.LR/float64(int(1)<<events) || l["step"] != 8. {
				t.Errorf("%v, want rollback %d", l, events)
			}
		}
	}
	if events != 2 {
		t.Errorf("%d lines of the metrics tell of a rollback, want 2", events)
	}
	for when, dir := range left {
		t.Run(when, func(t *testing.T) {
			j := newJob(t, dir, "plastic", spoiled...)
			out, err := spoil(t, j, func() {})
			must(t, err)
			same(t, want, productOf(t, j, out))
		})
	}
}

// It rolls back so many times and no more, and then its last checkpoint is
// there to go on from with other settings; without any, it goes back to the start.
func TestRollbacksEnd(t *testing.T) {
	for every, to := range map[string]string{"4": "to step 8,", "0": "to step 7,", "100h": "to step 7,"} {
		dir := t.TempDir()
		changes := append(spoiled, "checkpoint_every="+every)
		_, err := spoil(t, newJob(t, dir, "plastic", append(changes, "rollbacks=1")...), func() {})
		if err == nil || !strings.HasPrefix(err.Error(), "diverged at step 10, ") {
			t.Fatalf("%v, want a divergence at step 10", err)
		}
		j := newJob(t, dir, "plastic", changes...)
		_, err = spoil(t, j, func() {})
		must(t, err)
		if len(j.rollbacks) != 2 || !strings.Contains(j.rollbacks[1], to) {
			t.Errorf("%q, want two, %s", j.rollbacks, to)
		}
	}
	dir := t.TempDir()
	changes := append(spoiled, "checkpoint_every=0", "bptt=2")
	j := newJob(t, dir, "lstm", changes...)
	_, err := spoil(t, j, func() {})
	must(t, err)
	if len(j.rollbacks) != 2 || !strings.Contains(j.rollbacks[1], "to step 0,") {
		t.Errorf("%q, want two to the start", j.rollbacks)
	}
}

// A divergence is told apart from a number out of nowhere.
func TestSignsOfDivergence(t *testing.T) {
	_, err := start(t, context.Background(), newJob(t, t.TempDir(), "lstm", "lr=1000", "weight_decay=1"))
	if err == nil || !strings.HasPrefix(err.Error(), "diverged at ") || !strings.Contains(err.Error(), "the step before") || !strings.Contains(err.Error(), "the training diverges") {
		t.Errorf("%v, want signs of a divergence", err)
	}
	j := newJob(t, t.TempDir(), "lstm")
	j.Initial = initial(t, j)
	j.Initial["layers.0.weight_ih"][3] = float32(math.NaN())
	_, err = start(t, context.Background(), j)
	if err == nil || !strings.HasPrefix(err.Error(), "diverged at ") || strings.Contains(err.Error(), "the training diverges") || !strings.Contains(err.Error(), "layers.0") || !strings.Contains(err.Error(), "a fault of the program") {
		t.Errorf("%v, want no signs of a divergence", err)
	}
	for what, u := range map[string]usual{
		"a loss of 7,":               {Loss: 5, LastLoss: 7, Norm: 1, LastNorm: 1},
		"a gradient of norm 30,":     {Loss: 5, LastLoss: 5, Norm: 1, LastNorm: 30},
		"decoder.bias has grown to ": {Loss: 5, LastLoss: 5, Norm: 1, LastNorm: 1},
	} {
		j := newJob(t, t.TempDir(), "lstm")
		tr, err := j.begin(&run.Host{Job: &run.Job{Arm: j.Of(), Seed: j.Seed}})
		must(t, err)
		tr.Usual = u
		if strings.HasPrefix(what, "decoder") {
			tr.model.Params[len(tr.model.Params)-1].Value[2] = -2e4
		}
		if got := tr.signs(); !strings.Contains(got, what) {
			t.Errorf("%q, want %q", got, what)
		}
	}
}

// Forced changes are taken from the next step on and are not asked for again.
func TestForce(t *testing.T) {
	dir := t.TempDir()
	begin := []string{"checkpoint_every=4", "epochs=2"}
	train(t, newJob(t, dir, "modulated", begin...))
	changed := append(begin, "lr=0.5", "epochs=3", "dropout=0.4")
	_, err := start(t, context.Background(), newJob(t, dir, "modulated", changed...))
	if err == nil || !strings.Contains(err.Error(), "its epochs is 2, not 3") {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := newJob(t, dir, "modulated", changed...)
	j.Force, j.Train = true, text("other", 100)
	atOnce := func(*Training) { cancel() } // what is forced must hold already
	if _, err := startAs(t, ctx, j, atOnce); !errors.Is(err, run.ErrStopped) {
		t.Fatal(err)
	}
	j = newJob(t, dir, "modulated", changed...)
	j.Train = text("other", 100)
	if out := train(t, j); len(out.Epochs) != 3 || out.Epochs[2].LR != 0.5 || out.Epochs[1].LR != 1 {
		t.Errorf("%+v, want three epochs, the last at rate 0.5", out.Epochs)
	}
	for name, change := range map[string]func(*job){
		"its seed is":       func(j *job) { j.reseed(t) },
		"its vocabulary is": func(j *job) { j.Tokenizer = []byte("[]") },
		"its batch is":      func(j *job) { j.Recipe.Batch = 2 },
		"its model is":      func(j *job) { j.Model.HiddenSize++ },
	} {
		j := newJob(t, dir, "modulated", changed...)
		j.Train, j.Force = text("other", 100), true
		change(j)
		if _, err := start(t, context.Background(), j); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}
