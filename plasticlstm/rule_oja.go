package plasticlstm

import G "gorgonia.org/gorgonia"

// Oja is the rule that keeps the length of a neuron's traces (Oja, A simplified
// neuron model as a principal component analyzer, J. Math. Biology 15, 1982).
const Oja Rule = "oja"

var _ = register(rule{
	name:     Oja,
	equation: "A <- clip(A + eta g_j (h_i - g_j A))",
	source:   "[1] eq. 3",
	pulls:    true,
	compose:  func(g, _ *G.Node) (s, d *G.Node) { return g, times(g, g) },
	factors:  func(g, _ float64) (s, d, ds, dd float64) { return g, g * g, 1, 2 * g },
})
