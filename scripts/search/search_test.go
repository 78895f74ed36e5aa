package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const small = `
preset: sample
set: {hidden: 8, params: 50000, lr: 2}
seed: 3
trials: 6
parallel: 2
ranges:
  decay: {linear: [0.25, 0.4]}
  decay_start: {choice: [4, 5, 6]}
  l2: {log: [1e-8, 1e-2]}
arms:
  - model: lstm
  - model: slow=modulated:rule=decay
    ranges: {alpha_lr: {log: [0.1, 10]}, start: {choice: [small, published]}}
rounds:
  - {epochs: 4, faster: 2}
  - {epochs: 7, faster: 1.5, keep: 3}
  - {epochs: 13, keep: 1}
`

func parse(t *testing.T, text string) *sweep {
	t.Helper()
	s, err := parseSweep([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The file of the published search is whole.
func TestPublishedSweep(t *testing.T) {
	s, _, err := readSweep("ptb.yaml")
	must(t, err)
	if s.Trials != 12 || len(s.Arms) < 5 || len(s.Rounds) != 2 {
		t.Errorf("%+v", s)
	}
}

func TestDraws(t *testing.T) {
	s := parse(t, small)
	between := func(x string, lo, hi float64) bool {
		v, err := strconv.ParseFloat(x, 64)
		return err == nil && lo <= v && v <= hi
	}
	seen := map[string]bool{}
	below := 0 // of the logarithms: half of them lie below the middle
	for trial := range s.Trials {
		lstm, slow := s.draws(&s.Arms[0], trial), s.draws(&s.Arms[1], trial)
		if len(lstm) != 3 || len(slow) != 5 {
			t.Fatalf("%v, %v", lstm, slow)
		}
		got := map[string]string{}
		for _, x := range slow {
			got[x.Key] = x.Value
		}
		for _, x := range lstm {
			if got[x.Key] != x.Value {
				t.Errorf("trial %d: %s of the arms differs: %s, %s", trial, x.Key, x.Value, got[x.Key])
			}
		}
		if !between(got["decay"], 0.25, 0.4) || !between(got["l2"], 1e-8, 1e-2) || !between(got["alpha_lr"], 0.1, 10) ||
			!slices.Contains([]string{"4", "5", "6"}, got["decay_start"]) || !slices.Contains([]string{"small", "published"}, got["start"]) {
			t.Errorf("trial %d: %v", trial, got)
		}
		if between(got["l2"], 0, 1e-5) {
			below++
		}
		seen[fmt.Sprint(lstm)] = true
	}
	if len(seen) != s.Trials || below == 0 || below == s.Trials {
		t.Errorf("%d different trials, %d of %d below the middle", len(seen), below, s.Trials)
	}
	// Neither more trials nor other ranges move a draw; another seed does.
	more := parse(t, strings.Replace(strings.Replace(small, "trials: 6", "trials: 9", 1), "ranges:\n", "ranges:\n  dropout: {linear: [0, 0.5]}\n", 1))
	for _, x := range s.draws(&s.Arms[0], 4) {
		if !slices.Contains(more.draws(&more.Arms[0], 4), x) {
			t.Errorf("%v became %v", x, more.draws(&more.Arms[0], 4))
		}
	}
	other := parse(t, strings.Replace(small, "seed: 3", "seed: 4", 1))
	if fmt.Sprint(other.draws(&other.Arms[0], 0)) == fmt.Sprint(s.draws(&s.Arms[0], 0)) {
		t.Error("another seed draws the same")
	}
}

// A schedule that runs f times faster comes to the same rate in an f-th of the epochs.
func TestShorten(t *testing.T) {
	s := parse(t, strings.Replace(small, "trials: 6", "trials: 1", 1)[:strings.Index(small, "rounds:")-4+4]+"rounds: [{epochs: 13}, {epochs: 7, faster: 2}]\n")
	s.Set["decay"], s.Set["decay_start"], s.Set["thaw"] = "0.4", "5", "4"
	delete(s.Ranges, "decay")
	delete(s.Ranges, "decay_start")
	long, err := s.recipe(&s.Arms[0], 0, 0)
	must(t, err)
	short, err := s.recipe(&s.Arms[0], 0, 1)
	must(t, err)
	if long.Epochs != 13 || long.DecayStart != 5 || long.Thaw != 4 || short.Epochs != 7 || short.DecayStart != 3 || short.Thaw != 2 {
		t.Errorf("%+v, %+v", long, short)
	}
	for epoch := 0; epoch <= 4; epoch++ { // after the start
		if slow, fast := math.Pow(long.Decay, float64(2*epoch)), math.Pow(short.Decay, float64(epoch)); math.Abs(slow/fast-1) > 1e-9 {
			t.Errorf("%v and %v, %d epochs after the start", slow, fast, epoch)
		}
	}
	if long.LR != 2 || short.LR != 2 || long.Models.String() != "lstm" {
		t.Errorf("%+v", long)
	}
}

func TestRefuses(t *testing.T) {
	for change, want := range map[string]string{
		"trials: 6 -> trials: 0":                         "trials 0: want 1 to",
		"parallel: 2 -> parallel: 0":                     "parallel 0",
		"preset: sample -> preset: large":                `preset "large"`,
		"seed: 3 -> sed: 3":                              "field sed not found",
		"model: lstm -> model: gru":                      `"gru": want lstm`,
		"model: lstm -> model: slow=lstm":                "is given twice",
		"[0.25, 0.4] -> [0.4, 0.25]":                     "range of decay: [0.4 0.25]: want two numbers, the lower first",
		"[0.25, 0.4] -> [0.25]":                          "range of decay",
		"linear: [0.25, 0.4] -> log: [0, 1]":             "range of decay: log [0 1]: want numbers above 0",
		"{linear: [0.25, 0.4]} -> {}":                    "range of decay: want one of linear",
		"{linear: [0.25, 0.4]} -> {choice: [big]}":       `trial 1 of lstm: decay "big": want a finite number`,
		"l2: -> l3:":                                     `no key "l3"`,
		"hidden: 8 -> hidden: 0":                         "hidden 0",
		"alpha_lr: -> decay:":                            "range of decay is in ranges too",
		"epochs: 4, -> epochs: 0,":                       "round 1",
		"keep: 3 -> keep: 7":                             "round 2",
		"{epochs: 4, faster: 2} -> {epochs: 4, keep: 2}": "round 1",
		"preset: sample -> preset: [sample":              "yaml",
	} {
		from, to, _ := strings.Cut(change, " -> ")
		text := strings.Replace(small, from, to, 1)
		if text == small {
			t.Fatalf("%s changes nothing", change)
		}
		path := filepath.Join(t.TempDir(), "s.yaml")
		must(t, os.WriteFile(path, []byte(text), 0o666))
		_, _, err := readSweep(path)
		if err == nil || want != "yaml" && !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
}

// fake "trains" by writing the report that a training would: the perplexity is
// the trial's number, but for the last trial, which diverges.
type fake struct {
	root           string
	mu             sync.Mutex
	running, most  int
	ran            []string
	stopAfter      int
	stop           func()
	failing        string
	release, begun chan bool
}

func (f *fake) launch(ctx context.Context, j job, config string) error {
	f.mu.Lock()
	f.running++
	f.most = max(f.most, f.running)
	f.ran = append(f.ran, j.String())
	stop := len(f.ran) == f.stopAfter
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.running--; f.mu.Unlock() }()
	if f.begun != nil {
		f.begun <- true
		<-f.release
	}
	if _, err := os.Stat(config); err != nil {
		return err
	}
	if stop {
		f.stop()
		return ctx.Err()
	}
	if j.String() == f.failing {
		return fmt.Errorf("%s: exit status 1", j)
	}
	seed := fmt.Sprintf(`{"seed": 1, "status": "done", "valid_ppl": %d}`, 100+j.trial)
	if j.trial == 5 {
		seed = `{"seed": 1, "status": "diverged: NaN", "valid_ppl": null}`
	}
	dir := j.dir(f.root)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "report.json"), []byte(`{"arms": [{"model": "x", "seeds": [`+seed+`]}]}`), 0o666)
}

// started makes the folder of a sweep.
func started(t *testing.T) (*sweep, string) {
	t.Helper()
	s, dir := parse(t, small), t.TempDir()
	must(t, open(dir, s, []byte(small)))
	return s, dir
}

func TestHalving(t *testing.T) {
	s, dir := started(t)
	f := &fake{root: dir}
	must(t, runAll(context.Background(), s, dir, f, io.Discard))
	slices.Sort(f.ran)
	var want []string
	for _, label := range []string{"lstm", "slow"} {
		for trial := 1; trial <= 6; trial++ {
			want = append(want, fmt.Sprintf("%s-%02d-r1", label, trial))
		}
		// The best three, then the best one.
		want = append(want, label+"-01-r2", label+"-02-r2", label+"-03-r2", label+"-01-r3")
	}
	slices.Sort(want)
	if !slices.Equal(f.ran, want) {
		t.Errorf("ran %v, want %v", f.ran, want)
	}
	var out strings.Builder
	must(t, status(s, dir, &out))
	for _, line := range []string{"lstm  6 of 6", "3 of 3", "1 of 1", "100.00", "slow-01-r3"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in %s", line, out.String())
		}
	}
	out.Reset()
	must(t, sweepReport(s, dir, &out))
	for _, line := range []string{"### slow", "| diverged |", "Best: trial 1, validation perplexity 100.00.", "--models lstm:decay=", "slow=modulated:rule=decay:alpha_lr="} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in %s", line, out.String())
		}
	}
	// The chosen models are what train takes.
	_, models, _ := strings.Cut(out.String(), "--models ")
	models, _, _ = strings.Cut(models, "`")
	r, err := s.recipe(&s.Arms[0], 0, 0)
	must(t, err)
	_, err = r.Fields().Set("models=" + models)
	must(t, err)
	must(t, r.Validate())
}

func TestParallel(t *testing.T) {
	s, dir := started(t)
	f := &fake{root: dir, begun: make(chan bool, 100), release: make(chan bool)}
	done := make(chan error)
	go func() { done <- runAll(context.Background(), s, dir, f, io.Discard) }()
	<-f.begun
	<-f.begun // two at a time, while neither has ended
	close(f.release)
	must(t, <-done)
	if f.most != 2 {
		t.Errorf("%d at a time, want 2", f.most)
	}
}

// A sweep that is stopped goes on with what has not finished.
func TestStopAndGoOn(t *testing.T) {
	s, dir := started(t)
	s.Parallel = 1
	ctx, cancel := context.WithCancel(context.Background())
	f := &fake{root: dir, stopAfter: 4, stop: cancel}
	if err := runAll(ctx, s, dir, f, io.Discard); !errors.Is(err, context.Canceled) || len(f.ran) != 4 {
		t.Fatalf("%v after %v", err, f.ran)
	}
	again := &fake{root: dir}
	must(t, runAll(context.Background(), s, dir, again, io.Discard))
	if again.ran[0] != f.ran[3] || len(again.ran) != 20-3 {
		t.Errorf("went on with %v after %v", again.ran, f.ran)
	}
	// Another sweep is not taken for this one; more at a time is.
	if err := open(dir, parse(t, strings.Replace(small, "parallel: 2", "parallel: 5", 1)), nil); err != nil {
		t.Error(err)
	}
	if err := open(dir, parse(t, strings.Replace(small, "seed: 3", "seed: 5", 1)), nil); err == nil || !strings.Contains(err.Error(), "holds another sweep") {
		t.Error(err)
	}
}

// A trial that fails keeps no other from its end, is tried once, and is named.
func TestFailure(t *testing.T) {
	s, dir := started(t)
	f := &fake{root: dir, failing: "lstm-02-r1"}
	err := runAll(context.Background(), s, dir, f, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "lstm-02-r1: exit status 1") {
		t.Error(err)
	}
	if len(f.ran) != 10+6 { // the other arm whole, this one's first round
		t.Errorf("ran %v", f.ran)
	}
}
