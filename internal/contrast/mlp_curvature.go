package contrast

import "github.com/engram-lm/engram/internal/kernel"

// Curvature adds the second derivative of the loss on a set times the direction
// (vbody, vrest): the rate at which Loss's gradients change along it (Pearlmutter,
// Fast exact multiplication by the Hessian, 1994). A nil vbody is a direction of
// zero; nil results are left out. With m.GaussNewton it is the generalised
// Gauss-Newton product instead (Schraudolph 2002): the net is taken for linear where
// it is, so that the product curves downwards nowhere, as no convex loss does. In
// the names below rx is how x changes.
func (m *MLP[F]) Curvature(body, rest []F, s *Set[F], vbody, vrest, hbody, hrest []F) {
	if vbody == nil {
		vbody = make([]F, len(body))
	}
	if hbody == nil {
		hbody = make([]F, len(body))
	}
	y := m.Forward(body, rest, s.X)
	n := len(s.X) / m.Sizes[0]
	last := len(m.Sizes) - 1
	p, v, h := m.params, m.views(nil, vbody, vrest), m.views(nil, hbody, hrest)

	rh := make([][]F, last+1) // nil: the inputs do not change
	rz := make([][]F, last+1)
	for l := 1; l <= last; l++ {
		p, v := &p[l-1], &v[l-1]
		r := make([]F, n*p.out)
		for i := range n {
			copy(r[i*p.out:], v.c)
		}
		kernel.GemmSerial(false, true, n, p.out, p.in, 1, m.h[l-1], p.in, v.w, p.in, 1, r, p.out)
		if l > 1 {
			kernel.GemmSerial(false, true, n, p.out, p.in, 1, rh[l-1], p.in, p.w, p.in, 1, r, p.out)
		}
		rh[l] = r
		if l == last {
			break
		}
		if m.Modulated {
			rz[l] = append([]F(nil), r...)
			for i := range r {
				j := i % p.out
				r[i] = p.g[j]*r[i] + v.g[j]*m.z[l][i] + v.b[j]
			}
		}
		for i, a := range m.h[l] {
			r[i] *= m.slope(a)
		}
	}

	d, rd := make([]F, len(y)), make([]F, len(y)) // of the layer's W h + c
	if !m.GaussNewton {                           // else d stays 0: no gradient for the net to bend
		s.Loss.Gradient(y, d)
	}
	s.Loss.Curvature(y, rh[last], rd)
	for l := last; l >= 1; l-- {
		p, v, h := &p[l-1], &v[l-1], &h[l-1]
		if l < last {
			for i, a := range m.h[l] {
				slope := m.slope(a)
				rd[i] *= slope
				if m.Act == Tanh {
					rd[i] -= 2 * a * rh[l][i] * d[i]
				}
				d[i] *= slope
			}
			if m.Modulated {
				for i := range d {
					j := i % p.out
					h.b[j] += rd[i]
					h.g[j] += rd[i]*m.z[l][i] + d[i]*rz[l][i]
					rd[i] = rd[i]*p.g[j] + d[i]*v.g[j]
					d[i] *= p.g[j]
				}
			}
		}
		kernel.GemmSerial(true, false, p.out, p.in, n, 1, rd, p.out, m.h[l-1], p.in, 1, h.w, p.in)
		if l > 1 {
			kernel.GemmSerial(true, false, p.out, p.in, n, 1, d, p.out, rh[l-1], p.in, 1, h.w, p.in)
		}
		for i := range n {
			kernel.Add(h.c, rd[i*p.out:(i+1)*p.out])
		}
		if l > 1 {
			dh, rdh := make([]F, n*p.in), make([]F, n*p.in)
			kernel.GemmSerial(false, false, n, p.in, p.out, 1, d, p.out, p.w, p.in, 0, dh, p.in)
			kernel.GemmSerial(false, false, n, p.in, p.out, 1, rd, p.out, p.w, p.in, 0, rdh, p.in)
			kernel.GemmSerial(false, false, n, p.in, p.out, 1, d, p.out, v.w, p.in, 1, rdh, p.in)
			d, rd = dh, rdh
		}
	}
}

// slope is the derivative of the activation where it is a.
func (m *MLP[F]) slope(a F) F {
	switch {
	case m.Act == Tanh:
		return 1 - a*a
	case a > 0:
		return 1
	}
	return 0
}
