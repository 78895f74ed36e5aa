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

// Update takes a whole step at learning rate lr: with the gradients clipped to the norm
// maxNorm over all parameters, unless it is 0, and parameters that have bounds put
// back into them. It returns the norm before the clip. A gradient that is NaN or
// infinite is a *NonFiniteError, and nothing has changed then.
//
//	optimizer := optim.NewAdam(0.01) // AdamW; or &optim.SGD{}
//	norm, err := optim.Update(optimizer, optim.Params(layer.Params(), params, dparams), 0.002, 1)
func Update(o Optimizer, params []Param, lr, maxNorm float64) (norm float64, err error) {
	if norm, err = GlobalNorm(params); err != nil {
		return norm, err
	}
	if err := o.Step(params, lr, ClipScale(norm, maxNorm)); err != nil {
		return norm, err
	}
	Bound(params)
	return norm, nil
}
