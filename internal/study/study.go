// Package study makes runs (internal/run) of the learning tasks of eval/: every model
// of a task learns under every seed, from the first episode to the last; then it is
// tested on episodes it has not seen, and a report holds the models against each
// other.
//
// A task says what there is to learn (Task), which models try (Arm), and how one
// of them takes a step (Learner).
package study

import (
	"context"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/report"
)

// Task is a learning task whose own settings are an S: a struct of strings, ints,
// floats, bools and settings.Lists, whose yaml tags are keys and flags and whose
// help tags explain them.
type Task[S any] struct {
	Name    string   // the command: "patterns"
	Title   string   // of the report: "Remembering patterns"
	Short   string   // one line for the list of tasks
	Long    string   // for --help: what the task is and what comes out
	Example string   // for --help
	About   []string // for the report: paragraphs that say what the task is
	Unit    string   // plural of what Settings.Episodes counts: "episodes", "updates"
	Metric  Metric
	Columns []Column // of the report's table, beside the metric
	Goal    *Goal    // when a run counts as solved; nil where that is not asked
	Models  []Kind   // every model there is, in the order of the report
	Presets []Preset[S]

	// Arms checks the settings and returns an arm for each of common.Models, in
	// their order. It may complete its own settings, as by the name of the data that
	// it has found: the run keeps them so. What it has to say of bad settings is a cli.UsageError that names
	// the key, the value and what would be right.
	Arms func(common *Common, own *S) ([]Arm, error)
	// Uses are the settings that not all models use, and Idle, which may be nil, says in
	// a clause why another setting changes nothing, as "decay 1 keeps the rate"; "" where
	// it does.
	Uses Uses
	Idle func(common *Common, own *S, key string) string
	// Yardstick, which may be nil, says in a sentence what the metric of one that
	// knows nothing is under the settings, and of one that knows all; "" where that
	// is not known.
	Yardstick func(own *S) string
}

// What a task says of itself and of its models is said in its report.
type (
	Column  = report.Column  // of the report's table; a measure without one is in the JSON alone
	Metric  = report.Metric  // what a model is measured by on held-out episodes
	Measure = report.Measure // a number beside the metric
	Picture = report.Figure  // of what was learned; its File is a name in MODEL-seedN/
	Curve   = report.Curve
	Series  = report.Series // a named list of numbers
	// Goal says when a model has learned the task, by Point.Value. Training may end
	// there (Common.StopAtGoal).
	Goal = report.Goal
)

// Kind is a model that --models may name.
type Kind struct {
	Name  string
	About string // a clause for --help: "plastic tanh network"
}

// Preset is a named choice of all settings. The first of a task is its default.
type Preset[S any] struct {
	Name, About string
	Common      Common
	Own         S
}

// Arm is a model of the comparison.
type Arm struct {
	Model   string // one of the task's Models
	About   string // sizes, in a clause for the report: "1,001 neurons"
	Params  int    // trained numbers
	Control bool   // the model that the others are held against: no plasticity
	Data    string // SHA-256 of what it learns from, where that is no matter of the seed
	Source  string // what that is, in a clause: "cifar-10: 50,000 images to train with, 10,000 held out"
	// New returns the model before its first episode. The same seed gives the same
	// bits, whatever the number of threads.
	New func(seed uint64) (Learner, error)
}

// Learner is one model learning under one seed.
type Learner interface {
	// Update takes one training episode (or a batch of them) and an optimiser step.
	// A *optim.NonFiniteError ends the training as diverged.
	Update() (Point, error)
	// Test measures the model after training, on held-out episodes that depend on
	// the seed alone, and calls progress with the number of those done. It returns
	// ctx's error soon after ctx is cancelled.
	Test(ctx context.Context, progress func(done int)) (*Outcome, error)
	// Snapshot returns copies or views of all that Restore needs to go on to the
	// same bits: Tensors and Blobs; the rest of the snapshot is the runner's.
	Snapshot() (*checkpoint.Snapshot, error)
	Restore(*checkpoint.Snapshot) error
}

// Keeper is a Learner that keeps something of its own in its training's folder,
// beside checkpoints and results: it is asked to with every checkpoint.
type Keeper interface {
	Keep(dir string) error
}

// Point is what came of an update. NaN stands for what there is not.
type Point struct {
	Loss  float64 // what the optimiser lowers
	Value float64 // the metric in training, before the step; the learning curve
	// Norm is the gradient's global norm before any clip.
	Norm float64
}

// Outcome is what a test has to report. result.json keeps it, but for the images.
type Outcome struct {
	Value    float64   `json:"value"`              // the metric over the held-out episodes
	Extra    []Measure `json:"extra,omitempty"`    // other numbers: columns of the table, keys of the JSON
	Series   []Series  `json:"series,omitempty"`   // lists of numbers: keys of the JSON of their own
	Pictures []Picture `json:"pictures,omitempty"` // shown in the report for the first seed of each model
}
