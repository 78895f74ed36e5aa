package plasticlstm

import G "gorgonia.org/gorgonia"

// Decay is a running mean of the product.
const Decay Rule = "decay"

var _ = register(rule{
	name:     Decay,
	equation: "A <- clip((1 - eta) A + eta g_j h_i)",
	source:   "[1] eq. 2",
	pulls:    true,
	compose:  func(g, _ *G.Node) (s, d *G.Node) { return g, onesLike(g) },
	factors:  func(g, _ float64) (s, d, ds, dd float64) { return g, 1, 1, 0 },
})
