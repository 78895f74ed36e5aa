package plasticlstm_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm"
	. "github.com/engram-lm/engram/plasticlstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Layers, scans and windows that nobody made are refused in one line wherever one
// would run.
func TestZeroValuesAreRefused(t *testing.T) {
	graph := G.NewGraph()
	node := func(shape ...int) *G.Node {
		return G.NewTensor(graph, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprint("node", shape)))
	}
	x, state := node(2, 1, 3), node(4)
	refuses := func(what string, l lstm.FusedLayer, want string) {
		t.Helper()
		_, fused := lstm.Fused(l, x, state, nil)
		for where, got := range map[string]string{
			"Fused":     fmt.Sprint(fused),
			"NewScan":   panicOf(func() { lstm.NewScan[float64](l) }),
			"NewWindow": panicOf(func() { lstm.NewWindow[float32](l) }),
		} {
			if got != want {
				t.Errorf("%s of %s: %s, want %s", where, what, got, want)
			}
		}
		if l == nil {
			return
		}
		_, composed := l.Composed(x, state, nil)
		for where, got := range map[string]string{
			"Composed": fmt.Sprint(composed),
			"Scan32":   panicOf(func() { l.Scan32() }),
			"Scan64":   panicOf(func() { l.Scan64() }),
		} {
			if got != want {
				t.Errorf("%s of %s: %s, want %s", where, what, got, want)
			}
		}
	}
	refuses("no layer", nil, "lstm: the layer is nil: want an LSTM, an RNN or another")
	for _, l := range []lstm.FusedLayer{&LSTM{}, (*LSTM)(nil)} {
		refuses("an LSTM", l, "plasticlstm: an empty LSTM: want one from New")
	}
	for _, l := range []lstm.FusedLayer{&RNN{}, (*RNN)(nil)} {
		refuses("an RNN", l, "plasticlstm: an empty RNN: want one from NewRNN")
	}
	for _, l := range []lstm.FusedLayer{&Dense{}, (*Dense)(nil)} {
		refuses("a Dense", l, "plasticlstm: an empty Dense: want one from NewDense")
	}

	var s Scan[float32]
	for call, f := range map[string]func(){
		"Begin":    func() { s.Begin(1, 1, nil, nil) },
		"Forward":  func() { s.Forward(1, nil, nil) },
		"State":    func() { s.State(nil) },
		"Taken":    func() { s.Taken() },
		"Hold":     func() { s.Hold(true) },
		"Backward": func() { s.Backward(nil, nil, nil, nil, nil) },
	} {
		if got, want := panicOf(f), "lstm: "+call+" of an empty Scan: want one from NewScan"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got, want := panicOf(func() { s.Modulation() }), "lstm: Taken of an empty Scan: want one from NewScan"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var w lstm.Window[float32]
	if _, err := w.Apply(x, state, nil); err == nil || err.Error() != "lstm: the layer is nil: want an LSTM, an RNN or another" {
		t.Errorf("Apply of an empty Window: %v", err)
	}
	if got, want := panicOf(func() { w.FinalState(nil) }), "lstm: FinalState of an empty Window: want one from NewWindow"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Nodes that a graph could not run with are refused by name while it is built,
// composed or fused.
func TestNodesThatAreRefused(t *testing.T) {
	l := layer(t, 3, 4, Options{})
	graph, other := G.NewGraph(), G.NewGraph()
	node := func(g *G.ExprGraph, of tensor.Dtype, name string, shape ...int) *G.Node {
		return G.NewTensor(g, of, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	x, state := node(graph, tensor.Float64, "x", 5, 2, 3), node(graph, tensor.Float64, "s", lstm.StateSize(l, 2))
	var params []*G.Node
	for _, p := range l.Params() {
		params = append(params, node(graph, tensor.Float64, p.Name, p.Shape...))
	}
	with := func(i int, n *G.Node) []*G.Node {
		p := slices.Clone(params)
		p[i] = n
		return p
	}
	for _, c := range []struct {
		want     string
		x, state *G.Node
		params   []*G.Node
	}{
		{"lstm: input is nil: want a node", nil, state, params},
		{"lstm: state is nil: want a node", x, nil, params},
		{"lstm: parameter alpha is nil: want a node", x, state, with(3, nil)},
		{"lstm: state is of another graph than the input: want one graph", x, node(other, tensor.Float64, "s", 48), params},
		{"lstm: parameter eta is of another graph than the input: want one graph", x, state, with(4, node(other, tensor.Float64, "eta", 4, 4))},
		{"lstm: parameter bias is of float32, the input of float64: want float32 or float64 for all", x, state, with(2, node(graph, tensor.Float32, "b32", 16))},
		{"lstm: input is of int, the input of int: want float32 or float64 for all", node(graph, tensor.Int, "xi", 5, 2, 3), state, params},
		{"lstm: 4 parameters: want 5", x, state, params[:4]},
		{"lstm: input of shape (0, 2, 3): want [T, B, 3] of at least 1 step and 1 stream", node(graph, tensor.Float64, "x0", 0, 2, 3), state, params},
		{"lstm: input of shape (10, 3): want [T, B, 3] of at least 1 step and 1 stream", node(graph, tensor.Float64, "x2", 10, 3), state, params},
		{"lstm: state of shape (5): want [48] for 2 streams", x, node(graph, tensor.Float64, "s5", 5), params},
		{"lstm: parameter eta of shape (4): want [4 4]", x, state, with(4, node(graph, tensor.Float64, "eta4", 4))},
	} {
		_, fused := lstm.Fused(l, c.x, c.state, c.params)
		_, window := lstm.NewWindow[float64](l).Apply(c.x, c.state, c.params)
		_, composed := l.Composed(c.x, c.state, c.params)
		for where, err := range map[string]error{"Fused": fused, "Apply": window, "Composed": composed} {
			if fmt.Sprint(err) != c.want {
				t.Errorf("%s: %v, want %s", where, err, c.want)
			}
		}
	}
	// A window of another type, and one that stands in the graph already.
	want := "op: input 0 of scan *plasticlstm.LSTM, x, is of float64: want float32"
	if _, err := lstm.NewWindow[float32](l).Apply(x, state, params); fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	w := lstm.NewWindow[float64](l)
	if _, err := w.Apply(x, state, params); err != nil {
		t.Fatal(err)
	}
	want = "op: scan *plasticlstm.LSTM stands in this graph already: its buffers serve one place in each graph, want another"
	if _, err := w.Apply(x, state, params); fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}
