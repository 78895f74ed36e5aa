package trainer

import (
	"context"
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/examine"
)

// Step takes an optimiser step; at the end of an epoch, or after the last step asked
// for, it validates instead, and begins the next epoch with a checkpoint.
func (t *Training) Step(ctx context.Context) (save bool, err error) {
	lr := t.rate()
	t.groups.epoch(&t.Recipe, t.Epoch)
	if t.Epoch >= t.Recipe.AveragesFrom(t.epochs()) {
		t.weights.Average()
	}
	t.drawEpoch()
	if !t.lastStep() {
		if w, ok := t.windows.Next(); ok {
			return false, t.step(w, lr)
		}
	}
	return true, t.endEpoch(ctx, lr)
}

// targets is the number of tokens that the epoch under way trains on.
func (t *Training) targets() int {
	windows := t.windows.Len()
	if left := t.Recipe.Steps - (t.Epoch-1)*windows; 0 < left && left < windows {
		return left * t.Recipe.BPTT * t.Recipe.Batch
	}
	return t.windows.Targets()
}

// endEpoch validates and saves last/ and, if this epoch is the best, best/. If ctx is
// cancelled the steps are done, and the validation is repeated when the training
// goes on.
func (t *Training) endEpoch(ctx context.Context, lr float64) error {
	var e Epoch
	err := t.weights.Averaged(func() (err error) {
		e, err = t.validate(ctx)
		return err
	})
	if err != nil {
		return err
	}
	e.LR = lr
	t.schedule.Observe(t.Epoch, e.ValidNLL)
	line := t.line(lr)
	line.ValidNLL = &e.ValidNLL
	line.Traces, line.ValidNLLOff, line.ValidNLLMean = e.Traces, e.ValidNLLOff, e.ValidNLLMean
	if err := t.Write(line); err != nil {
		return err
	}
	t.Finished = append(t.Finished, e)
	t.showEpoch(e)
	t.Epoch, t.NLL, t.Tokens = t.Epoch+1, 0, 0
	t.windows.Reset()
	t.state.Reset()
	return nil
}

// validate reads the validation text and saves the model.
func (t *Training) validate(ctx context.Context) (e Epoch, err error) {
	t.Draw(", validation", len(t.Valid.Tokens), "tokens")
	state := t.model.NewState(t.validBatch())
	valid, err := t.model.Read(ctx, t.Valid.Tokens, state, t.Recipe.BPTT, t.showValidated)
	if err != nil {
		return Epoch{}, err
	}
	if math.IsNaN(valid.NLL) || math.IsInf(valid.NLL, 0) {
		return Epoch{}, t.diverged(fmt.Errorf("the validation loss is %v", valid.NLL))
	}
	e = Epoch{
		Epoch: t.Epoch, Step: t.position.Step, TrainNLL: t.trainNLL(), ValidNLL: valid.NLL, TokensPerS: t.speed(),
		Best: valid.NLL < t.BestNLL, Traces: examine.Traces(t.model, state),
	}
	if e.ValidNLLOff, e.ValidNLLMean, err = t.worth(ctx); err != nil {
		return Epoch{}, err
	}
	if e.Best {
		if err := t.saveModel(best); err != nil {
			return Epoch{}, err
		}
		if t.BestSum, err = t.bestSum(); err != nil {
			return Epoch{}, err
		}
		t.BestNLL = valid.NLL
	}
	return e, t.saveModel(last)
}

// validBatch is the number of streams of a validation: as in training, but never
// so many that a stream of a short text has nothing to predict.
func (j *Job) validBatch() int {
	return max(1, min(j.Recipe.Batch, len(j.Valid.Tokens)/2))
}
