// Package run is the one runner of all trainings: every model of a run learns under
// every seed, several side by side where there are cores for it, and a report holds
// them against each other.
//
// A Program says what there is to set, which trainings a run consists of (Job) and
// what is reported of them; a Learner, how one of them takes a step, what its state
// is and how it is tested. It need not have gradients. All the rest is here: flags
// and presets, the run folder, its lock, checkpoints from which a run goes on to the
// same bits, divergence and rollback, growth, progress and metrics.jsonl.
//
// In a run folder lie config.yaml, run.json, metrics.jsonl and the report, and for
// each model and seed MODEL-seedN/ with checkpoints/, result.json and what the
// learner itself keeps.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/internal/settings"
)

// Program is a command whose runs consist of trainings.
type Program struct {
	Name       string // in run.json: "train", "patterns"
	Invocation string // "go run ./train"
	Speaker    string // the command that warns: "train", "eval"
	Unit       string // plural of what a training counts, an optimiser step each: "steps"
	Presets    []Preset
	Blank      func() Settings // those that the presets share, to parse into
	// Choose returns the preset where none is named, and what there is to say about it.
	Choose func(named Settings) (preset, why string)

	// Prepare checks the settings of a run that is about to start or to go on, reads
	// what it learns from and fills in its Plan. It has written nothing after an error.
	Prepare func(r *Run) error
	// Report returns the report of the trainings so far, of those under way what their
	// metrics say. What costs time may be left out of a brief one, which is only shown.
	Report func(r *Run, brief bool) (Report, error)

	Short, Long, Example string // for --help
	// Paths are flags of its own that name files or folders: they must not be empty, and
	// a command to go on with repeats them.
	Paths []string
}

// Report is what a run has come to.
type Report interface {
	Write(dir string) error // report.html, report.md, report.json
	WriteTable(w io.Writer) error
	WriteJSON(w io.Writer) error // an object a training, each on a line
}

// Plan is what a Program makes of the settings of a run.
type Plan struct {
	Arms  []*Arm
	Facts []Fact // what the run learns from
	// Name is that of the folder under runs/ where none is given, but for its number.
	Name string
	// Stage, which may be nil, writes what else belongs into a new run's folder.
	Stage  func(dir string) error
	System machine.System // what the run computes with
	// End is where a training ends under settings, Longer the keys of those that make a
	// run longer.
	End    func(s Settings) End
	Longer []string
	// Warnings is what there is to warn of, Title and About what is to be said of the run
	// before its models and after them.
	Warnings, About []string
	Title           string
	// Beyond is how many times as long as its steps a run takes, with validations and the
	// like, where that is told beforehand; 0: it is not.
	Beyond float64
}

// End is where a training ends.
type End struct {
	Steps  int           // that it takes, or at most
	Epochs int           // that end it, where it has some; 0: the steps do
	Time   time.Duration // that it may take; 0: any
	Goal   bool          // it ends as soon as it has reached its goal
}

// Reached reports whether a training that has come so far is there: no epoch to begin,
// and none under way that has yet to be ended.
func (e End) Reached(at Done) bool {
	switch {
	case e.Goal && at.Solved > 0, e.Time > 0 && at.Seconds >= e.Time.Seconds():
		return true
	case e.Epochs > 0:
		return at.Epochs >= e.Epochs
	}
	return at.Steps >= e.Steps && !at.Open
}

// Cut reports whether it was the bound on its time that ended a training.
func (e End) Cut(at Done) bool {
	over := e.Time > 0 && e.Reached(at)
	e.Time = 0
	return over && !e.Reached(at)
}

// Fact is something that must be the same when a run goes on.
type Fact struct {
	Key  string // in run.json: "train_text"
	What string // in messages: "the train text of ptb"
	Is   string // mostly a SHA-256
	// Forced says that the user may insist on another one.
	Forced bool
}

// Arm is a model of a run, which is trained under each of its seeds.
type Arm struct {
	Model    string // what folders, metrics and the report call it
	About    string // its sizes, for who begins the run
	Params   int    // trained numbers
	Facts    []Fact // of the model, and of what it learns from
	Settings settings.Fields
	// Idle says in a clause why a setting changes nothing in it; "" where it does.
	Idle func(key string) string
	// New returns the learner before its first step. The same seed gives the same
	// bits, whatever the number of threads.
	New func(h *Host) (Learner, error)

	pace float64 // seconds that a step takes; 0: not known
	Of   any     // what the program knows it by
}

// Job is a training: an arm under a seed.
type Job struct {
	*Arm
	Seed   uint64
	Result *Result // once it has ended, under the settings as they are now

	at Done // how far it is, once its pace is known
}

// Name is what the user is told of the training.
func (j *Job) Name() string { return fmt.Sprintf("%s seed %d", j.Model, j.Seed) }

// Learner is one training under way.
type Learner interface {
	// Done tells how far the training is.
	Done() Done
	// Step takes it on: by an optimiser step, or by what comes between two of them,
	// such as a validation, after which it may want a checkpoint. A *DivergedError says
	// that it has come to numbers that are not finite; an error of ctx, that Step has
	// changed nothing and is to be repeated when the training goes on.
	Step(ctx context.Context) (save bool, err error)
	// Snapshot returns copies or views of all that Restore needs to go on to the same
	// bits: Tensors, Blobs and Meta; the rest is the runner's.
	Snapshot() (*checkpoint.Snapshot, error)
	Restore(s *checkpoint.Snapshot) error
	// Slow sets the learning rate to so many halves of the settings', and reports whether
	// there is one: else nothing is rolled back.
	Slow(halvings int) bool
	// Event is a line of metrics that tells what happened beside the steps.
	Event(what string) (line any)
	// Finish tests the model at the end, and returns what result.json is to keep of
	// it; one with a method Flaw() string may say in a clause that it is no model. It
	// returns ctx's error soon after ctx is cancelled.
	Finish(ctx context.Context) (outcome any, err error)
}

// Done is how far a training is.
type Done struct {
	Steps   int     `json:"steps"`            // optimiser steps taken
	Epochs  int     `json:"epochs,omitempty"` // ended
	Open    bool    `json:"open,omitempty"`   // within an epoch, which has yet to be ended
	Seconds float64 `json:"seconds"`          // spent on the steps
	Solved  int     `json:"solved,omitempty"` // step at which the goal was reached; 0: not
}

// DivergedError says that a training came to numbers that are not finite.
type DivergedError struct {
	At     string // "step 10, epoch 2", "episode 7"
	What   error  // the tensor and the number
	Advice string // signs before it, and what may help; may be empty
}

func (e *DivergedError) Error() string { return fmt.Sprintf("%s: %v%s", e.At, e.What, e.Advice) }

// ErrStopped says that a checkpoint was saved because the context was cancelled.
var ErrStopped = errors.New("stopped; a checkpoint is saved")

// Run is a run under way.
type Run struct {
	Plan
	Seeds    []uint64
	Jobs     []*Job // the seeds of an arm, then those of the next
	Program  *Program
	Settings Settings
	Given    map[string]bool // keys that something other than the preset has set
	Notes    []string        // what there is to say about values that nobody asked for
	Was      Settings        // of a resumed run before this start
	Began    Record
	Dir      string
	Resumed  bool
	Quiet    bool
	Log      *progress.Log

	options *options
	lock    *runlock.Lock
	locked  error // why there is no lock: nothing can be written in the folder
	metrics *metrics
	learning
}

// JobDir is the folder of a training.
func (r *Run) JobDir(j *Job) string { return JobDir(r.Dir, j.Model, j.Seed) }

// Hint is the command that goes on with the run.
func (r *Run) Hint() string {
	args := []string{"--resume", r.Dir}
	for _, name := range r.Program.Paths {
		if f := r.options.flags.Lookup(name); f.Changed {
			args = append(args, "--"+name, f.Value.String())
		}
	}
	return r.Program.Invocation + cli.Quoted(args)
}

// Warnf warns the user, quiet or not.
func (r *Run) Warnf(format string, a ...any) {
	r.Log.Warnf("%s: %s", r.Program.Speaker, fmt.Sprintf(format, a...))
}
