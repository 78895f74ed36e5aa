// Package trainer trains a language model under one seed: windows in, optimiser
// steps, a validation after each epoch. It is what a run (internal/run) of train
// consists of.
package trainer

import (
	"context"
	"encoding/json"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
)

// Job is one training.
type Job struct {
	Model     modeldir.Config
	Label     string // what folders, metrics and messages call it
	Recipe    recipe.Recipe
	Seed      uint64
	Tokenizer []byte               // tokenizer.json
	Initial   map[string][]float32 // parameters to start from; nil draws them from the seed
	Train     *data.Split
	Valid     *data.Split
	// Score, which may be nil, reads the texts with the best model at the end.
	Score func(ctx context.Context, h *run.Host, out *Outcome) error

	stepped, validated func() // for tests: what is called between steps, and parts of a validation
}

// Of returns the training as one of a run.
func (j *Job) Of() *run.Job {
	model, err := json.Marshal(j.Model)
	if err != nil {
		panic(err) // plain values
	}
	return &run.Job{
		Model: j.Label, Seed: j.Seed, Settings: j.Recipe.Fields(), Of: j,
		Facts: []run.Fact{{Key: "model", Is: string(model)}},
		New:   func(h *run.Host) (run.Learner, error) { return j.begin(h) },
	}
}

// Reached reports whether a training under the recipe that has come so far is at its
// end: no epoch to begin, and none under way that has yet to be validated.
func Reached(r *recipe.Recipe, at run.Done) bool {
	if r.Steps > 0 {
		return at.Steps >= r.Steps && !at.Open
	}
	return at.Epochs >= r.Epochs
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
	Traces       []examine.Trace `json:"traces,omitempty"`
	ValidNLLOff  *float64        `json:"valid_nll_off,omitempty"`
	ValidNLLMean *float64        `json:"valid_nll_mean,omitempty"`
}

// Line is a line of metrics.jsonl: one every so many steps and one at the end of
// each epoch. NLLs are means in nats; train_nll is over the epoch so far.
type Line struct {
	Model      string   `json:"model"`
	Seed       uint64   `json:"seed"`
	Epoch      int      `json:"epoch"`
	Step       int      `json:"step"`
	Tokens     int      `json:"tokens"` // trained on in all
	TrainNLL   float64  `json:"train_nll"`
	ValidNLL   *float64 `json:"valid_nll,omitempty"` // at the end of an epoch
	LR         float64  `json:"lr"`
	GradNorm   float64  `json:"grad_norm"` // before the clip, of the last step
	TokensPerS float64  `json:"tokens_per_s"`
	Event      string   `json:"event,omitempty"` // what happened beside the steps: a rollback
	// Of a plastic model, at the end of an epoch: see Epoch.
	Traces       []examine.Trace `json:"traces,omitempty"`
	ValidNLLOff  *float64        `json:"valid_nll_off,omitempty"`
	ValidNLLMean *float64        `json:"valid_nll_mean,omitempty"`
}
