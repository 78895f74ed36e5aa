package plasticlstm

// Additive is Clip without a bound.
const Additive Rule = "additive"

var _ = register(rule{
	name:      Additive,
	doc:       "A <- A + eta g_j h_i",
	product:   true,
	unbounded: true,
})
