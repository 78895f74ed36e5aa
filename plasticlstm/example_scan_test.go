package plasticlstm_test

import (
	"fmt"
	"log"
	"slices"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// Step by step, without a graph: two agents choose each input after they have
// seen the last output; then one backward pass goes over all the steps taken.
func ExampleScan() {
	const agents, actions, hidden, most = 2, 3, 8, 10
	layer, err := plasticlstm.New(actions, hidden, plasticlstm.Options{Modulation: plasticlstm.Simple})
	if err != nil {
		log.Fatal(err)
	}
	choose := func(x, out []float32) { // the strongest of an agent's first outputs is its action
		clear(x)
		for a := range agents {
			first := out[a*hidden:][:actions]
			x[a*actions+slices.Index(first, slices.Max(first))] = 1
		}
	}

	params, dparams := lstm.NewParams[float32](layer.Params(), 1) // drawn from seed 1; zero
	state := lstm.NewState[float32](layer, agents)                // zero
	scan := lstm.NewScan[float32](layer)

	scan.Begin(agents, most, params, state.Data)
	x, out := make([]float32, agents*actions), make([]float32, agents*hidden)
	for scan.Taken() < 4 {
		choose(x, out)
		scan.Forward(1, x, out) // [B, I] -> [B, H]
	}

	steps := scan.Taken()
	dout := make([]float32, steps*agents*hidden) // [T, B, H]: the gradient of a loss, here the sum of all outputs
	for i := range dout {
		dout[i] = 1
	}
	dx := make([]float32, steps*agents*actions) // [T, B, I]
	scan.Backward(dout, nil, dx, nil, dparams)  // overwrites dx and dparams
	scan.State(state.Data)                      // to go on from here

	for i, p := range layer.Params() {
		some := slices.ContainsFunc(dparams[i], func(d float32) bool { return d != 0 })
		fmt.Printf("%s has a gradient: %t\n", p, some)
	}
	state.ResetStream(1) // the second agent begins a new episode, the first goes on
	for a := range agents {
		learnt := slices.ContainsFunc(state.Stream(a).Part("hebb"), func(trace float32) bool { return trace != 0 })
		fmt.Printf("agent %d has learnt something: %t\n", a, learnt)
	}
	modulation := scan.(*plasticlstm.Scan[float32]).Modulation() // [T, B]
	fmt.Println(len(modulation), "values of the neuromodulator")
	// Output:
	// weight_ih [32 3] has a gradient: true
	// weight_hh [32 8] has a gradient: true
	// bias [32] has a gradient: true
	// alpha [8 8] has a gradient: true
	// modulator.weight [8] has a gradient: true
	// modulator.bias [1] has a gradient: true
	// fanout.weight [8 8] has a gradient: true
	// agent 0 has learnt something: true
	// agent 1 has learnt something: false
	// 8 values of the neuromodulator
}
