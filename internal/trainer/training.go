package trainer

import (
	"fmt"
	"math"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm/optim"
)

// Training is a Job under way: a run.Learner.
type Training struct {
	*Job
	*run.Host
	model    *lm.Model[float32]
	weights  *trained.Weights // their parameters are the model's
	groups   groups
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
	t := &Training{Job: j, Host: h, weights: trained.NewWeights(r.LR, r.ClipNorm), groups: groups{}, sat: time.Now()}
	t.masks = t.weights.Stream(j.Seed, "dropout")
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
		t.model, err = lm.NewFrom[float32](j.Model, j.Seed, lm.Start{Scale: r.InitScale, Layer: r.StartLayer})
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
		t.weights.Params = append(t.weights.Params, optim.Param{Name: p.Name, Shape: p.Shape, Value: p.Value, Group: t.groups.of(role), Min: p.Min, Max: p.Max, Shared: p.Shared})
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
func (t *Training) Slow(halvings int) { t.weights.Slow(halvings) }

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
