package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dots is AVX-512 with bfloat16: where a matrix of float32 has one number, a packed
// one of bfloat16 has two, of the same column and of two steps of k that follow one
// another, the even one in the lower half. So its tiles are those of float32 with
// another multiply-add, and k counts the pairs.
var dots = &isa{name: "BF16", lanes: 16, pairs: true}

// mulAdd emits acc += x y.
func (s *isa) mulAdd(x, y, acc vec) {
	if s.pairs {
		VDPBF16PS(x, y, acc)
		return
	}
	VFMADD231PS(x, y, acc)
}

// pairRow writes the rounding of a row whose neighbours are of the same column, as
// of a matrix that is to be transposed.
func pairRow() {
	s := dots
	s.text("pairRow", "(n int, src, dst *float32)",
		"rounds n numbers to bfloat16 and writes them two by two, the last one with a zero if n is odd.")
	n, src, dst := number("n"), number("src"), number("dst")
	next, tail, done := label("next"), label("tail"), label("done")
	Label(next)
	CMPQ(n, Imm(32))
	JLT(LabelRef(tail))
	low, high := s.copyOf(at(src)), s.copyOf(Mem{Base: src, Disp: 64})
	VCVTNE2PS2BF16(low, high, low)
	VMOVUPS(low, at(dst))
	ADDQ(Imm(128), src)
	ADDQ(Imm(64), dst)
	SUBQ(Imm(32), n)
	JMP(LabelRef(next))
	Label(tail)
	TESTQ(n, n)
	JZ(LabelRef(done))
	bits, out := GP32(), GP32()
	MOVL(I32(-1), bits)
	BZHIL(n.As32(), bits, out)
	lows, highs, pairs := K(), K(), K()
	KMOVW(out, lows)
	SHRL(Imm(16), out)
	KMOVW(out, highs)
	INCQ(n)
	SHRQ(Imm(1), n)
	BZHIL(n.As32(), bits, bits)
	KMOVW(bits, pairs)
	low, high = s.vec(), s.vec()
	VMOVUPS_Z(at(src), lows, low)
	VMOVUPS_Z(Mem{Base: src, Disp: 64}, highs, high)
	VCVTNE2PS2BF16(low, high, low)
	VMOVUPS(low, pairs, at(dst))
	Label(done)
	ret()
}

// pairColumns writes the packing of rows that are steps of k.
func pairColumns() {
	s := dots
	s.text("pairColumns", "(k, m, columns int, a *float32, lda int, dst *float32, strip, step int)",
		"rounds k rows of m numbers at a to bfloat16, pairs them row by row, the last one with zeros if k is odd, and copies them into strips of at most 16 columns: column j of pair p to dst[j/columns*strip + p*step + j%columns].")
	k, m, columns, a, lda := number("k"), number("m"), number("columns"), number("a"), number("lda")
	dst, strip, step := number("dst"), number("strip"), number("step")
	for _, x := range []reg.GPVirtual{lda, strip, step} {
		SHLQ(Imm(2), x)
	}
	order := s.copyOf(interleave())
	full := access{isa: s, mask: s.maskOf(columns)}
	width := GP64()
	MOVQ(columns, width)
	SHLQ(Imm(2), width)
	zero := s.zero()
	pair, one, done := label("pair"), label("one"), label("done")
	// strips emits the packing of one pair of rows, or of the last row alone.
	strips := func(two bool) {
		p, q, left := GP64(), GP64(), GP64()
		MOVQ(a, p)
		MOVQ(dst, q)
		MOVQ(m, left)
		out := func(to access) {
			low, high := to.load(at(p)), zero
			if two {
				high = to.load(Mem{Base: p, Index: lda, Scale: 1})
			}
			VCVTNE2PS2BF16(low, high, low)
			VPERMW(low, order, low)
			to.store(low, at(q))
		}
		next, tail, end := label("strip"), label("tail"), label("end")
		Label(next)
		CMPQ(left, columns)
		JLT(LabelRef(tail))
		out(full)
		ADDQ(width, p)
		ADDQ(strip, q)
		SUBQ(columns, left)
		JMP(LabelRef(next))
		Label(tail)
		TESTQ(left, left)
		JZ(LabelRef(end))
		out(access{isa: s, mask: s.maskOf(left)})
		Label(end)
	}
	Label(pair)
	CMPQ(k, Imm(2))
	JLT(LabelRef(one))
	strips(true)
	LEAQ(Mem{Base: a, Index: lda, Scale: 2}, a)
	ADDQ(step, dst)
	SUBQ(Imm(2), k)
	JMP(LabelRef(pair))
	Label(one)
	TESTQ(k, k)
	JZ(LabelRef(done))
	strips(false)
	Label(done)
	ret()
}

// interleave is 0, 16, 1, 17, ... of words: the lower half's and the upper's in turn.
func interleave() Mem {
	m := GLOBL("interleave", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i|(i+16)<<16))
	}
	return m
}

// roundBF16 writes the rounding for processors without the instructions, which
// multiply the widened numbers.
func roundBF16() {
	s := avx2
	s.text("roundBF16", "(x []float32)", "rounds x to bfloat16 and back: to the nearest, ties to even, subnormal numbers to zero.")
	n, x := length("x"), pointer("x")
	constant := func(bits uint32) vec { return s.copyOf(table(bits)) }
	half, one, upper := constant(0x7fff), constant(1), constant(0xffff0000)
	exponent, quiet, sign := constant(0x7f800000), constant(0x00400000), constant(1<<31)
	s.loop(n, []reg.GPVirtual{x}, func(a access) {
		v := a.load(at(x))
		odd, rounded, special, most := s.vec(), s.vec(), s.vec(), s.vec()
		VPSRLD(Imm(16), v, odd)
		VPAND(one, odd, odd)
		VPADDD(v, odd, rounded)
		VPADDD(half, rounded, rounded)
		VPSLLD(Imm(1), v, special) // magnitudes compare as integers
		VPSRLD(Imm(1), special, special)
		VPCMPGTD(exponent, special, special)
		VPOR(quiet, v, most)
		VBLENDVPS(special, most, rounded, rounded)
		VPAND(upper, rounded, rounded)
		VPAND(exponent, v, special)
		VPXOR(most, most, most)
		VPCMPEQD(most, special, special)
		VPAND(sign, v, most)
		VBLENDVPS(special, most, rounded, rounded)
		a.store(rounded, at(x))
	})
	ret()
}
