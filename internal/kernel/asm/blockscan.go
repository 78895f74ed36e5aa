package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A walk points to what the updates read: the sending neurons and the two
// numbers of each row.
type walk struct{ h, c0, c1, rate reg.GPVirtual }

func (b *block) walk() (w walk) {
	if p, ok := b.pinned[blockH]; ok {
		w.h = p
	} else {
		w.h = b.plus(blockH, b.column)
	}
	w.c1 = b.numbers(blockC1)
	if b.retro {
		w.c0 = b.numbers(blockC0)
	}
	if b.rates {
		w.rate = b.row0(blockRate)
	}
	return w
}

func number4(m Mem, r int) Mem {
	m.Disp += 4 * r
	return m
}

// broadcast returns the numbers of the rows that m points to, each in all lanes.
func (b *block) broadcast(m Mem) (v lines) {
	for r := range v {
		v[r] = b.vec()
		VBROADCASTSS(number4(m, r), v[r])
	}
	return v
}

// propose changes the rows a by update k, before the clip.
func (b *block) propose(a, e lines, h vec, w walk, k int) {
	for r := range a {
		from, c := h, b.after(w.c1, k)
		if b.retro {
			from, c = e[r], b.after(w.c0, k)
		}
		if b.rates {
			scaled := b.vec()
			VMULPS(b.of(w.rate, r), from, scaled)
			from = scaled
		}
		VFMADD231PS_BCST(number4(c, r), from, a[r])
	}
}

// proposeLast is propose for the last update of a Hebbian trace.
func (b *block) proposeLast(a lines, h vec, c1 lines, w walk) {
	for r := range a {
		from := h
		if b.rates {
			from = b.vec()
			VMULPS(b.of(w.rate, r), h, from)
		}
		VFMADD231PS(c1[r], from, a[r])
	}
}

// bound clamps x. VRANGEPS takes the operand of smaller magnitude with the sign
// of x: half the work of MIN and MAX, but it takes a bound for a NaN.
func (b *block) bound(x, to vec) { VRANGEPS(Imm(2), b.clip, x, to) }

// fade is update k of the eligibility traces.
func (b *block) fade(e lines, h vec, w walk, k int) {
	for r := range e {
		VMULPS(b.keep, e[r], e[r])
		VFMADD231PS_BCST(number4(b.after(w.c1, k), r), h, e[r])
	}
}

// largestMagnitude makes VRANGEPS yield the larger of two magnitudes.
const largestMagnitude = 0b1011

// replay emits the first count updates; peak, unless nil, takes the largest
// magnitude before the clip.
func (b *block) replay(count int, a, e lines, w walk, peak vec) {
	for k := range count {
		h := b.copyOf(b.after(w.h, k))
		b.propose(a, e, h, w, k)
		for r := range a {
			if peak != nil {
				VRANGEPS(Imm(largestMagnitude), a[r], peak, peak)
			}
			if !b.free {
				b.bound(a[r], a[r])
			}
		}
		if b.retro {
			b.fade(e, h, w, k)
		}
	}
}

func (b *block) sums() (v lines) {
	for r := range v {
		v[r] = b.zero()
	}
	return v
}

func (b *block) out(sums lines, field int) {
	p := b.numbers(field)
	for r, v := range sums {
		VMOVSS(b.reduce(v, 4, VADDPS), number4(at(p), r))
	}
}

func blockUpdates(variant int, free bool) {
	b := newBlock("blockUpdate", "is TraceBlocksUpdate.", variant, free)
	b.each(1, maxUpdates, func(updates int) {
		b.columns(func() {
			a, e := b.all(blockA), b.elig()
			b.replay(updates, a, e, b.walk(), nil)
			b.storeAll(a, blockToA)
			if b.retro {
				b.storeAll(e, blockToE)
			}
		})
	})
}

func blockForward(variant int) {
	b := newBlock("blockForward", "is TraceBlocksForward.", variant, false)
	b.each(0, 1, func(updates int) {
		b.pin(blockA, blockToA, blockHC, blockH)
		sum, peak := b.sums(), b.zero()
		b.columns(func() {
			a := b.all(blockA)
			b.fetch(blockA)
			if updates > 0 {
				e := b.elig()
				if b.retro {
					b.fetch(blockE)
				}
				b.replay(updates, a, e, b.walk(), peak)
				b.storeAll(a, blockToA)
				if b.retro {
					b.storeAll(e, blockToE)
				}
			}
			hc := b.copyOf(b.here(blockHC))
			var alpha reg.GPVirtual
			if b.alphas {
				alpha = b.row0(blockAlpha)
			}
			for r := range a {
				if b.alphas {
					VMULPS(b.of(alpha, r), a[r], a[r])
				}
				VFMADD231PS(hc, a[r], sum[r])
			}
		})
		b.out(sum, blockDotH)
		x := b.reduce(peak, 4, VMAXPS)
		VMAXSS(b.at(blockPeak), x, x)
		VMOVSS(x, b.at(blockPeak))
	})
}

// equal is the predicate of VCMPPS that is false for a NaN and does not signal.
const equal = 0

func blockBackward(variant int, free bool) {
	b := newBlock("blockBackward", "is TraceBlocksBackward.", variant, free)
	var dee vec
	if b.retro {
		dee = b.zero()
	}
	b.each(1, maxUpdates, func(updates int) {
		switch {
		case !b.retro && !b.rates && !b.alphas:
			b.pin(blockA, blockD, blockH, blockC1, blockHC, blockDHC, blockDH)
		case !b.retro:
			b.pin(blockA, blockD)
		default:
			b.pin(blockA, blockD)
		}
		dotH := b.sums()
		var dotA lines
		if b.retro {
			dotA = b.sums()
			b.clear(dee)
		}
		// What each column needs several times waits in registers: loads are as
		// scarce as multiplications.
		v := b.broadcast(at(b.numbers(blockV)))
		var c1 lines
		if !b.retro {
			c1 = b.broadcast(b.after(b.numbers(blockC1), updates-1))
		}
		b.columns(func() { b.adjoint(updates, v, c1, dotH, dotA, dee) })
		b.out(dotH, blockDotH)
		if b.retro {
			b.out(dotA, blockDotA)
			sum := b.copyOf(dee)
			x := b.reduce(sum, 4, VADDPS)
			VADDSS(b.at(blockDEE), x, x)
			VMOVSS(x, b.at(blockDEE))
		}
	})
}

// adjoint replays the updates of the columns at work and goes backward through
// the last one and the input that read the trace after it.
func (b *block) adjoint(updates int, v, c1, dotH, dotA lines, dee vec) {
	a, e := b.all(blockA), b.elig()
	b.fetch(blockA)
	if b.retro {
		b.fetch(blockE)
		b.fetch(blockDE)
	}
	w, last := b.walk(), updates-1
	b.replay(last, a, e, w, nil)
	h := b.copyOf(b.after(w.h, last))
	if b.retro {
		b.propose(a, e, h, w, last)
	} else {
		b.proposeLast(a, h, c1, w)
	}

	hc, dhc, dh := b.copyOf(b.here(blockHC)), b.copyOf(b.here(blockDHC)), b.copyOf(b.here(blockDH))
	dAt := b.row0(blockD)
	for r := range a {
		after := a[r]
		var within reg.Register
		if !b.free {
			after, within = b.vec(), K()
			b.bound(a[r], after)
			VCMPPS(Imm(equal), a[r], after, within)
		}
		d := b.copyOf(b.of(dAt, r))
		b.input(r, after, hc, dhc, d, within, v[r])
		VMOVUPS(d, b.of(dAt, r))
		if b.retro {
			b.retroactive(r, d, e[r], h, dh, dotH[r], dotA[r], dee, w, last)
		} else {
			b.hebbian(r, d, h, dh, dotH[r], c1[r], w)
		}
	}
	b.fetch(blockD)
	VMOVUPS(dhc, b.here(blockDHC))
	VMOVUPS(dh, b.here(blockDH))
}

// input goes backward through the plastic input of row r; d becomes the gradient
// of the trace before its clip. Free blocks have one alpha a row.
func (b *block) input(r int, after, hc, dhc, d vec, within reg.Register, v vec) {
	if !b.alphas {
		VFMADD231PS(v, after, dhc)
		if b.free {
			VFMADD231PS(v, hc, d)
		} else {
			VFMADD231PS_Z(v, hc, within, d)
		}
		return
	}
	weight, dweight := b.vec(), b.vec()
	VMULPS(v, hc, dweight)
	p := b.row0(blockDAlpha)
	sum := b.copyOf(b.of(p, r))
	VFMADD231PS(after, dweight, sum)
	VMOVUPS(sum, b.of(p, r))
	VMOVUPS(b.of(b.row0(blockAlpha), r), weight)
	VFMADD231PS_Z(weight, dweight, within, d)
	VMULPS(after, weight, weight)
	VFMADD231PS(v, weight, dhc)
}

// hebbian goes backward through the last update of row r.
func (b *block) hebbian(r int, d, h, dh, dotH, c1 vec, w walk) {
	if b.rates {
		drate := b.vec()
		VMULPS(h, d, drate)
		p := b.row0(blockDRate)
		sum := b.copyOf(b.of(p, r))
		VFMADD231PS(c1, drate, sum)
		VMOVUPS(sum, b.of(p, r))
		scaled := b.vec()
		VMULPS(b.of(w.rate, r), d, scaled)
		d = scaled
	}
	VFMADD231PS(h, d, dotH)
	VFMADD231PS(c1, d, dh)
}

// retroactive is hebbian with an eligibility trace.
func (b *block) retroactive(r int, d, e, h, dh, dotH, dotA, dee vec, w walk, last int) {
	p := b.row0(blockDE)
	de := b.copyOf(b.of(p, r))
	VFMADD231PS(h, de, dotA)
	VFMADD231PS(e, de, dee)
	VFMADD231PS_BCST(number4(b.after(w.c1, last), r), de, dh)
	VMULPS(b.keep, de, de)
	c0 := number4(b.after(w.c0, last), r)
	if b.rates {
		drate := b.vec()
		VMULPS(e, d, drate)
		q := b.row0(blockDRate)
		sum := b.copyOf(b.of(q, r))
		VFMADD231PS_BCST(c0, drate, sum)
		VMOVUPS(sum, b.of(q, r))
		scaled := b.vec()
		VMULPS(b.of(w.rate, r), d, scaled)
		d = scaled
	}
	VFMADD231PS_BCST(c0, d, de)
	VMOVUPS(de, b.of(p, r))
	VFMADD231PS(e, d, dotH)
}
