package plasticlstm

// Additive is Clip without a bound.
const Additive Rule = "additive"

var _ = register(rule{
	name:      Additive,
	equation:  "A <- A + eta g_j h_i",
	source:    "the same without a bound",
	product:   true,
	unbounded: true,
})
