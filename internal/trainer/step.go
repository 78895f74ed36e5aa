package trainer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/lstm"
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
	if err := t.checkState(); err != nil {
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

// line is what there is to say after a step.
func (t *Training) line(lr float64) Line {
	return Line{
		Model: t.Label, Seed: t.Seed, Epoch: t.Epoch, Step: t.position.Step, Tokens: t.AllTokens,
		TrainNLL: t.trainNLL(), LR: lr, GradNorm: t.GradNorm, TokensPerS: t.speed(),
	}
}

// trainNLL is the mean over the epoch so far, in nats.
func (t *Training) trainNLL() float64 { return t.NLL / float64(max(1, t.Tokens)) }

// checkState names the first part of the carried state that is not finite. The
// state is looked at before the loss, because it says in which layer the
// trouble began.
func (t *Training) checkState() error {
	for l, layer := range t.state {
		if optim.IndexNonFinite(layer.Data) < 0 {
			continue
		}
		if l == t.Model.NumLayers {
			return errors.New("the state of the readout's memory is not finite")
		}
		for _, part := range slices.Backward(layer.Parts) { // traces lie behind c and h
			what := string(part.Role)
			if part.Role == lstm.Activity {
				what = map[string]string{"c": "cell state c", "h": "output h"}[part.Name]
			}
			x := layer.Part(part.Name)
			if i := optim.IndexNonFinite(x); i >= 0 {
				return fmt.Errorf("the %s of layers.%d is %v", what, l, x[i])
			}
		}
		return fmt.Errorf("the state of layers.%d is not finite", l)
	}
	return nil
}
