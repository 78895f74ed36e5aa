package plasticlstm

// Clip adds the product of the two neurons, within the bound.
const Clip Rule = "clip"

var _ = register(rule{
	name:     Clip,
	equation: "A <- clip(A + eta g_j h_i)",
	source:   "[2] eq. 2",
	product:  true,
})
