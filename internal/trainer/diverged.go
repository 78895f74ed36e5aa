package trainer

import (
	"errors"
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/lstm/optim"
)

// DivergedError says that a training met a number that is not finite.
type DivergedError struct {
	Epoch, Step int
	What        error  // the tensor and the number
	Signs       string // of a divergence in the steps before; empty: there were none
}

func (e *DivergedError) Error() string {
	if e.Signs == "" {
		return fmt.Sprintf("step %d, epoch %d: %v, and nothing before it grew: this is rather a fault of the program or of the machine than of the settings", e.Step, e.Epoch, e.What)
	}
	return fmt.Sprintf("step %d, epoch %d: %v; %s: the training diverges; want finite numbers: a smaller --lr or --clip-norm may help", e.Step, e.Epoch, e.What, e.Signs)
}

func (e *DivergedError) Unwrap() error { return e.What }

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
func (t *training) signs() string {
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
func (t *training) diverged(what error) error {
	if bad, ok := errors.AsType[*optim.NonFiniteError](what); ok {
		what = fmt.Errorf("the %s of %s is %v", bad.What, bad.Tensor, bad.Value)
	}
	return &DivergedError{t.Epoch, t.Step, what, t.signs()}
}

// mayRollBack reports whether there is a rollback left.
func (t *training) mayRollBack() bool {
	return t.Recipe.OnNaN == recipe.Rollback && len(t.Rollbacks) < t.Recipe.Rollbacks
}

// rollBack goes back to the last checkpoint, or to the start, and halves the
// rate. What it did is a line of the metrics and in the next checkpoint, which
// is written at once: a run that is killed after it does not go through it again.
func (t *training) rollBack(why *DivergedError) error {
	if err := t.writer.Wait(); err != nil {
		return err
	}
	fresh, err := t.begin()
	if err != nil {
		return err
	}
	*t = *fresh
	did := fmt.Sprintf("rollback %d of %d to step %d, at half the rate: step %d, epoch %d: %v",
		len(t.Rollbacks)+1, t.Recipe.Rollbacks, t.Step, why.Step, why.Epoch, why.What)
	t.Rollbacks = append(t.Rollbacks, did)
	t.Observer.Warn(fmt.Sprintf("%s seed %d: %s", t.name(), t.Seed, did))
	line := t.line(t.rate())
	line.Event = did
	if err := t.Metrics.Write(line); err != nil {
		return err
	}
	return errors.Join(t.save(), t.writer.Wait())
}
