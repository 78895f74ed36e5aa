package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/engram-lm/engram/scripts/peer/go/step"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn/recurrent/lstm"
)

// The gradients are those of finite differences.
func TestGradients(t *testing.T) {
	s := &step.Sizes{Vocab: 7, Embed: 4, Hidden: 3, Layers: 2, Batch: 2, BPTT: 3}
	r := rand.New(rand.NewPCG(3, 4))
	m := newModel[float64](s, r)
	x, y := s.Window(r)
	loss := func() float64 {
		for b := range m.states {
			m.states[b] = make([]*lstm.State, s.Layers)
		}
		v, err := m.backward(x, y)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	loss()
	params := m.trained()
	var grads [][]float64
	for _, p := range params {
		grads = append(grads, slices.Clone(mat.Data[float64](p.Grad())))
	}
	for i, p := range params {
		data := mat.Data[float64](p)
		for j := range data {
			const e = 1e-5
			at := data[j]
			data[j] = at + e
			up := loss()
			data[j] = at - e
			down := loss()
			data[j] = at
			if want := (up - down) / (2 * e); math.Abs(grads[i][j]-want) > 1e-8 {
				t.Errorf("parameter %d[%d]: gradient %v, by finite differences %v", i, j, grads[i][j], want)
			}
		}
	}
}
