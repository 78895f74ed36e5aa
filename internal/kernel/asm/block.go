package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of TraceBlocks[float32]; a test holds them to the struct.
const (
	blockA = 24 * iota
	blockE
	blockToA
	blockToE
	blockD
	blockDE
	blockH
	blockHC
	blockDHC
	blockDH
	blockC0
	blockC1
	blockV
	blockDotH
	blockDotA
	blockLength
	blockBlocks = blockLength + 8
	blockStride = blockLength + 16
	blockUpdate = blockLength + 24
	blockClip   = blockLength + 32
	blockKeep   = blockLength + 36
	blockDEE    = blockLength + 40
	blockMatrix = blockLength + 48 // offset of the block at work in the matrices
	blockRows   = blockLength + 56 // and in what has a number a row
)

// rows is the number of rows of a block.
const rows = 4

// blocks writes the routines that take four rows of the trace at once, which
// share the loads of the neurons' activities and the sums over rows. AVX-512
// has the registers for that.
func blocks() {
	for _, retro := range []bool{false, true} {
		blockUpdates(retro)
		blockForward(retro)
		blockBackward(retro)
	}
}

type block struct {
	*isa
	retro             bool
	row               reg.GPVirtual // the TraceBlocks
	column, left      reg.GPVirtual
	matrix            reg.GPVirtual // offset of the column in the matrices' row 0 of the block
	stride, stride3   reg.GPVirtual // of a matrix's rows, in bytes
	mask              reg.Register
	clip, floor, keep vec
}

func newBlock(name, doc string, retro bool) *block {
	s := avx512
	kind := "Hebb"
	if retro {
		kind = "Retro"
	}
	s.text(fmt.Sprintf("%s%s", name, kind), "(r *byte)", doc)
	b := &block{isa: s, retro: retro, row: GP64(), column: GP64(), matrix: GP64(), left: GP64(), stride: GP64(), stride3: GP64()}
	Load(Param("r"), b.row)
	b.clip = b.number(blockClip)
	b.floor = s.zero()
	VSUBPS(b.clip, b.floor, b.floor)
	if retro {
		b.keep = b.number(blockKeep)
	}
	MOVQ(b.at(blockLength), b.stride)
	SHLQ(Imm(2), b.stride)
	LEAQ(Mem{Base: b.stride, Index: b.stride, Scale: 2}, b.stride3)
	MOVQ(U32(0), b.at(blockMatrix))
	MOVQ(U32(0), b.at(blockRows))
	return b
}

// each emits the loop over blocks.
func (b *block) each(body func()) {
	next := label("rows")
	Label(next)
	XORQ(b.column, b.column)
	MOVQ(b.at(blockMatrix), b.matrix)
	MOVQ(b.at(blockLength), b.left)
	body()
	step := GP64()
	LEAQ(Mem{Base: b.stride, Index: b.stride3, Scale: 1}, step)
	ADDQ(step, b.at(blockMatrix))
	ADDQ(Imm(4*rows), b.at(blockRows))
	DECQ(b.at(blockBlocks))
	JNZ(LabelRef(next))
	ret()
}

func (b *block) at(field int) Mem { return Mem{Base: b.row, Disp: field} }

func (b *block) number(field int) vec {
	v := b.vec()
	VBROADCASTSS(b.at(field), v)
	return v
}

func (b *block) load(m Mem) vec              { return access{b.isa, b.mask}.load(m) }
func (b *block) store(v reg.Register, m Mem) { access{b.isa, b.mask}.store(v, m) }

func (b *block) plus(field int, offset Op) reg.GPVirtual {
	p := GP64()
	MOVQ(b.at(field), p)
	ADDQ(offset, p)
	return p
}

// here returns a pointer to the columns at work of a vector.
func (b *block) here(field int) reg.GPVirtual { return b.plus(field, b.column) }

// row0 returns a pointer to the columns at work of a matrix, in the block's first row.
func (b *block) row0(field int) reg.GPVirtual { return b.plus(field, b.matrix) }

// numbers returns a pointer to the block's numbers, one a row.
func (b *block) numbers(field int) reg.GPVirtual { return b.plus(field, b.at(blockRows)) }

// of returns row r of the matrix whose row 0 p points to.
func (b *block) of(p reg.GPVirtual, r int) Mem {
	switch r {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: b.stride3, Scale: 1}
	}
	return Mem{Base: p, Index: b.stride, Scale: uint8(r)}
}

func (b *block) all(field int) (v [rows]vec) {
	p := b.row0(field)
	for r := range v {
		v[r] = b.load(b.of(p, r))
	}
	return v
}

func (b *block) storeAll(v [rows]vec, field int) {
	p := b.row0(field)
	for r := range v {
		b.store(v[r], b.of(p, r))
	}
}

// coefs walks over the two numbers of each row of the updates.
type coefs struct{ c0, c1 reg.GPVirtual }

func (b *block) coefs() (c coefs) {
	if b.retro {
		c.c0 = b.numbers(blockC0)
	}
	c.c1 = b.numbers(blockC1)
	return c
}

func (b *block) advance(c coefs, h reg.GPVirtual) {
	if b.retro {
		ADDQ(b.at(blockStride), c.c0)
	}
	ADDQ(b.at(blockStride), c.c1)
	ADDQ(b.at(blockStride), h)
}

func number4(p reg.GPVirtual, r int) Mem { return Mem{Base: p, Disp: 4 * r} }

// propose changes the rows a by an update, before the clip.
func (b *block) propose(a, e [rows]vec, h vec, c coefs) {
	for r := range a {
		if b.retro {
			VFMADD231PS_BCST(number4(c.c0, r), e[r], a[r])
		} else {
			VFMADD231PS_BCST(number4(c.c1, r), h, a[r])
		}
	}
}

func (b *block) bound(x, to vec) {
	VMINPS(x, b.clip, to)
	VMAXPS(to, b.floor, to)
}

func (b *block) fade(e [rows]vec, h vec, c coefs) {
	for r := range e {
		VMULPS(b.keep, e[r], e[r])
		VFMADD231PS_BCST(number4(c.c1, r), h, e[r])
	}
}

func (b *block) columns(body func()) {
	next, tail, done := label("block"), label("tail"), label("done")
	Label(next)
	CMPQ(b.left, Imm(uint64(b.lanes)))
	JLT(LabelRef(tail))
	b.mask = nil
	body()
	ADDQ(Imm(uint64(4*b.lanes)), b.column)
	ADDQ(Imm(uint64(4*b.lanes)), b.matrix)
	SUBQ(Imm(uint64(b.lanes)), b.left)
	JMP(LabelRef(next))
	Label(tail)
	TESTQ(b.left, b.left)
	JZ(LabelRef(done))
	b.mask = b.maskOf(b.left)
	body()
	Label(done)
}

func (b *block) sums() (v [rows]vec) {
	for r := range v {
		v[r] = b.zero()
	}
	return v
}

func (b *block) out(sums [rows]vec, field int) {
	p := b.numbers(field)
	for r, v := range sums {
		VMOVSS(b.reduce(v, 4, VADDPS), number4(p, r))
	}
}

func blockForward(retro bool) {
	b := newBlock("blockForward", "is TraceBlocksForward.", retro)
	b.each(func() {
		sum := b.sums()
		b.columns(func() {
			a, h, c := b.all(blockA), b.load(at(b.here(blockH))), b.coefs()
			var e [rows]vec
			if retro {
				e = b.all(blockE)
			}
			b.propose(a, e, h, c)
			hc := b.load(at(b.here(blockHC)))
			for r := range a {
				b.bound(a[r], a[r])
				VFMADD231PS(hc, a[r], sum[r])
			}
			b.storeAll(a, blockToA)
			if retro {
				b.fade(e, h, c)
				b.storeAll(e, blockToE)
			}
		})
		b.out(sum, blockDotH)
	})
}

func blockUpdates(retro bool) {
	b := newBlock("blockUpdate", "is TraceBlocksUpdate.", retro)
	b.each(func() {
		b.columns(func() {
			a := b.all(blockA)
			var e [rows]vec
			if retro {
				e = b.all(blockE)
			}
			count := GP64()
			MOVQ(b.at(blockUpdate), count)
			b.replay(count, b.coefs(), b.here(blockH), a, e)
			b.storeAll(a, blockToA)
			if retro {
				b.storeAll(e, blockToE)
			}
		})
	})
}

// replay emits count updates of a and e, over which c and h walk.
func (b *block) replay(count reg.GPVirtual, c coefs, hp reg.GPVirtual, a, e [rows]vec) {
	next, done := label("update"), label("updated")
	Label(next)
	TESTQ(count, count)
	JZ(LabelRef(done))
	h := b.load(at(hp))
	b.propose(a, e, h, c)
	for r := range a {
		b.bound(a[r], a[r])
	}
	if b.retro {
		b.fade(e, h, c)
	}
	b.advance(c, hp)
	DECQ(count)
	JMP(LabelRef(next))
	Label(done)
}

// equal is the predicate of VCMPPS that is false for a NaN and does not signal.
const equal = 0

func blockBackward(retro bool) {
	b := newBlock("blockBackward", "is TraceBlocksBackward.", retro)
	var dee vec
	if retro {
		dee = b.zero()
	}
	b.each(func() {
		dotH := b.sums()
		var dotA [rows]vec
		if retro {
			dotA = b.sums()
		}
		b.columns(func() { b.adjoint(dotH, dotA, dee) })
		b.out(dotH, blockDotH)
		if retro {
			b.out(dotA, blockDotA)
			total := b.copyOf(dee)
			VMOVSS(b.reduce(total, 4, VADDPS), b.at(blockDEE))
		}
	})
}

// adjoint replays the updates of the columns at work and goes backward through
// the last one and the input that read the trace after it.
func (b *block) adjoint(dotH, dotA [rows]vec, dee vec) {
	a := b.all(blockA)
	var e [rows]vec
	if b.retro {
		e = b.all(blockE)
	}
	c, hp, count := b.coefs(), b.here(blockH), GP64()
	MOVQ(b.at(blockUpdate), count)
	DECQ(count)
	b.replay(count, c, hp, a, e)
	h := b.load(at(hp))
	b.propose(a, e, h, c)

	hc, dhcAt, dhAt := b.load(at(b.here(blockHC))), b.here(blockDHC), b.here(blockDH)
	dhc, dh := b.load(at(dhcAt)), b.load(at(dhAt))
	v, dAt := b.numbers(blockV), b.row0(blockD)
	var deAt reg.GPVirtual
	if b.retro {
		deAt = b.row0(blockDE)
	}
	for r := range a {
		after, within := b.vec(), K()
		b.bound(a[r], after)
		VCMPPS(Imm(equal), a[r], after, within)
		VFMADD231PS_BCST(number4(v, r), after, dhc)
		d := b.load(b.of(dAt, r))
		VFMADD231PS_BCST_Z(number4(v, r), hc, within, d)
		b.store(d, b.of(dAt, r))
		if !b.retro {
			VFMADD231PS(h, d, dotH[r])
			VFMADD231PS_BCST(number4(c.c1, r), d, dh)
			continue
		}
		de := b.load(b.of(deAt, r))
		VFMADD231PS(h, de, dotA[r])
		VFMADD231PS(e[r], de, dee)
		VFMADD231PS_BCST(number4(c.c1, r), de, dh)
		VMULPS(b.keep, de, de)
		VFMADD231PS_BCST(number4(c.c0, r), d, de)
		b.store(de, b.of(deAt, r))
		VFMADD231PS(e[r], d, dotH[r])
	}
	b.store(dhc, at(dhcAt))
	b.store(dh, at(dhAt))
}
