package optim

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is an optimiser that can be chosen by name.
type Kind struct {
	Name  string // "sgd"
	About string // a clause for a help text, or nothing
	New   func(Options) Optimizer
}

// Options are what every kind may be given.
type Options struct {
	WeightDecay float64 // wd: wd p added to the gradient, or beside it where the kind decouples it
	L2          float64 // the same, but always added to the gradient
}

// Averager is an Optimizer that keeps averages of the parameters, which are what is
// tested and saved.
type Averager interface {
	Trigger()           // from the next step on; once started it goes on
	Swap([]Param) error // exchanges parameters and averages
}

// kinds are those that can be chosen, in the order of their help.
var kinds = []Kind{
	{"sgd", "", func(o Options) Optimizer { return &SGD{WeightDecay: o.WeightDecay + o.L2} }},
	{"asgd", "SGD whose later steps are averaged", func(o Options) Optimizer { return &ASGD{WeightDecay: o.WeightDecay + o.L2} }},
	{"adam", "", func(o Options) Optimizer {
		adam := NewAdam(o.WeightDecay)
		adam.L2 = o.L2
		return adam
	}},
}

// Register adds a kind to those that go by name. A name that is taken is a
// programmer's mistake and panics.
func Register(k Kind) {
	if slices.Contains(Names(), k.Name) {
		panic("optim: there is an optimizer " + k.Name + " already")
	}
	kinds = append(kinds, k)
}

// New returns an optimiser by its name, before its first step.
func New(name string, o Options) (Optimizer, error) {
	for _, k := range kinds {
		if k.Name == name {
			return k.New(o), nil
		}
	}
	return nil, fmt.Errorf("optimizer %q: want one of %s", name, strings.Join(Names(), ", "))
}

// Names lists the kinds.
func Names() (names []string) {
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// Listed is Names, each with what it is about: "asgd (SGD whose later steps are averaged)".
func Listed() (listed []string) {
	for _, k := range kinds {
		if k.About != "" {
			k.Name += " (" + k.About + ")"
		}
		listed = append(listed, k.Name)
	}
	return listed
}
