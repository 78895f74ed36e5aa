package modeldir

import (
	"strings"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// Role is what a parameter does in the model.
type Role = lstm.Role

// The roles. Weights are all that a standard LSTM has too.
const (
	Weights      = lstm.Weight
	Coefficients = lstm.Coefficient // alpha: what a trace counts for
	Rates        = lstm.Rate        // eta, the modulator's fan-out, the rates of traces
	Modulator    = lstm.Modulator   // weights and bias of the neuromodulator
)

// RoleOf returns the role of a tensor, named as Config.Tensors names it or as a
// layer does: "layers.0.alpha", "alpha".
func RoleOf(tensor string) Role {
	name := tensor
	if rest, ok := strings.CutPrefix(name, "layers."); ok {
		_, name, _ = strings.Cut(rest, ".")
	}
	return roles[name]
}

// roles are those of the parameters that a plastic layer of any choices has.
var roles = func() map[string]Role {
	all := map[string]Role{}
	for _, o := range plasticlstm.Combinations() {
		l, err := plasticlstm.New(1, 1, o)
		if err != nil {
			panic(err)
		}
		for _, p := range l.Params() {
			all[p.Name] = p.Role
		}
	}
	return all
}()
