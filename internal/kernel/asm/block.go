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
	blockRate
	blockDRate
	blockAlpha
	blockDAlpha
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
	blockPeak   = blockLength + 44
	blockMatrix = blockLength + 48 // offset of the block at work in the matrices
	blockRows   = blockLength + 56 // and in what has a number a row
)

const (
	rows       = 4 // of a block
	maxUpdates = 5 // in one call; each number of them has a loop of its own
)

// blocks writes the routines that take four rows of the trace at once, which
// share the loads of the neurons' activities and the sums over rows. AVX-512
// has the registers for that. The variants are those of traces. For the common
// ones, of one rate and one alpha a row, there are routines for traces that are
// known to stay within their bounds.
func blocks() {
	for v := range 8 {
		blockForward(v)
		blockBackward(v, false)
		if v&1 == 0 {
			blockUpdates(v, false)
		}
		if v&3 == 0 {
			blockBackward(v, true)
			blockUpdates(v, true)
		}
	}
}

type block struct {
	*isa
	retro, rates, alphas bool
	free                 bool          // nothing reaches the bounds
	row                  reg.GPVirtual // the TraceBlocks
	column               reg.GPVirtual
	matrix               reg.GPVirtual // offset of the column in the matrices' row 0 of the block
	width, width3        reg.GPVirtual // of a matrix's row, in bytes, and three times that
	stride, stride3      reg.GPVirtual // from step to step in vectors, likewise
	clip, keep           vec
	pinned               map[int]reg.GPVirtual // pointers that are kept in registers
}

func newBlock(name, doc string, variant int, free bool) *block {
	s := avx512
	if free {
		name += "Free"
	}
	s.text(fmt.Sprintf("%s%d", name, variant), "(r *byte)", doc)
	b := &block{isa: s, retro: variant&4 != 0, rates: variant&2 != 0, alphas: variant&1 != 0, free: free}
	b.row, b.column, b.matrix = GP64(), GP64(), GP64()
	Load(Param("r"), b.row)
	b.clip = b.number(blockClip)
	if b.retro {
		b.keep = b.number(blockKeep)
	}
	b.width, b.width3 = GP64(), GP64()
	MOVQ(b.at(blockLength), b.width)
	SHLQ(Imm(2), b.width)
	LEAQ(Mem{Base: b.width, Index: b.width, Scale: 2}, b.width3)
	b.stride, b.stride3 = GP64(), GP64()
	MOVQ(b.at(blockStride), b.stride)
	LEAQ(Mem{Base: b.stride, Index: b.stride, Scale: 2}, b.stride3)
	return b
}

// pin keeps the pointers of these fields in registers through a block, as many as
// there are registers for; the others are read again for every column.
func (b *block) pin(fields ...int) {
	b.pinned = map[int]reg.GPVirtual{}
	for _, f := range fields {
		switch {
		case f <= blockDAlpha:
			b.pinned[f] = b.plus(f, b.at(blockMatrix))
		case f <= blockDH:
			b.pinned[f] = b.plus(f, Imm(0))
		default:
			b.pinned[f] = b.plus(f, b.at(blockRows))
		}
	}
}

// each emits a loop over blocks for every number of updates from least to most.
func (b *block) each(least, most int, body func(updates int)) {
	for n := least; n <= most; n++ {
		other := label("other")
		if n < most {
			CMPQ(b.at(blockUpdate), Imm(uint64(n)))
			JNE(LabelRef(other))
		}
		next := label("rows")
		Label(next)
		XORQ(b.column, b.column)
		MOVQ(b.at(blockMatrix), b.matrix)
		body(n)
		step := GP64()
		LEAQ(Mem{Base: b.width, Index: b.width3, Scale: 1}, step)
		ADDQ(step, b.at(blockMatrix))
		ADDQ(Imm(4*rows), b.at(blockRows))
		DECQ(b.at(blockBlocks))
		JNZ(LabelRef(next))
		ret()
		Label(other)
	}
}

// columns emits the loop over the columns of a block.
func (b *block) columns(body func()) {
	next := label("columns")
	Label(next)
	body()
	ADDQ(Imm(uint64(4*b.lanes)), b.column)
	ADDQ(Imm(uint64(4*b.lanes)), b.matrix)
	for f := blockA; f <= blockH; f += 24 { // in order, for the generator's sake
		if p, ok := b.pinned[f]; ok {
			ADDQ(Imm(uint64(4*b.lanes)), p)
		}
	}
	CMPQ(b.column, b.width)
	JNE(LabelRef(next))
}

func (b *block) at(field int) Mem { return Mem{Base: b.row, Disp: field} }

func (b *block) number(field int) vec {
	v := b.vec()
	VBROADCASTSS(b.at(field), v)
	return v
}

func (b *block) plus(field int, offset Op) reg.GPVirtual {
	p := GP64()
	MOVQ(b.at(field), p)
	ADDQ(offset, p)
	return p
}

// here returns the columns at work of a vector.
func (b *block) here(field int) Mem {
	p, ok := b.pinned[field]
	if !ok {
		p = GP64()
		MOVQ(b.at(field), p)
	}
	return Mem{Base: p, Index: b.column, Scale: 1}
}

// row0 returns a pointer to the columns at work of a matrix, in the block's first row.
func (b *block) row0(field int) reg.GPVirtual {
	if p, ok := b.pinned[field]; ok {
		return p
	}
	return b.plus(field, b.matrix)
}

// numbers returns a pointer to the block's numbers, one a row.
func (b *block) numbers(field int) reg.GPVirtual {
	if p, ok := b.pinned[field]; ok {
		return p
	}
	return b.plus(field, b.at(blockRows))
}

// of returns row r of the matrix whose row 0 p points to.
func (b *block) of(p reg.GPVirtual, r int) Mem { return times(p, b.width, b.width3, r) }

// after returns what lies k steps after p.
func (b *block) after(p reg.GPVirtual, k int) Mem { return times(p, b.stride, b.stride3, k) }

// times returns p + k by, for k up to 4.
func times(p, by, by3 reg.GPVirtual, k int) Mem {
	switch k {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: by3, Scale: 1}
	}
	return Mem{Base: p, Index: by, Scale: uint8(k)}
}

type lines [rows]vec

func (b *block) all(field int) (v lines) {
	p := b.row0(field)
	for r := range v {
		v[r] = b.copyOf(b.of(p, r))
	}
	return v
}

func (b *block) storeAll(v lines, field int) {
	p := b.row0(field)
	for r := range v {
		VMOVUPS(v[r], b.of(p, r))
	}
}

// fetch asks for the next block's columns of a matrix: the traces of a group of
// streams barely fit the second-level cache, and its rows are too short for the
// processor to see them coming.
func (b *block) fetch(field int) {
	p := GP64()
	LEAQ(Mem{Base: b.row0(field), Index: b.width, Scale: 4}, p)
	for r := range rows {
		PREFETCHT0(b.of(p, r))
	}
}

// elig loads the eligibility traces, if there are any.
func (b *block) elig() (e lines) {
	if b.retro {
		e = b.all(blockE)
	}
	return e
}
