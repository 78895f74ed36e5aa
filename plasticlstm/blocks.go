package plasticlstm

import (
	"unsafe"

	"github.com/engram-lm/engram/internal/kernel"
)

// blocked returns how many rows of a trace go through the kernel's blocks, which
// share the loads of what rows have in common: none unless rate and alpha are
// per neuron or layer and the trace has no pull of its own. The other rows go
// one by one.
func (p *hebbian[F]) blocked() int {
	pulls := p.opt.Rule == Decay || p.opt.Rule == Oja
	if p.rateMatrix() || p.alphaMatrix() || pulls || !kernel.HasBlocks[F]() {
		return 0
	}
	return p.n - p.n%kernel.BlockRows
}

// blockUpdates sets up the updates of steps [first, last] of all blocked rows of
// stream b, from the traces in a and e, matrices of that stream.
func (p *hebbian[F]) blockUpdates(r *kernel.TraceBlocks[F], first, last, b int, a, e []F) {
	r.N, r.Blocks = p.n, p.blocked()/kernel.BlockRows
	r.A, r.E, r.Clip = a, e, p.clip
	r.H, r.C0, r.C1 = p.of(p.h, first, b), p.of(p.rate, first, b), p.of(p.step, first, b)
	r.StrideBytes, r.Updates = p.batch*p.n*int(unsafe.Sizeof(F(0))), last-first+1
	if p.retroactive() {
		r.Keep = 1 - p.traceRate[0]
	}
}

// blockUpdate makes the outstanding update of step t in all blocked rows of
// stream b.
func (p *hebbian[F]) blockUpdate(t, b int) {
	kernel.TraceBlocksUpdate(p.outstanding(t, b))
}

// outstanding sets that update up.
func (p *hebbian[F]) outstanding(t, b int) *kernel.TraceBlocks[F] {
	r := &p.blocks[b]
	a, e := p.a, p.e
	if p.applied[b] == 0 {
		a, e = p.a0, p.e0
	}
	p.blockUpdates(r, t, t, b, p.matrix(a, b), p.matrix(e, b))
	r.ToA, r.ToE = p.matrix(p.a, b), p.matrix(p.e, b)
	return r
}

// blockCheckpoint makes checkpoint i of all blocked rows of stream b, i > 0.
func (p *hebbian[F]) blockCheckpoint(g *group[F], i, b, local int) {
	a, e := p.blockStart(g, i-1, b, local)
	p.blockUpdates(&g.block, (i-1)*every, i*every-1, b, a, e)
	g.block.ToA, g.block.ToE = p.matrix(g.ck[i], local), p.matrix(g.ec[i], local)
	kernel.TraceBlocksUpdate(&g.block)
}

// blockStart is start for a whole matrix.
func (p *hebbian[F]) blockStart(g *group[F], i, b, local int) (a, e []F) {
	if i == 0 {
		return p.matrix(p.a0, b), p.matrix(p.e0, b)
	}
	return p.matrix(g.ck[i], local), p.matrix(g.ec[i], local)
}

// blockDrive makes the update of step t-1 and sets s, the plastic inputs at step
// t before alpha, of all blocked rows of stream b.
func (p *hebbian[F]) blockDrive(t, b int, h, s []F) {
	r := p.outstanding(t-1, b)
	r.HC, r.DotH = h, s
	kernel.TraceBlocksForward(r)
}

// blockBackward is DriveBackward for all blocked rows of stream b, t > 0.
func (p *hebbian[F]) blockBackward(g *group[F], t, b, local int, dz, dhPrev []F) {
	n, r, i := p.n, &g.block, (t-1)/every
	for j := range g.v {
		g.v[j] = dz[j] * p.alphaAt(j)
	}
	a, e := p.blockStart(g, i, b, local)
	p.blockUpdates(r, i*every, t-1, b, a, e)
	r.D, r.DE = p.matrix(g.d, local), p.matrix(g.de, local)
	r.HC, r.DHC, r.DH, r.V = p.of(p.h, t, b), dhPrev, g.dh[local*n:(local+1)*n], g.v
	r.DotH, r.DotA = g.q[local*n:(local+1)*n], g.r[local*n:(local+1)*n]
	kernel.TraceBlocksBackward(r)
	if p.retroactive() {
		rows := p.blocked()
		g.traceRate += kernel.Dot(p.of(p.g, t-1, b)[:rows], r.DotA[:rows]) - r.DEE
	}
}

// matrix returns the matrix of stream b in a [B, H, H] buffer, nil without one.
func (p *hebbian[F]) matrix(buf []F, b int) []F {
	if len(buf) == 0 {
		return nil
	}
	return buf[b*p.n*p.n : (b+1)*p.n*p.n]
}
