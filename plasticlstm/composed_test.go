package plasticlstm_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// everyLayer calls f with a small layer for each combination of options of each
// kind of layer.
func everyLayer(t *testing.T, f func(name string, o Options, l lstm.Layer)) {
	every(func(o Options) { f("lstm-"+name(o), o, layer(t, 2, 3, o)) })
	everyRNN(func(o Options) { f("rnn-"+rnnName(o), o, rnn(t, 3, o)) })
	everyDense(func(o Options) { f("dense-"+denseName(o), o, dense(t, 3, 2, o)) })
}

// onTheBound is a case whose traces lie on their bound and stay there while the
// sending neurons are silent: in the first step of three, which has no inputs, and
// in a recurrent layer in the second. The eligibility traces of the first stream
// are zero too, so that nothing moves its Hebbian ones.
func onTheBound(l lstm.Layer, o Options) *layertest.Case {
	c := layertest.New(l, 3, 2, 3, quick)
	clear(c.X[:len(c.X)/3])
	for i, p := range l.Params() {
		if p.Name == "bias" {
			clear(c.Params[i])
		}
	}
	state := lstm.NewState[float64](l, c.B)
	state.Data = c.State
	clear(state.Part("h"))
	clear(state.Part("c"))
	for i, a := range state.Part("hebb") {
		state.Part("hebb")[i] = o.Clip
		if a < 0 {
			state.Part("hebb")[i] = -o.Clip
		}
	}
	if e := state.Part("trace"); e != nil {
		clear(e[:len(e)/c.B])
	}
	return c
}

// The two implementations agree where traces lie exactly on their bound.
func TestComposedOnTheBound(t *testing.T) {
	everyLayer(t, func(name string, o Options, l lstm.Layer) {
		t.Run(name, func(t *testing.T) { layertest.ComposedEqualsScan(t, onTheBound(l, o), 1e-10) })
	})
}

// A loss may read the outputs of a single step alone, which do not depend on what
// the step did to the traces: those gradients are zero.
func TestComposedSingleStep(t *testing.T) {
	everyLayer(t, func(name string, o Options, l lstm.Layer) {
		t.Run(name, func(t *testing.T) {
			c := layertest.New(l, 1, 2, 3, quick)
			c.StateW = nil
			layertest.ComposedEqualsScan(t, c, 1e-10)
		})
	})
}

// A clamp of 1000, which is a label, may stand at any class of any stream, beside
// streams that have none.
func TestComposedLabels(t *testing.T) {
	const classes = 3
	everyDense(func(o Options) {
		t.Run(denseName(o), func(t *testing.T) {
			l := dense(t, 2, classes, o)
			c := layertest.New(l, classes+1, 2, 3, quick)
			for step := range c.T {
				for b := range c.B {
					if label := (step + c.T - b) % c.T; label < classes {
						c.X[(step*c.B+b)*l.InputSize()+2+label] = 1000
					}
				}
			}
			layertest.ComposedEqualsScan(t, c, 1e-10)
		})
	})
}

// Two layers with gorgonia's own Reshape around them: flat inputs and parameters,
// and outputs that are read in two shapes, also by operations that gorgonia runs
// in place. Reshape shares memory; nothing may come of it.
func TestReshapeAroundLayers(t *testing.T) {
	const steps, batch, in, n = 3, 2, 3, 4
	plain := func(x *G.Node, shape ...int) *G.Node { return G.Must(op.Part(x, 0, shape)) }
	stock := func(x *G.Node, shape ...int) *G.Node { return G.Must(G.Reshape(x, shape)) }
	type builder = func(lstm.Layer, *G.Node, *G.Node, []*G.Node) (lstm.Output, error)
	run := func(o Options, build builder, reshape func(*G.Node, ...int) *G.Node) (all [][]float64) {
		g := G.NewGraph()
		var inputs G.Nodes
		input := func(name string, size int) *G.Node {
			c := layertest.New(lstm.LSTM{In: size, Hidden: 1}, 1, 1, uint64(len(inputs)), lively)
			v := tensor.New(tensor.WithBacking(c.X))
			inputs = append(inputs, G.NodeFromAny(g, v, G.WithName(fmt.Sprint(name, len(inputs)))))
			return inputs[len(inputs)-1]
		}
		x := reshape(input("x", steps*batch*in), steps, batch, in)
		loss := G.NewConstant(0.0)
		add := func(n *G.Node) { loss = G.Must(G.Add(loss, G.Must(G.Sum(n)))) }
		for _, l := range []lstm.Layer{layer(t, in, n, o), layer(t, n, n, o)} {
			state := input("state", lstm.StateSize(l, batch))
			var params []*G.Node
			for _, p := range l.Params() {
				flat := input(p.Name, p.Size())
				params = append(params, reshape(flat, p.Shape...))
			}
			out, err := build(l, x, state, params)
			if err != nil {
				t.Fatal(err)
			}
			rows := reshape(out.Hidden, steps*batch, n)
			add(G.Must(G.Square(rows)))
			add(G.Must(G.Tanh(reshape(out.Hidden, steps*batch*n))))
			add(G.Must(G.Cube(out.Hidden)))
			add(G.Must(G.Cube(G.Must(G.Transpose(out.Hidden, 1, 0, 2)))))
			add(G.Must(G.Square(reshape(out.State, 1, lstm.StateSize(l, batch)))))
			add(G.Must(G.Tanh(out.State)))
			x = out.Hidden
		}
		grads, err := G.Grad(loss, inputs...)
		if err != nil {
			t.Fatal(err)
		}
		if op.Collision(g) {
			t.Fatal("two nodes with one hash")
		}
		var lv G.Value
		G.Read(loss, &lv)
		vm := G.NewTapeMachine(g)
		defer vm.Close()
		var before [][]float64
		for _, n := range inputs {
			before = append(before, slices.Clone(op.Data[float64](n.Value())))
		}
		for range 2 {
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			result := [][]float64{{lv.Data().(float64)}}
			for _, d := range grads {
				result = append(result, slices.Clone(op.Data[float64](d.Value())))
			}
			vm.Reset()
			for i := range all {
				layertest.Compare(t, "second run", result[i], all[i], 0)
			}
			all = result
		}
		for i, n := range inputs {
			layertest.Compare(t, n.Name()+" after two runs", op.Data[float64](n.Value()), before[i], 0)
		}
		return all
	}
	for _, o := range []Options{{}, {Modulation: Simple, Rule: Oja, Rate: PerNeuron}, {Modulation: Retroactive, Alpha: PerLayer}} {
		want := run(o, lstm.Fused, plain)
		for i, got := range run(o, lstm.Fused, stock) {
			layertest.Compare(t, fmt.Sprintf("%s: fused, %d", name(o), i), got, want[i], 1e-10)
		}
		composed := func(l lstm.Layer, x, s *G.Node, p []*G.Node) (lstm.Output, error) { return l.Composed(x, s, p) }
		for i, got := range run(o, composed, stock) {
			layertest.Compare(t, fmt.Sprintf("%s: composed, %d", name(o), i), got, want[i], 1e-10)
		}
	}
}
