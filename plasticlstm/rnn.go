package plasticlstm

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
)

// RNN is a layer of tanh neurons all of whose recurrent connections are plastic
// ([1], eq. 1):
//
//	y_j(t) = tanh( u_j(t) + sum_i (w_ji + alpha_ji A_ji(t-1)) y_i(t-1) )
//
// with u(t) as Options.Feed says, and traces as in the package comment, but that
// the sending neurons are y(t-1) and the receiving ones y(t).
type RNN struct {
	in, n int
	opt   Options
}

var _ lstm.FusedLayer = (*RNN)(nil)

// NewRNN returns a plastic RNN of hidden neurons with in inputs: any number if
// the feed is lstm.Projected, hidden if it is lstm.Direct, twice as many if it is
// lstm.Clamped.
func NewRNN(in, hidden int, opt Options) (*RNN, error) {
	if in < 1 || hidden < 1 {
		return nil, fmt.Errorf("plasticlstm: a layer of %d inputs and %d neurons: want at least 1 of each", in, hidden)
	}
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	if want := opt.Feed.InputSize(in, hidden); in != want {
		return nil, fmt.Errorf("plasticlstm: %d inputs to %d neurons with feed %q: want %d", in, hidden, opt.Feed, want)
	}
	switch {
	case opt.ModulatorInput == Cell:
		return nil, fmt.Errorf("plasticlstm: modulator input %q of an RNN, which has no cells: want %q or %q", Cell, Hidden, PreviousHidden)
	case opt.Activation != "":
		return nil, fmt.Errorf("plasticlstm: activation %q of an RNN, whose neurons are tanh: want none, it is a dense layer's", opt.Activation)
	}
	return &RNN{in, hidden, opt.recurrent()}, nil
}

// Validate reports a layer that NewRNN did not make. Composed and Fused return what it
// reports; Scan32, Scan64, lstm.NewScan and lstm.NewWindow panic with it.
func (l *RNN) Validate() error {
	if l == nil || l.n == 0 {
		return fmt.Errorf("plasticlstm: an empty RNN: want one from NewRNN")
	}
	return nil
}

// Options returns the layer's options, defaults filled in.
func (l *RNN) Options() Options { return l.opt }

// InputSize returns I.
func (l *RNN) InputSize() int { return l.in }

// HiddenSize returns H.
func (l *RNN) HiddenSize() int { return l.n }

// Params lists weight_ih, weight_hh and bias, or weight_hh alone (see
// lstm.RNNParams), then alpha and the others, as LSTM.Params does.
func (l *RNN) Params() []lstm.Param { return append(l.own(), l.opt.params(l.n, l.n)...) }

func (l *RNN) own() []lstm.Param { return lstm.RNNParams(l.opt.Feed, l.in, l.n) }

// State lists h [H], the output y, then the traces, as LSTM.State does.
func (l *RNN) State() []lstm.Part {
	return append([]lstm.Part{{Name: "h", Shape: []int{l.n}}}, l.opt.state(l.n, l.n)...)
}

// Composed builds the layer from gorgonia's nodes.
func (l *RNN) Composed(x, state *G.Node, params []*G.Node) (lstm.Output, error) {
	if err := l.Validate(); err != nil {
		return lstm.Output{}, err
	}
	own := len(l.own())
	return lstm.ComposeRNN(l, l.opt.Feed, x, state, params, func(traces []*G.Node) lstm.Plasticity {
		return newComposed(l.opt, x.Shape()[1], l.n, l.n, traces, l.Params()[own:], params[own:])
	})
}

// Scan32 returns the fused layer in float32; it is a *Scan[float32].
func (l *RNN) Scan32() lstm.Scan[float32] { return newRNNScan[float32](l) }

// Scan64 returns the fused layer in float64; it is a *Scan[float64].
func (l *RNN) Scan64() lstm.Scan[float64] { return newRNNScan[float64](l) }

func newRNNScan[F lstm.Float](l *RNN) *Scan[F] {
	must(l.Validate())
	h := newHebbian[F](l.n, l.n, l.opt)
	return newScan(l, scan.NewRNN(l.in, l.n, l.opt.Feed, h), h)
}
