package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gathers writes the products of a few rows of a gathered matrix, whose elements are
// read where they lie: a register a row holds where it begins, and one offset after
// the other goes through all rows.
func gathers(s *isa) {
	s.text("furthest", "(offsets []int32) uint32", "returns the largest of some offsets, or 2^31 and more if one is negative.")
	n, offsets, most := length("offsets"), pointer("offsets"), GP32()
	all := s.accumulate(n, []reg.GPVirtual{offsets}, s.zero, func(a access, offset int, acc vec) {
		VPMAXUD(a.load(at(offsets).Offset(offset)), acc, acc)
	}, VPMAXUD)
	VMOVD(s.reduce(all, 4, VPMAXUD), most)
	Store(most, ReturnIndex(0))
	ret()
	for r := 1; r <= gatherRows; r++ {
		for v := 1; v <= s.gatherVectors(); v++ {
			s.gatherTile(r, v)
		}
	}
}

// gatherRows is the number of rows of the largest tile: more would not leave
// registers for their addresses.
const gatherRows = 6

// gatherVectors are the most vectors of B that have room in the registers with such
// rows' sums: 4 in AVX-512, 2 in AVX2.
func (s *isa) gatherVectors() int { return s.lanes / 4 }

// gatherTile writes the product of the given rows with the given number of vectors
// of B, the last of which has cols columns, read and written under a mask.
func (s *isa) gatherTile(rows, vecs int) {
	s.text(fmt.Sprintf("gather%dx%d", rows, vecs),
		"(k int, a *float32, rows, columns *int32, b *float32, ldb int, add *float32, from *int32, c *float32, to *int32, cols int)",
		fmt.Sprintf("computes %d rows and %d vectors of C = A B + D, of A at offsets rows and columns, D from and C to; without D if add is nil.", rows, vecs))
	last := access{isa: s, mask: s.maskOf(number("cols"))}
	vector := func(j int) access {
		if j == vecs-1 {
			return last
		}
		return access{isa: s}
	}
	a, at := number("a"), number("rows")
	var row [gatherRows]reg.GPVirtual
	for i := range rows {
		row[i] = GP64()
		MOVLQSX(Mem{Base: at, Disp: 4 * i}, row[i])
		LEAQ(Mem{Base: a, Index: row[i], Scale: 4}, row[i])
	}
	k, columns, b, ldb := number("k"), number("columns"), number("b"), number("ldb")
	SHLQ(Imm(2), ldb)
	acc := s.newSums(rows, vecs)
	s.unrolled(k, func(u int) {
		column := GP64()
		MOVLQSX(Mem{Base: columns, Disp: 4 * u}, column)
		var bv [4]vec
		for j := range vecs {
			m := Mem{Base: b, Disp: 4 * s.lanes * j}
			if u > 0 {
				m.Index, m.Scale = ldb, uint8(u)
			}
			bv[j] = vector(j).load(m)
		}
		for i := range rows {
			x := s.vec()
			VBROADCASTSS(Mem{Base: row[i], Index: column, Scale: 4}, x)
			for j := range vecs {
				s.mulAdd(x, bv[j], acc[i][j])
			}
		}
	}, func(steps int) {
		ADDQ(Imm(uint64(4*steps)), columns)
		LEAQ(Mem{Base: b, Index: ldb, Scale: uint8(steps)}, b)
	})
	add, from, c, to := number("add"), number("from"), number("c"), number("to")
	store := label("store")
	TESTQ(add, add)
	JZ(LabelRef(store))
	each := func(base, at reg.GPVirtual, f func(i, j int, m Mem)) {
		for i := range rows {
			offset := GP64()
			MOVLQSX(Mem{Base: at, Disp: 4 * i}, offset)
			for j := range vecs {
				f(i, j, Mem{Base: base, Index: offset, Scale: 4, Disp: 4 * s.lanes * j})
			}
		}
	}
	each(add, from, func(i, j int, m Mem) { VADDPS(vector(j).load(m), acc[i][j], acc[i][j]) })
	Label(store)
	each(c, to, func(i, j int, m Mem) { vector(j).store(acc[i][j], m) })
	ret()
}
