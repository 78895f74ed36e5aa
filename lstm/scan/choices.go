package scan

import "fmt"

// Feed says how the inputs of an RNN reach its neurons.
type Feed string

// The feeds. Direct and Clamped leave the recurrent weights as the only ones:
// each neuron has an input of its own, as in the pattern and image tasks of
// Miconi, Clune and Stanley (2018).
const (
	// Projected is u(t) = W_ih x(t) + b, with x [I]; the default.
	Projected Feed = "projected"
	// Direct is u(t) = x(t), with x [H].
	Direct Feed = "direct"
	// Clamped puts given outputs in the place of the neurons' own: x is (v, m),
	// values [H] and then a mask [H], and y(t) = m v + (1-m) tanh(...). No gradient
	// passes a neuron whose mask is 1; the fused layer gives that mask none either,
	// for it does not work out what the neuron would have done.
	Clamped Feed = "clamped"
)

// InputSize returns the I of a layer of hidden neurons, given that of a Projected
// one.
func (f Feed) InputSize(in, hidden int) int {
	switch f {
	case Direct:
		return hidden
	case Clamped:
		return 2 * hidden
	}
	return in
}

// OrDefault returns Projected for the zero value, and all others as they are.
func (f Feed) OrDefault() Feed {
	if f == "" {
		return Projected
	}
	return f
}

// Validate reports a feed that is none of these.
func (f Feed) Validate() error {
	switch f.OrDefault() {
	case Projected, Direct, Clamped:
		return nil
	}
	return fmt.Errorf("lstm: feed %q: want %q, %q or %q", f, Projected, Direct, Clamped)
}

// Activation is what the neurons of a Dense layer make of their inputs.
type Activation string

// The activations.
const (
	Softmax Activation = "softmax" // over the layer's neurons; the default
	Tanh    Activation = "tanh"
)

// OrDefault returns Softmax for the zero value, and all others as they are.
func (a Activation) OrDefault() Activation {
	if a == "" {
		return Softmax
	}
	return a
}

// Validate reports an activation that is neither of these.
func (a Activation) Validate() error {
	switch a.OrDefault() {
	case Softmax, Tanh:
		return nil
	}
	return fmt.Errorf("lstm: activation %q: want %q or %q", a, Softmax, Tanh)
}
