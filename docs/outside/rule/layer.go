package main

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Fading is an LSTM with a rule of its own: traces that fade at a trained rate and grow
// as a neuromodulator says,
//
//	z_j(t) += alpha sum_i A_ji h_i(t-1)                    the candidates' input
//	M(t)    = tanh(w_mod . h(t) + b_mod)
//	A_ji   <- keep A_ji + M(t) g_j(t) h_i(t-1)
type Fading struct{ In, Hidden int }

var _ lstm.FusedLayer = Fading{}

func (l Fading) InputSize() int  { return l.In }
func (l Fading) HiddenSize() int { return l.Hidden }

func (l Fading) Params() []lstm.Param {
	return append(lstm.GateParams(l.In, l.Hidden),
		lstm.Param{Name: "alpha", Shape: []int{1}, Lo: 0.5, Hi: 0.5, Role: lstm.Coefficient},
		lstm.Param{Name: "keep", Shape: []int{1}, Lo: 0.9, Hi: 0.9, Role: lstm.Rate, Min: 0, Max: 1},
		lstm.Param{Name: "modulator.weight", Shape: []int{l.Hidden}, Lo: -0.3, Hi: 0.3, Role: lstm.Modulator},
		lstm.Param{Name: "modulator.bias", Shape: []int{1}, Lo: 0.5, Hi: 0.5, Role: lstm.Modulator})
}

func (l Fading) State() []lstm.Part {
	return append(lstm.CellState(l.Hidden),
		lstm.Part{Name: "hebb", Shape: []int{l.Hidden, l.Hidden}, Role: lstm.HebbianTrace})
}

// Composed is the rule to read: gorgonia finds its gradient.
func (l Fading) Composed(x, state *G.Node, params []*G.Node) (lstm.Output, error) {
	return lstm.Compose(l, x, state, params, func(traces []*G.Node) lstm.Plasticity {
		return &composed{a: traces[0], alpha: params[3], keep: params[4], w: params[5], b: params[6], batch: x.Shape()[1], n: l.Hidden}
	})
}

type composed struct {
	a, alpha, keep, w, b *G.Node
	batch, n             int
}

func (c *composed) Drive(h *G.Node) *G.Node {
	column := G.Must(lstm.Reshape(h, c.batch, c.n, 1))
	return scaled(c.alpha, G.Must(lstm.Reshape(G.Must(G.BatchedMatMul(c.a, column)), c.batch, c.n)))
}

func (c *composed) Learn(hPrev, h, _, g *G.Node) {
	m := G.Must(G.Mul(h, G.Must(lstm.Reshape(c.w, c.n, 1)))) // [B, 1]
	bias := G.Must(G.Mul(ones(m, c.batch, 1), G.Must(lstm.Reshape(c.b, 1, 1))))
	m = G.Must(G.Tanh(G.Must(G.Add(m, bias))))
	gain := G.Must(G.HadamardProd(G.Must(G.Mul(m, ones(m, 1, c.n))), g)) // M g_j
	outer := G.Must(G.BatchedMatMul(
		G.Must(lstm.Reshape(gain, c.batch, c.n, 1)), G.Must(lstm.Reshape(hPrev, c.batch, 1, c.n))))
	kept := scaled(c.keep, G.Must(lstm.Reshape(c.a, c.batch*c.n, c.n)))
	c.a = G.Must(G.Add(G.Must(lstm.Reshape(kept, c.batch, c.n, c.n)), outer))
}

func (c *composed) Final() []*G.Node { return []*G.Node{c.a} }

// scaled is a parameter [1] times a matrix.
func scaled(p, x *G.Node) *G.Node {
	rows, columns := x.Shape()[0], x.Shape()[1]
	one := G.Must(G.Mul(ones(x, rows, 1), G.Must(lstm.Reshape(p, 1, 1))))
	return G.Must(G.HadamardProd(G.Must(G.Mul(one, ones(x, 1, columns))), x))
}

func ones(like *G.Node, rows, columns int) *G.Node {
	return G.NewTensor(like.Graph(), like.Dtype(), 2, G.WithShape(rows, columns),
		G.WithValue(tensor.Ones(like.Dtype(), rows, columns)), G.WithName(fmt.Sprintf("ones_%dx%d", rows, columns)))
}

// Scan32 and Scan64 are the rule at speed: its loops in the cell of an LSTM.
func (l Fading) Scan32() lstm.Scan[float32] { return newScan[float32](l) }
func (l Fading) Scan64() lstm.Scan[float64] { return newScan[float64](l) }

// Scan is a Fading at work; it says what its neuromodulator said.
type Scan[F lstm.Float] struct {
	*scan.Checked[F]
	trace *trace[F]
}

func newScan[F lstm.Float](l Fading) *Scan[F] {
	t := &trace[F]{n: l.Hidden}
	cell := scan.New(l.In, l.Hidden, t)
	return &Scan[F]{scan.Check(cell, l.In, l.Hidden, lstm.StateSize(l, 1), l.Params()), t}
}

// Modulation makes it an lstm.Modulated.
func (s *Scan[F]) Modulation() []F { return s.trace.m[:s.Taken()*s.trace.batch] }
