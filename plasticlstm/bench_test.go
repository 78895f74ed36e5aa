package plasticlstm_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// BenchmarkWindow is a layer's forward and backward pass over a window, at the
// sizes of the small Penn Treebank model; the standard LSTM is what plasticity
// is measured against.
func BenchmarkWindow(b *testing.B) {
	const hidden, streams, steps = 200, 20, 35
	layers := map[string]lstm.Layer{"lstm": lstm.LSTM{In: hidden, Hidden: hidden}}
	names := []string{"lstm"}
	for _, modulation := range []plasticlstm.Modulation{plasticlstm.None, plasticlstm.Simple, plasticlstm.Retroactive} {
		for _, grain := range []plasticlstm.Granularity{plasticlstm.PerNeuron, plasticlstm.PerConnection} {
			l, err := plasticlstm.New(hidden, hidden, plasticlstm.Options{Modulation: modulation, Alpha: grain, Rate: grain})
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("%s/%s", modulation, grain)
			layers[name], names = l, append(names, name)
		}
	}
	for _, name := range names {
		l := layers[name]
		r := rng.New(1, "bench")
		draw := func(n int, lo, hi float64) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.Uniform(lo, hi))
			}
			return x
		}
		var params, grads [][]float32
		for _, p := range l.Params() {
			params, grads = append(params, draw(p.Size(), p.Lo, p.Hi)), append(grads, make([]float32, p.Size()))
		}
		rows := steps * streams
		x, dx := draw(rows*hidden, -1, 1), make([]float32, rows*hidden)
		out, dout := make([]float32, rows*hidden), draw(rows*hidden, -0.01, 0.01)
		state := make([]float32, lstm.StateSize(l, streams))
		scan := l.Scan32()
		b.Run(name, func(b *testing.B) {
			least := time.Duration(math.MaxInt64)
			for b.Loop() {
				begin := time.Now()
				scan.Begin(streams, steps, params, state)
				scan.Forward(steps, x, out)
				scan.State(state)
				scan.Backward(dout, nil, dx, nil, grads)
				least = min(least, time.Since(begin))
			}
			b.ReportMetric(least.Seconds()*1e3, "ms-least")
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
