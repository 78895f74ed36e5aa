package plasticlstm

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
)

// Dense is a feed-forward layer whose connections are plastic, as the last one of
// the network that learns characters in [1]:
//
//	y_j(t) = softmax_j( k(t) + sum_i (w_ji + alpha_ji A_ji(t-1)) x_i(t) ), or tanh
//
// with traces as in the package comment, but that the sending neurons are the
// inputs x(t) of the same step and the receiving ones y(t). A step's input is
// x [In] and then k [Out]; where k clamps a label the layer learns it.
type Dense struct {
	in, out int
	opt     Options
}

var _ lstm.FusedLayer = (*Dense)(nil)

// NewDense returns a plastic layer of out neurons with in inputs.
func NewDense(in, out int, opt Options) (*Dense, error) {
	if in < 1 || out < 1 {
		return nil, fmt.Errorf("plasticlstm: a layer of %d inputs and %d neurons: want at least 1 of each", in, out)
	}
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	switch {
	case opt.Feed != "" && opt.Feed != lstm.Projected:
		return nil, fmt.Errorf("plasticlstm: feed %q of a dense layer: want %q, the others are an RNN's", opt.Feed, lstm.Projected)
	case opt.ModulatorInput != "" && opt.ModulatorInput != Hidden:
		return nil, fmt.Errorf("plasticlstm: modulator input %q of a dense layer, which has neither cells nor a past: want %q", opt.ModulatorInput, Hidden)
	}
	return &Dense{in, out, opt.withDefaults()}, nil
}

// Validate reports a layer that NewDense did not make. Composed and Fused return what it
// reports; Scan32, Scan64, lstm.NewScan and lstm.NewWindow panic with it.
func (l *Dense) Validate() error {
	if l == nil || l.out == 0 {
		return fmt.Errorf("plasticlstm: an empty Dense: want one from NewDense")
	}
	return nil
}

// Options returns the layer's options, defaults filled in.
func (l *Dense) Options() Options { return l.opt }

// InputSize returns In + Out.
func (l *Dense) InputSize() int { return l.in + l.out }

// HiddenSize returns Out.
func (l *Dense) HiddenSize() int { return l.out }

// Params lists weight [Out, In], then alpha and the others, as LSTM.Params does:
// [Out, In] per connection, [Out] per neuron.
func (l *Dense) Params() []lstm.Param {
	return append(lstm.DenseParams(l.in, l.out), l.opt.params(l.out, l.in)...)
}

// State lists the traces, "hebb" and if retroactive "trace", both [Out, In].
func (l *Dense) State() []lstm.Part { return l.opt.state(l.out, l.in) }

// Composed builds the layer from gorgonia's nodes.
func (l *Dense) Composed(x, state *G.Node, params []*G.Node) (lstm.Output, error) {
	if err := l.Validate(); err != nil {
		return lstm.Output{}, err
	}
	return lstm.ComposeDense(l, l.opt.Activation, x, state, params, func(traces []*G.Node) lstm.Plasticity {
		return newComposed(l.opt, x.Shape()[1], l.in, l.out, traces, l.Params()[1:], params[1:])
	})
}

// Scan32 returns the fused layer in float32; it is a *Scan[float32].
func (l *Dense) Scan32() lstm.Scan[float32] { return newDenseScan[float32](l) }

// Scan64 returns the fused layer in float64; it is a *Scan[float64].
func (l *Dense) Scan64() lstm.Scan[float64] { return newDenseScan[float64](l) }

func newDenseScan[F lstm.Float](l *Dense) *Scan[F] {
	must(l.Validate())
	h := newHebbian[F](l.in, l.out, l.opt)
	return newScan(l, scan.NewDense(l.in, l.out, l.opt.Activation, h), h)
}
