// Package lstm defines what a recurrent layer is in Engram, and holds the
// standard LSTM [1].
//
// A layer is one differentiable operation over a BPTT window: input [T, B, I],
// carried state and named parameters go in, output [T, B, H] and the final state
// come out. Every layer exists twice under the same parameter names: Composed
// builds it from gorgonia's own nodes, one step at a time, as the reference to
// read and to extend; Fused is one operation with a hand-written backward pass.
// A Scan is that operation outside any graph, also one step at a time: an agent
// that chooses each input after it has seen the last output records its episode
// with a Scan and then goes backward over the whole of it at once.
//
//	[1] Hochreiter and Schmidhuber, Long short-term memory, Neural Computation
//	    9(8), 1997; with the forget gate of Gers, Schmidhuber and Cummins, 2000.
package lstm

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Float is the element type of a layer. Models are trained in float32; float64
// exists for gradient checks.
type Float = kernel.Float

// Param describes a parameter of a layer.
type Param struct {
	Name  string // within the layer, for instance "weight_ih"
	Shape []int
	// Lo and Hi bound the uniform distribution a new parameter is drawn from.
	Lo, Hi float64
	// Role is what the parameter is there for.
	Role Role
	// Min and Max are bounds that training must put it back into after each step;
	// both 0: there are none.
	Min, Max float64
	// Shared is the number of the layer's neurons where their connections share the
	// numbers of a coefficient, whose gradient is then a sum over them; 0: they do not.
	Shared int
}

// Size returns the number of elements.
func (p Param) Size() int { return size(p.Shape) }

// String is the name and the shape: "weight_hh [16 4]".
func (p Param) String() string { return fmt.Sprintf("%s %d", p.Name, p.Shape) }

// Part describes one tensor of a stream's state.
type Part struct {
	Name  string // "h", "c", "hebb" (Hebbian trace), "trace" (eligibility trace)
	Shape []int  // of one stream
	Role  Role   // what it is there for
}

// String is the name and the shape: "hebb [4 4]".
func (p Part) String() string { return fmt.Sprintf("%s %d", p.Name, p.Shape) }

// Size returns the number of elements of one stream.
func (p Part) Size() int { return size(p.Shape) }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Layer is a recurrent layer: its sizes, parameters, state and its composed form.
// One that is a FusedLayer as well has a fused form.
type Layer interface {
	InputSize() int
	HiddenSize() int
	// Params lists the parameters in the order in which the other methods take them.
	Params() []Param
	// State lists what each stream carries from window to window. The state of B
	// streams is one vector: each part in turn, as [B, Shape...].
	State() []Part
	// Composed adds the layer to the graph of its inputs from gorgonia's own
	// nodes: x [T, B, I], state [StateSize(l, B)], params as Params lists them.
	Composed(x, state *G.Node, params []*G.Node) (Output, error)
}

// FusedLayer is a Layer with a fused form, whose Scans NewScan, Fused and NewWindow
// ask for.
type FusedLayer interface {
	Layer
	Scan32() Scan[float32]
	Scan64() Scan[float64]
}

// Output is what a window yields.
type Output struct {
	Hidden *G.Node // [T, B, H]
	State  *G.Node // final state [StateSize(l, B)]

	scan any // of a fused layer: a Scan
}

// ScanOf returns the Scan that runs a fused layer in a graph over elements of type F;
// nil for a composed one and for a graph over others. It keeps the recording of the
// last run, of which State and Modulated tell.
func ScanOf[F Float](out Output) Scan[F] {
	s, _ := out.scan.(Scan[F])
	return s
}

// Modulated is a Scan of a layer with a neuromodulator.
type Modulated[F Float] interface {
	// Modulation returns M(t) [T, B] of the steps recorded, as a view that the next
	// Begin overwrites; nil if the layer has no neuromodulator after all.
	Modulation() []F
}

// Scan is a layer at work on recorded steps. It owns all the memory it needs and
// reuses it; it is not safe for concurrent use, but uses several cores itself.
//
// One recording is Begin, then Forward any number of times, then at most one
// Backward over all the steps taken. A call out of this order, more steps than
// Begin made room for, or a slice of another length than is stated here panics
// with one line that says what is wanted.
type Scan[F Float] interface {
	// Begin starts a recording of at most steps steps of batch streams from state
	// [StateSize]. Params are flat, in the order and of the Size of Layer.Params,
	// as NewParams makes them; they must stay as they are until Backward has
	// returned.
	Begin(batch, steps int, params [][]F, state []F)
	// Forward takes steps further steps: x [steps, B, I] -> out [steps, B, H]. What
	// Backward needs of x is copied.
	Forward(steps int, x, out []F)
	// Taken returns the number of steps recorded so far.
	Taken() int
	// State writes the state [StateSize] after the steps taken so far, before
	// Backward or after it.
	State(state []F)
	// Backward reads dout [T, B, H], the gradient of all outputs of the T steps
	// taken, and dstate, that of the final state (nil for zero). It overwrites dx
	// [T, B, I] and dstate0, the gradients of the inputs and of the initial state
	// (each may be nil: not asked for), and dparams, laid out as params.
	Backward(dout, dstate, dx, dstate0 []F, dparams [][]F)
}

// Resetter is a Scan in whose recordings single streams can begin anew: all those of
// the layers here are.
type Resetter interface {
	// ResetStream puts the state of stream b, its traces included, to zero before the
	// next step: an episode or a document ends there, and the others go on. Backward
	// knows of it: no gradient passes from one episode to the one before, and every
	// number is what it would be had each episode been recorded alone. State and dstate
	// are of the episode that a stream is in at the end, dstate0 of the one that it was
	// in at the beginning.
	ResetStream(b int)
}

// NewScan returns a new Scan of the layer over elements of type F. It panics if
// the layer has no fused form, or a method Validate that reports an error.
func NewScan[F Float](l Layer) Scan[F] {
	fused, err := fusedForm(l)
	if err != nil {
		panic(err)
	}
	var s any
	switch any(F(0)).(type) {
	case float32:
		s = fused.Scan32()
	default:
		s = fused.Scan64()
	}
	return s.(Scan[F])
}

// fusedForm reports a layer that has none.
func fusedForm(l Layer) (FusedLayer, error) {
	if err := validate(l); err != nil {
		return nil, err
	}
	if f, ok := l.(FusedLayer); ok {
		return f, nil
	}
	return nil, fmt.Errorf("lstm: %T has no fused form: want Scan32 and Scan64 of it, or take Composed", l)
}

// newScan puts the checks of sizes and order before the cell of a layer.
func newScan[F Float](l Layer, cell scan.Cell[F]) Scan[F] {
	if err := validate(l); err != nil {
		panic(err)
	}
	return scan.Check(cell, l.InputSize(), l.HiddenSize(), StateSize(l, 1), l.Params())
}

// validate asks a layer that can be wrong whether it is.
func validate(l Layer) error {
	if l == nil {
		return fmt.Errorf("lstm: the layer is nil: want an LSTM, an RNN or another")
	}
	if v, ok := l.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

func validateSizes(in, neurons int) error {
	if in < 1 || neurons < 1 {
		return fmt.Errorf("lstm: a layer of %d inputs and %d neurons: want at least 1 of each", in, neurons)
	}
	return nil
}

// StateSize returns the number of elements of the state of batch streams.
func StateSize(l Layer, batch int) int {
	n := 0
	for _, p := range l.State() {
		n += batch * p.Size()
	}
	return n
}

// ParamCount returns the number of trained numbers of a layer.
func ParamCount(l Layer) int {
	n := 0
	for _, p := range l.Params() {
		n += p.Size()
	}
	return n
}

// GateParams lists the parameters of an LSTM's gates, which every LSTM here
// begins with: weight_ih [4H, I], weight_hh [4H, H] and one bias [4H], gate
// blocks i, f, g, o, a row per receiving neuron.
func GateParams(in, hidden int) []Param {
	k := 1 / math.Sqrt(float64(hidden))
	return []Param{
		{Name: "weight_ih", Shape: []int{4 * hidden, in}, Lo: -k, Hi: k},
		{Name: "weight_hh", Shape: []int{4 * hidden, hidden}, Lo: -k, Hi: k},
		{Name: "bias", Shape: []int{4 * hidden}, Lo: 0, Hi: 0},
	}
}

// check verifies the nodes that Composed and Fused get, so that a mistake is
// reported by name instead of from deep within a graph.
func check(l Layer, x, state *G.Node, params []*G.Node) (steps, batch int, err error) {
	if err := validate(l); err != nil {
		return 0, 0, err
	}
	specs := l.Params()
	if len(params) != len(specs) {
		return 0, 0, fmt.Errorf("lstm: %d parameters: want %d", len(params), len(specs))
	}
	names := []string{"input", "state"}
	for _, p := range specs {
		names = append(names, "parameter "+p.Name)
	}
	for i, n := range append([]*G.Node{x, state}, params...) {
		if n == nil {
			return 0, 0, fmt.Errorf("lstm: %s is nil: want a node", names[i])
		}
		if n.Graph() != x.Graph() {
			return 0, 0, fmt.Errorf("lstm: %s is of another graph than the input: want one graph", names[i])
		}
		if d := n.Dtype(); d != x.Dtype() || d != tensor.Float32 && d != tensor.Float64 {
			return 0, 0, fmt.Errorf("lstm: %s is of %v, the input of %v: want float32 or float64 for all", names[i], d, x.Dtype())
		}
	}
	if x.Dims() != 3 || x.Shape()[2] != l.InputSize() || x.Shape()[0] < 1 || x.Shape()[1] < 1 {
		return 0, 0, fmt.Errorf("lstm: input of shape %v: want [T, B, %d] of at least 1 step and 1 stream", x.Shape(), l.InputSize())
	}
	steps, batch = x.Shape()[0], x.Shape()[1]
	if want := StateSize(l, batch); state.Shape().TotalSize() != want || state.Dims() != 1 {
		return 0, 0, fmt.Errorf("lstm: state of shape %v: want [%d] for %d streams", state.Shape(), want, batch)
	}
	for i, s := range specs {
		if !params[i].Shape().Eq(tensor.Shape(s.Shape)) {
			return 0, 0, fmt.Errorf("lstm: parameter %s of shape %v: want %v", s.Name, params[i].Shape(), s.Shape)
		}
	}
	return steps, batch, nil
}
