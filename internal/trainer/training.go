// Package trainer trains a language model under one seed: windows in, optimiser
// steps, a validation after each epoch. It is what a run (internal/run) of train
// consists of.
package trainer

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm/optim"
)

// Job is a model to be trained.
type Job struct {
	recipe.Arm
	Tokenizer          []byte               // tokenizer.json
	Initial            map[string][]float32 // parameters to start from; nil draws them from the seed
	Train, Valid, Test *data.Split          // without Test, which may be nil, the best model is not scored
}

// Of returns the model as one of a run.
func (j *Job) Of() *run.Arm {
	model, err := json.Marshal(j.Model)
	if err != nil {
		panic(err) // plain values
	}
	return &run.Arm{
		Model: j.Label, Settings: j.Recipe.Fields(), Facts: []run.Fact{{Key: "model", Is: string(model)}},
		New: func(h *run.Host) (run.Learner, error) { return j.begin(h) },
	}
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

// Training is a Job under way: a run.Learner.
type Training struct {
	*Job
	*run.Host
	model    *lm.Model[float32]
	weights  *trained.Weights               // their parameters are the model's
	groups   map[modeldir.Role]*optim.Group // each with a rate, and if so wanted a clip, of its own; the weights have none
	schedule optim.Schedule
	masks    *rng.Stream
	windows  *data.Windows
	state    lm.State[float32]
	position

	sat   time.Time // when this sitting began
	drawn int       // epoch whose bar is drawn
	bar   string    // what it says
}

// position is what a checkpoint keeps of how far a training has come.
type position struct {
	Epoch     int     `json:"epoch"` // under way, counted from 1
	Step      int     `json:"step"`  // taken in all
	Cursor    int     `json:"cursor"`
	NLL       float64 `json:"nll"`        // summed over the epoch's tokens
	Tokens    int     `json:"tokens"`     // of the epoch, so far
	AllTokens int     `json:"all_tokens"` // of all epochs
	Seconds   float64 `json:"seconds"`    // spent on steps, in all
	GradNorm  float64 `json:"grad_norm"`  // of the last step, before the clip
	BestNLL   float64 `json:"best_nll"`
	BestSum   string  `json:"best_sha256,omitempty"` // of the tensors of best/
	Finished  []Epoch `json:"finished,omitempty"`

	Usual usual `json:"usual"`
}

// begin makes the training ready for its first step.
func (j *Job) begin(h *run.Host) (*Training, error) {
	r := &j.Recipe
	t := &Training{Job: j, Host: h, weights: trained.NewWeights(r.LR, r.ClipNorm), sat: time.Now()}
	t.groups = map[modeldir.Role]*optim.Group{modeldir.Coefficients: {}, modeldir.Rates: {}, modeldir.Modulator: {}}
	t.masks = t.weights.Stream(h.Seed, "dropout")
	o, err := optim.New(r.Optimizer, optim.Options{WeightDecay: r.WeightDecay, L2: r.L2})
	if err != nil {
		return nil, err
	}
	t.weights.Use(o)
	if t.weights.Stepper.Groups = r.ClipGroups; r.DivideAlpha {
		t.weights.Stepper.Between = append(t.weights.Stepper.Between, optim.DivideShared)
	}
	if j.Initial != nil {
		t.model, err = lm.FromTensors[float32](j.Model, j.Initial)
	} else {
		t.model, err = lm.NewFrom[float32](j.Model, h.Seed, lm.Start{Scale: r.InitScale, Layer: r.StartLayer})
	}
	if err != nil {
		return nil, err
	}
	t.model.TrainAlone(r.ReadoutAlone)
	for _, p := range t.model.Params {
		role := modeldir.RoleOf(p.Name)
		if r.HoldAlpha && role == modeldir.Coefficients {
			clear(p.Value) // those of a model to start from too
		}
		t.weights.Params = append(t.weights.Params, optim.Param{Name: p.Name, Shape: p.Shape, Value: p.Value, Group: t.groups[role], Min: p.Min, Max: p.Max, Shared: p.Shared})
	}
	if t.windows, err = data.NewWindows(j.Train.Tokens, r.Batch, r.BPTT); err != nil {
		return nil, fmt.Errorf("train text: %w", err)
	}
	if _, err := data.NewWindows(j.Valid.Tokens, j.validBatch(), r.BPTT); err != nil {
		return nil, fmt.Errorf("valid text: %w", err)
	}
	if r.Plateau {
		t.schedule, err = optim.NewPlateau(r.LR, r.Decay, 0, 0)
	} else {
		t.schedule, err = optim.NewDecay(r.LR, r.Decay, r.DecayStart)
	}
	if err != nil {
		return nil, err
	}
	t.state = t.model.NewState(r.Batch)
	t.Epoch, t.BestNLL = 1, math.MaxFloat64
	return t, nil
}

// Done tells how far the training is.
func (t *Training) Done() run.Done {
	return run.Done{Steps: t.position.Step, Epochs: len(t.Finished), Open: t.Tokens > 0, Seconds: t.Seconds}
}

// Slow sets the learning rate to so many halves of the recipe's.
func (t *Training) Slow(halvings int) bool {
	t.weights.Slow(halvings)
	return true
}

// Event is the line of metrics of what happened beside the steps.
func (t *Training) Event(what string) any {
	line := t.line(t.rate())
	line.Event = what
	return line
}

// rate is the learning rate of the epoch under way.
func (t *Training) rate() float64 {
	t.weights.LR = t.schedule.Rate(t.Epoch)
	return t.weights.Rate()
}

// lastStep reports whether all the steps asked for are taken.
func (t *Training) lastStep() bool { return t.Recipe.Steps > 0 && t.position.Step >= t.Recipe.Steps }

// epochs is how many epochs there will be; the last one may be cut short.
func (t *Training) epochs() int { return t.Recipe.Passes(t.windows.Len()) }

// speed is the number of tokens trained per second, validations left out.
func (t *Training) speed() float64 {
	if t.Seconds == 0 {
		return 0
	}
	return float64(t.AllTokens) / t.Seconds
}

// statePrefix begins, within a checkpoint, the names of the carried state.
const statePrefix = "state."

// meta is what a checkpoint keeps beside tensors and streams.
type meta struct {
	Progress position           `json:"progress"`
	Schedule map[string]float64 `json:"schedule,omitempty"`
}

// Snapshot returns views of all that Restore needs.
func (t *Training) Snapshot() (*checkpoint.Snapshot, error) {
	t.Cursor = t.windows.Cursor()
	s, err := t.weights.Snapshot()
	if err != nil {
		return nil, err
	}
	for i, layer := range t.state {
		s.Tensors[fmt.Sprint(statePrefix, i)] = checkpoint.Tensor{Shape: []int{len(layer.Data)}, Data: layer.Data}
	}
	s.Meta, err = json.Marshal(meta{t.position, t.schedule.State()})
	return s, err
}

// Restore goes on from a snapshot.
func (t *Training) Restore(s *checkpoint.Snapshot) error {
	var m meta
	if err := strictjson.Decode("its progress", s.Meta, &m); err != nil {
		return err
	}
	if err := t.weights.Restore(s); err != nil {
		return err
	}
	for i, layer := range t.state {
		from := s.Tensors[fmt.Sprint(statePrefix, i)].Data
		if len(from) != len(layer.Data) {
			return fmt.Errorf("the carried state of layer %d has %d values; want %d", i, len(from), len(layer.Data))
		}
		copy(layer.Data, from)
	}
	if err := t.schedule.Load(m.Schedule); err != nil {
		return err
	}
	t.position = m.Progress
	if err := t.hasBest(); err != nil {
		return err
	}
	return t.windows.Seek(t.Cursor)
}

// The models in a training's folder.
const (
	best = "best"
	last = "last"
)

// saveModel writes a model folder.
func (t *Training) saveModel(name string) error {
	return modeldir.Save(filepath.Join(t.Dir, name), &modeldir.Model{
		Config: t.Model, Tensors: t.model.Tensors(), TokenizerJSON: t.Tokenizer,
	})
}

// hasBest refuses to go on where the best model so far is not to be had: a
// checkpoint does not hold it, and the training would find that out at its end.
func (t *Training) hasBest() error {
	if t.BestNLL == math.MaxFloat64 {
		return nil
	}
	dir := filepath.Join(t.Dir, best)
	// A writer that was killed where folders cannot be exchanged may have it aside.
	if err := atomicdir.Sweep(atomicdir.OS, t.Dir); err != nil {
		return err
	}
	if _, err := modeldir.Load(dir); err != nil {
		return fmt.Errorf("the best model so far is not there whole: %w; restore it, or remove %s to train it again", err, t.Dir)
	}
	return nil
}

// bestIsWhole makes sure, at the end of a training, that the best model is what
// was saved: it is what the report is about. Before the end it may be newer than
// the checkpoint, if the process was killed between the two.
func (t *Training) bestIsWhole() error {
	if t.BestSum == "" {
		return nil
	}
	if err := modeldir.Verify(filepath.Join(t.Dir, best), t.BestSum); err != nil {
		return fmt.Errorf("the best model is not whole: %w; restore it, or remove %s to train it again", err, t.Dir)
	}
	return nil
}
