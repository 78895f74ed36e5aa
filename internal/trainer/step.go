package trainer

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/lstm/optim"
)

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
	t.showStep()
	if t.position.Step%t.Recipe.LogEvery != 0 {
		return nil
	}
	return t.Write(t.line(lr))
}

// showStep moves the bar.
func (t *Training) showStep() {
	t.Bar.Describe(fmt.Sprintf("%s%s, loss %.3f", t.Name(), t.bar, t.trainNLL()))
	t.Bar.Set(t.Tokens)
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
