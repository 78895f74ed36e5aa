package plasticlstm

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// Rule says how a Hebbian trace changes.
type Rule string

// rule is all there is to say of a Rule, in a file of its own (rule_*.go): an update
//
//	A_ji <- clip(A_ji + eta_ji (s_j h_i - d_j A_ji))
//
// with what the receiving neuron gives, s, and the trace's own pull, d, both of
// them functions of its new output g and of its threshold, if the rule has one.
type rule struct {
	name      Rule
	equation  string // how A changes, as docs/equations.md has it
	source    string // of the equation
	unbounded bool   // there is no clip
	pulls     bool   // d is not 0 everywhere

	// product: s is g and d is 0, so that retroactive modulation may put E in the
	// place of what is added. What follows is not asked for then.
	product bool
	// threshold: each neuron has a sliding threshold theta, which s may read.
	threshold bool
	// compose returns s and d in gorgonia's nodes, [B, H]; nil for a d of 0.
	compose func(g, theta *G.Node) (s, d *G.Node)
	// factors are s and d as numbers, and their derivatives by g.
	factors func(g, theta float64) (s, d, ds, dd float64)
	// byThreshold is the derivative of s by theta.
	byThreshold func(g float64) float64
}

// rules are those of the package, by name.
var rules = map[Rule]rule{}

// register makes a rule known, by its name.
func register(r rule) rule {
	if r.product {
		r.compose = func(g, _ *G.Node) (s, d *G.Node) { return g, nil }
	}
	rules[r.name] = r
	return r
}

// Rules lists the rules that go with a modulation: the default first, then by name.
func Rules(m Modulation) []Rule {
	var names []Rule
	for name, r := range rules {
		if name != Clip && (m != Retroactive || r.product) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return append([]Rule{Clip}, names...)
}

// Equation says how a trace changes without retroactive modulation, in the symbols of
// the package comment.
func (r Rule) Equation() string { return rules[r].equation }

// Source says where the equation is from; [1] and [2] are those of the package comment.
func (r Rule) Source() string { return rules[r].source }

func (o Options) rule() rule { return rules[o.Rule] }
