package trainer

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
)

// Step takes an optimiser step; at the end of an epoch, or after the last step asked
// for, it validates instead, and begins the next epoch with a checkpoint.
func (t *Training) Step(ctx context.Context) (save bool, err error) {
	lr := t.rate()
	for role, group := range t.groups {
		group.Rate = t.Recipe.RateFactor(role, t.Epoch)
	}
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

// drawEpoch begins an epoch's bar.
func (t *Training) drawEpoch() {
	if t.drawn == t.Epoch {
		return
	}
	t.drawn = t.Epoch
	t.bar = fmt.Sprintf(", epoch %d/%d", t.Epoch, t.epochs())
	t.Draw(t.bar, t.targets(), "tokens")
	t.Bar.Set(t.Tokens)
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
	e := Epoch{Epoch: t.Epoch, Step: t.position.Step, TrainNLL: t.trainNLL(), LR: lr, TokensPerS: t.speed()}
	if err := t.weights.Averaged(func() error { return t.validate(ctx, &e) }); err != nil {
		return err
	}
	t.schedule.Observe(t.Epoch, e.ValidNLL)
	line := t.line(lr)
	line.ValidNLL, line.Traces, line.ValidNLLOff, line.ValidNLLMean = &e.ValidNLL, e.Traces, e.ValidNLLOff, e.ValidNLLMean
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

// showEpoch says what came out of an epoch.
func (t *Training) showEpoch(e Epoch) {
	best := ""
	if e.Best {
		best = "  best"
	}
	t.Log.Printf("%s  epoch %2d/%d  ppl train %8s valid %8s  lr %.4g  %s tokens/s  after %s%s", t.Name(), e.Epoch, t.epochs(),
		ppl(lm.Perplexity(e.TrainNLL)), ppl(lm.Perplexity(e.ValidNLL)), e.LR, progress.Thousands(int(e.TokensPerS)), progress.Rounded(time.Since(t.sat).Seconds()), best)
}

// validate reads the validation text and saves the model.
func (t *Training) validate(ctx context.Context, e *Epoch) error {
	t.Draw(", validation", len(t.Valid.Tokens), "tokens")
	state := t.model.NewState(t.validBatch())
	valid, err := t.model.Read(ctx, t.Valid.Tokens, state, t.Recipe.BPTT, t.Bar.Set)
	if err != nil {
		return err
	}
	if !finite(valid.NLL) {
		return t.diverged(fmt.Errorf("the validation loss is %v", valid.NLL))
	}
	e.ValidNLL, e.Best, e.Traces = valid.NLL, valid.NLL < t.BestNLL, examine.Traces(t.model, state)
	if e.ValidNLLOff, e.ValidNLLMean, err = t.worth(ctx); err != nil {
		return err
	}
	if e.Best {
		if err := t.saveModel(best); err != nil {
			return err
		}
		if t.BestSum, err = modeldir.Sum(filepath.Join(t.Dir, best)); err != nil {
			return err
		}
		t.BestNLL = valid.NLL
	}
	return t.saveModel(last)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// validBatch is the number of streams of a validation: as in training, but never
// so many that a stream of a short text has nothing to predict.
func (j *Job) validBatch() int {
	return max(1, min(j.Recipe.Batch, len(j.Valid.Tokens)/2))
}

// worth reads the validation text again with the traces off, and with them at
// their mean over the streams of the train text, as the epoch has left them (those
// that the validation text leaves would know it already): the mean NLLs in nats,
// nil where there are no traces, no mean of them or no finite loss.
func (t *Training) worth(ctx context.Context) (off, mean *float64, err error) {
	if !t.model.HasTraces() {
		return nil, nil, nil
	}
	read := func(m *lm.Model[float32], err error) (*float64, error) {
		if err != nil {
			return nil, err
		}
		e, err := m.Evaluate(ctx, t.Valid.Tokens, t.validBatch(), t.Recipe.BPTT, nil)
		if err != nil || !finite(e.NLL) {
			return nil, err
		}
		return &e.NLL, nil
	}
	if off, err = read(t.model.Off()); err != nil {
		return nil, nil, err
	}
	if t.model.HasMean() {
		mean, err = read(t.model.Mean(t.state))
	}
	return off, mean, err
}
