package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tiles writes the products of a few rows of A with packed panels of B, whose
// sums fill the registers. A panel is two vectors wide. Strips of A, packed, are
// multiplied by a panel at a time: up to 14 x 32 of 32 AVX-512 registers, 6 x 16
// of 16 AVX2 registers. So few rows that this would not keep the multipliers busy
// are read where they lie and multiplied by up to four panels at a time: the more
// streams of B there are, the faster they come from the second-level cache.
func tiles(s *isa) {
	for r := 1; r <= s.stripRows(); r++ {
		s.stripTile(r, 1)
		s.stripTile(r, 2)
		if s.lanes == 16 {
			s.half().stripTile(r, 1)
		}
	}
	for i, vecs := range s.rowVectors() {
		for v := 1; v <= vecs; v++ {
			s.rowTile(i+1, v)
		}
	}
}

// rowVectors are the most vectors that 1, 2, ... rows as they lie are multiplied by.
func (s *isa) rowVectors() []int {
	if s.lanes == 16 {
		return []int{8, 8, 8, 4, 4, 4}
	}
	return []int{8, 4}
}

// stripRows is the number of rows of a strip: those of the largest tile.
func (s *isa) stripRows() int {
	if s.masks() {
		return 14
	}
	return 6
}

// sums are the accumulators of a tile, by row and vector.
type sums [14][8]vec

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
// of vectors of B, whose rows are ldb elements apart. The last vector has cols
// columns. On the way it fetches two lines for each two steps of k into the
// second-level cache: at next and stride elements from it, next moving by step
// elements.
func (s *isa) stripTile(rows, vecs int) {
	s.text(fmt.Sprintf("strip%dx%s", rows, s.width(vecs)),
		"(k int, a, b *float32, ldb int, alpha, beta float32, c *float32, ldc, cols int, next *float32, stride, step int)",
		fmt.Sprintf("computes %d rows and %s of C = alpha A B + beta C, for A in a strip, and prefetches.", rows, s.vectors(vecs)))
	k, a, b, ldb := number("k"), number("a"), number("b"), number("ldb")
	next, stride, step := number("next"), number("stride"), number("step")
	for _, x := range []reg.GPVirtual{ldb, stride, step} {
		SHLQ(Imm(2), x)
	}
	strip := 4 * s.stripRows() // bytes of a column
	last := access{isa: s, mask: s.maskOf(number("cols"))}
	acc := s.newSums(rows, vecs)
	s.unrolled(k, func(u int) {
		var bv [2]vec
		for j := range vecs {
			m := Mem{Base: b, Disp: 4 * s.lanes * j}
			if u > 0 {
				m.Index, m.Scale = ldb, uint8(u)
			}
			if j == vecs-1 && s.masks() { // what follows may be no one's
				bv[j] = last.load(m)
			} else {
				bv[j] = s.copyOf(m)
			}
		}
		for i := range rows {
			m := Mem{Base: a, Disp: 4*i + u*strip}
			if s.masks() && vecs == 1 && !s.pairs { // one instruction and no more loads than below
				VFMADD231PS_BCST(m, bv[0], acc[i][0])
				continue
			}
			// Loads are as scarce as multiply-adds: an element of A is read once.
			x := s.vec()
			VBROADCASTSS(m, x)
			for j := range vecs {
				s.mulAdd(x, bv[j], acc[i][j])
			}
		}
	}, func(steps int) {
		PREFETCHT1(at(next))
		PREFETCHT1(Mem{Base: next, Index: stride, Scale: 1})
		ADDQ(step, next)
		ADDQ(U32(steps*strip), a)
		LEAQ(Mem{Base: b, Index: ldb, Scale: uint8(steps)}, b)
	})
	s.storeSums(acc, rows, vecs, last)
}

// width and vectors are the vectors of a tile in its name and in words.
func (s *isa) width(vecs int) string {
	if s.isHalf {
		return "Half"
	}
	return fmt.Sprint(vecs)
}

func (s *isa) vectors(vecs int) string {
	if s.isHalf {
		return "half a vector"
	}
	return fmt.Sprintf("%d vectors", vecs)
}

// rowTile is stripTile for rows of A that are rs elements apart, and up to four
// panels, which follow one another.
func (s *isa) rowTile(rows, vecs int) {
	s.text(fmt.Sprintf("rows%dx%d", rows, vecs),
		"(k int, a *float32, rs int, b *float32, alpha, beta float32, c *float32, ldc, cols int)",
		fmt.Sprintf("computes %d rows and %d vectors of C = alpha A B + beta C.", rows, vecs))
	k, b := number("k"), number("b")
	row := 2 * 4 * s.lanes // bytes in a row of a panel
	panels := []Mem{{Base: b}}
	if vecs > 2 {
		panel, three := GP64(), GP64()
		IMUL3Q(U32(row), k, panel)
		LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, three)
		panels = append(panels, Mem{Base: b, Index: panel, Scale: 1}, Mem{Base: b, Index: panel, Scale: 2}, Mem{Base: b, Index: three, Scale: 1})
	}
	rowsOfA, advance := s.addressRows(rows)
	acc := s.newSums(rows, vecs)
	s.unrolled(k, func(u int) {
		var x [6]vec
		for i := range rows {
			x[i] = s.vec()
			m := rowsOfA[i]
			m.Disp = 4 * u
			VBROADCASTSS(m, x[i])
		}
		for j := range vecs {
			m := panels[j/2]
			m.Disp = 4*s.lanes*(j%2) + u*row
			bv := s.copyOf(m)
			if rows > 1 { // the processor's own prefetching falls behind
				m.Disp += 8 * row
				PREFETCHT0(m)
			}
			for i := range rows {
				s.mulAdd(x[i], bv, acc[i][j])
			}
		}
	}, func(steps int) {
		advance(steps)
		ADDQ(U32(steps*row), b)
	})
	s.storeSums(acc, rows, vecs, access{isa: s, mask: s.maskOf(number("cols"))})
}

// unrolled emits a loop over k, two steps a turn.
func (s *isa) unrolled(k reg.GPVirtual, step, advance func(n int)) {
	const unroll = 2
	odd, next, done := label("odd"), label("next"), label("done")
	SUBQ(Imm(unroll), k)
	JLT(LabelRef(odd))
	Label(next)
	for u := range unroll {
		step(u)
	}
	advance(unroll)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef(next))
	Label(odd)
	CMPQ(k, I8(-unroll))
	JEQ(LabelRef(done))
	step(0)
	Label(done)
}

// storeSums ends a tile: C = alpha sums + beta C, the last vector as last says.
func (s *isa) storeSums(acc *sums, rows, vecs int, last access) {
	c, ldc := number("c"), number("ldc")
	SHLQ(Imm(2), ldc)
	alpha, beta := s.broadcast("alpha"), s.broadcast("beta")
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
// what moves them on. A base register reaches five rows.
func (s *isa) addressRows(rows int) (addresses []Mem, advance func(steps int)) {
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
	return addresses, func(steps int) {
		for _, p := range bases {
			ADDQ(Imm(uint64(4*steps)), p)
		}
	}
}
