package plasticlstm_test

import (
	"fmt"
	"log"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A layer in a gorgonia graph: new parameters become nodes, and the outputs are a
// node like any other.
func ExampleNew() {
	const in, hidden, steps, batch = 3, 4, 5, 2
	layer, err := plasticlstm.New(in, hidden, plasticlstm.Options{Modulation: plasticlstm.Simple})
	if err != nil {
		log.Fatal(err)
	}
	g := gorgonia.NewGraph()
	node := func(name string, values []float32, shape ...int) *gorgonia.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
		return gorgonia.NodeFromAny(g, v, gorgonia.WithName(name))
	}
	x := node("x", make([]float32, steps*batch*in), steps, batch, in) // [T, B, I]
	carried := lstm.NewState[float32](layer, batch).Data              // zero
	state := node("state", carried, len(carried))
	values, _ := lstm.NewParams[float32](layer.Params(), 1) // drawn from seed 1
	var params gorgonia.Nodes
	for i, p := range layer.Params() {
		params = append(params, node(p.Name, values[i], p.Shape...))
	}
	out, err := lstm.Fused(layer, x, state, params) // one operation, with its gradient
	if err != nil {
		log.Fatal(err)
	}
	loss := gorgonia.Must(gorgonia.Sum(out.Hidden)) // [T, B, H]: build on it as on any node

	grads, err := gorgonia.Grad(loss, params...)
	if err != nil {
		log.Fatal(err)
	}
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("hidden", out.Hidden.Value().Shape())
	for i, p := range layer.Params() {
		fmt.Println(p, "gradient", grads[i].Value().Shape())
	}
	// Output:
	// hidden (5, 2, 4)
	// weight_ih [16 3] gradient (16, 3)
	// weight_hh [16 4] gradient (16, 4)
	// bias [16] gradient (16)
	// alpha [4 4] gradient (4, 4)
	// modulator.weight [4] gradient (4)
	// modulator.bias [1] gradient (1)
	// fanout.weight [4 4] gradient (4, 4)
}
