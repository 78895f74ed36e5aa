package plasticlstm_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The task: three pairs of random +-1 patterns are shown, each key a step before
// its value; then one of the keys again, and its value is to be recalled. The
// pairs are new in every episode, so that no fixed weight can know them.
const (
	pairs   = 3
	keys    = 12 // bits of a key
	values  = 4  // bits of a value
	steps   = 2*pairs + 2
	batch   = 16
	neurons = 24
)

// episodes draws inputs x [T, B, keys+values] and what is to be recalled,
// target [B, values].
func episodes(r *rand.Rand, x, target []float32) {
	clear(x)
	for b := range batch {
		at := func(t int) []float32 { return x[(t*batch+b)*(keys+values):][:keys+values] }
		for p := range pairs {
			key, value := at(2 * p)[:keys], at(2*p + 1)[keys:]
			for i := range key {
				key[i] = float32(2*r.IntN(2) - 1)
			}
			for i := range value {
				value[i] = float32(2*r.IntN(2) - 1)
			}
		}
		asked := r.IntN(pairs)
		copy(at(2*pairs), at(2*asked))
		copy(target[b*values:(b+1)*values], at(2*asked + 1)[keys:])
	}
}

// recall trains a layer for some updates and returns the mean squared error of
// the last ones. The error of answering 0 is 1.
func recall(layer lstm.Layer, updates int) (float64, error) {
	g := G.NewGraph()
	node := func(name string, data []float32, shape ...int) *G.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
		return G.NodeFromAny(g, v, G.WithName(name))
	}

	xs, targets := make([]float32, steps*batch*(keys+values)), make([]float32, batch*values)
	x, target := node("x", xs, steps, batch, keys+values), node("target", targets, batch, values)
	memory := make([]float32, lstm.StateSize(layer, batch)) // zero: an episode begins without any
	state := node("state", memory, len(memory))

	specs := plasticlstm.StartEpisodes.Params(layer) // an episode is short: traces must tell within it
	specs = append(specs, lstm.Param{Name: "readout", Shape: []int{neurons, values}, Lo: -0.35, Hi: 0.35})
	drawn, _ := lstm.NewParams[float32](specs, 1)
	var params G.Nodes
	for i, p := range specs {
		params = append(params, node(p.Name, drawn[i], p.Shape...))
	}
	readout := params[len(params)-1]

	out, err := lstm.Fused(layer, x, state, params[:len(params)-1])
	if err != nil {
		return 0, err
	}
	last := G.Must(G.Slice(out.Hidden, G.S(steps-1))) // [B, H]
	answer := G.Must(G.Mul(last, readout))
	loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(answer, target))))))
	if _, err := G.Grad(loss, params...); err != nil {
		return 0, err
	}

	vm := G.NewTapeMachine(g, G.BindDualValues(params...))
	defer vm.Close()
	solver := G.NewAdamSolver(G.WithLearnRate(0.02))
	r := rand.New(rand.NewPCG(1, 2))
	mean := 1.0
	for range updates {
		episodes(r, xs, targets)
		if err := vm.RunAll(); err != nil {
			return 0, err
		}
		mean += 0.05 * (float64(loss.Value().Data().(float32)) - mean)
		if err := solver.Step(G.NodesToValueGrads(params)); err != nil {
			return 0, err
		}
		vm.Reset()
	}
	return mean, nil
}

// A plastic layer within a gorgonia graph of one's own: with two trained numbers
// more than the standard LSTM of its size, it learns to recall what it was shown
// once, which the other does not in the same time.
func Example() {
	plastic, err := plasticlstm.New(keys+values, neurons, plasticlstm.Options{
		Alpha: plasticlstm.PerLayer,
		Rate:  plasticlstm.PerLayer,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, layer := range []lstm.Layer{lstm.LSTM{In: keys + values, Hidden: neurons}, plastic} {
		loss, err := recall(layer, 250)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%T, %d parameters: error below 0.3: %t, above 0.6: %t\n",
			layer, lstm.ParamCount(layer), loss < 0.3, loss > 0.6)
	}
	// Output:
	// lstm.LSTM, 3936 parameters: error below 0.3: false, above 0.6: true
	// *plasticlstm.LSTM, 3938 parameters: error below 0.3: true, above 0.6: false
}
