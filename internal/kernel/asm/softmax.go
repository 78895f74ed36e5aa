package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// softmax writes the exponentials of a softmax and their sum.
func softmax(s *isa) {
	s.text("expShifted", "(x []float32, shift float32) float32", "computes x = e^(x - shift), where shift is the largest x, and returns the sum.")
	n, x, shift := length("x"), pointer("x"), s.broadcast("shift")
	s.holdExp()
	sum, zero := s.zero(), s.zero()
	s.loop(n, []reg.GPVirtual{x}, func(a access) {
		v := a.load(at(x))
		VSUBPS(shift, v, v)
		e := s.exp(v)
		a.store(e, at(x))
		VADDPS(a.keep(e, zero), sum, sum)
	})
	Store(s.reduce(sum, 4, VADDPS), ReturnIndex(0))
	ret()
}
