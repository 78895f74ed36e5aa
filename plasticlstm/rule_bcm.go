package plasticlstm

import G "gorgonia.org/gorgonia"

// BCM strengthens what drives a neuron above its own sliding threshold and weakens
// what drives it below (Bienenstock, Cooper and Munro, Theory for the development of
// neuron selectivity, J. Neuroscience 2, 1982). The threshold follows the square of
// the output at a trained rate k, threshold_rate, within [0, 1]:
//
//	theta_j <- (1 - k) theta_j + k g_j^2    after the trace has used the old one
const BCM Rule = "bcm"

var _ = register(rule{
	name:      BCM,
	equation:  "A <- clip(A + eta g_j (g_j^2 - theta_j) h_i), then theta_j <- (1 - k) theta_j + k g_j^2",
	source:    "Bienenstock, Cooper and Munro 1982",
	threshold: true,
	compose: func(g, theta *G.Node) (s, d *G.Node) {
		return times(g, minus(times(g, g), theta)), nil
	},
	factors: func(g, theta float64) (s, d, ds, dd float64) {
		return g * (g*g - theta), 0, 3*g*g - theta, 0
	},
	byThreshold: func(g float64) float64 { return -g },
})
