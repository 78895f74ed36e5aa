package lm_test

import (
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/rng"
)

// BenchmarkTrain is a training step of the small Penn Treebank model, without
// the optimiser.
func BenchmarkTrain(b *testing.B) {
	for _, kind := range modeldir.Models {
		for _, grain := range []string{"neuron", "connection"} {
			c := modeldir.Config{Format: modeldir.Format, Model: kind, VocabSize: 10000, EmbeddingSize: 200, HiddenSize: 200, NumLayers: 2}
			switch {
			case kind == modeldir.LSTM || kind == modeldir.Readout:
				if grain == "connection" {
					continue
				}
				if kind == modeldir.Readout {
					c.Memory = &modeldir.Memory{KeySize: 64, Slots: 500}
				}
			default:
				c.Plasticity = &modeldir.Plasticity{Alpha: grain, Rate: grain, ModulatorInput: "hidden", Rule: "clip", Clip: 2}
			}
			b.Run(kind+"/"+grain, func(b *testing.B) {
				const streams, steps = 20, 35
				m, err := lm.New[float32](c, 1)
				if err != nil {
					b.Fatal(err)
				}
				r := rng.New(1, "tokens")
				x, y := make([]int32, streams*steps), make([]int32, streams*steps)
				for i := range x {
					x[i], y[i] = int32(r.IntN(10000)), int32(r.IntN(10000))
				}
				state := m.NewState(streams)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := m.Train(x, y, state, 0, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(x)*b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}
