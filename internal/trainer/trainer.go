// Package trainer trains one model under one seed: windows in, optimiser steps,
// a validation after each epoch, checkpoints from which the training goes on to
// the same bits.
package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/optim"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/rng"
)

// Job is one training.
type Job struct {
	Dir       string // MODEL-seedN: last/, best/ and checkpoints/ go there
	Model     modeldir.Config
	Recipe    recipe.Recipe
	Seed      uint64
	Tokenizer []byte               // tokenizer.json
	Initial   map[string][]float32 // parameters to start from; nil draws them from the seed
	Train     *data.Split
	Valid     *data.Split
	Metrics   *Metrics
	// MetricsStart is the length of metrics.jsonl when this training began.
	MetricsStart int64
	Observer     Observer
}

// Observer is told how a training goes. Its methods are called between steps.
type Observer interface {
	// EpochStarts is told the epoch and how many tokens it scores, of which done
	// were scored before the training was resumed.
	EpochStarts(epoch, tokens, done int)
	// Step is told the tokens of a step, the mean NLL of the epoch so far, and
	// the tokens trained per second.
	Step(tokens int, nll, tokensPerS float64)
	// Validating is told the tokens of a validation that begins, and of each part
	// of it that is done.
	Validating(tokens int)
	Validated(done int)
	// EpochEnds is told the outcome of an epoch.
	EpochEnds(Epoch)
	// Warn is told of what went wrong but was mended.
	Warn(message string)
}

// Epoch is the outcome of an epoch.
type Epoch struct {
	Epoch      int     `json:"epoch"` // counted from 1
	Step       int     `json:"step"`  // optimiser steps so far
	TrainNLL   float64 `json:"train_nll"`
	ValidNLL   float64 `json:"valid_nll"`
	LR         float64 `json:"lr"`
	TokensPerS float64 `json:"tokens_per_s"`
	Best       bool    `json:"best"`
	// What the traces of each layer were when the validation text had been read.
	Traces []Trace `json:"traces,omitempty"`
}

// Outcome is what a finished training has to report.
type Outcome struct {
	Epochs     []Epoch `json:"epochs"`
	BestEpoch  int     `json:"best_epoch"`
	TokensPerS float64 `json:"tokens_per_s"`
}

// DivergedError says that a training met a number that is not finite.
type DivergedError struct {
	Epoch, Step int
	What        error
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("step %d, epoch %d: %v; a smaller lr or clip-norm may help", e.Step, e.Epoch, e.What)
}

func (e *DivergedError) Unwrap() error { return e.What }

// ErrStopped is returned by Run once it has saved a checkpoint because its
// context was cancelled.
var ErrStopped = errors.New("stopped; a checkpoint is saved")

// training is a Job under way.
type training struct {
	*Job
	model     *lm.Model[float32]
	params    []optim.Param
	optimizer optim.Optimizer
	schedule  optim.Schedule
	masks     *rng.Stream
	windows   *data.Windows
	state     lm.State[float32]
	progress

	everySteps int
	everyTime  time.Duration
	saved      time.Time
}

// progress is what a checkpoint keeps of how far a training has come.
type progress struct {
	Epoch    int     `json:"epoch"` // under way, counted from 1
	Step     int     `json:"step"`  // taken in all
	Cursor   int     `json:"cursor"`
	NLL      float64 `json:"nll"`    // summed over the epoch's tokens
	Tokens   int     `json:"tokens"` // of the epoch, so far
	AllTime  int     `json:"all_tokens"`
	Seconds  float64 `json:"seconds"` // spent on steps, in all
	BestNLL  float64 `json:"best_nll"`
	Finished []Epoch `json:"finished"`
}

// Run trains to the end, or until ctx is cancelled. It goes on from the newest
// checkpoint if there is one.
func (j *Job) Run(ctx context.Context) (*Outcome, error) {
	t, err := j.begin()
	if err != nil {
		return nil, err
	}
	for !t.done() {
		if err := t.epoch(ctx); err != nil {
			return nil, err
		}
	}
	out := &Outcome{Epochs: t.Finished, TokensPerS: t.speed()}
	for _, e := range t.Finished {
		if e.Best {
			out.BestEpoch = e.Epoch
		}
	}
	return out, nil
}

func (j *Job) begin() (*training, error) {
	t := &training{Job: j, masks: rng.New(j.Seed, "dropout")}
	var err error
	if t.everySteps, t.everyTime, err = j.Recipe.Checkpoints(); err != nil {
		return nil, err
	}
	if j.Initial != nil {
		t.model, err = lm.FromTensors[float32](j.Model, j.Initial)
	} else {
		t.model, err = lm.New[float32](j.Model, j.Seed)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range t.model.Params {
		t.params = append(t.params, optim.Param{Name: p.Name, Shape: p.Shape, Value: p.Value, Grad: make([]float32, len(p.Value))})
	}
	if t.windows, err = data.NewWindows(j.Train.Tokens, j.Recipe.Batch, j.Recipe.BPTT); err != nil {
		return nil, fmt.Errorf("train text: %w", err)
	}
	if _, err := data.NewWindows(j.Valid.Tokens, j.validBatch(), j.Recipe.BPTT); err != nil {
		return nil, fmt.Errorf("valid text: %w", err)
	}
	if t.optimizer, t.schedule, err = j.method(); err != nil {
		return nil, err
	}
	t.state = t.model.NewState(j.Recipe.Batch)
	t.Epoch, t.BestNLL = 1, math.MaxFloat64
	if err := os.MkdirAll(filepath.Join(j.Dir, checkpoints), 0o777); err != nil {
		return nil, err
	}
	t.saved = time.Now()
	return t, t.restore()
}

// validBatch is the number of streams of a validation: as in training, but never
// so many that a stream of a short text has nothing to predict.
func (j *Job) validBatch() int {
	return max(1, min(j.Recipe.Batch, len(j.Valid.Tokens)/2))
}

// method returns the optimiser and the schedule of the recipe.
func (j *Job) method() (o optim.Optimizer, s optim.Schedule, err error) {
	r := j.Recipe
	switch r.Optimizer {
	case "sgd":
		o = &optim.SGD{WeightDecay: r.WeightDecay}
	case "asgd":
		o = &optim.ASGD{WeightDecay: r.WeightDecay}
	default:
		o = optim.NewAdam(r.WeightDecay)
	}
	if r.Plateau {
		s, err = optim.NewPlateau(r.LR, r.Decay, 0, 0)
	} else {
		s, err = optim.NewDecay(r.LR, r.Decay, r.DecayStart)
	}
	return o, s, err
}

func (t *training) done() bool {
	if t.Recipe.Steps > 0 {
		return t.Step >= t.Recipe.Steps
	}
	return t.Epoch > t.Recipe.Epochs
}

// speed is the number of tokens trained per second, validations left out.
func (t *training) speed() float64 {
	if t.Seconds == 0 {
		return 0
	}
	return float64(t.AllTime) / t.Seconds
}

// epoch trains to the end of the epoch under way, validates and saves.
func (t *training) epoch(ctx context.Context) error {
	lr := t.schedule.Rate(t.Epoch)
	if a, ok := t.optimizer.(*optim.ASGD); ok && t.Epoch >= t.averageFrom() {
		a.Trigger()
	}
	t.Observer.EpochStarts(t.Epoch, t.windows.Targets(), t.Tokens)
	for {
		if t.Recipe.Steps > 0 && t.Step >= t.Recipe.Steps {
			break
		}
		if ctx.Err() != nil {
			if err := t.save(); err != nil {
				return err
			}
			return ErrStopped
		}
		w, ok := t.windows.Next()
		if !ok {
			break
		}
		if err := t.step(w, lr); err != nil {
			return err
		}
		if t.due() {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return t.endEpoch(ctx, lr)
}

func (t *training) averageFrom() int {
	if t.Recipe.AverageFrom > 0 {
		return t.Recipe.AverageFrom
	}
	return t.Recipe.Epochs/2 + 1
}

// step takes one optimiser step: forward, backward, clip, update.
func (t *training) step(w data.Window, lr float64) error {
	begin := time.Now()
	t.Step++
	nll, err := t.model.Train(w.X, w.Y, t.state, t.Recipe.Dropout, t.masks)
	if err != nil {
		return err
	}
	if math.IsNaN(nll) || math.IsInf(nll, 0) {
		return t.diverged(fmt.Errorf("the loss is %v", nll))
	}
	for i, p := range t.model.Params {
		t.params[i].Grad = p.Grad
	}
	if t.Recipe.DivideAlpha {
		if err := optim.DivideSharedAlpha(t.params); err != nil {
			return err
		}
	}
	norm, err := optim.ClipGlobalNorm(t.params, t.Recipe.ClipNorm)
	if err != nil {
		return t.diverged(err)
	}
	if err := t.optimizer.Step(t.params, lr); err != nil {
		return err
	}
	boundTraceRates(t.params)
	if err := optim.CheckFinite(t.params); err != nil {
		return t.diverged(err)
	}
	n := len(w.X)
	t.NLL += nll * float64(n)
	t.Tokens += n
	t.AllTime += n
	t.Seconds += time.Since(begin).Seconds()
	t.Observer.Step(n, t.NLL/float64(t.Tokens), t.speed())
	if t.Step%t.Recipe.LogEvery != 0 {
		return nil
	}
	return t.Metrics.Write(Line{
		Model: t.Model.Model, Seed: t.Seed, Epoch: t.Epoch, Step: t.Step, Tokens: t.AllTime,
		TrainNLL: t.NLL / float64(t.Tokens), LR: lr, GradNorm: &norm, TokensPerS: t.speed(),
	})
}

// boundTraceRates puts the rate k of each eligibility trace back into [0, 1].
// Outside, E <- (1-k) E + k post pre is no running mean: with k below 0 it grows
// without bound, and nothing else stops it (E is not clipped).
func boundTraceRates(params []optim.Param) {
	for _, p := range params {
		if strings.HasSuffix(p.Name, ".trace_rate") {
			for i, k := range p.Value {
				if k < 0 || k > 1 { // a NaN stays, to be found
					p.Value[i] = min(max(k, 0), 1)
				}
			}
		}
	}
}

func (t *training) diverged(what error) error { return &DivergedError{t.Epoch, t.Step, what} }

// due reports whether a checkpoint within the epoch is due.
func (t *training) due() bool {
	return t.everySteps > 0 && t.Step%t.everySteps == 0 ||
		t.everyTime > 0 && time.Since(t.saved) >= t.everyTime
}

// endEpoch validates, saves last/ and, if this epoch is the best, best/, and
// begins the next epoch with a checkpoint.
func (t *training) endEpoch(ctx context.Context, lr float64) error {
	e, err := t.validate(ctx)
	if ctx.Err() != nil {
		// The epoch's steps are done; its end is repeated when the run goes on.
		if err := t.save(); err != nil {
			return err
		}
		return ErrStopped
	}
	if err != nil {
		return err
	}
	e.LR = lr
	t.schedule.Observe(t.Epoch, e.ValidNLL)
	if err := t.Metrics.Write(Line{
		Model: t.Model.Model, Seed: t.Seed, Epoch: t.Epoch, Step: t.Step, Tokens: t.AllTime,
		TrainNLL: e.TrainNLL, ValidNLL: &e.ValidNLL, LR: lr, TokensPerS: e.TokensPerS,
	}); err != nil {
		return err
	}
	t.Finished = append(t.Finished, e)
	t.Observer.EpochEnds(e)
	t.Epoch, t.NLL, t.Tokens = t.Epoch+1, 0, 0
	t.windows.Reset()
	t.state.Reset()
	return t.save()
}

// validate reads the validation text and saves the model; with averaged SGD it
// is the averages that are validated and saved.
func (t *training) validate(ctx context.Context) (e Epoch, err error) {
	if a, ok := t.optimizer.(*optim.ASGD); ok {
		if err := a.Swap(t.params); err != nil {
			return Epoch{}, err
		}
		defer func() { err = errors.Join(err, a.Swap(t.params)) }()
	}
	t.Observer.Validating(len(t.Valid.Tokens))
	state := t.model.NewState(t.validBatch())
	valid, err := t.model.Read(ctx, t.Valid.Tokens, state, t.Recipe.BPTT, t.Observer.Validated)
	if err != nil {
		return Epoch{}, err
	}
	if math.IsNaN(valid.NLL) || math.IsInf(valid.NLL, 0) {
		return Epoch{}, t.diverged(fmt.Errorf("the validation loss is %v", valid.NLL))
	}
	e = Epoch{
		Epoch: t.Epoch, Step: t.Step, ValidNLL: valid.NLL, TokensPerS: t.speed(),
		TrainNLL: t.NLL / float64(max(1, t.Tokens)), Best: valid.NLL < t.BestNLL, Traces: traces(t.model, state),
	}
	if e.Best {
		t.BestNLL = valid.NLL
		if err := t.saveModel(best); err != nil {
			return Epoch{}, err
		}
	}
	return e, t.saveModel(last)
}
