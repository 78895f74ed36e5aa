package lm_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/readout"
	"github.com/engram-lm/engram/lstm"
)

// remembering returns a model with a plastic readout.
func remembering(t *testing.T, tie bool) *lm.Model[float64] {
	t.Helper()
	m, err := lm.New[float64](config(modeldir.Readout, tie), 1)
	must(t, err)
	lively(m)
	return m
}

// byHand reads words one after the other: the layers by their scans, the readout by
// its definition. It returns the NLL of each word but the first, with the memory
// standing still from the word numbered frozen on, and h and c at zero there.
func byHand(m *lm.Model[float64], words []int32, frozen int) (nll []float64) {
	tensor := func(name string) []float64 {
		for _, p := range m.Params {
			if p.Name == name {
				return p.Value
			}
		}
		panic(name)
	}
	c := m.Config
	sizes := readout.Memory{Key: c.Memory.KeySize, Slots: c.Memory.Slots}
	_, sizes.Hidden = c.LayerSize(c.NumLayers - 1)
	reader := &readout.Reader{Memory: sizes}
	for _, p := range sizes.Params() {
		reader.Params = append(reader.Params, tensor("readout."+p.Name))
	}
	decoder := "decoder.weight"
	if c.TieWeights {
		decoder = "embedding.weight"
	}
	var layers []lstm.Layer
	var state []*lstm.State[float64]
	for l := range c.NumLayers {
		in, hidden := c.LayerSize(l)
		layers = append(layers, lstm.LSTM{In: in, Hidden: hidden})
		state = append(state, lstm.NewState[float64](layers[l], 1))
	}
	for i, word := range words[:len(words)-1] {
		if i == frozen {
			reader.Frozen = true
			for _, s := range state {
				s.Reset()
			}
		}
		x := tensor("embedding.weight")[int(word)*c.EmbeddingSize:][:c.EmbeddingSize]
		for l, layer := range layers {
			var params [][]float64
			for _, p := range layer.Params() {
				params = append(params, m.Layer(l, p.Name))
			}
			s, h := lstm.NewScan[float64](layer), make([]float64, layer.HiddenSize())
			s.Begin(1, 1, params, state[l].Data)
			s.Forward(1, x, h)
			s.State(state[l].Data)
			x = h
		}
		g, shares := reader.Step(int(word), x)
		var sum, target float64
		for v := range c.VocabSize {
			z := tensor("decoder.bias")[v]
			for k, h := range x {
				z += tensor(decoder)[v*len(x)+k] * h
			}
			sum += math.Exp(z)
			if v == int(words[i+1]) {
				target = math.Exp(z)
			}
		}
		nll = append(nll, -math.Log((1-g)*target/sum+g*shares[int(words[i+1])]))
	}
	return nll
}

var story = []int32{1, 2, 3, 4, 1, 2, 10, 2, 3, 3, 5, 1, 2, 7, 4, 1, 2}

// A model with a plastic readout is its layers, its decoder and the definition of
// the memory put together; off, the layers and the decoder alone; frozen, what the
// memory held stays.
func TestReadout(t *testing.T) {
	for _, tie := range []bool{false, true} {
		m := remembering(t, tie)
		same := func(what string, got, want []float64) {
			t.Helper()
			if len(got) != len(want) {
				t.Fatalf("%s: %d words, want %d", what, len(got), len(want))
			}
			for i, v := range got {
				if !(math.Abs(v-want[i]) <= 1e-12) {
					t.Errorf("%s: word %d costs %v, want %v", what, i+1, v, want[i])
				}
			}
		}
		score := func(m *lm.Model[float64], words []int32) []float64 {
			nll, err := m.Score(words[:len(words)-1], words[1:], m.NewState(1))
			must(t, err)
			return slices.Clone(nll)
		}
		on := score(m, story)
		same("on", on, byHand(m, story, -1))

		const warm = 9
		state := m.NewState(1)
		must(t, m.Absorb(context.Background(), story[:warm], state, 4, nil))
		still, err := m.Frozen(state, 0)
		must(t, err)
		same("frozen", score(still, story[warm:]), byHand(m, story, warm)[warm:])

		off, err := m.Off()
		must(t, err)
		if off.Config.Model != modeldir.LSTM || off.Config.Memory != nil {
			t.Errorf("off, it is %+v", off.Config)
		}
		for _, p := range m.Params {
			if p.Name == "readout.gate.bias" {
				p.Value[0] = -700 // the gate is shut
			}
		}
		shut := score(m, story)
		same("off", score(off, story), shut)
		if slices.Equal(on, shut) {
			t.Error("the memory has no part in anything: this test shows nothing")
		}
		if _, err := m.Mean(state); err == nil || m.HasMean() {
			t.Errorf("the memory has a mean: %v", err)
		}
	}
}

// What is written follows the mixture's probabilities, and a memory that is frozen
// after the prompt stays as it is.
func TestReadoutGenerates(t *testing.T) {
	const words = 12
	m := remembering(t, false)
	for _, frozen := range []bool{false, true} {
		var got []int32
		for id, err := range m.Generate(story, lm.Sampling{Frozen: frozen}, nil) {
			must(t, err)
			if got = append(got, id); len(got) == words {
				break
			}
		}
		reader, state := m, m.NewState(1)
		logits, err := m.Logits(story, state)
		must(t, err)
		if frozen {
			reader, err = m.Frozen(state, 0)
			must(t, err)
		}
		var want []int32
		for range words {
			likeliest := int32(slices.Index(logits, slices.Max(logits)))
			if sum := total(logits); !(math.Abs(sum-1) <= 1e-12) {
				t.Errorf("frozen %v: probabilities add up to %v", frozen, sum)
			}
			want = append(want, likeliest)
			logits, err = reader.Logits([]int32{likeliest}, state)
			must(t, err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("frozen %v: %v, want %v", frozen, got, want)
		}
	}
}

func total(logs []float64) (sum float64) {
	for _, z := range logs {
		sum += math.Exp(z)
	}
	return sum
}

// With TrainAlone the gradients are those of the mixture's NLL and of the weighted
// NLL without the memory.
func TestTrainAlone(t *testing.T) {
	const weight = 0.6
	m := remembering(t, false)
	m.TrainAlone(weight)
	x, y := story[:12], story[1:13]
	loss := func() float64 {
		off, err := m.Off()
		must(t, err)
		alone, err := off.Train(x, y, off.NewState(2), 0, nil)
		must(t, err)
		mixed, err := m.Train(x, y, m.NewState(2), 0, nil)
		must(t, err)
		return mixed + weight*alone
	}
	loss()
	var grads [][]float64
	for _, p := range m.Params {
		grads = append(grads, dense(p))
	}
	for k, p := range m.Params {
		for i := 0; i < len(p.Value); i += 7 {
			const h = 1e-5
			keep := p.Value[i]
			p.Value[i] = keep + h
			up := loss()
			p.Value[i] = keep - h
			down := loss()
			p.Value[i] = keep
			if want := (up - down) / (2 * h); !(math.Abs(grads[k][i]-want) <= 1e-8) {
				t.Errorf("gradient %d of %s is %v, want %v", i, p.Name, grads[k][i], want)
			}
		}
	}
}
