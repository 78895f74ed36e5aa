package lm_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/rng"
)

func config(kind string, tie bool) modeldir.Config {
	c := modeldir.Config{Format: modeldir.Format, Model: kind, VocabSize: 11, EmbeddingSize: 4, HiddenSize: 5, NumLayers: 2, TieWeights: tie}
	switch kind {
	case modeldir.LSTM:
	case modeldir.Readout:
		c.Memory = &modeldir.Memory{KeySize: 3, Slots: 3}
	default:
		c.Plasticity = &modeldir.Plasticity{Alpha: "neuron", Rate: "connection", ModulatorInput: "cell", Rule: "clip", Clip: 0.3}
	}
	return c
}

// lively makes parameters large enough for every gradient to matter.
func lively[F lm.Float](m *lm.Model[F]) {
	r := rng.New(3, "test")
	for _, p := range m.Params {
		for i := range p.Value {
			p.Value[i] = F(r.Uniform(-0.7, 0.7))
		}
	}
}

// dense returns a copy of a parameter's gradient with the rows that are zero.
func dense[F lm.Float](p *lm.Param[F]) []F {
	if p.Rows == nil {
		return slices.Clone(p.Grad)
	}
	g, size := make([]F, len(p.Value)), p.Shape[1]
	for i, row := range p.Rows {
		copy(g[row*size:(row+1)*size], p.Grad[i*size:])
	}
	return g
}

// Every parameter's gradient agrees with finite differences, through embedding,
// dropout, layers and softmax, with tied weights and without.
func TestGradients(t *testing.T) {
	for _, kind := range modeldir.Models {
		for _, tie := range []bool{false, true} {
			for _, dropout := range []float64{0, 0.4} {
				t.Run(fmt.Sprintf("%s/tie %v/dropout %v", kind, tie, dropout), func(t *testing.T) {
					m, err := lm.New[float64](config(kind, tie), 1)
					must(t, err)
					lively(m)
					x := []int32{1, 2, 3, 4, 1, 0, 10, 2, 2, 5, 6, 7}
					y := []int32{2, 3, 4, 1, 0, 10, 2, 2, 5, 6, 7, 9}
					loss := func() float64 {
						nll, err := m.Train(x, y, m.NewState(3), dropout, rng.New(5, "dropout"))
						must(t, err)
						return nll
					}
					loss()
					var grads [][]float64
					for _, p := range m.Params {
						grads = append(grads, dense(p))
					}
					for k, p := range m.Params {
						largest, off := 0.0, 0.0
						for i := range p.Value {
							const h = 1e-5
							keep := p.Value[i]
							p.Value[i] = keep + h
							up := loss()
							p.Value[i] = keep - h
							down := loss()
							p.Value[i] = keep
							largest = max(largest, math.Abs(grads[k][i]))
							off = max(off, math.Abs(grads[k][i]-(up-down)/(2*h)))
						}
						if largest == 0 || !(off <= 1e-6*largest+1e-10) { // the rounding of the loss over 2h
							t.Errorf("gradient of %s is off by %.2g, its largest value is %.2g", p.Name, off, largest)
						}
					}
				})
			}
		}
	}
}

// The tensors of the model folder's contract are the layers' own parameters.
func TestParametersAreTheContracts(t *testing.T) {
	for _, kind := range modeldir.Models {
		for _, alpha := range modeldir.Sharings {
			for _, rate := range modeldir.Sharings {
				c := config(kind, false)
				if c.Plasticity != nil {
					c.Plasticity.Alpha, c.Plasticity.Rate = alpha, rate
				}
				m, err := lm.New[float32](c, 1)
				must(t, err)
				if _, err := lm.FromTensors[float32](c, m.Tensors()); err != nil {
					t.Error(err)
				}
				if _, err := m.Train([]int32{1, 2}, []int32{2, 3}, m.NewState(1), 0, nil); err != nil {
					t.Errorf("%s, alpha per %s, rate per %s: %v", kind, alpha, rate, err)
				}
			}
		}
	}
}

// A window leaves the state that its halves leave, and scores what they score.
func TestWindowsCarryState(t *testing.T) {
	for _, kind := range modeldir.Models {
		m, err := lm.New[float64](config(kind, false), 1)
		must(t, err)
		lively(m)
		x := []int32{1, 2, 3, 4, 1, 0, 10, 2}
		y := []int32{2, 3, 4, 1, 0, 10, 2, 2}
		whole, halves := m.NewState(2), m.NewState(2)
		nll, err := m.Score(x, y, whole)
		must(t, err)
		nll = slices.Clone(nll)
		for i := 0; i < len(x); i += 4 {
			part, err := m.Score(x[i:i+4], y[i:i+4], halves)
			must(t, err)
			for k, v := range part {
				if !(math.Abs(v-nll[i+k]) <= 1e-12) {
					t.Errorf("%s: token %d costs %v in a half, %v in the whole", kind, i+k, v, nll[i+k])
				}
			}
		}
		for l := range whole {
			for i, v := range whole[l].Data {
				if !(math.Abs(v-halves[l].Data[i]) <= 1e-12) {
					t.Fatalf("%s: the state of layer %d differs at %d", kind, l, i)
				}
			}
		}
	}
}

// Many equal streams have one stream's gradients: the sums over rows lose none.
func TestEqualStreams(t *testing.T) {
	m, err := lm.New[float64](config(modeldir.Plastic, false), 1)
	must(t, err)
	lively(m)
	_, err = m.Train([]int32{3}, []int32{7}, m.NewState(1), 0, nil)
	must(t, err)
	var one [][]float64
	for _, p := range m.Params {
		one = append(one, dense(p))
	}
	const streams = 75
	_, err = m.Train(slices.Repeat([]int32{3}, streams), slices.Repeat([]int32{7}, streams), m.NewState(streams), 0, nil)
	must(t, err)
	for k, p := range m.Params {
		for i, g := range dense(p) {
			if !(math.Abs(g-one[k][i]) <= 1e-13) {
				t.Fatalf("%s[%d]: gradient %v of %d streams, %v of one", p.Name, i, g, streams, one[k][i])
			}
		}
	}
}

func TestTokensOutsideTheVocabularyAreRefused(t *testing.T) {
	m, err := lm.New[float32](config(modeldir.LSTM, false), 1)
	must(t, err)
	for _, bad := range []int32{-1, 11} {
		if _, err := m.Score([]int32{bad}, []int32{1}, m.NewState(1)); err == nil {
			t.Errorf("token %d was read", bad)
		}
		if _, err := m.Score([]int32{1}, []int32{bad}, m.NewState(1)); err == nil {
			t.Errorf("target %d was scored", bad)
		}
	}
	if _, err := m.Score([]int32{1, 2, 3}, []int32{1, 2, 3}, m.NewState(2)); err == nil {
		t.Error("three tokens were read as two streams")
	}
}

// What is kept while the parameters are held changes no bit, and is forgotten
// after the last release.
func TestHold(t *testing.T) {
	x, y := []int32{1, 2, 3, 4, 1, 0, 10, 2}, []int32{2, 3, 4, 1, 0, 10, 2, 2}
	for _, kind := range modeldir.Models {
		m, err := lm.New[float32](config(kind, false), 1)
		must(t, err)
		lively(m)
		score := func() []float64 {
			nll, err := m.Score(x, y, m.NewState(2))
			must(t, err)
			logits, err := m.Logits(x, m.NewState(2))
			must(t, err)
			all := slices.Clone(nll)
			for _, z := range logits {
				all = append(all, float64(z))
			}
			return all
		}
		want := score()
		outer, inner := m.Hold(), m.Hold()
		for range 2 {
			if !slices.Equal(score(), want) {
				t.Errorf("%s: other bits while held", kind)
			}
		}
		inner()
		if !slices.Equal(score(), want) {
			t.Errorf("%s: other bits while still held", kind)
		}
		outer()
		for _, p := range m.Params {
			for i := range p.Value {
				p.Value[i] /= 2
			}
		}
		changed := score()
		fresh, err := lm.FromTensors[float32](m.Config, m.Tensors())
		must(t, err)
		m = fresh
		if !slices.Equal(score(), changed) {
			t.Errorf("%s: what was held outlived the release", kind)
		}
	}
}

// A training window leaves the state that the same window leaves without a
// backward pass, bit by bit.
func TestTrainingCarriesTheSameState(t *testing.T) {
	x, y := []int32{1, 2, 3, 4, 1, 0, 10, 2}, []int32{2, 3, 4, 1, 0, 10, 2, 2}
	for _, kind := range modeldir.Models {
		m, err := lm.New[float32](config(kind, false), 1)
		must(t, err)
		lively(m)
		trained, scored := m.NewState(2), m.NewState(2)
		for range 2 {
			_, err := m.Train(x, y, trained, 0, nil)
			must(t, err)
			_, err = m.Score(x, y, scored)
			must(t, err)
			for l := range trained {
				if !slices.Equal(trained[l].Data, scored[l].Data) {
					t.Errorf("%s: training leaves another state in layer %d", kind, l)
				}
			}
		}
	}
}
