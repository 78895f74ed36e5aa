package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peak writes a loop of 512 multiply-adds in registers: with eight sums, as many
// as two units of latency four can have in flight.
func peak(s *isa) {
	s.text("fma", "(rounds int)", "runs rounds of 512 multiply-adds.")
	rounds := number("rounds")
	x := s.zero()
	var acc [8]vec
	for i := range acc {
		acc[i] = s.zero()
	}
	next := label("next")
	Label(next)
	for i := range 512 / s.lanes {
		VFMADD231PS(x, x, acc[i%len(acc)])
	}
	SUBQ(Imm(1), rounds)
	JNZ(LabelRef(next))
	ret()
}
