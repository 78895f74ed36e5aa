package trainer

import (
	"errors"
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/lstm/optim"
)

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
