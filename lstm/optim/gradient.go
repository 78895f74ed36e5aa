package optim

import (
	"fmt"
	"math"
)

// NonFiniteError names the first tensor with a NaN or an infinity in it.
type NonFiniteError struct {
	Tensor string // the parameter's name
	What   string // "gradient" or "parameter"
	Index  int
	Value  float32
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("%s of %s is %v at element %d; want finite numbers", e.What, e.Tensor, e.Value, e.Index)
}

// GlobalNorm returns the Euclidean norm over all gradients, summed in float64
// over the parameters in their order, without those that are held. A norm that is
// NaN or infinite is a *NonFiniteError.
func GlobalNorm(params []Param) (float64, error) {
	var sum float64
	for i := range params {
		if !params[i].held() {
			sum += sumSquares(params[i].Grad)
		}
	}
	norm := math.Sqrt(sum)
	if !math.IsNaN(norm) && !math.IsInf(norm, 0) {
		return norm, nil
	}
	for _, p := range params {
		if i := IndexNonFinite(p.Grad); i >= 0 {
			return norm, &NonFiniteError{p.Name, "gradient", p.index(i), p.Grad[i]}
		}
	}
	return norm, fmt.Errorf("gradient norm is %v; want a finite number", norm)
}

// ClipScale returns what gradients of the given norm are to be multiplied by so
// that their norm is at most max (Pascanu, Mikolov and Bengio 2013): 1 unless
// the norm is above it, or if max is 0, which turns the clip off. It goes into
// Optimizer.Step.
func ClipScale(norm, max float64) float64 {
	if max > 0 && norm > max {
		return max / norm
	}
	return 1
}

// DivideShared divides the gradient of every plasticity coefficient that connections
// share by its Shared, the layer's number of neurons, as Backpropamine's large Penn
// Treebank models do: such a gradient is a sum over the connections it serves. It stands
// between gradient and step (Stepper.Between) and returns nil.
func DivideShared(params []Param) error {
	for _, p := range params {
		if p.Shared == 0 {
			continue
		}
		for i := range p.Grad {
			p.Grad[i] /= float32(p.Shared)
		}
	}
	return nil
}

// Bound puts each parameter that has bounds back into them after a step. The rate k
// of an eligibility trace is one: outside of [0, 1], E <- (1-k) E + k post pre is no
// running mean, and with k below 0 it grows without bound, for E is not clipped. NaN
// stays, to be found.
func Bound(params []Param) {
	for _, p := range params {
		if p.Min == p.Max {
			continue
		}
		lo, hi := float32(p.Min), float32(p.Max)
		for i, k := range p.Value {
			if k < lo || k > hi {
				p.Value[i] = min(max(k, lo), hi)
			}
		}
	}
}
