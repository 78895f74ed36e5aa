package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tiles writes the products of a few rows of A with a panel of B, whose sums fill
// the registers: up to 14 x 32 of 32 AVX-512 registers, 6 x 16 of 16 AVX2
// registers. A panel is two vectors wide. For up to so many rows as keep the
// multipliers busy in no other way there are tiles of two panels at a time, which
// read the rows where they lie; all others read A from packed strips.
func tiles(s *isa) {
	for r := 1; r <= s.stripRows(); r++ {
		s.stripTile(r, 1)
		s.stripTile(r, 2)
	}
	few := 2
	if s.lanes == 16 {
		few = 6
	}
	for r := 1; r <= few; r++ {
		for v := 1; v <= 4; v++ {
			s.rowTile(r, v)
		}
	}
}

// stripRows is the number of rows of a strip: those of the largest tile.
func (s *isa) stripRows() int {
	if s.lanes == 16 {
		return 14
	}
	return 6
}

// sums are the accumulators of a tile, by row and vector.
type sums [14][4]vec

func (s *isa) newSums(rows, vecs int) *sums {
	var acc sums
	for i := range rows {
		for j := range vecs {
			acc[i][j] = s.zero()
		}
	}
	return &acc
}

// stripTile writes the product of the given rows of a strip with the given number
// of vectors. The last vector has cols columns.
func (s *isa) stripTile(rows, vecs int) {
	s.text(fmt.Sprintf("strip%dx%d", rows, vecs),
		"(k int, a, b *float32, alpha, beta float32, c *float32, ldc, cols int)",
		fmt.Sprintf("computes %d rows and %d vectors of C = alpha A B + beta C, for A in a strip.", rows, vecs))
	k, a, b := number("k"), number("a"), number("b")
	panel, strip := 2*4*s.lanes, 4*s.stripRows() // bytes in a row of each
	acc := s.newSums(rows, vecs)
	step := func(u int) {
		var bv [4]vec
		for j := range vecs {
			bv[j] = s.copyOf(Mem{Base: b, Disp: 4*s.lanes*j + u*panel})
		}
		for i := range rows {
			m := Mem{Base: a, Disp: 4*i + u*strip}
			if s.lanes == 16 { // one operation fewer than below for two vectors
				for j := range vecs {
					VFMADD231PS_BCST(m, bv[j], acc[i][j])
				}
				continue
			}
			x := s.vec()
			VBROADCASTSS(m, x)
			for j := range vecs {
				VFMADD231PS(x, bv[j], acc[i][j])
			}
		}
	}
	const unroll = 2
	odd, next, done := label("odd"), label("next"), label("done")
	Label(next)
	SUBQ(Imm(unroll), k)
	JLT(LabelRef(odd))
	for u := range unroll {
		step(u)
	}
	ADDQ(U32(unroll*strip), a)
	ADDQ(U32(unroll*panel), b)
	JMP(LabelRef(next))
	Label(odd)
	CMPQ(k, I8(-unroll))
	JEQ(LabelRef(done))
	step(0)
	Label(done)
	s.storeSums(acc, rows, vecs)
}

// rowTile is stripTile for rows of A that are rs elements apart, and up to two
// panels, of which the second follows the first.
func (s *isa) rowTile(rows, vecs int) {
	s.text(fmt.Sprintf("rows%dx%d", rows, vecs),
		"(k int, a *float32, rs int, b *float32, alpha, beta float32, c *float32, ldc, cols int)",
		fmt.Sprintf("computes %d rows and %d vectors of C = alpha A B + beta C.", rows, vecs))
	panel := 2 * 4 * s.lanes // bytes in a row of a panel
	k, b := number("k"), number("b")
	second := GP64() // the second panel
	if vecs > 2 {
		IMUL3Q(U32(panel), k, second)
		ADDQ(b, second)
	}
	rowsOfA, advance := s.addressRows(rows)
	acc := s.newSums(rows, vecs)
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
	s.storeSums(acc, rows, vecs)
}

// storeSums ends a tile: C = alpha sums + beta C.
func (s *isa) storeSums(acc *sums, rows, vecs int) {
	c, ldc := number("c"), number("ldc")
	SHLQ(Imm(2), ldc)
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
	base, rs := number("a"), number("rs")
	SHLQ(Imm(2), rs)
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
			ADDQ(Imm(4), p)
		}
	}
}
