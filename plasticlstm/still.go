package plasticlstm

import (
	"slices"

	"github.com/engram-lm/engram/lstm"
)

// Still returns the parameters of the standard LSTM that l is while its traces
// stand still at hebb [H, H], the layout of one stream's "hebb": weight_ih,
// weight_hh and bias, copied, of which weight_hh has alpha_ji A_ji added to its g
// block. A nil hebb stands for traces of zero. params are those of l.Params, flat.
func Still[F lstm.Float](l *LSTM, params [][]F, hebb []F) [][]F {
	var still [][]F
	for _, p := range params[:len(lstm.GateParams(l.in, l.n))] {
		still = append(still, slices.Clone(p))
	}
	if hebb == nil {
		return still
	}
	alpha := params[len(still)]
	g := still[1][2*l.n*l.n : 3*l.n*l.n] // [H, H] as hebb
	for c, a := range hebb[:l.n*l.n] {
		i, factor := 0, F(1)
		switch l.opt.Alpha {
		case PerConnection:
			i = c
		case PerNeuron:
			i = c / l.n
		case Decomposed:
			i, factor = c/l.n, params[len(still)+1][c%l.n]
		}
		g[c] += alpha[i] * factor * a
	}
	return still
}
