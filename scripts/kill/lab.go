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
	dir   string
	kinds [][]method // of training, whose trials alternate, as do the methods of each
	want  map[string]contents
	took  map[string]time.Duration // by an uninterrupted run of a method
}

// method is a way to train whose state differs from the others'.
type method struct {
	name string
	task string // of eval, or empty: a language model by train
	args []string
}

// The three optimisers of train keep nothing, averages from the middle on, and two
// moments of each parameter. Agents learn by gradients in episodes, a population of
// genotypes without. Some learn side by side.
var (
	languageModels = []method{
		{name: "sgd", args: []string{"--optimizer", "sgd", "--lr", "5", "--set", "plateau=true", "--set", "decay=0.5"}},
		{name: "asgd", args: []string{"--optimizer", "asgd", "--lr", "5", "--set", "average_from=2", "--parallel", "2", "--tensorboard"}},
		{name: "adam", args: []string{"--optimizer", "adam", "--lr", "0.01", "--weight-decay", "0.01"}},
	}
	tasks = []method{
		{name: "cue", task: "cue", args: []string{"--models", "lstm,modulated", "--hidden", "8", "--episodes", "160", "--test-episodes", "8",
			"--batch", "4", "--steps", "12", "--cues", "2", "--cue-bits", "4", "--parallel", "2", "--tensorboard"}},
		{name: "evolve", task: "evolve", args: []string{"--models", "decomposed,gradient", "--hidden", "4", "--episodes", "12", "--test-episodes", "8",
			"--population", "8", "--mazes", "2", "--validate-every", "5", "--validation-mazes", "4", "--parallel", "2"}},
	}
)

// chosen are the kinds of training that were asked for: the task with its flags, or
// train with its, or if neither is named both side by side.
func chosen(task string, more []string) [][]method {
	switch {
	case task != "":
		return [][]method{{{name: task, task: task, args: append([]string{"--parallel", "1"}, more...)}}}
	case len(more) == 0:
		return [][]method{languageModels, tasks}
	}
	methods := slices.Clone(languageModels)
	for i := range methods {
		methods[i].args = slices.Concat(methods[i].args, more)
	}
	return [][]method{methods}
}

// method is that of a trial, counted from 0.
func (l *lab) method(number int) method {
	kind := l.kinds[number%len(l.kinds)]
	return kind[number/len(l.kinds)%len(kind)]
}

// Paths within the folder of a run. disk is what may be full.
const (
	disk  = "disk"
	cache = "cache"
)

var runFolder = filepath.Join(disk, "run")

// start is the command that begins a run, without its program.
func (m method) start() []string {
	if m.task != "" {
		return append([]string{m.task, "--out", runFolder, "--quiet", "--threads", "1", "--checkpoint-every", "4", "--log-every", "1"}, m.args...)
	}
	return append([]string{
		"--data", filepath.Join("..", "corpus"), "--out", runFolder, "--cache", cache, "--quiet", "--threads", "1",
		"--models", "lstm,retroactive", "--hidden", "16", "--batch", "5", "--bptt", "10", "--epochs", "3", "--dropout", "0.3",
		"--checkpoint-every", "4", "--set", "log_every=1",
	}, m.args...)
}

// resume is the command that goes on with it.
func (m method) resume() []string {
	if m.task != "" {
		return []string{m.task, "--resume", runFolder, "--quiet"}
	}
	return []string{"--resume", runFolder, "--cache", cache, "--quiet", "--threads", "1"}
}

// program is the command under test.
func (m method) program() string {
	if m.task != "" {
		return "eval"
	}
	return "train"
}

func (l *lab) command(ctx context.Context, dir string, m method, args []string) *exec.Cmd {
	c := exec.CommandContext(ctx, l.binary(m.program()), args...)
	c.Dir = dir
	return c
}

func (l *lab) binary(program string) string {
	name := filepath.Join(l.dir, program)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}

// build makes the commands under test.
func (l *lab) build(ctx context.Context) error {
	for _, kind := range l.kinds {
		program := kind[0].program()
		c := exec.CommandContext(ctx, "go", "build", "-o", l.binary(program), "github.com/engram-lm/engram/"+program)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
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
		if said, err := finish(l.command(ctx, dir, m, m.start())); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		if took := time.Since(began); i == 0 || took < l.took[m.name] { // others use the machine too
			l.took[m.name] = took
		}
		var err error
		if runs[i], err = gather(filepath.Join(dir, disk)); err != nil {
			return err
		}
	}
	l.want[m.name] = runs[0]
	return runs[0].same(runs[1])
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
	t := &trial{
		dir: filepath.Join(l.dir, fmt.Sprintf("trial-%03d", number+1)), number: number, of: of,
		method: l.method(number), random: rand.New(rand.NewPCG(seed, uint64(number))),
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
		return l.command(ctx, t.dir, t.method, t.method.resume())
	}
	return l.command(ctx, t.dir, t.method, t.method.start())
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
