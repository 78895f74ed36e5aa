package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/engram-lm/engram/lstm/optim"
)

// epoch trains to the end of the epoch under way, or to the last step asked
// for, validates and saves.
func (t *training) epoch(ctx context.Context) error {
	lr := t.rate()
	t.groups.epoch(&t.Recipe, t.Epoch)
	if a, ok := t.optimizer.(*optim.ASGD); ok && t.Epoch >= t.Recipe.AveragesFrom(t.epochs()) {
		a.Trigger()
	}
	t.Observer.EpochStarts(t.Epoch, t.epochs(), t.targets(), t.Tokens)
	for !t.lastStep() {
		if ctx.Err() != nil {
			return t.stop()
		}
		w, ok := t.windows.Next()
		if !ok {
			break
		}
		if err := t.step(w, lr); err != nil {
			return err
		}
		if err := t.writer.Failed(); err != nil {
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

// stop saves because the context was cancelled.
func (t *training) stop() error {
	if err := errors.Join(t.save(), t.writer.Wait()); err != nil {
		return err
	}
	return ErrStopped
}

// targets is the number of tokens that the epoch under way trains on.
func (t *training) targets() int {
	windows := t.windows.Len()
	if left := t.Recipe.Steps - (t.Epoch-1)*windows; 0 < left && left < windows {
		return left * t.Recipe.BPTT * t.Recipe.Batch
	}
	return t.windows.Targets()
}

// endEpoch validates, saves last/ and, if this epoch is the best, best/, and
// begins the next epoch with a checkpoint.
func (t *training) endEpoch(ctx context.Context, lr float64) error {
	e, err := t.validate(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return t.stop() // the steps are done; the validation is repeated when the training goes on
	}
	if err != nil {
		return err
	}
	e.LR = lr
	t.schedule.Observe(t.Epoch, e.ValidNLL)
	line := t.line(lr)
	line.ValidNLL = &e.ValidNLL
	line.Traces, line.ValidNLLOff, line.ValidNLLMean = e.Traces, e.ValidNLLOff, e.ValidNLLMean
	if err := t.Metrics.Write(line); err != nil {
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
		Epoch: t.Epoch, Step: t.Step, TrainNLL: t.trainNLL(), ValidNLL: valid.NLL, TokensPerS: t.speed(),
		Best: valid.NLL < t.BestNLL, Traces: traces(t.model, state),
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
