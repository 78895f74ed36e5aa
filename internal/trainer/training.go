package trainer

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm/optim"
)

// training is a Job under way.
type training struct {
	*Job
	model     *lm.Model[float32]
	params    []optim.Param
	groups    groups
	optimizer optim.Optimizer
	schedule  optim.Schedule
	masks     *rng.Stream
	windows   *data.Windows
	state     lm.State[float32]
	writer    *checkpoint.Writer
	progress

	everySteps int
	everyTime  time.Duration
	saved      time.Time
}

// progress is what a checkpoint keeps of how far a training has come.
type progress struct {
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

	Usual     usual    `json:"usual"`
	Rollbacks []string `json:"rollbacks,omitempty"` // each of them halved the rate
}

// name is what metrics and messages call the model.
func (j *Job) name() string {
	if j.Label == "" {
		return j.Model.Model
	}
	return j.Label
}

// begin makes the training ready to go on from where its newest checkpoint is.
func (j *Job) begin() (*training, error) {
	t := &training{Job: j, masks: rng.New(j.Seed, "dropout")}
	var err error
	if t.everySteps, t.everyTime, err = j.Recipe.Checkpoints(); err != nil {
		return nil, err
	}
	if j.Initial != nil {
		t.model, err = lm.FromTensors[float32](j.Model, j.Initial)
	} else {
		t.model, err = lm.NewFrom[float32](j.Model, j.Seed, lm.Start{Scale: j.Recipe.InitScale, Layer: j.Recipe.StartLayer})
	}
	if err != nil {
		return nil, err
	}
	t.model.TrainAlone(j.Recipe.ReadoutAlone)
	t.groups = groups{}
	for _, p := range t.model.Params {
		role := modeldir.RoleOf(p.Name)
		if j.Recipe.HoldAlpha && role == modeldir.Coefficients {
			clear(p.Value) // those of a model to start from too
		}
		t.params = append(t.params, optim.Param{Name: p.Name, Shape: p.Shape, Value: p.Value, Group: t.groups.of(role), Min: p.Min, Max: p.Max, Shared: p.Shared})
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
	root := filepath.Join(j.Dir, checkpoints)
	if err := os.MkdirAll(root, 0o777); err != nil {
		return nil, err
	}
	t.writer = &checkpoint.Writer{Root: root, Keep: j.Recipe.KeepCheckpoints, Before: j.Metrics.Sync}
	// A checkpoint syncs its own folder only: the way to it, and to the metrics
	// beside j.Dir, must outlive a power failure too.
	for _, dir := range []string{j.Dir, filepath.Dir(j.Dir)} {
		if err := atomicdir.OS.SyncDir(dir); err != nil {
			return nil, err
		}
	}
	t.saved = time.Now()
	return t, t.restore()
}

// method returns the optimiser and the schedule of the recipe.
func (j *Job) method() (o optim.Optimizer, s optim.Schedule, err error) {
	r := j.Recipe
	switch r.Optimizer {
	case "sgd":
		o = &optim.SGD{WeightDecay: r.WeightDecay + r.L2}
	case "asgd":
		o = &optim.ASGD{WeightDecay: r.WeightDecay + r.L2}
	default:
		adam := optim.NewAdam(r.WeightDecay)
		adam.L2 = r.L2
		o = adam
	}
	if r.Plateau {
		s, err = optim.NewPlateau(r.LR, r.Decay, 0, 0)
	} else {
		s, err = optim.NewDecay(r.LR, r.Decay, r.DecayStart)
	}
	return o, s, err
}

// rate is the learning rate of the epoch under way.
func (t *training) rate() float64 {
	return math.Ldexp(t.schedule.Rate(t.Epoch), -len(t.Rollbacks))
}

// lastStep reports whether all the steps asked for are taken.
func (t *training) lastStep() bool { return t.Recipe.Steps > 0 && t.Step >= t.Recipe.Steps }

// done reports whether the training is at its end: no epoch to begin, and none
// under way that has yet to be validated.
func (t *training) done() bool {
	if t.Recipe.Steps > 0 {
		return t.lastStep() && t.Tokens == 0
	}
	return t.Epoch > t.Recipe.Epochs
}

// epochs is how many epochs there will be; the last one may be cut short.
func (t *training) epochs() int { return t.Recipe.Passes(t.windows.Len()) }

// speed is the number of tokens trained per second, validations left out.
func (t *training) speed() float64 {
	if t.Seconds == 0 {
		return 0
	}
	return float64(t.AllTokens) / t.Seconds
}

// due reports whether a checkpoint within the epoch is due.
func (t *training) due() bool {
	return t.everySteps > 0 && t.Step%t.everySteps == 0 ||
		t.everyTime > 0 && time.Since(t.saved) >= t.everyTime
}
