package lstm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Fused adds the layer to the graph of its inputs as one operation with a
// hand-written gradient: x [T, B, I], state [StateSize(l, B)], params as
// Params lists them, all float32 or all float64.
func Fused(l Layer, x, state *G.Node, params []*G.Node) (Output, error) {
	if _, _, err := check(l, x, state, params); err != nil {
		return Output{}, err
	}
	if _, err := fusedForm(l); err != nil {
		return Output{}, err
	}
	if x.Dtype() == tensor.Float32 {
		return NewWindow[float32](l).Apply(x, state, params)
	}
	return NewWindow[float64](l).Apply(x, state, params)
}

// Window is a fused layer that several graphs share: one graph per window
// length, one set of buffers among them. It may stand once in each graph, which
// Apply sees to, and one of the graphs may run at a time.
type Window[F Float] struct {
	// Detached leaves the carried state to the caller, as truncated
	// back-propagation through time does: no gradient flows to the initial state
	// or from the final one, which is no part of the graph's output (Output.State
	// is nil) but is asked for, after a run, by FinalState. It is set before Apply.
	Detached bool

	op.Buffers[F]
	layer  Layer
	scan   Scan[F]
	params [][]F
}

// NewWindow returns a fused layer for graphs over elements of type F. It panics
// where NewScan does.
func NewWindow[F Float](l Layer) *Window[F] {
	return &Window[F]{layer: l, scan: NewScan[F](l)}
}

// Layer returns the layer that w runs.
func (w *Window[F]) Layer() Layer { return w.layer }

// Scan returns the scan that w runs, which keeps the last window's recording.
func (w *Window[F]) Scan() Scan[F] { return w.scan }

// Hold says whether the parameters stay as they are from now on: windows that are
// run meanwhile, as in an evaluation, need not prepare them again.
func (w *Window[F]) Hold(on bool) {
	if s, ok := w.scan.(interface{ Hold(bool) }); ok {
		s.Hold(on)
	}
}

// Round makes the inputs of the layer's matrix products rounded to a precision from
// the next run on; all else stays in the element type. It reports whether the layer
// can: an LSTM, plastic or not, does.
func (w *Window[F]) Round(to Precision) bool {
	s, ok := w.scan.(interface{ Round(Precision) bool })
	return ok && s.Round(to) || to == F32
}

// Apply adds w to the graph of its inputs. See Fused.
func (w *Window[F]) Apply(x, state *G.Node, params []*G.Node) (Output, error) {
	steps, batch, err := check(w.layer, x, state, params)
	if err != nil {
		return Output{}, err
	}
	in := append([]*G.Node{x, state}, params...)
	shape := tensor.Shape{steps, batch, w.layer.HiddenSize()}
	if w.Detached {
		hidden, err := op.Apply[F](w, shape, in...)
		return Output{Hidden: hidden, scan: w.scan}, err
	}
	hidden, carried := shape.TotalSize(), StateSize(w.layer, batch)
	packed, err := op.Apply[F](w, tensor.Shape{hidden + carried}, in...)
	if err != nil {
		return Output{}, err
	}
	out := Output{scan: w.scan}
	if out.Hidden, err = op.View(packed, 0, shape); err != nil {
		return Output{}, err
	}
	if out.State = state; carried > 0 {
		out.State, err = op.View(packed, hidden, tensor.Shape{carried})
	}
	return out, err
}

// String names the operation in a graph.
func (w *Window[F]) String() string { return fmt.Sprintf("scan %T", w.layer) }

// Differentiable reports whether a gradient flows to input i.
func (w *Window[F]) Differentiable(i int) bool {
	return i != 1 || !w.Detached && StateSize(w.layer, 1) > 0
}

// Forward runs the window; see op.Function.
func (w *Window[F]) Forward(in []G.Value, out []F) error {
	steps, batch := in[0].Shape()[0], in[0].Shape()[1]
	w.params = w.params[:0]
	for _, p := range in[2:] {
		w.params = append(w.params, op.Data[F](p))
	}
	w.scan.Begin(batch, steps, w.params, op.Data[F](in[1]))
	hidden := steps * batch * w.layer.HiddenSize()
	w.scan.Forward(steps, op.Data[F](in[0]), out[:hidden])
	if !w.Detached {
		w.scan.State(out[hidden:])
	}
	return nil
}

// FinalState writes the state [StateSize] after the last run of a graph with w in
// it. The vector may be the one that the run began with.
func (w *Window[F]) FinalState(state []F) {
	if w.scan == nil {
		panic(fmt.Errorf("lstm: FinalState of an empty Window: want one from NewWindow"))
	}
	w.scan.State(state)
}

// Backward runs the window's adjoint; see op.Function.
func (w *Window[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	steps, batch := in[0].Shape()[0], in[0].Shape()[1]
	hidden := steps * batch * w.layer.HiddenSize()
	dstate := gout[hidden:] // empty if detached
	if allZero(dstate) {    // the final state was only carried: spare its pass
		dstate = nil
	}
	w.scan.Backward(gout[:hidden], dstate, gin[0], gin[1], gin[2:])
	return nil
}

func allZero[F Float](x []F) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}
