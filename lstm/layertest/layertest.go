// Package layertest holds the laws that every recurrent layer obeys, as tests:
// hand-written gradients agree with finite differences and with gorgonia's own,
// a window cut in two equals the whole, a stream alone equals its row of a batch,
// steps taken in parts equal the window, and all that in float32 as well.
package layertest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/lstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Case is a layer with random inputs, parameters, state and the weights of a
// loss  sum(OutW * out) + sum(StateW * final state), all float64.
type Case struct {
	Layer        lstm.Layer
	T, B         int
	X            []float64   // [T, B, I]
	State        []float64   // [StateSize]
	Params       [][]float64 // as Layer.Params
	OutW, StateW []float64

	single bool // the laws run the fused layer in float32
}

// New draws a case. Ranges gives bounds for parameters and state parts by name;
// others are drawn from [-0.8, 0.8].
func New(l lstm.Layer, t, b int, seed uint64, ranges map[string][2]float64) *Case {
	r := rand.New(rand.NewPCG(seed, 17))
	draw := func(name string, n int) []float64 {
		lo, hi := -0.8, 0.8
		if v, ok := ranges[name]; ok {
			lo, hi = v[0], v[1]
		}
		x := make([]float64, n)
		for i := range x {
			x[i] = lo + (hi-lo)*r.Float64()
		}
		return x
	}
	c := &Case{Layer: l, T: t, B: b, X: draw("x", t*b*l.InputSize())}
	for _, p := range l.State() {
		c.State = append(c.State, draw(p.Name, b*p.Size())...)
	}
	for _, p := range l.Params() {
		c.Params = append(c.Params, draw(p.Name, p.Size()))
	}
	c.OutW = draw("loss", t*b*l.HiddenSize())
	c.StateW = draw("loss", len(c.State))
	return c
}

// Grads are the gradients of a case's loss, by name.
type Grads struct {
	Names  []string
	Values [][]float64
}

// newGrads makes room for them; a NaN stands where nothing has been written.
func (c *Case) newGrads() Grads {
	g := Grads{Names: []string{"x", "state"}, Values: [][]float64{unwritten(len(c.X)), unwritten(len(c.State))}}
	for i, p := range c.Layer.Params() {
		g.Names = append(g.Names, p.Name)
		g.Values = append(g.Values, unwritten(len(c.Params[i])))
	}
	return g
}

func unwritten(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// Forward runs the fused layer over the whole window.
func (c *Case) Forward(s lstm.Scan[float64]) (out, state []float64) {
	out, state = unwritten(len(c.OutW)), unwritten(len(c.State))
	s.Begin(c.B, c.T, c.Params, c.State)
	s.Forward(c.T, c.X, out)
	s.State(state)
	return out, state
}

func (c *Case) loss(s lstm.Scan[float64]) float64 {
	out, state := c.Forward(s)
	return dot(c.OutW, out) + dot(c.StateW, state)
}

func dot(a, b []float64) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// Fused returns outputs, final state and hand-written gradients.
func (c *Case) Fused() (out, state []float64, g Grads) {
	s := c.scan()
	out, state = c.Forward(s)
	g = c.newGrads()
	s.Backward(c.OutW, c.StateW, g.Values[0], g.Values[1], g.Values[2:])
	return out, state, g
}

// Graph returns the same from a gorgonia graph of the composed or the fused layer.
// It runs the graph twice, as a training would, and fails if the second run comes
// to other bits or if a run changes what lies in the graph's inputs.
func (c *Case) Graph(t testing.TB, build func(lstm.Layer, *G.Node, *G.Node, []*G.Node) (lstm.Output, error)) (out, state []float64, g Grads) {
	t.Helper()
	graph := G.NewGraph()
	var inputs [][]float64 // the memory of the inputs, and below what it held
	node := func(name string, data []float64, shape ...int) *G.Node {
		inputs = append(inputs, slices.Clone(data))
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(inputs[len(inputs)-1]))
		return G.NewTensor(graph, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	l := c.Layer
	x := node("x", c.X, c.T, c.B, l.InputSize())
	st := node("state", c.State, len(c.State))
	var params []*G.Node
	for i, p := range l.Params() {
		params = append(params, node(p.Name, c.Params[i], p.Shape...))
	}
	wrt, stateless := append(G.Nodes{x, st}, params...), len(c.State) == 0
	if stateless {
		wrt = append(G.Nodes{x}, params...)
	}
	y, err := build(l, x, st, params)
	must(t, err)
	ow := node("out_weight", c.OutW, c.T, c.B, l.HiddenSize())
	loss := G.Must(G.Sum(G.Must(G.HadamardProd(y.Hidden, ow))))
	if !stateless && c.StateW != nil {
		sw := node("state_weight", c.StateW, len(c.State))
		loss = G.Must(G.Add(loss, G.Must(G.Sum(G.Must(G.HadamardProd(y.State, sw))))))
	}
	grads, err := G.Grad(loss, wrt...)
	must(t, err)
	if op.Collision(graph) {
		return c.Graph(t, build)
	}
	var lv, ov, sv G.Value
	G.Read(loss, &lv)
	G.Read(y.Hidden, &ov)
	if !stateless {
		G.Read(y.State, &sv)
	}
	if stateless {
		grads = slices.Insert(grads, 1, nil)
	}
	before := make([][]float64, len(inputs))
	for i, in := range inputs {
		before[i] = slices.Clone(in)
	}
	vm := G.NewTapeMachine(graph)
	defer vm.Close()
	run := func() (out, state []float64, g Grads) {
		must(t, vm.RunAll())
		g = c.newGrads()
		for i, n := range grads {
			if n != nil {
				copy(g.Values[i], op.Data[float64](n.Value()))
			}
		}
		vm.Reset()
		if !stateless {
			state = slices.Clone(op.Data[float64](sv))
		}
		return slices.Clone(op.Data[float64](ov)), state, g
	}
	out, state, g = run()
	first := lv.Data().(float64)
	again, state2, g2 := run()
	Compare(t, "loss of a second run", []float64{lv.Data().(float64)}, []float64{first}, 0)
	Compare(t, "output of a second run", again, out, 0)
	Compare(t, "state of a second run", state2, state, 0)
	for i, name := range g.Names {
		Compare(t, "gradient of a second run: "+name, g2.Values[i], g.Values[i], 0)
	}
	for i, in := range inputs {
		Compare(t, "an input after two runs", in, before[i], 0)
	}
	return out, state, g
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Compare fails where got differs from want by more than tol of want's largest
// value, and at the first NaN or infinity of either, wanted or not: no layer that
// is right comes to one.
func Compare(t testing.TB, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale, worst, at := 1e-9, 0.0, 0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i := range got {
		d := math.Abs(got[i] - want[i])
		if !(d <= math.MaxFloat64) {
			t.Errorf("%s[%d] = %v, want %v: both must be finite", what, i, got[i], want[i])
			return
		}
		if d > worst {
			worst, at = d, i
		}
	}
	if !(worst <= tol*scale) {
		t.Errorf("%s[%d] = %v, want %v: off by %.2g of the largest value %.3g, allowed %.2g",
			what, at, got[at], want[at], worst/scale, scale, tol)
	}
}

// FiniteDifferences holds every hand-written gradient against central
// differences. It reports false, without a verdict, where the loss has a kink
// within the step (a trace that sits on its clip): draw another case then.
func FiniteDifferences(t *testing.T, c *Case, tol float64) bool {
	t.Helper()
	_, _, g := c.Fused()
	s := c.scan()
	at := c.loss(s)
	inputs := append([][]float64{c.X, c.State}, c.Params...)
	numeric := make([][]float64, len(inputs))
	for k, in := range inputs {
		numeric[k] = make([]float64, len(in))
		for i := range in {
			const h = 2e-6
			keep := in[i]
			in[i] = keep + h
			up := c.loss(s)
			in[i] = keep - h
			down := c.loss(s)
			in[i] = keep
			numeric[k][i] = (up - down) / (2 * h)
			if kink := math.Abs(up - 2*at + down); kink > 1e-9 { // NaN is none: Compare reports it
				return false
			}
		}
	}
	for k := range inputs {
		Compare(t, "gradient of "+g.Names[k], g.Values[k], numeric[k], tol)
	}
	return true
}

// ComposedEqualsFused holds outputs, state and all gradients of the layer's two
// implementations against each other, both inside a graph.
func ComposedEqualsFused(t *testing.T, c *Case, tol float64) {
	t.Helper()
	out, state, g := c.Graph(t, lstm.Fused)
	c.composedEquals(t, out, state, g, tol)
}

// ComposedEqualsScan is the same with the fused layer outside a graph.
func ComposedEqualsScan(t *testing.T, c *Case, tol float64) {
	t.Helper()
	out, state, g := c.Fused()
	c.composedEquals(t, out, state, g, tol)
}

func (c *Case) composedEquals(t *testing.T, out, state []float64, g Grads, tol float64) {
	t.Helper()
	out2, state2, g2 := c.Graph(t, func(l lstm.Layer, x, s *G.Node, p []*G.Node) (lstm.Output, error) {
		return l.Composed(x, s, p)
	})
	Compare(t, "output", out, out2, tol)
	Compare(t, "state", state, state2, tol)
	for i, name := range g.Names {
		Compare(t, "gradient of "+name, g.Values[i], g2.Values[i], tol)
	}
}
