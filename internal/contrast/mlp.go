package contrast

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Activation is what a hidden neuron does.
type Activation int

const (
	Tanh Activation = iota
	ReLU
)

// MLP is a multilayer perceptron of Sizes [inputs, hidden ..., outputs]:
//
//	h_l = act( g_l * (W_l h_{l-1} + c_l) + b_l ),  y = W_L h_{L-1} + c_L
//
// with gains g and biases b per neuron where it is Modulated, and g = 1, b = 0
// elsewhere. Its parameters lie in two vectors: the body W_1 [out, in], c_1 [out],
// W_2, ... of the hidden layers, and the rest: g_1, b_1, g_2, ... and then the
// head W_L, c_L. One goroutine uses it at a time.
type MLP[F kernel.Float] struct {
	Sizes     []int
	Act       Activation
	Modulated bool
	// GaussNewton says what Curvature is.
	GaussNewton bool

	h, z         [][]F // by layer, [n, size]: activations, and W h + c where modulated
	dh, dz, dy   []F
	drop         []F        // gradients that are not asked for
	params, dual []layer[F] // views of parameters and of gradients
}

// Len returns the lengths of body and rest.
func (m *MLP[F]) Len() (body, rest int) {
	last := len(m.Sizes) - 1
	for l := 1; l < last; l++ {
		body += m.Sizes[l] * (m.Sizes[l-1] + 1)
		if m.Modulated {
			rest += 2 * m.Sizes[l]
		}
	}
	return body, rest + m.Sizes[last]*(m.Sizes[last-1]+1)
}

// Head returns where in rest the head begins.
func (m *MLP[F]) Head() int {
	_, rest := m.Len()
	last := len(m.Sizes) - 1
	return rest - m.Sizes[last]*(m.Sizes[last-1]+1)
}

// Init draws new parameters: weights from N(0, 1/in), LeCun's, biases 0, gains 1.
func (m *MLP[F]) Init(normal func() float64, body, rest []F) {
	draw := func(to []F, in int) {
		for i := range to {
			to[i] = F(normal() / math.Sqrt(float64(in)))
		}
	}
	clear(body)
	clear(rest)
	for _, p := range m.views(nil, body, rest) {
		draw(p.w, p.in)
		for i := range p.g {
			p.g[i] = 1
		}
	}
}

// layer is a view of a layer's parameters.
type layer[F kernel.Float] struct {
	in, out    int
	w, c, g, b []F
}

// views returns each layer's views, the head last, in the memory of all.
func (m *MLP[F]) views(all []layer[F], body, rest []F) []layer[F] {
	all = all[:0]
	last := len(m.Sizes) - 1
	for l := 1; l <= last; l++ {
		p := layer[F]{in: m.Sizes[l-1], out: m.Sizes[l]}
		from := &body
		if l == last {
			from = &rest
		} else if m.Modulated {
			p.g, p.b = take(&rest, p.out), take(&rest, p.out)
		}
		p.w, p.c = take(from, p.out*p.in), take(from, p.out)
		all = append(all, p)
	}
	return all
}

// take cuts the first n numbers off a slice.
func take[F kernel.Float](from *[]F, n int) []F {
	x := (*from)[:n:n]
	*from = (*from)[n:]
	return x
}

// Forward returns the outputs [n, outputs] for inputs x [n, inputs]; the slice is
// the net's own until the next call.
func (m *MLP[F]) Forward(body, rest, x []F) []F {
	n := len(x) / m.Sizes[0]
	if m.h == nil {
		m.h, m.z = make([][]F, len(m.Sizes)), make([][]F, len(m.Sizes))
	}
	m.h[0] = x
	last := len(m.Sizes) - 1
	m.params = m.views(m.params, body, rest)
	for l := 1; l <= last; l++ {
		p := &m.params[l-1]
		h := kernel.Grow(&m.h[l], n*p.out)
		for i := range n {
			copy(h[i*p.out:], p.c)
		}
		kernel.GemmSerial(false, true, n, p.out, p.in, 1, m.h[l-1], p.in, p.w, p.in, 1, h, p.out)
		if l == last {
			break
		}
		if m.Modulated {
			copy(kernel.Grow(&m.z[l], len(h)), h)
			for i := range n {
				row := h[i*p.out : (i+1)*p.out]
				for j := range row {
					row[j] = p.g[j]*row[j] + p.b[j]
				}
			}
		}
		if m.Act == Tanh {
			kernel.Tanh(h, h)
			continue
		}
		for i, v := range h {
			h[i] = max(v, 0)
		}
	}
	return m.h[last]
}

// Backward adds the gradients of body and rest, given dy [n, outputs], after a
// Forward. dy is overwritten; one of the gradients may be nil, and is left out.
func (m *MLP[F]) Backward(dy, dbody, drest []F) {
	body, rest := m.Len()
	if dbody == nil {
		dbody = kernel.Grow(&m.drop, body)
	}
	if drest == nil {
		drest = kernel.Grow(&m.drop, rest)
	}
	m.dual = m.views(m.dual, dbody, drest)
	n := len(m.h[0]) / m.Sizes[0]
	dz := dy
	for l := len(m.Sizes) - 1; l >= 1; l-- {
		p, g := &m.params[l-1], &m.dual[l-1]
		if l < len(m.Sizes)-1 {
			dz = kernel.Grow(&m.dz, n*p.out)
			copy(dz, m.dh)
			m.activationBackward(l, n, p, g, dz)
		}
		kernel.GemmSerial(true, false, p.out, p.in, n, 1, dz, p.out, m.h[l-1], p.in, 1, g.w, p.in)
		for i := range n {
			kernel.Add(g.c, dz[i*p.out:(i+1)*p.out])
		}
		if l > 1 {
			dh := kernel.Grow(&m.dh, n*p.in)
			kernel.GemmSerial(false, false, n, p.in, p.out, 1, dz, p.out, p.w, p.in, 0, dh, p.in)
		}
	}
}

// activationBackward turns the gradient of h_l into that of W_l h_{l-1} + c_l, and
// adds those of gains and biases.
func (m *MLP[F]) activationBackward(l, n int, p, g *layer[F], d []F) {
	for i, h := range m.h[l] {
		d[i] *= m.slope(h)
	}
	if !m.Modulated {
		return
	}
	for i := range n {
		row, z := d[i*p.out:(i+1)*p.out], m.z[l][i*p.out:(i+1)*p.out]
		kernel.Add(g.b, row)
		kernel.MulAdd(g.g, row, z)
		kernel.Mul(row, row, p.g)
	}
}

// Loss returns the loss of parameters on a set and adds scale times its gradient;
// both nil: no gradient.
func (m *MLP[F]) Loss(body, rest []F, s *Set[F], scale F, dbody, drest []F) float64 {
	y := m.Forward(body, rest, s.X)
	if dbody == nil && drest == nil {
		return s.Loss.Gradient(y, nil)
	}
	dy := kernel.Grow(&m.dy, len(y))
	loss := s.Loss.Gradient(y, dy)
	if scale != 1 {
		kernel.Scale(scale, dy)
	}
	m.Backward(dy, dbody, drest)
	return loss
}

// Validate reports sizes that no net has.
func (m *MLP[F]) Validate() error {
	if len(m.Sizes) < 2 {
		return fmt.Errorf("a net of sizes %v: want at least inputs and outputs", m.Sizes)
	}
	for _, n := range m.Sizes {
		if n < 1 {
			return fmt.Errorf("a net of sizes %v: want at least 1 each", m.Sizes)
		}
	}
	return nil
}

// Hidden returns the last hidden layer [n, size] of a plain net whose parameters
// phi are body and rest, for inputs x; the slice is the net's own.
func (m *MLP[F]) Hidden(phi, x []F) []F {
	body, _ := m.Len()
	m.Forward(phi[:body], phi[body:], x)
	return m.h[len(m.Sizes)-2]
}
