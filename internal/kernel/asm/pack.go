package main

import (
	"fmt"

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
	in, out := rows(src, ld), rows(dst, ldd)
	for half := range 2 { // columns 0 to 3, then 4 to 7
		var r, t [4]reg.VecVirtual
		for i := range r { // rows i and, in the high half, i + 4: inserting from memory is no shuffle
			low, high := in[i], in[i+4]
			low.Disp, high.Disp = 16*half, 16*half
			r[i] = YMM()
			VMOVUPS(low, r[i].AsX())
			VINSERTF128(Imm(1), high, r[i], r[i])
		}
		for i := 0; i < 4; i += 2 { // pairs of rows
			t[i], t[i+1] = YMM(), YMM()
			VUNPCKLPS(r[i+1], r[i], t[i])
			VUNPCKHPS(r[i+1], r[i], t[i+1])
		}
		for j := range 2 { // fours
			even, odd := YMM(), YMM()
			VUNPCKLPD(t[2+j], t[j], even)
			VUNPCKHPD(t[2+j], t[j], odd)
			VMOVUPS(even, out[4*half+2*j])
			VMOVUPS(odd, out[4*half+2*j+1])
		}
	}
	ADDQ(Imm(32), src)
	LEAQ(Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	SUBQ(Imm(8), k)
	JMP(LabelRef(next))
	Label(done)
	ret()
}

// packStrips writes the copy of a block of rows into strips, for AVX-512.
func packStrips() {
	s := avx512
	stripRows := s.stripRows()
	s.text("packStrips", "(k, m, rows int, a *float32, lda int, dst *float32)",
		fmt.Sprintf("copies the k rows of m elements at a into strips of the given number of columns, dst [m/rows][k][%d]. Other columns are left alone.", stripRows))
	k, m, a, lda, dst := number("k"), number("m"), number("a"), number("lda"), number("dst")
	SHLQ(Imm(2), lda)
	strip, width := GP64(), GP64()
	IMUL3Q(U32(4*stripRows), k, strip)
	rows := number("rows")
	MOVQ(rows, width)
	SHLQ(Imm(2), width)
	full := access{isa: s, mask: s.maskOf(rows)}
	nextRow := label("row")
	Label(nextRow)
	p, q, left := GP64(), GP64(), GP64()
	MOVQ(a, p)
	MOVQ(dst, q)
	MOVQ(m, left)
	nextStrip, tail, done := label("strip"), label("tail"), label("done")
	Label(nextStrip)
	CMPQ(left, rows)
	JLT(LabelRef(tail))
	full.store(full.load(at(p)), at(q))
	ADDQ(width, p)
	ADDQ(strip, q)
	SUBQ(rows, left)
	JMP(LabelRef(nextStrip))
	Label(tail)
	TESTQ(left, left)
	JZ(LabelRef(done))
	part := access{isa: s, mask: s.maskOf(left)}
	part.store(part.load(at(p)), at(q))
	Label(done)
	ADDQ(lda, a)
	ADDQ(U32(4*stripRows), dst)
	SUBQ(Imm(1), k)
	JNZ(LabelRef(nextRow))
	ret()
}
