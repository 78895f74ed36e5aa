package lstm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Plasticity is what a plastic layer adds to each step of Compose or ComposeRNN.
type Plasticity interface {
	// Drive returns the plastic input [B, H] to the candidates at a step, from
	// the previous output h [B, H].
	Drive(h *G.Node) *G.Node
	// Learn updates the traces after a step: previous and new outputs, new
	// cells and candidates, each [B, H]. An RNN has no cells (nil), and its
	// candidates are its new outputs.
	Learn(hPrev, h, c, g *G.Node)
	// Final returns the traces after the last step.
	Final() []*G.Node
}

// Compose builds an LSTM from gorgonia's nodes, step by step; begin, unless nil,
// is called with the parts of the initial state beyond h and c, each
// [B, Shape...], and returns what plasticity adds.
func Compose(l Layer, x, state *G.Node, params []*G.Node, begin func(traces []*G.Node) Plasticity) (Output, error) {
	return compose(l, x, state, params, func(w *window) []*G.Node {
		n, in, batch := w.n, w.in, w.batch
		h, c := w.parts[0], w.parts[1]
		plastic := w.plastic(begin, 2)
		var wih, whh, b [4]*G.Node // gate blocks i, f, g, o: [I, H], [H, H], [B, H]
		for k := range wih {
			wih[k] = transposed(part(params[0], k*n*in, n, in))
			whh[k] = transposed(part(params[1], k*n*n, n, n))
			b[k] = mul(ones(x, batch, 1), part(params[2], k*n, 1, n))
		}
		gate := func(k int, x, h *G.Node) *G.Node { // pre-activation [B, H]
			return G.Must(G.Add(G.Must(G.Add(mul(x, wih[k]), mul(h, whh[k]))), b[k]))
		}
		for t := range w.steps {
			xt := w.input(t)
			i := G.Must(G.Sigmoid(gate(0, xt, h)))
			f := G.Must(G.Sigmoid(gate(1, xt, h)))
			zg := gate(2, xt, h)
			o := G.Must(G.Sigmoid(gate(3, xt, h)))
			if plastic != nil {
				zg = G.Must(G.Add(zg, plastic.Drive(h)))
			}
			g := G.Must(G.Tanh(zg))
			c = G.Must(G.Add(G.Must(G.HadamardProd(f, c)), G.Must(G.HadamardProd(i, g))))
			hNew := G.Must(G.HadamardProd(o, G.Must(G.Tanh(c))))
			if plastic != nil {
				plastic.Learn(h, hNew, c, g)
			}
			h = hNew
			w.hidden = append(w.hidden, h)
		}
		return w.final(plastic, h, c)
	})
}

// ComposeRNN is Compose for an RNN, whose state begins with h alone.
func ComposeRNN(l Layer, feed Feed, x, state *G.Node, params []*G.Node, begin func(traces []*G.Node) Plasticity) (Output, error) {
	if err := feed.Validate(); err != nil {
		return Output{}, err
	}
	return compose(l, x, state, params, func(w *window) []*G.Node {
		y, whh := w.parts[0], params[0]
		plastic := w.plastic(begin, 1)
		var wih, bias *G.Node // [I, H], [B, H]
		if feed = feed.OrDefault(); feed == Projected {
			wih, whh = transposed(params[0]), params[1]
			bias = mul(ones(x, w.batch, 1), part(params[2], 0, 1, w.n))
		}
		whh = transposed(whh)
		for t := range w.steps {
			z, xt := mul(y, whh), w.input(t)
			switch feed {
			case Projected:
				z = G.Must(G.Add(z, G.Must(G.Add(mul(xt, wih), bias))))
			case Direct:
				z = G.Must(G.Add(z, xt))
			}
			if plastic != nil {
				z = G.Must(G.Add(z, plastic.Drive(y)))
			}
			yNew := G.Must(G.Tanh(z))
			if feed == Clamped {
				v := mul(xt, selector(x, w.in, 0, w.n))
				m := mul(xt, selector(x, w.in, w.n, w.in))
				yNew = mix(v, m, yNew)
			}
			if plastic != nil {
				plastic.Learn(y, yNew, nil, yNew)
			}
			y = yNew
			w.hidden = append(w.hidden, y)
		}
		return w.final(plastic, y)
	})
}

// ComposeDense is Compose for a feed-forward layer, whose state is the traces
// alone; what Plasticity calls the previous output is the input of the step.
func ComposeDense(l Layer, activation Activation, x, state *G.Node, params []*G.Node, begin func(traces []*G.Node) Plasticity) (Output, error) {
	if err := activation.Validate(); err != nil {
		return Output{}, err
	}
	return compose(l, x, state, params, func(w *window) []*G.Node {
		plastic := w.plastic(begin, 0)
		in, weight := w.in-w.n, transposed(params[0])
		for t := range w.steps {
			row := w.input(t)
			xt := mul(row, selector(x, w.in, 0, in))
			z := G.Must(G.Add(mul(xt, weight), mul(row, selector(x, w.in, in, w.in))))
			if plastic != nil {
				z = G.Must(G.Add(z, plastic.Drive(xt)))
			}
			var y *G.Node
			if activation == Tanh {
				y = G.Must(G.Tanh(z))
			} else {
				y = G.Must(op.SoftMax(z))
			}
			if plastic != nil {
				plastic.Learn(xt, y, nil, y)
			}
			w.hidden = append(w.hidden, y)
		}
		return w.final(plastic)
	})
}

// mix is m v + (1-m) y, as y + m (v - y).
func mix(v, m, y *G.Node) *G.Node {
	return G.Must(G.Add(y, G.Must(G.HadamardProd(m, G.Must(G.Sub(v, y))))))
}

// window is a layer on its way to a graph.
type window struct {
	x                   *G.Node
	steps, batch, in, n int
	parts               []*G.Node // of the initial state, [B, Shape...]
	hidden              []*G.Node // of each step, [B, H]
}

// compose does for build what all cells have in common; build takes the steps and
// returns the parts of the final state.
func compose(l Layer, x, state *G.Node, params []*G.Node, build func(*window) []*G.Node) (out Output, err error) {
	steps, batch, err := check(l, x, state, params)
	if err != nil {
		return Output{}, err
	}
	// gorgonia's shape errors are programming mistakes here, for check has seen
	// all shapes; G.Must keeps the equations readable and this turns a panic back.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("lstm: composing %T: %v", l, r)
		}
	}()
	w := &window{x: x, steps: steps, batch: batch, in: l.InputSize(), n: l.HiddenSize()}
	offset := 0
	for _, p := range l.State() {
		w.parts = append(w.parts, part(state, offset, append([]int{batch}, p.Shape...)...))
		offset += batch * p.Size()
	}
	final := build(w)
	// A loss may read either of the two alone, and a short window leave parameters
	// unread: their gradient is zero then, as the fused layer's is.
	inputs := append([]*G.Node{x}, params...)
	if len(final) > 0 {
		inputs = append(inputs, state)
	}
	if out.Hidden, err = op.Pack(tensor.Shape{steps, batch, w.n}, w.hidden, inputs...); err != nil {
		return Output{}, err
	}
	if out.State = state; len(final) > 0 {
		out.State, err = op.Pack(state.Shape(), final, inputs...)
	}
	return out, err
}

// input is x(t): [B, I].
func (w *window) input(t int) *G.Node { return part(w.x, t*w.batch*w.in, w.batch, w.in) }

// plastic begins plasticity with the parts of the state that the cell leaves it.
func (w *window) plastic(begin func([]*G.Node) Plasticity, cell int) Plasticity {
	if begin == nil {
		return nil
	}
	return begin(w.parts[cell:])
}

func (w *window) final(plastic Plasticity, cell ...*G.Node) []*G.Node {
	if plastic == nil {
		return cell
	}
	return append(cell, plastic.Final()...)
}

func part(n *G.Node, offset int, shape ...int) *G.Node {
	return G.Must(op.Part(n, offset, shape))
}

func mul(a, b *G.Node) *G.Node     { return G.Must(G.Mul(a, b)) }
func transposed(a *G.Node) *G.Node { return G.Must(G.Transpose(a, 1, 0)) }

// ones returns a constant matrix of ones in like's graph and type; a product
// with it repeats rows or columns, with a gradient that sums them.
func ones(like *G.Node, rows, cols int) *G.Node {
	t := tensor.Ones(like.Dtype(), rows, cols)
	return G.NewTensor(like.Graph(), like.Dtype(), 2, G.WithShape(rows, cols),
		G.WithValue(t), G.WithName(fmt.Sprintf("ones_%dx%d", rows, cols)))
}

// selector returns the constant matrix [n, to-from] that takes the numbers
// [from, to) out of a row of n: a product with it is those, with a gradient that
// puts them back.
func selector(like *G.Node, n, from, to int) *G.Node {
	t := tensor.New(tensor.Of(like.Dtype()), tensor.WithShape(n, to-from))
	for i := range to - from {
		var one any = 1.0
		if like.Dtype() == tensor.Float32 {
			one = float32(1)
		}
		if err := t.SetAt(one, from+i, i); err != nil {
			panic(err)
		}
	}
	return G.NewTensor(like.Graph(), like.Dtype(), 2, G.WithShape(n, to-from),
		G.WithValue(t), G.WithName(fmt.Sprintf("part_%d_%d_of_%d", from, to, n)))
}
