package contrast

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Losses are a task as the complex synapse sees it: a loss to learn from and one
// to be measured by, of the fast parameters alone.
type Losses[F kernel.Float] interface {
	Len() int
	// In and Out return the loss at phi and add scale times its gradient to dphi,
	// unless that is nil.
	In(phi []F, scale F, dphi []F) float64
	Out(phi []F, scale F, dphi []F) float64
}

// CurvedLosses are losses that know the curvature of In.
type CurvedLosses[F kernel.Float] interface {
	// InCurvature adds H x to hx, where H is In's second derivative at phi.
	InCurvature(phi, x, hx []F)
}

// Pull is how strongly a synapse is drawn to where it consolidates, and which of
// it is learned.
type Pull int

const (
	// PullFixed is one strength for all, Strength, that is not learned.
	PullFixed Pull = iota
	// PullLinear is lambda_i per synapse, learned as it is: whoever changes it keeps
	// it at 0 or above.
	PullLinear
	// PullLog is lambda_i = exp(rho_i) per synapse, with rho learned.
	PullLog
)

// Synapse is the complex synapse of [1]: each weight phi_i is drawn to a slow
// omega_i with a strength lambda_i,
//
//	L_in = l_in(phi) + sum_i lambda_i (phi_i - omega_i)^2,  L_out = l_out(phi).
//
// theta is omega, where Learned, and then lambda or rho where Pull says so. Where
// omega is not learned it is Centre, and learning starts at Origin: l2
// regularisation has a centre of 0 and a random origin.
type Synapse[F kernel.Float] struct {
	Task     Losses[F]
	Pull     Pull
	Strength float64
	Learned  bool
	Centre   []F // nil: 0
	Origin   []F // where omega is not learned
}

func (s *Synapse[F]) Len() (fast, slow int) {
	n := s.Task.Len()
	if s.Learned {
		slow += n
	}
	if s.Pull != PullFixed {
		slow += n
	}
	return n, slow
}

// parts returns the views of theta: omega and lambda or rho; nil what is not there.
func (s *Synapse[F]) parts(theta []F) (omega, pull []F) {
	n := s.Task.Len()
	if s.Learned {
		omega, theta = theta[:n], theta[n:]
	}
	if s.Pull != PullFixed {
		pull = theta[:n]
	}
	return omega, pull
}

func (s *Synapse[F]) Start(theta, phi []F) {
	if s.Learned {
		copy(phi, theta)
		return
	}
	copy(phi, s.Origin)
}

func (s *Synapse[F]) StartBackward(dphi, dtheta []F) {
	if s.Learned {
		kernel.Add(dtheta[:len(dphi)], dphi)
	}
}

func (s *Synapse[F]) Gradient(phi, theta []F, beta float64, dphi, dtheta []F) (in, out float64) {
	clear(dphi)
	in = s.Task.In(phi, 1, dphi)
	if beta != 0 {
		out = s.Task.Out(phi, F(beta), dphi)
	}
	omega, pull := s.parts(theta)
	centre := s.Centre
	if omega != nil {
		centre = omega
	}
	var domega, dpull []F
	if dtheta != nil {
		domega, dpull = s.parts(dtheta)
	}
	lambda := F(s.Strength)
	for i, p := range phi {
		if pull != nil {
			lambda = s.lambda(pull, i)
		}
		d := p
		if centre != nil {
			d -= centre[i]
		}
		in += float64(lambda * d * d)
		if dphi != nil {
			dphi[i] += 2 * lambda * d
		}
		if domega != nil {
			domega[i] = -2 * lambda * d
		}
		switch {
		case dpull == nil:
		case s.Pull == PullLinear:
			dpull[i] = d * d
		default:
			dpull[i] = lambda * d * d
		}
	}
	return in, out
}

// IsCurved reports whether the task's losses are CurvedLosses.
func (s *Synapse[F]) IsCurved() bool {
	_, ok := s.Task.(CurvedLosses[F])
	return ok
}

// Curvature is as Curved says.
func (s *Synapse[F]) Curvature(phi, theta, x, hx, cx []F) {
	clear(hx)
	s.Task.(CurvedLosses[F]).InCurvature(phi, x, hx)
	omega, pull := s.parts(theta)
	centre := s.Centre
	if omega != nil {
		centre = omega
	}
	comega, cpull := s.parts(cx)
	for i, v := range x {
		lambda := s.lambda(pull, i)
		hx[i] += 2 * lambda * v
		if comega != nil {
			comega[i] = -2 * lambda * v
		}
		if cpull == nil {
			continue
		}
		d := phi[i]
		if centre != nil {
			d -= centre[i]
		}
		cpull[i] = 2 * d * v
		if s.Pull == PullLog {
			cpull[i] *= lambda
		}
	}
}

// lambda is the strength of synapse i.
func (s *Synapse[F]) lambda(pull []F, i int) F {
	switch s.Pull {
	case PullLinear:
		return pull[i]
	case PullLog:
		return F(math.Exp(float64(pull[i])))
	}
	return F(s.Strength)
}

// Nets are the losses of a plain MLP, all of whose weights are fast: phi is its
// body and then its rest.
type Nets[F kernel.Float] struct {
	Net         *MLP[F]
	Train, Eval *Set[F]
}

func (n *Nets[F]) Len() int {
	body, rest := n.Net.Len()
	return body + rest
}

func (n *Nets[F]) In(phi []F, scale F, dphi []F) float64  { return n.loss(n.Train, phi, scale, dphi) }
func (n *Nets[F]) Out(phi []F, scale F, dphi []F) float64 { return n.loss(n.Eval, phi, scale, dphi) }

func (n *Nets[F]) loss(s *Set[F], phi []F, scale F, dphi []F) float64 {
	body, _ := n.Net.Len()
	if dphi == nil {
		return n.Net.Loss(phi[:body], phi[body:], s, scale, nil, nil)
	}
	return n.Net.Loss(phi[:body], phi[body:], s, scale, dphi[:body], dphi[body:])
}

func (n *Nets[F]) InCurvature(phi, x, hx []F) {
	b, _ := n.Net.Len()
	n.Net.Curvature(phi[:b], phi[b:], n.Train, x[:b], x[b:], hx[:b], hx[b:])
}
