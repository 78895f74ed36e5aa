package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/lstm/optim"
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
	if t.drawn != t.Epoch { // its bar is yet to begin
		t.drawn, t.bar = t.Epoch, fmt.Sprintf(", epoch %d/%d", t.Epoch, t.epochs())
		t.Draw(t.bar, t.targets(), "tokens")
		t.Bar.Set(t.Tokens)
	}
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
	best := ""
	if e.Best {
		best = "  best"
	}
	t.Log.Printf("%s  epoch %2d/%d  ppl train %8s valid %8s  lr %.4g  %s tokens/s  after %s%s", t.Name(), e.Epoch, t.epochs(),
		ppl(lm.Perplexity(e.TrainNLL)), ppl(lm.Perplexity(e.ValidNLL)), e.LR, progress.Thousands(int(e.TokensPerS)), progress.Rounded(time.Since(t.sat).Seconds()), best)
	t.Epoch, t.NLL, t.Tokens = t.Epoch+1, 0, 0
	t.windows.Reset()
	t.state.Reset()
	return nil
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

// step takes one optimiser step: forward, backward, clip, update.
func (t *Training) step(w data.Window, lr float64) error {
	begin := time.Now()
	t.position.Step++
	nll, err := t.model.Train(w.X, w.Y, t.state, t.Recipe.Dropout, t.masks)
	if err != nil {
		return err
	}
	// Before the loss, because the state says in which layer the trouble began.
	if err := t.model.NonFinite(t.state); err != nil {
		return t.diverged(err)
	}
	if !finite(nll) {
		return t.diverged(fmt.Errorf("the loss is %v, though every layer's state is finite: decoder.weight or decoder.bias is too large", nll))
	}
	for i, p := range t.model.Params {
		t.weights.Params[i].Grad, t.weights.Params[i].Rows = p.Grad, p.Rows
	}
	t.GradNorm, err = t.weights.Step()
	if _, ok := errors.AsType[*optim.NonFiniteError](err); ok {
		return t.diverged(err)
	}
	if err != nil {
		return err
	}
	t.Usual.observe(nll, t.GradNorm)
	n := len(w.X)
	t.NLL += nll * float64(n)
	t.Tokens += n
	t.AllTokens += n
	t.Seconds += time.Since(begin).Seconds()
	t.Bar.Describe(fmt.Sprintf("%s%s, loss %.3f", t.Name(), t.bar, t.trainNLL()))
	t.Bar.Set(t.Tokens)
	if t.position.Step%t.Recipe.LogEvery != 0 {
		return nil
	}
	return t.Write(t.line(lr))
}

// line is what there is to say after a step.
func (t *Training) line(lr float64) Line {
	return Line{
		Model: t.Label, Seed: t.Seed, Epoch: t.Epoch, Step: t.position.Step, Tokens: t.AllTokens,
		TrainNLL: t.trainNLL(), LR: lr, GradNorm: t.GradNorm, TokensPerS: t.speed(),
	}
}

// trainNLL is the mean over the epoch so far, in nats.
func (t *Training) trainNLL() float64 { return t.NLL / float64(max(1, t.Tokens)) }

// usual is what the steps so far were like: running means of the loss and of the
// gradient's norm, and the last step's own.
type usual struct {
	Loss     float64 `json:"loss"`
	Norm     float64 `json:"norm"`
	LastLoss float64 `json:"last_loss"`
	LastNorm float64 `json:"last_norm"`
}

// observe takes a step into account. The mean reaches back some fifty steps.
func (u *usual) observe(loss, norm float64) {
	const keep = 0.98
	u.LastLoss, u.LastNorm = loss, norm
	if u.Loss == 0 {
		u.Loss, u.Norm = loss, norm
	}
	u.Loss = keep*u.Loss + (1-keep)*loss
	u.Norm = keep*u.Norm + (1-keep)*norm
}

// What counts as a sign of divergence: a loss or a gradient beyond so many times
// its mean, a parameter beyond what any trained model here has.
const (
	lossGrew  = 1.3
	normGrew  = 10
	largeSize = 1e3
)

// signs describes what grew before a number was not finite; empty if nothing did.
func (t *Training) signs() string {
	u := t.Usual
	if u.LastLoss > lossGrew*u.Loss {
		return fmt.Sprintf("the step before had a loss of %.3g, those before it %.3g", u.LastLoss, u.Loss)
	}
	if u.LastNorm > normGrew*u.Norm {
		return fmt.Sprintf("the step before had a gradient of norm %.3g, those before it %.3g", u.LastNorm, u.Norm)
	}
	for _, p := range t.model.Params {
		for _, v := range p.Value {
			if size := math.Abs(float64(v)); size > largeSize && !math.IsInf(size, 0) {
				return fmt.Sprintf("%s has grown to %.3g", p.Name, v)
			}
		}
	}
	return ""
}

// diverged says at which step what was not finite.
func (t *Training) diverged(what error) error {
	if bad, ok := errors.AsType[*optim.NonFiniteError](what); ok {
		what = fmt.Errorf("the %s of %s is %v", bad.What, bad.Tensor, bad.Value)
	}
	advice := ", and nothing before it grew: this is rather a fault of the program or of the machine than of the settings"
	if signs := t.signs(); signs != "" {
		advice = "; " + signs + ": the training diverges; want finite numbers: a smaller --lr or --clip-norm may help"
	}
	return &run.DivergedError{At: fmt.Sprintf("step %d, epoch %d", t.position.Step, t.Epoch), What: what, Advice: advice}
}
