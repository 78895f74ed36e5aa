package modeldir

import "strings"

// Role is what a parameter does in the model.
type Role string

// The roles. Weights are all that a standard LSTM has too.
const (
	Weights      Role = "weights"
	Coefficients Role = "coefficients" // alpha: what a trace counts for
	Rates        Role = "rates"        // eta, the modulator's fan-out, the trace rate
	Modulator    Role = "modulator"    // weights and bias of the neuromodulator
)

// RoleOf returns the role of a tensor, named as Config.Tensors names it or as a
// layer does: "layers.0.alpha", "alpha".
func RoleOf(tensor string) Role {
	name := tensor
	if rest, ok := strings.CutPrefix(name, "layers."); ok {
		_, name, _ = strings.Cut(rest, ".")
	}
	first, _, _ := strings.Cut(name, ".")
	switch first {
	case "alpha":
		return Coefficients
	case "eta", "fanout", "trace_rate":
		return Rates
	case "modulator":
		return Modulator
	}
	return Weights
}
