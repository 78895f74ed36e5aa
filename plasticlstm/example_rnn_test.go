package plasticlstm_test

import (
	"fmt"
	"log"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// Memory without training: a net whose fixed weights are all zero is shown a
// pattern of bits for three steps, and then half of it; its traces complete the
// other half.
func ExampleNewRNN() {
	const bits, shown, asked = 20, 3, 2
	layer, err := plasticlstm.NewRNN(bits, bits, plasticlstm.Options{
		Feed:  lstm.Direct, // an input for each neuron
		Rule:  plasticlstm.Decay,
		Alpha: plasticlstm.PerLayer,
		Rate:  plasticlstm.PerLayer,
	})
	if err != nil {
		log.Fatal(err)
	}
	weights, alpha, eta := make([]float32, bits*bits), []float32{1}, []float32{0.3}

	x := make([]float32, (shown+asked)*bits) // [T, B, H] with B = 1
	pattern := func(i int) float32 { return float32(2*(i*i%7%2) - 1) }
	for i := range bits {
		for t := range shown {
			x[t*bits+i] = 5 * pattern(i)
		}
		for t := shown; t < shown+asked && i < bits/2; t++ {
			x[t*bits+i] = 5 * pattern(i)
		}
	}

	scan, state := lstm.NewScan[float32](layer), lstm.NewState[float32](layer, 1)
	out := make([]float32, len(x))
	scan.Begin(1, shown+asked, [][]float32{weights, alpha, eta}, state.Data)
	scan.Forward(shown+asked, x, out)

	right := 0
	for i, y := range out[(shown+asked-1)*bits:] {
		if y*pattern(i) > 0 {
			right++
		}
	}
	fmt.Println(lstm.ParamCount(layer), "parameters,", right, "of", bits, "bits right")
	// Output: 402 parameters, 20 of 20 bits right
}

// One look is enough: an input comes with its label clamped, and later without.
func ExampleNewDense() {
	const features, classes, label = 8, 3, 1
	layer, err := plasticlstm.NewDense(features, classes, plasticlstm.Options{
		Rule: plasticlstm.Oja,
		Rate: plasticlstm.PerLayer,
	})
	if err != nil {
		log.Fatal(err)
	}
	var params [][]float32
	for _, p := range layer.Params() {
		v := make([]float32, p.Size())
		for i := range v {
			switch p.Name {
			case "alpha":
				v[i] = 1
			case "eta":
				v[i] = 0.8
			}
		}
		params = append(params, v)
	}

	x := make([]float32, 2*(features+classes)) // two steps of features, then clamps
	for i := range features {
		x[i], x[features+classes+i] = float32(1-i%2), float32(1-i%2)
	}
	x[features+label] = 1000

	scan, state := lstm.NewScan[float32](layer), lstm.NewState[float32](layer, 1)
	y := make([]float32, 2*classes)
	scan.Begin(1, 2, params, state.Data)
	scan.Forward(2, x, y)
	fmt.Printf("with the label %.2f, without %.2f\n", y[:classes], y[classes:])
	// Output: with the label [0.00 1.00 0.00], without [0.04 0.92 0.04]
}
