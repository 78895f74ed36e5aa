package plasticlstm

import "slices"

// Episodes that begin within a recording. The traces of a stream are zero there, so
// that what replays the updates of an episode begins with zeros instead of a
// checkpoint of an episode before.

// ResetStream puts the traces of stream b to zero before step t; see scan.Plastic.
// The outstanding updates of the episode that ends are made by no one.
func (p *hebbian[F]) ResetStream(t, b int) {
	p.begun[b] = append(p.begun[b], t)
	p.applied[b] = t
	a, e := p.after(t, b)
	clear(a)
	clear(e)
	if p.rule.threshold {
		clear(p.receivers(p.theta, t, b))
	}
}

// begins reports whether an episode of stream b begins with step t.
func (p *hebbian[F]) begins(t, b int) bool { return slices.Contains(p.begun[b], t) }

// beginAmong reports whether one begins in any of the streams [b0, b1).
func (p *hebbian[F]) beginAmong(b0, b1 int) bool {
	return slices.ContainsFunc(p.begun[b0:b1], func(at []int) bool { return len(at) > 0 })
}

// replay returns from which step on the updates up to step t of stream b are made
// again, and the traces before that step: a checkpoint of the group, or zeros.
func (p *hebbian[F]) replay(g *group[F], t, b, local int) (first int, a, e []F) {
	first = max(0, t/every*every)
	for _, at := range slices.Backward(p.begun[b]) {
		if at > t {
			continue
		}
		if at <= first {
			break
		}
		if a = p.nothing; p.retroactive() {
			e = p.nothing
		}
		return at, a, e
	}
	a, e = p.checkpoint(g, first/every, b, local)
	return first, a, e
}

// forget takes the pass back over the beginning of an episode: what the traces there
// have for gradients is no one's business, and no update led to them.
func (p *hebbian[F]) forget(g *group[F], local int) {
	clear(p.matrix(g.d, local))
	clear(p.matrix(g.de, local))
	for _, v := range [][]F{g.q, g.r, g.dh} {
		clear(p.vector(v, 0, local))
	}
	if p.rule.threshold {
		clear(p.vector(g.dtheta, 0, local))
	}
}
