package optim

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
)

// Params pairs the parameters of a layer with their gradients, as lstm.NewParams makes
// both: names and bounds are those of specs, the numbers the caller's own memory.
// Other lengths than those of specs are a programmer's mistake and panic.
func Params(specs []lstm.Param, values, grads [][]float32) []Param {
	if len(values) != len(specs) || len(grads) != len(specs) {
		panic(fmt.Errorf("optim: %d parameters and %d gradients: want the %d of the layer", len(values), len(grads), len(specs)))
	}
	params := make([]Param, len(specs))
	for i, p := range specs {
		if len(values[i]) != p.Size() || len(grads[i]) != p.Size() {
			panic(fmt.Errorf("optim: parameter %s of %d numbers and %d gradients: want %d", p, len(values[i]), len(grads[i]), p.Size()))
		}
		params[i] = Param{Name: p.Name, Shape: p.Shape, Value: values[i], Grad: grads[i], Min: p.Min, Max: p.Max, Shared: p.Shared}
	}
	return params
}

// Stepper takes whole steps: from the gradients, by way of what stands between gradient
// and step, to the clip, the optimiser and the parameters' bounds.
type Stepper struct {
	Optimizer Optimizer
	MaxNorm   float64 // bound of the gradient's norm over all parameters; 0 does not clip
	Groups    bool    // each group of parameters has its norm bounded apart; see ClipGroups
	// Between are called one after the other when the gradients are there, before their
	// norm is looked at: to average them over replicas (an all-reduce), to scale some, to
	// refuse a step. After an error nothing has changed but what they have.
	Between []func(params []Param) error
}

// Step takes a step at learning rate lr and returns the gradients' norm before the
// clip. A gradient that is NaN or infinite is a *NonFiniteError, and no parameter has
// changed then; one that is so after the step is one too.
func (s *Stepper) Step(params []Param, lr float64) (norm float64, err error) {
	for _, between := range s.Between {
		if err := between(params); err != nil {
			return 0, err
		}
	}
	if norm, err = GlobalNorm(params); err != nil {
		return norm, err
	}
	scale := ClipScale(norm, s.MaxNorm)
	if s.Groups {
		scale = ClipGroups(params, s.MaxNorm)
	}
	if err := s.Optimizer.Step(params, lr, scale); err != nil {
		return norm, err
	}
	Bound(params)
	return norm, nil
}

// Update takes the step of a Stepper with the clip maxNorm and nothing between: see
// there.
//
//	optimizer := optim.NewAdam(0.01) // AdamW; or &optim.SGD{}
//	norm, err := optim.Update(optimizer, optim.Params(layer.Params(), params, dparams), 0.002, 1)
func Update(o Optimizer, params []Param, lr, maxNorm float64) (norm float64, err error) {
	return (&Stepper{Optimizer: o, MaxNorm: maxNorm}).Step(params, lr)
}
