// Command spago times training steps of the standard LSTM in spago. It has no batch
// axis: each stream is a graph of its own, and what it computes in parallel are a
// graph's nodes.
//
//	cd scripts/peer/go && go run ./spago
package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"github.com/engram-lm/engram/scripts/peer/go/step"
	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/losses"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/mat/float"
	"github.com/nlpodyssey/spago/nn"
	"github.com/nlpodyssey/spago/nn/embedding"
	"github.com/nlpodyssey/spago/nn/linear"
	"github.com/nlpodyssey/spago/nn/recurrent/lstm"
)

func main() {
	s := step.Flags()
	m := newModel[float32](s, rand.New(rand.NewPCG(1, 1)))
	s.Measure("spago", func(x, y []int32) float64 {
		loss, err := m.step(x, y)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return loss
	})
}

// model is the language model and the state of its streams.
type model[F float.DType] struct {
	*step.Sizes
	embedding *embedding.Model
	layers    []*lstm.Model
	decoder   *linear.Model
	states    [][]*lstm.State // by stream and layer; nil where it is zero
}

func newModel[F float.DType](s *step.Sizes, r *rand.Rand) *model[F] {
	m := &model[F]{Sizes: s, embedding: embedding.New[F](s.Vocab, s.Embed), decoder: linear.New[F](s.Hidden, s.Vocab)}
	in := s.Embed
	for range s.Layers {
		m.layers = append(m.layers, lstm.New[F](in, s.Hidden))
		in = s.Hidden
	}
	draw := func(p *nn.Param, bound float64) {
		mat.SetData[F](p, step.Draw[F](step.Param{Shape: p.Shape(), Bound: bound}, r))
	}
	for _, w := range m.embedding.Weights {
		draw(w, 0.1)
	}
	for _, w := range m.weights() {
		draw(w, 1/math.Sqrt(float64(s.Hidden)))
	}
	m.states = make([][]*lstm.State, s.Batch)
	for b := range m.states {
		m.states[b] = make([]*lstm.State, s.Layers)
	}
	return m
}

// weights are all parameters but the embedding's.
func (m *model[F]) weights() (all []*nn.Param) {
	for _, l := range m.layers {
		all = append(all, l.WIn, l.WInRec, l.BIn, l.WOut, l.WOutRec, l.BOut, l.WFor, l.WForRec, l.BFor, l.WCand, l.WCandRec, l.BCand)
	}
	return append(all, m.decoder.W, m.decoder.B)
}

// trained are all parameters with a gradient: of the embedding, the words' that were
// read.
func (m *model[F]) trained() []*nn.Param {
	all := m.weights()
	m.embedding.TraverseParams(func(p *nn.Param) { all = append(all, p) })
	return all
}

// backward reads a window [T, B] and leaves the gradients of the mean loss with the
// parameters. The state goes on to the next window, without its gradient.
func (m *model[F]) backward(x, y []int32) (loss float64, err error) {
	var all []mat.Tensor
	for b := range m.Batch {
		for t := range m.BPTT {
			h := m.embedding.MustEncode([]int{int(x[t*m.Batch+b])})[0]
			for l, layer := range m.layers {
				m.states[b][l] = layer.Next(m.states[b][l], h)
				h = m.states[b][l].Y
			}
			all = append(all, losses.CrossEntropy(m.decoder.Forward(h)[0], int(y[t*m.Batch+b])))
		}
	}
	mean := ag.ProdScalar(ag.Sum(all...), mat.Scalar(F(1/float64(len(all)))))
	if err := ag.Backward(mean); err != nil {
		return 0, err
	}
	for _, layers := range m.states {
		for _, s := range layers {
			s.Y, s.Cell = ag.StopGrad(s.Y.Value()), ag.StopGrad(s.Cell.Value())
		}
	}
	return mean.Value().Item().F64(), nil
}

// step is backward, the clip of the norm, SGD, and gradients of zero again.
func (m *model[F]) step(x, y []int32) (loss float64, err error) {
	if loss, err = m.backward(x, y); err != nil {
		return 0, err
	}
	params, squares := m.trained(), 0.0
	for _, p := range params {
		for _, g := range mat.Data[F](p.Grad()) {
			squares += float64(g) * float64(g)
		}
	}
	scale := step.Rate * min(1, step.ClipNorm/math.Sqrt(squares))
	for _, p := range params {
		p.SubInPlace(p.Grad().(mat.Matrix).ProdScalar(scale))
		p.ZeroGrad()
	}
	m.embedding.ZeroGrad()
	return loss, nil
}
