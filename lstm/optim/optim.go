// Package optim holds the optimisers of float32 models, the clip of the global
// gradient norm and the learning-rate schedules.
//
// gorgonia has solvers of its own. They are replaced because their state is
// unexported, so that a run could not be resumed to the same bits, because
// WithClip clamps each element instead of the norm over all parameters, and
// because none of them averages. Solver puts the ones here behind gorgonia's
// interface.
package optim

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/kernel"
)

// Param is a named parameter with its gradient, both row-major in Shape. The
// slices are the model's own memory.
//
// The gradient of an embedding may be sparse: if Rows is not nil, Grad holds
// these rows of Shape alone, one behind the other, in ascending order, and all
// others are zero. That changes the work of a step, not what it does.
type Param struct {
	Name        string
	Shape       []int
	Value, Grad []float32
	Rows        []int

	Group    *Group  // nil: all is as Step is told
	Min, Max float64 // what Bound puts the numbers back into, unless both are 0
	Shared   int     // what DivideShared divides the gradient by, unless it is 0
}

// Optimizer changes parameters by their gradients. The parameters of every
// Step must be the same, by name and size. What the gradients are after a step
// is not said.
type Optimizer interface {
	// Step takes one step at learning rate lr with the gradients times scale, a
	// factor such as ClipScale's: a pass over memory less than scaling them
	// beforehand. A parameter that is NaN or infinite after the step is a
	// *NonFiniteError; after any other error no parameter has changed.
	Step(params []Param, lr, scale float64) error
	// State returns what Load needs to go on to the same bits. The slices are
	// the optimiser's own: copy them to keep them over the next step.
	State() State
	// Load copies a state that State gave, and refuses any other.
	Load(State) error
}

// State is what an optimiser remembers between steps. A slot belongs to a
// parameter and has its size: "adam.m.layers.0.bias".
type State struct {
	Slots    map[string][]float32
	Counters map[string]int64
}

// SGD is plain gradient descent: p <- p - lr (g + WeightDecay p).
type SGD struct{ WeightDecay float64 }

func (s *SGD) Step(params []Param, lr, scale float64) error {
	if err := check(params, lr, scale); err != nil {
		return err
	}
	var bad error
	for i := range params {
		bad = cmp.Or(bad, params[i].descend(lr, scale, s.WeightDecay))
	}
	return bad
}

// descend computes Value -= lr (scale Grad + decay Value). Its error is a
// *NonFiniteError.
func (p *Param) descend(lr, scale, decay float64) error {
	lr, scale = p.step(lr, scale)
	// With the scale in the rate it costs nothing.
	rate, decay32 := float32(lr*scale), float32(decay/scale)
	step := func(value, grad []float32, _ int) { kernel.SGDStep(value, grad, rate, decay32) }
	if p.Rows != nil && decay == 0 {
		return p.nonFinite(p.touched(step))
	}
	return p.nonFinite(p.all(1, 0, step))
}

func (s *SGD) State() State { return State{} }

func (s *SGD) Load(state State) error { return state.only("sgd", nil, nil) }

// check refuses what would corrupt parameters or index out of range.
func check(params []Param, lr, scale float64) error {
	if !(lr >= 0) || math.IsInf(lr, 0) {
		return fmt.Errorf("learning rate %v; want a finite number of at least 0", lr)
	}
	if !(scale > 0) || math.IsInf(scale, 0) {
		return fmt.Errorf("gradients times %v; want a finite number above 0", scale)
	}
	for i := range params {
		if err := params[i].check(); err != nil {
			return err
		}
		if g := params[i].Group; g != nil && (!(g.Rate >= 0) || math.IsInf(g.Rate, 0) || !(g.Scale >= 0) || math.IsInf(g.Scale, 0)) {
			return fmt.Errorf("parameter %s has the group %+v; want finite numbers of at least 0", params[i].Name, *g)
		}
	}
	return nil
}

// slots are vectors by parameter name.
type slots map[string][]float32

// fit makes sure that there is one vector a parameter: fresh ones, zero, on the
// first step, and after that exactly those of the steps before.
func (s slots) fit(kind string, params []Param, fresh bool) error {
	if fresh {
		clear(s)
		for _, p := range params {
			s[p.Name] = make([]float32, len(p.Value))
		}
	}
	for _, p := range params {
		if len(s[p.Name]) != len(p.Value) {
			return fmt.Errorf("optimiser state %s%s has %d values; want the %d of the parameter", kind, p.Name, len(s[p.Name]), len(p.Value))
		}
	}
	if len(s) != len(params) {
		return fmt.Errorf("optimiser state %s* is of %d parameters; want the %d of the model, each once", kind, len(s), len(params))
	}
	return nil
}

// put adds the vectors to a state, their names after prefix.
func (s slots) put(prefix string, state State) {
	for name, x := range s {
		state.Slots[prefix+name] = x
	}
}

// take returns copies of the vectors whose names start with prefix.
func (s State) take(prefix string) slots {
	taken := slots{}
	for name, x := range s.Slots {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			taken[rest] = slices.Clone(x)
		}
	}
	return taken
}

// only refuses a state with other slots or counters than the optimiser's own.
func (s State) only(optimizer string, prefixes, counters []string) error {
	for _, name := range slices.Sorted(maps.Keys(s.Slots)) {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return fmt.Errorf("optimiser state %s is not one of %s; want the optimiser the run was started with", name, optimizer)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Counters)) {
		if !slices.Contains(counters, name) {
			return fmt.Errorf("optimiser counter %s is not one of %s; want the optimiser the run was started with", name, optimizer)
		}
	}
	for _, name := range counters {
		if n, ok := s.Counters[name]; !ok || n < 0 {
			return fmt.Errorf("optimiser counter %s is missing or negative; want a state of %s", name, optimizer)
		}
	}
	return nil
}
