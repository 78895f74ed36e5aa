package lm

import (
	"math"
	"runtime"
	"testing"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/rng"
)

// Each window length builds one graph, and buffers grow to the longest and stay:
// a second pass over the same lengths, up and down, builds none and allocates no
// buffer. What a step does allocate, gorgonia's machine above all, is some
// hundred small objects.
func TestLengthsReuseGraphsAndBuffers(t *testing.T) {
	const streams, vocab, dropout = 2, 4000, 0.5
	lengths := []int{7, 3, 11, 2, 10, 1, 9}
	for _, kind := range modeldir.Models {
		c := modeldir.Config{Format: modeldir.Format, Model: kind, VocabSize: vocab, EmbeddingSize: 33, HiddenSize: 35, NumLayers: 2}
		switch kind {
		case modeldir.LSTM:
		case modeldir.Readout:
			c.Memory = &modeldir.Memory{KeySize: 9, Slots: 30}
		default:
			c.Plasticity = &modeldir.Plasticity{Alpha: "neuron", Rate: "neuron", ModulatorInput: "hidden", Rule: "clip", Clip: 2}
		}
		m, err := New[float32](c, 1)
		if err != nil {
			t.Fatal(err)
		}
		state, masks := m.NewState(streams), rng.New(1, "dropout")
		pass := func() {
			for _, steps := range lengths {
				x := make([]int32, steps*streams)
				for i := range x {
					x[i] = int32(i * 7 % vocab)
				}
				if _, err := m.Train(x, x, state, dropout, masks); err != nil {
					t.Fatal(err)
				}
				if _, err := m.Score(x, x, state); err != nil {
					t.Fatal(err)
				}
			}
		}
		pass()
		graphs := len(m.graphs)
		if want := 2 * len(lengths); graphs != want {
			t.Errorf("%s: %d graphs of %d lengths, want %d", kind, graphs, len(lengths), want)
		}
		// Scratch memory comes with the first task a worker takes, which may be
		// later than the first pass, so the best of several passes counts.
		bytes, objects := uint64(math.MaxUint64), uint64(math.MaxUint64)
		for range 5 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			pass()
			runtime.ReadMemStats(&after)
			bytes = min(bytes, (after.TotalAlloc-before.TotalAlloc)/uint64(graphs))
			objects = min(objects, (after.Mallocs-before.Mallocs)/uint64(graphs))
		}
		if len(m.graphs) != graphs {
			t.Errorf("%s: known lengths built %d graphs", kind, len(m.graphs)-graphs)
		}
		// The smallest buffer that depends on the length, a stream's logits, has vocab elements.
		if bytes > 4*vocab || objects > 400 {
			t.Errorf("%s: a window of known length allocates %d bytes in %d objects", kind, bytes, objects)
		}
	}
}
