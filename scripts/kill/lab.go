package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// lab is the folder where everything happens: the command, the corpus, and a
// folder for each run. The runs are made in folders of their own with the same
// relative paths, so that they are the same run to the byte.
type lab struct {
	dir  string
	task string   // of eval, or empty: train is run
	more []string // flags for it beside those below
	want map[string]contents
	took []time.Duration // by the uninterrupted runs
}

// method is a way to train whose state differs from the others'.
type method struct {
	name string
	args []string
}

// The three optimisers keep nothing, averages from the middle on, and two
// moments of each parameter.
var methods = []method{
	{"sgd", []string{"--optimizer", "sgd", "--lr", "5", "--set", "plateau=true", "--set", "decay=0.5"}},
	{"asgd", []string{"--optimizer", "asgd", "--lr", "5", "--set", "average_from=2"}},
	{"adam", []string{"--optimizer", "adam", "--lr", "0.01", "--weight-decay", "0.01"}},
}

// methods are those of train; a task has one way to learn.
func (l *lab) methods() []method {
	if l.task != "" {
		return []method{{name: l.task}}
	}
	return methods
}

// Paths within the folder of a run. disk is what may be full.
const (
	disk  = "disk"
	cache = "cache"
)

var runFolder = filepath.Join(disk, "run")

// start is the command that begins a run.
func (l *lab) start(m method) []string {
	if l.task != "" {
		return append([]string{l.task, "--out", runFolder, "--quiet", "--threads", "1", "--parallel", "1", "--checkpoint-every", "4", "--log-every", "1"}, l.more...)
	}
	args := []string{
		"--data", filepath.Join("..", "corpus"), "--out", runFolder, "--cache", cache, "--quiet", "--threads", "1",
		"--models", "lstm,retroactive", "--hidden", "16", "--batch", "5", "--bptt", "10", "--epochs", "3", "--dropout", "0.3",
		"--checkpoint-every", "4", "--set", "log_every=1",
	}
	return append(append(args, m.args...), l.more...)
}

// resume is the command that goes on with it.
func (l *lab) resume() []string {
	if l.task != "" {
		return []string{l.task, "--resume", runFolder, "--quiet"}
	}
	return []string{"--resume", runFolder, "--cache", cache, "--quiet", "--threads", "1"}
}

func (l *lab) command(ctx context.Context, dir string, args []string) *exec.Cmd {
	c := exec.CommandContext(ctx, l.binary(), args...)
	c.Dir = dir
	return c
}

func (l *lab) binary() string {
	name := filepath.Join(l.dir, l.program())
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}

// program is the command under test.
func (l *lab) program() string {
	if l.task != "" {
		return "eval"
	}
	return "train"
}

func (l *lab) build(ctx context.Context) error {
	c := exec.CommandContext(ctx, "go", "build", "-o", l.binary(), "github.com/engram-lm/engram/"+l.program())
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// reference makes the uninterrupted run, twice: what differs between two such
// runs, but for the speeds, would be held against the killed ones wrongly.
func (l *lab) reference(ctx context.Context, m method) error {
	var runs [2]contents
	for i := range runs {
		dir := filepath.Join(l.dir, fmt.Sprintf("reference-%s-%d", m.name, i+1))
		if err := os.MkdirAll(filepath.Join(dir, disk), 0o777); err != nil {
			return err
		}
		began := time.Now()
		if said, err := finish(l.command(ctx, dir, l.start(m))); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		l.took = append(l.took, time.Since(began))
		var err error
		if runs[i], err = gather(filepath.Join(dir, disk)); err != nil {
			return err
		}
	}
	l.want[m.name] = runs[0]
	return runs[0].same(runs[1])
}

// duration is that of an uninterrupted run: the median, for a machine that others
// use too holds one up now and then.
func (l *lab) duration() time.Duration {
	return slices.Sorted(slices.Values(l.took))[len(l.took)/2]
}

// finish runs a command to its end and returns what it wrote to stderr.
func finish(c *exec.Cmd) (stderr string, err error) {
	var b bytes.Buffer
	c.Stderr = &b
	err = c.Run()
	return b.String(), err
}

// trial is one run that is to come to the reference's bits.
type trial struct {
	dir       string
	number    int // counted from 0
	of        int
	method    method
	random    *rand.Rand
	trainings int // of a run
	tally
}

func (l *lab) newTrial(number, of int, seed uint64) *trial {
	methods := l.methods()
	t := &trial{
		dir: filepath.Join(l.dir, fmt.Sprintf("trial-%03d", number+1)), number: number, of: of,
		method: methods[number%len(methods)], random: rand.New(rand.NewPCG(seed, uint64(number))),
	}
	for name := range l.want[t.method.name] {
		if path.Base(name) == "result.json" {
			t.trainings++
		}
	}
	return t
}

func (t *trial) exists(path ...string) bool {
	_, err := os.Lstat(filepath.Join(append([]string{t.dir}, path...)...))
	return err == nil
}

// next is the command that brings the trial on: a run that has no folder yet
// begins anew.
func (l *lab) next(ctx context.Context, t *trial) *exec.Cmd {
	if t.exists(runFolder) {
		return l.command(ctx, t.dir, l.resume())
	}
	return l.command(ctx, t.dir, l.start(t.method))
}

// end brings the trial to its end and compares.
func (l *lab) end(ctx context.Context, t *trial) error {
	said, err := finish(l.next(ctx, t))
	if err != nil || said != "" {
		return fmt.Errorf("the last run: %w", errors.Join(err, errors.New(oneLine(said))))
	}
	got, err := gather(filepath.Join(t.dir, disk))
	if err != nil {
		return err
	}
	return l.want[t.method.name].same(got)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
