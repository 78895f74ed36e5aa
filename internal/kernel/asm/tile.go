package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tiles writes the products of a few rows of A with a panel of B, whose sums fill
// the registers: up to 14 x 32 of 32 AVX-512 registers, 6 x 16 of 16 AVX2
// registers. A panel is two vectors wide. So that few rows keep the multipliers
// busy as well, they are multiplied by two panels at a time.
func tiles(s *isa) {
	rows, few := 6, 2
	if s.lanes == 16 {
		rows, few = 14, 6
	}
	for r := 1; r <= rows; r++ {
		s.tile(r, 1)
		s.tile(r, 2)
		if r <= few {
			s.tile(r, 3)
			s.tile(r, 4)
		}
	}
}

// tile writes the product of the given rows with the given number of vectors.
// The last vector has cols columns. Rows of A are rs elements apart and its
// columns ks; the second panel of B follows the first.
func (s *isa) tile(rows, vecs int) {
	s.text(fmt.Sprintf("tile%dx%d", rows, vecs),
		"(k int, a *float32, rs, ks int, b *float32, alpha, beta float32, c *float32, ldc, cols int)",
		fmt.Sprintf("computes %d rows and %d vectors of C = alpha A B + beta C.", rows, vecs))
	panel := 2 * 4 * s.lanes // bytes in a row of a panel
	k, b := number("k"), number("b")
	second := GP64() // the second panel
	if vecs > 2 {
		IMUL3Q(U32(panel), k, second)
		ADDQ(b, second)
	}
	rowsOfA, advance := s.addressRows(rows)
	c, ldc := number("c"), number("ldc")
	SHLQ(Imm(2), ldc)

	var acc [14][4]vec
	for i := range rows {
		for j := range vecs {
			acc[i][j] = s.zero()
		}
	}
	next := label("next")
	Label(next)
	var bv [4]vec
	for j := range vecs {
		m := Mem{Base: b, Disp: 4 * s.lanes * j}
		if j >= 2 {
			m = Mem{Base: second, Disp: 4 * s.lanes * (j - 2)}
		}
		bv[j] = s.copyOf(m)
	}
	for i := range rows {
		x := s.vec()
		VBROADCASTSS(rowsOfA[i], x)
		for j := range vecs {
			VFMADD231PS(x, bv[j], acc[i][j])
		}
	}
	advance()
	ADDQ(Imm(uint64(panel)), b)
	if vecs > 2 {
		ADDQ(Imm(uint64(panel)), second)
	}
	SUBQ(Imm(1), k)
	JNZ(LabelRef(next))

	alpha, beta := s.broadcast("alpha"), s.broadcast("beta")
	last := access{isa: s, mask: s.maskOf(number("cols"))}
	overwrite, done := label("overwrite"), label("done")
	bits := GP32()
	VMOVD(beta.AsX(), bits)
	ADDL(bits, bits) // drops the sign: beta may be -0
	JZ(LabelRef(overwrite))
	out := func(add bool) {
		p := GP64()
		MOVQ(c, p)
		for i := range rows {
			for j := range vecs {
				a := access{isa: s}
				if j == vecs-1 {
					a = last
				}
				m := Mem{Base: p, Disp: 4 * s.lanes * j}
				v := acc[i][j]
				VMULPS(alpha, v, v)
				if add {
					VFMADD231PS(a.load(m), beta, v)
				}
				a.store(v, m)
			}
			if i < rows-1 {
				ADDQ(ldc, p)
			}
		}
	}
	out(true)
	JMP(LabelRef(done))
	Label(overwrite)
	out(false)
	Label(done)
	ret()
}

// addressRows returns the addresses of the rows of A at the first column, and
// what moves them to the next. A base register reaches five rows.
func (s *isa) addressRows(rows int) (addresses []Mem, advance func()) {
	base, rs, ks := number("a"), number("rs"), number("ks")
	SHLQ(Imm(2), rs)
	SHLQ(Imm(2), ks)
	rs3 := GP64()
	LEAQ(Mem{Base: rs, Index: rs, Scale: 2}, rs3)
	bases := []reg.GPVirtual{base}
	for i := range rows {
		if i > 0 && i%5 == 0 {
			next := GP64()
			LEAQ(Mem{Base: base, Index: rs, Scale: 4}, next)
			ADDQ(rs, next)
			base = next
			bases = append(bases, base)
		}
		m := Mem{Base: base}
		switch i % 5 {
		case 1, 2, 4:
			m.Index, m.Scale = rs, uint8(i%5)
		case 3:
			m.Index, m.Scale = rs3, 1
		}
		addresses = append(addresses, m)
	}
	return addresses, func() {
		for _, p := range bases {
			ADDQ(ks, p)
		}
	}
}
