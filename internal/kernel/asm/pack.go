package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose8 writes the transposition of strips of eight rows, eight columns at a
// time, for both levels: the shuffles of AVX-512 would gain little.
func transpose8() {
	avx2.text("transpose8", "(k int, src *float32, ld int, dst *float32, ldd int)",
		"computes dst [k, 8] = the transpose of src [8, k], for k a multiple of 8.")
	k, src, ld, dst, ldd := number("k"), number("src"), number("ld"), number("dst"), number("ldd")
	SHLQ(Imm(2), ld)
	SHLQ(Imm(2), ldd)
	rows := func(p, stride reg.GPVirtual) [8]Mem {
		three, middle := GP64(), GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
		LEAQ(Mem{Base: p, Index: stride, Scale: 4}, middle)
		var m [8]Mem
		for i, base := range []reg.GPVirtual{p, middle} {
			m[4*i] = Mem{Base: base}
			m[4*i+1] = Mem{Base: base, Index: stride, Scale: 1}
			m[4*i+2] = Mem{Base: base, Index: stride, Scale: 2}
			m[4*i+3] = Mem{Base: base, Index: three, Scale: 1}
		}
		return m
	}
	next, done := label("next"), label("done")
	Label(next)
	TESTQ(k, k)
	JZ(LabelRef(done))
	var r, t [8]reg.VecVirtual
	for i, m := range rows(src, ld) {
		r[i] = YMM()
		VMOVUPS(m, r[i])
	}
	for i := 0; i < 8; i += 2 { // pairs of rows
		t[i], t[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 { // fours: columns 0, 1, 2, 3 and, in the high half, 4, 5, 6, 7
		for j := range 2 {
			r[i+2*j], r[i+2*j+1] = YMM(), YMM()
			VUNPCKLPD(t[i+2+j], t[i+j], r[i+2*j])
			VUNPCKHPD(t[i+2+j], t[i+j], r[i+2*j+1])
		}
	}
	out := rows(dst, ldd)
	for i := range 4 { // eights
		v, w := YMM(), YMM()
		VPERM2F128(Imm(0x20), r[4+i], r[i], v)
		VPERM2F128(Imm(0x31), r[4+i], r[i], w)
		VMOVUPS(v, out[i])
		VMOVUPS(w, out[4+i])
	}
	ADDQ(Imm(32), src)
	LEAQ(Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	SUBQ(Imm(8), k)
	JMP(LabelRef(next))
	Label(done)
	ret()
}

// packStrips writes the copy of a block of rows into strips of 14, for AVX-512.
func packStrips() {
	const rows = 14
	avx512.text("packStrips", "(k, m int, a *float32, lda int, dst *float32)",
		"copies the k rows of m elements at a into strips of 14 columns, dst [m/14][k][14]. The last strip's missing columns are left alone.")
	k, m, a, lda, dst := number("k"), number("m"), number("a"), number("lda"), number("dst")
	SHLQ(Imm(2), lda)
	strip := GP64()
	IMUL3Q(Imm(4*rows), k, strip)
	whole := GP64()
	MOVQ(U32(rows), whole)
	full := access{isa: avx512, mask: avx512.maskOf(whole)}
	nextRow := label("row")
	Label(nextRow)
	p, q, left := GP64(), GP64(), GP64()
	MOVQ(a, p)
	MOVQ(dst, q)
	MOVQ(m, left)
	nextStrip, tail, done := label("strip"), label("tail"), label("done")
	Label(nextStrip)
	CMPQ(left, Imm(rows))
	JLT(LabelRef(tail))
	full.store(full.load(at(p)), at(q))
	ADDQ(Imm(4*rows), p)
	ADDQ(strip, q)
	SUBQ(Imm(rows), left)
	JMP(LabelRef(nextStrip))
	Label(tail)
	TESTQ(left, left)
	JZ(LabelRef(done))
	part := access{isa: avx512, mask: avx512.maskOf(left)}
	part.store(part.load(at(p)), at(q))
	Label(done)
	ADDQ(lda, a)
	ADDQ(Imm(4*rows), dst)
	SUBQ(Imm(1), k)
	JNZ(LabelRef(nextRow))
	ret()
}
