package optim

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Solver puts an Optimizer behind gorgonia's Solver interface, for graphs built
// by hand. Like gorgonia's own it sets the gradients to zero after the step,
// because bound gradients add up over the runs of a machine.
type Solver struct {
	Optimizer Optimizer
	Rate      float64 // learning rate of the next step
	MaxNorm   float64 // of the gradient over all parameters; 0 does not clip
}

var _ gorgonia.Solver = (*Solver)(nil)

// Step changes the values in model, which must be float32 tensors on contiguous
// memory with names of their own.
func (s *Solver) Step(model []gorgonia.ValueGrad) error {
	params := make([]Param, len(model))
	for i, vg := range model {
		p, err := paramOf(vg, i)
		if err != nil {
			return err
		}
		params[i] = p
	}
	if _, err := Update(s.Optimizer, params, s.Rate, s.MaxNorm); err != nil {
		return err
	}
	for _, p := range params {
		clear(p.Grad)
	}
	return nil
}

func paramOf(vg gorgonia.ValueGrad, i int) (Param, error) {
	name := fmt.Sprintf("parameter %d", i)
	if n, ok := vg.(gorgonia.Namer); ok {
		name = n.Name()
	}
	grad, err := vg.Grad()
	if err != nil {
		return Param{}, fmt.Errorf("%s: no gradient: %w", name, err)
	}
	value, okValue := float32s(vg.Value())
	gradient, okGrad := float32s(grad)
	if !okValue || !okGrad {
		return Param{}, fmt.Errorf("%s: a %T with gradient %T; want contiguous float32 tensors", name, vg.Value(), grad)
	}
	return Param{Name: name, Shape: vg.Value().Shape(), Value: value, Grad: gradient}, nil
}

// float32s returns the memory of a value.
func float32s(v gorgonia.Value) ([]float32, bool) {
	dense, ok := v.(*tensor.Dense)
	if !ok || dense.RequiresIterator() {
		return nil, false
	}
	x, ok := dense.Data().([]float32)
	return x, ok
}
