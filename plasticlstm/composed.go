package plasticlstm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/lstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// composed is the plastic part of a layer in gorgonia's nodes. All matrices of
// connections are [B, H, H], or [B, post, pre] where the neurons that receive are
// not those that send, a row per receiving neuron; parameters are repeated to that
// shape once, whatever their granularity.
type composed struct {
	opt       Options
	batch     int
	pre, post int
	alpha     *G.Node // [B, H, H]
	rate      *G.Node // eta or the fan-out's weight: [B, H, H], nil per layer with M
	rateBias  *G.Node // [B, H, H], per neuron with M
	wMod      *G.Node // [H, 1]
	bMod      *G.Node // [B, 1]
	k         *G.Node // [B, H, H]
	hebb      *G.Node // A [B, H, H]
	trace     *G.Node // E [B, H, H]
	theta     *G.Node // [B, H], of a rule with a threshold
	kTheta    *G.Node // [B, H]
}

// newComposed takes the plastic parameters, which specs describe.
func newComposed(opt Options, batch, pre, post int, traces []*G.Node, specs []lstm.Param, params []*G.Node) *composed {
	c := &composed{opt: opt, batch: batch, pre: pre, post: post, hebb: traces[0]}
	for i, p := range specs {
		switch p.Name {
		case "alpha", "alpha.post":
			c.alpha = c.connections(params[i])
		case "alpha.pre":
			c.alpha = times(c.alpha, c.perPre(params[i]))
		case "eta", "eta.post", "fanout.weight", "fanout.weight.post":
			c.rate = c.connections(params[i])
		case "eta.pre", "fanout.weight.pre":
			c.rate = times(c.rate, c.perPre(params[i]))
		case "fanout.bias":
			c.rateBias = c.connections(params[i])
		case "modulator.weight":
			c.wMod = reshape(params[i], post, 1)
		case "modulator.bias":
			c.bMod = mul(c.ones(params[i], batch, 1), reshape(params[i], 1, 1))
		case "trace_rate":
			c.k = c.connections(params[i])
			c.trace = traces[1]
		case "threshold_rate":
			c.kTheta = mul(c.ones(params[i], batch, 1), mul(reshape(params[i], 1, 1), c.ones(params[i], 1, post)))
			c.theta = traces[1]
		}
	}
	return c
}

// Drive is the plastic input sum_i alpha_ji A_ji h_i to each neuron j: [B, H].
func (c *composed) Drive(h *G.Node) *G.Node {
	column := reshape(h, c.batch, c.pre, 1)
	return reshape(batched(times(c.alpha, c.hebb), column), c.batch, c.post)
}

// Learn applies the rule; see rule.
func (c *composed) Learn(hPrev, h, cell, g *G.Node) {
	r := c.opt.rule()
	s, d := r.compose(g, c.theta)
	change := c.outer(s, hPrev) // s_j h_i
	if c.opt.Modulation == Retroactive {
		product := change
		change = c.trace
		c.trace = plus(minus(c.trace, times(c.k, c.trace)), times(c.k, product))
	}
	if d != nil {
		change = minus(change, times(c.perPost(d), c.hebb))
	}
	c.hebb = plus(c.hebb, times(c.eta(hPrev, h, cell), change))
	if r.threshold {
		c.theta = plus(c.theta, times(c.kTheta, minus(times(g, g), c.theta)))
	}
	if !r.unbounded {
		c.hebb = G.Must(op.Clamp(c.hebb, c.opt.Clip))
	}
}

// Final returns the traces.
func (c *composed) Final() []*G.Node {
	switch {
	case c.trace != nil:
		return []*G.Node{c.hebb, c.trace}
	case c.theta != nil:
		return []*G.Node{c.hebb, c.theta}
	}
	return []*G.Node{c.hebb}
}

// eta is the rate of each connection: [B, H, H].
func (c *composed) eta(hPrev, h, cell *G.Node) *G.Node {
	if c.opt.Modulation == None {
		return c.rate
	}
	s := map[ModulatorInput]*G.Node{Hidden: h, PreviousHidden: hPrev, Cell: cell}[c.opt.ModulatorInput]
	m := G.Must(G.Tanh(plus(mul(s, c.wMod), c.bMod))) // [B, 1]
	eta := reshape(mul(m, c.ones(m, 1, c.post*c.pre)), c.batch, c.post, c.pre)
	if c.rate != nil {
		eta = times(c.rate, eta)
	}
	if c.rateBias != nil {
		eta = plus(eta, c.rateBias)
	}
	return eta
}

// connections repeats a parameter of any granularity to [B, H, H].
func (c *composed) connections(p *G.Node) *G.Node {
	var row *G.Node // [1, post*pre]
	all := c.post * c.pre
	switch p.Shape().TotalSize() {
	case 1:
		row = mul(reshape(p, 1, 1), c.ones(p, 1, all))
	case all:
		row = reshape(p, 1, all)
	default:
		row = reshape(mul(reshape(p, c.post, 1), c.ones(p, 1, c.pre)), 1, all)
	}
	return reshape(mul(c.ones(p, c.batch, 1), row), c.batch, c.post, c.pre)
}

// perPre repeats a parameter of the sending neurons to [B, H, H].
func (c *composed) perPre(p *G.Node) *G.Node {
	return c.outer(c.ones(p, c.batch, c.post), mul(c.ones(p, c.batch, 1), reshape(p, 1, c.pre)))
}

// outer is post_j pre_i: [B, H, H].
func (c *composed) outer(post, pre *G.Node) *G.Node {
	return batched(reshape(post, c.batch, c.post, 1), reshape(pre, c.batch, 1, c.pre))
}

// perPost repeats a value of the receiving neurons [B, H] over the sending ones.
func (c *composed) perPost(post *G.Node) *G.Node {
	return c.outer(post, c.ones(post, c.batch, c.pre))
}

func (c *composed) ones(like *G.Node, rows, cols int) *G.Node { return ones(like, rows, cols) }

func onesLike(n *G.Node) *G.Node { return ones(n, n.Shape()[0], n.Shape()[1]) }

func ones(like *G.Node, rows, cols int) *G.Node {
	t := tensor.Ones(like.Dtype(), rows, cols)
	return G.NewTensor(like.Graph(), like.Dtype(), 2, G.WithShape(rows, cols),
		G.WithValue(t), G.WithName(fmt.Sprintf("ones_%dx%d", rows, cols)))
}

func reshape(n *G.Node, shape ...int) *G.Node { return G.Must(op.Part(n, 0, shape)) }
func mul(a, b *G.Node) *G.Node                { return G.Must(G.Mul(a, b)) }
func batched(a, b *G.Node) *G.Node            { return G.Must(G.BatchedMatMul(a, b)) }
func times(a, b *G.Node) *G.Node              { return G.Must(G.HadamardProd(a, b)) }
func plus(a, b *G.Node) *G.Node               { return G.Must(G.Add(a, b)) }
func minus(a, b *G.Node) *G.Node              { return G.Must(G.Sub(a, b)) }
