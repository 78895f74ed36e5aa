// Package trainer trains one model under one seed: windows in, optimiser steps,
// a validation after each epoch, checkpoints from which the training goes on to
// the same bits.
package trainer

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
)

// Job is one training.
type Job struct {
	Dir       string // MODEL-seedN: last/, best/ and checkpoints/ go there
	Model     modeldir.Config
	Label     string // what metrics and messages call it; empty: by its kind
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
	// Force goes on from a checkpoint of other texts or settings, where what it
	// holds still has its place.
	Force bool
}

// Observer is told how a training goes. Its methods are called between steps.
type Observer interface {
	// EpochStarts is told which epoch of how many begins, and how many tokens it
	// trains on, of which done were trained on before the training was resumed.
	EpochStarts(epoch, epochs, tokens, done int)
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
	// What the traces of each layer were when the validation text had been read, and
	// the validation's NLL without them and with them at their mean over the train text.
	Traces       []Trace  `json:"traces,omitempty"`
	ValidNLLOff  *float64 `json:"valid_nll_off,omitempty"`
	ValidNLLMean *float64 `json:"valid_nll_mean,omitempty"`
}

// Outcome is what a finished training has to report.
type Outcome struct {
	Epochs     []Epoch `json:"epochs"`
	BestEpoch  int     `json:"best_epoch"`
	TokensPerS float64 `json:"tokens_per_s"`
	// Rollbacks tells, a sentence each, where the training met a number that was
	// not finite and went on from an earlier step at half the rate.
	Rollbacks []string `json:"rollbacks,omitempty"`
}

// ErrStopped is returned by Run once it has saved a checkpoint because its
// context was cancelled.
var ErrStopped = errors.New("stopped; a checkpoint is saved")

// garbagePercent is how much garbage, in percent of what lives, a training lets lie.
const garbagePercent = 5

// Run trains to the end, or until ctx is cancelled. It goes on from the newest
// checkpoint if there is one.
func (j *Job) Run(ctx context.Context) (*Outcome, error) {
	// A step leaves little garbage behind large buffers without pointers: to
	// collect it early costs next to nothing and keeps the memory flat.
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	t, err := j.begin()
	if err != nil {
		return nil, err
	}
	return t.run(ctx)
}

func (t *training) run(ctx context.Context) (*Outcome, error) {
	var err error
	for err == nil && !t.done() {
		err = t.epoch(ctx)
		if diverged, ok := errors.AsType[*DivergedError](err); ok && t.mayRollBack() {
			err = t.rollBack(diverged)
		}
	}
	// Whatever happened, a checkpoint under way is finished first.
	if err := errors.Join(err, t.writer.Wait()); err != nil {
		return nil, err
	}
	if err := t.bestIsWhole(); err != nil {
		return nil, err
	}
	out := &Outcome{Epochs: t.Finished, TokensPerS: t.speed(), Rollbacks: t.Rollbacks}
	for _, e := range t.Finished {
		if e.Best {
			out.BestEpoch = e.Epoch
		}
	}
	return out, nil
}
