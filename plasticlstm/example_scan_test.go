package plasticlstm_test

import (
	"fmt"
	"log"
	"math/rand/v2"

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
	r := rand.New(rand.NewPCG(1, 2))
	var params, dparams [][]float32
	for _, p := range layer.Params() {
		v := make([]float32, p.Size())
		for i := range v {
			v[i] = float32(p.Lo + (p.Hi-p.Lo)*r.Float64())
		}
		params, dparams = append(params, v), append(dparams, make([]float32, p.Size()))
	}

	scan := lstm.NewScan[float32](layer)
	state := lstm.NewState[float32](layer, agents)
	scan.Begin(agents, most, params, state.Data)
	x, out := make([]float32, agents*actions), make([]float32, agents*hidden)
	for scan.Taken() < 4 {
		clear(x)
		for a := range agents { // the action is the strongest of the first outputs
			best := 0
			for i, y := range out[a*hidden:][:actions] {
				if y > out[a*hidden+best] {
					best = i
				}
			}
			x[a*actions+best] = 1
		}
		scan.Forward(1, x, out)
	}

	dout := make([]float32, scan.Taken()*agents*hidden) // of a loss: the sum of all outputs
	for i := range dout {
		dout[i] = 1
	}
	scan.Backward(dout, nil, nil, nil, dparams)
	for i, p := range layer.Params() {
		some := false
		for _, d := range dparams[i] {
			some = some || d != 0
		}
		fmt.Println(p.Name, p.Shape, some)
	}

	scan.State(state.Data)
	state.ResetStream(1) // the second agent begins a new episode, the first goes on
	for a := range agents {
		learnt := false
		for _, trace := range state.Stream(a).Part("hebb") {
			learnt = learnt || trace != 0
		}
		fmt.Printf("agent %d has learnt something: %t\n", a, learnt)
	}
	modulation := scan.(*plasticlstm.Scan[float32]).Modulation() // [T, B]
	fmt.Println(len(modulation), "values of the neuromodulator")
	// Output:
	// weight_ih [32 3] true
	// weight_hh [32 8] true
	// bias [32] true
	// alpha [8 8] true
	// modulator.weight [8] true
	// modulator.bias [1] true
	// fanout.weight [8 8] true
	// agent 0 has learnt something: true
	// agent 1 has learnt something: false
	// 8 values of the neuromodulator
}
