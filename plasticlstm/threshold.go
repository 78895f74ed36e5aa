package plasticlstm

// The sliding thresholds of a rule that has them; see BCM. They are vectors, so that
// all of a window's are kept.

// slide moves the thresholds of stream b by step t.
func (p *hebbian[F]) slide(t, b int) {
	k, g := p.thresholdRate[0], p.receivers(p.g, t, b)
	was, next := p.receivers(p.theta, t, b), p.receivers(p.theta, t+1, b)
	for j, g := range g {
		next[j] = was[j] + k*(g*g-was[j])
	}
}

// slideBackward is slide's adjoint, and that of the thresholds' part in s, whose
// gradients are ds: it takes dtheta from those of the thresholds after step t to those
// before, adds to dg, and to the gradient of k.
func (p *hebbian[F]) slideBackward(g *group[F], t, b int, dtheta, ds, dg []F) {
	k := p.thresholdRate[0]
	was := p.receivers(p.theta, t, b)
	for j, post := range p.receivers(p.g, t, b) {
		d := dtheta[j]
		g.thresholdRate += d * (post*post - was[j])
		dg[j] += 2 * k * post * d
		dtheta[j] = (1-k)*d + F(p.rule.byThreshold(float64(post)))*ds[j]
	}
}
