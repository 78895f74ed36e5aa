package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of TraceRow[float32]; a test holds them to the struct.
const (
	rowA = 24 * iota
	rowE
	rowToA
	rowToE
	rowD
	rowDE
	rowRate
	rowDRate
	rowAlpha
	rowDAlpha
	rowH
	rowHC
	rowDHC
	rowDH
	rowCoef
	rowStride
	rowUpdates = rowStride + 8
	rowClip    = rowStride + 16
	rowKeep    = rowStride + 20
	rowV       = rowStride + 24
	rowDotH    = rowStride + 28
	rowDotA    = rowStride + 32
	rowDEE     = rowStride + 36
	rowLength  = rowA + 8
)

// traces writes the row routines of the plastic scan, each for every variant of
// TraceRow: a set bit 4 is an eligibility trace, 2 a rate per connection, 1 an
// alpha per connection. A block of columns goes through all of a routine in
// registers.
func traces(s *isa) {
	for v := range 8 {
		s.traceForward(v)
		s.traceBackward(v)
		if v&1 == 0 {
			s.traceUpdate(v)
		}
	}
}

// trace is a routine under way.
type trace struct {
	*isa
	retro, rates, alphas bool
	row                  reg.GPVirtual
	column, left         reg.GPVirtual
	base                 map[int]reg.GPVirtual // pointers that are kept in registers
	mask                 reg.Register
	clip, floor, keep    vec
}

func (s *isa) trace(name, signature, doc string, variant int, keep ...int) *trace {
	s.text(fmt.Sprintf("%s%d", name, variant), signature, doc)
	t := &trace{isa: s, retro: variant&4 != 0, rates: variant&2 != 0, alphas: variant&1 != 0, base: map[int]reg.GPVirtual{}}
	t.row = GP64()
	Load(Param("r"), t.row)
	for _, field := range keep {
		p := GP64()
		MOVQ(t.at(field), p)
		t.base[field] = p
	}
	t.clip = t.number(rowClip)
	t.floor = s.zero()
	VSUBPS(t.clip, t.floor, t.floor)
	if t.retro && t.lanes == 16 {
		t.keep = t.number(rowKeep)
	}
	t.column, t.left = GP64(), GP64()
	XORQ(t.column, t.column)
	MOVQ(t.at(rowLength), t.left)
	return t
}

func (t *trace) at(field int) Mem { return Mem{Base: t.row, Disp: field} }

// number broadcasts a float32 field.
func (t *trace) number(field int) vec {
	v := t.vec()
	VBROADCASTSS(t.at(field), v)
	return v
}

// of returns the block's columns of a row.
func (t *trace) of(field int) Mem {
	p, ok := t.base[field]
	if !ok {
		p = GP64()
		MOVQ(t.at(field), p)
	}
	return Mem{Base: p, Index: t.column, Scale: 1}
}

func (t *trace) load(m Mem) vec              { return access{t.isa, t.mask}.load(m) }
func (t *trace) store(v reg.Register, m Mem) { access{t.isa, t.mask}.store(v, m) }
func (t *trace) add(field int, x, y reg.Register) { // field += x y
	v := t.load(t.of(field))
	VFMADD231PS(y, x, v)
	t.store(v, t.of(field))
}

// kept is Keep in a register; AVX2 has none to spare for it between uses.
func (t *trace) kept() vec {
	if t.keep != nil {
		return t.keep
	}
	return t.number(rowKeep)
}

// columns emits the loop over blocks, the last one under a mask.
func (t *trace) columns(body func()) {
	next, tail, done := label("block"), label("tail"), label("done")
	Label(next)
	CMPQ(t.left, Imm(uint64(t.lanes)))
	JLT(LabelRef(tail))
	t.mask = nil
	body()
	ADDQ(Imm(uint64(4*t.lanes)), t.column)
	SUBQ(Imm(uint64(t.lanes)), t.left)
	JMP(LabelRef(next))
	Label(tail)
	TESTQ(t.left, t.left)
	JZ(LabelRef(done))
	t.mask = t.maskOf(t.left)
	body()
	Label(done)
}

// bound clamps x. Of a NaN and a bound, MIN and MAX give the second source, so
// that a NaN stays.
func (t *trace) bound(x, to vec) {
	VMINPS(x, t.clip, to)
	VMAXPS(to, t.floor, to)
}

// propose sets x, which may be a, to the trace after an update with the
// coefficients c0 and c1, before the clip. h may be nil if retroactive.
func (t *trace) propose(x, a, e, h, rate, c0, c1 vec) {
	switch {
	case t.retro && t.rates:
		step := t.vec()
		VMULPS(rate, e, step)
		if x != a {
			VMOVAPS(a, x)
		}
		VFMADD231PS(step, c0, x)
	case t.retro:
		if x != a {
			VMOVAPS(a, x)
		}
		VFMADD231PS(e, c0, x)
	case t.rates:
		step := t.vec()
		VMULPS(h, c0, step)
		VFNMADD231PS(a, c1, step)
		if x != a {
			VMOVAPS(a, x)
		}
		VFMADD231PS(step, rate, x)
	default:
		VMULPS(a, c0, x)
		VFMADD231PS(h, c1, x)
	}
}

// fade is the eligibility trace's step: e = keep e + c1 h.
func (t *trace) fade(e, h, c1 vec) {
	VMULPS(t.kept(), e, e)
	VFMADD231PS(h, c1, e)
}

// coefs broadcasts the two numbers of the update that p points to.
func (t *trace) coefs(p reg.Register) (c0, c1 vec) {
	c0, c1 = t.vec(), t.vec()
	VBROADCASTSS(Mem{Base: p}, c0)
	VBROADCASTSS(Mem{Base: p, Disp: 4}, c1)
	return c0, c1
}

// replay emits count updates of a and e; coef and h move behind them.
func (t *trace) replay(count, coef, h, stride reg.GPVirtual, a, e, rate vec) {
	next, done := label("update"), label("updated")
	Label(next)
	TESTQ(count, count)
	JZ(LabelRef(done))
	c0, c1 := t.coefs(coef)
	hv := t.load(Mem{Base: h})
	t.propose(a, a, e, hv, rate, c0, c1)
	t.bound(a, a)
	if t.retro {
		t.fade(e, hv, c1)
	}
	ADDQ(Imm(8), coef)
	ADDQ(stride, h)
	DECQ(count)
	JMP(LabelRef(next))
	Label(done)
}

// walk returns registers that walk over the updates of a block.
func (t *trace) walk() (coef, h reg.GPVirtual) {
	coef, h = GP64(), GP64()
	MOVQ(t.at(rowCoef), coef)
	MOVQ(t.at(rowH), h)
	ADDQ(t.column, h)
	return coef, h
}

func (t *trace) stride() reg.GPVirtual {
	stride := GP64()
	MOVQ(t.at(rowStride), stride)
	SHLQ(Imm(2), stride)
	return stride
}

func (t *trace) rate() vec {
	if t.rates {
		return t.load(t.of(rowRate))
	}
	return nil
}

func (t *trace) elig() vec {
	if t.retro {
		return t.load(t.of(rowE))
	}
	return nil
}

func (s *isa) traceUpdate(variant int) {
	t := s.trace("traceUpdate", "(r *byte)", "is TraceUpdate.", variant, rowA)
	stride := t.stride()
	t.columns(func() {
		a, e, rate := t.load(t.of(rowA)), t.elig(), t.rate()
		coef, h := t.walk()
		count := GP64()
		MOVQ(t.at(rowUpdates), count)
		t.replay(count, coef, h, stride, a, e, rate)
		t.store(a, t.of(rowToA))
		if t.retro {
			t.store(e, t.of(rowToE))
		}
	})
	ret()
}

func (s *isa) traceForward(variant int) {
	t := s.trace("traceForward", "(r *byte) float32", "is TraceForward.", variant, rowA, rowH, rowHC)
	coef := GP64()
	MOVQ(t.at(rowCoef), coef)
	c0, c1 := t.coefs(coef)
	sum := t.zero()
	t.columns(func() {
		a, e, h := t.load(t.of(rowA)), t.elig(), t.load(t.of(rowH))
		t.propose(a, a, e, h, t.rate(), c0, c1)
		t.bound(a, a)
		t.store(a, t.of(rowToA))
		if t.retro {
			t.fade(e, h, c1)
			t.store(e, t.of(rowToE))
		}
		if t.alphas {
			VMULPS(t.load(t.of(rowAlpha)), a, a)
		}
		VFMADD231PS(t.load(t.of(rowHC)), a, sum)
	})
	Store(t.reduce(sum, 4, VADDPS), ReturnIndex(0))
	ret()
}

// masked zeroes d where |x| > clip, or x is NaN.
func (t *trace) masked(d, x vec) {
	if t.lanes == 16 {
		k, k2 := K(), K()
		VCMPPS(Imm(cmpLE), t.clip, x, k)
		VCMPPS(Imm(cmpGE), t.floor, x, k, k2)
		VMOVAPS_Z(d, k2, d)
		return
	}
	within := t.vec()
	VCMPPS(Imm(cmpLE), t.clip, x, within)
	VANDPS(within, d, d)
	VCMPPS(Imm(cmpGE), t.floor, x, within)
	VANDPS(within, d, d)
}

// Predicates of VCMPPS that are false for a NaN and do not signal.
const (
	cmpLE = 18
	cmpGE = 29
)

func (s *isa) traceBackward(variant int) {
	t := s.trace("traceBackward", "(r *byte)", "is TraceBackward.", variant, rowA, rowD, rowHC, rowDHC, rowDH)
	stride := t.stride()
	dotH, dotA := t.zero(), t.zero()
	var dee vec
	if t.retro {
		dee = t.zero()
	}
	t.columns(func() {
		a, e, rate := t.load(t.of(rowA)), t.elig(), t.rate()
		coef, hp := t.walk()
		count := GP64()
		MOVQ(t.at(rowUpdates), count)
		DECQ(count)
		t.replay(count, coef, hp, stride, a, e, rate)
		c0, c1 := t.coefs(coef)
		h := t.load(Mem{Base: hp})
		x := t.vec()
		t.propose(x, a, e, h, rate, c0, c1)

		// The plastic input that read the trace after the update.
		after, hc, v := t.vec(), t.load(t.of(rowHC)), t.number(rowV)
		t.bound(x, after)
		if t.alphas {
			product := t.vec()
			VMULPS(after, hc, product)
			t.add(rowDAlpha, product, v)
			VMULPS(t.load(t.of(rowAlpha)), v, v)
		}
		t.add(rowDHC, after, v)
		d := t.load(t.of(rowD))
		VFMADD231PS(hc, v, d)
		t.masked(d, x)

		// The update.
		if t.lanes == 8 { // short of registers: these were given up on the way
			c0, c1 = t.coefs(coef)
			rate = t.rate()
		}
		switch {
		case t.retro:
			de := t.load(t.of(rowDE))
			VFMADD231PS(h, de, dotA)
			VFMADD231PS(e, de, dee)
			t.add(rowDH, de, c1)
			t.store(d, t.of(rowD))
			VMULPS(t.kept(), de, de)
			step := t.vec()
			VMULPS(c0, d, step)
			if t.rates {
				t.add(rowDRate, step, e)
				VMULPS(rate, step, step)
				VMULPS(rate, d, d)
			}
			VADDPS(step, de, de)
			t.store(de, t.of(rowDE))
			VFMADD231PS(e, d, dotH)
		case t.rates:
			pull := t.vec()
			VMULPS(h, c0, pull)
			VFNMADD231PS(a, c1, pull)
			t.add(rowDRate, pull, d)
			VMULPS(d, rate, rate)
			VFMADD231PS(h, rate, dotH)
			VFMADD231PS(a, rate, dotA)
			t.add(rowDH, rate, c0)
			VFNMADD231PS(rate, c1, d)
			t.store(d, t.of(rowD))
		default:
			VFMADD231PS(h, d, dotH)
			VFMADD231PS(a, d, dotA)
			t.add(rowDH, d, c1)
			VMULPS(c0, d, d)
			t.store(d, t.of(rowD))
		}
	})
	VMOVSS(t.reduce(dotH, 4, VADDPS), t.at(rowDotH))
	VMOVSS(t.reduce(dotA, 4, VADDPS), t.at(rowDotA))
	if t.retro {
		VMOVSS(t.reduce(dee, 4, VADDPS), t.at(rowDEE))
	}
	ret()
}
