package lstm_test

import (
	"fmt"
	"log"

	"github.com/engram-lm/engram/lstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// slow is a layer with a rule of its own: beside its cell each neuron has a slow
// trace of its candidates, a(t) = 0.9 a(t-1) + 0.1 g(t), which comes back through
// the weights v [H, H] at the next step. It exists composed only.
type slow struct{ in, hidden int }

func (l slow) InputSize() int  { return l.in }
func (l slow) HiddenSize() int { return l.hidden }

func (l slow) Params() []lstm.Param {
	v := lstm.Param{Name: "v", Shape: []int{l.hidden, l.hidden}, Lo: -0.1, Hi: 0.1}
	return append(lstm.GateParams(l.in, l.hidden), v)
}

func (l slow) State() []lstm.Part {
	return append(lstm.CellState(l.hidden), lstm.Part{Name: "a", Shape: []int{l.hidden}})
}

func (l slow) Composed(x, state *G.Node, params []*G.Node) (lstm.Output, error) {
	return lstm.Compose(l, x, state, params, func(traces []*G.Node) lstm.Plasticity {
		return &slowTrace{a: traces[0], v: params[3]}
	})
}

// slowTrace is a slow layer on its way through a window.
type slowTrace struct{ a, v *G.Node }

func (s *slowTrace) Drive(h *G.Node) *G.Node { return G.Must(G.Mul(s.a, s.v)) }

func (s *slowTrace) Learn(hPrev, h, c, g *G.Node) {
	keep, take := G.NewConstant(0.9), G.NewConstant(0.1)
	s.a = G.Must(G.Add(G.Must(G.HadamardProd(keep, s.a)), G.Must(G.HadamardProd(take, g))))
}

func (s *slowTrace) Final() []*G.Node { return []*G.Node{s.a} }

// A rule of one's own: what Compose asks of it is what it adds to the
// candidates, and how its traces change.
func ExampleCompose() {
	const steps, batch = 5, 2
	layer := slow{in: 3, hidden: 4}
	g := G.NewGraph()
	node := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithInit(G.RangedFrom(1)))
	}
	x, state := node("x", steps, batch, layer.in), node("state", lstm.StateSize(layer, batch))
	var params G.Nodes
	for _, p := range layer.Params() {
		params = append(params, node(p.Name, p.Shape...))
	}
	out, err := layer.Composed(x, state, params)
	if err != nil {
		log.Fatal(err)
	}
	grads, err := G.Grad(G.Must(G.Sum(out.Hidden)), params...)
	if err != nil {
		log.Fatal(err)
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(out.Hidden.Shape(), out.State.Shape())
	for i, p := range layer.Params() {
		fmt.Println(p.Name, grads[i].Value().Shape())
	}
	// Output:
	// (5, 2, 4) (24)
	// weight_ih (16, 3)
	// weight_hh (16, 4)
	// bias (16)
	// v (4, 4)
}
