package lstm

import (
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
)

// LSTM is the standard layer:
//
//	i, f, o = sigmoid(W_ih x(t) + W_hh h(t-1) + b)
//	g       = tanh(W_ih x(t) + W_hh h(t-1) + b)
//	c(t)    = f c(t-1) + i g
//	h(t)    = o tanh(c(t))
type LSTM struct{ In, Hidden int }

var _ FusedLayer = LSTM{}

// Validate reports sizes below 1. Composed and Fused return what it reports;
// NewScan and NewWindow panic with it.
func (l LSTM) Validate() error { return validateSizes(l.In, l.Hidden) }

// InputSize returns I.
func (l LSTM) InputSize() int { return l.In }

// HiddenSize returns H.
func (l LSTM) HiddenSize() int { return l.Hidden }

// Params lists weight_ih, weight_hh and bias.
func (l LSTM) Params() []Param { return GateParams(l.In, l.Hidden) }

// State lists h [H] and c [H].
func (l LSTM) State() []Part { return CellState(l.Hidden) }

// CellState lists what every LSTM here carries first: the output h and the cell c.
func CellState(hidden int) []Part {
	return []Part{{Name: "h", Shape: []int{hidden}}, {Name: "c", Shape: []int{hidden}}}
}

// Scan32 returns the fused layer in float32; it panics with what Validate reports.
func (l LSTM) Scan32() Scan[float32] { return newScan(l, scan.New[float32](l.In, l.Hidden, nil)) }

// Scan64 returns the fused layer in float64; it panics with what Validate reports.
func (l LSTM) Scan64() Scan[float64] { return newScan(l, scan.New[float64](l.In, l.Hidden, nil)) }

// Composed builds the layer from gorgonia's nodes.
func (l LSTM) Composed(x, state *G.Node, params []*G.Node) (Output, error) {
	return Compose(l, x, state, params, nil)
}
