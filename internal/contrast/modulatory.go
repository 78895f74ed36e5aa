package contrast

import "github.com/engram-lm/engram/internal/kernel"

// Modulatory is the top-down modulatory model of [1]: gains and biases per neuron
// and the readout of a net are fast, its weights slow, and both losses depend on
// both. phi is the rest of a modulated MLP; theta its body and then the value that
// phi starts from, of which only MAML has a gradient: the energy does not
// contain it.
type Modulatory[F kernel.Float] struct {
	Net         *MLP[F]
	Train, Eval *Set[F]
	// Origin, unless it is nil, is where phi starts; theta is then the body alone.
	Origin []F
}

func (m *Modulatory[F]) Len() (fast, slow int) {
	body, rest := m.Net.Len()
	if m.Origin != nil {
		return rest, body
	}
	return rest, body + rest
}

func (m *Modulatory[F]) Start(theta, phi []F) {
	if m.Origin != nil {
		copy(phi, m.Origin)
		return
	}
	copy(phi, theta[len(theta)-len(phi):])
}

func (m *Modulatory[F]) StartBackward(dphi, dtheta []F) {
	if m.Origin == nil {
		kernel.Add(dtheta[len(dtheta)-len(dphi):], dphi)
	}
}

func (m *Modulatory[F]) Gradient(phi, theta []F, beta float64, dphi, dtheta []F) (in, out float64) {
	body, _ := m.Net.Len()
	clear(dphi)
	clear(dtheta)
	var dbody []F
	if dtheta != nil {
		dbody = dtheta[:body]
	}
	in = m.Net.Loss(theta[:body], phi, m.Train, 1, dbody, dphi)
	if beta != 0 {
		out = m.Net.Loss(theta[:body], phi, m.Eval, F(beta), dbody, dphi)
	}
	return in, out
}

// IsCurved says that Curvature is exact.
func (m *Modulatory[F]) IsCurved() bool { return true }

// Curvature is as Curved says.
func (m *Modulatory[F]) Curvature(phi, theta, x, hx, cx []F) {
	body, _ := m.Net.Len()
	clear(hx)
	clear(cx)
	m.Net.Curvature(theta[:body], phi, m.Train, nil, x, cx[:body], hx)
}
