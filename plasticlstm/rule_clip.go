package plasticlstm

// Clip adds the product of the two neurons, within the bound.
const Clip Rule = "clip"

var _ = register(rule{
	name:    Clip,
	doc:     "A <- clip(A + eta g_j h_i)                        [2], eq. 2 and 3",
	product: true,
})
