package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// softmax writes the exponentials of a softmax and their sum, and the passes before
// and after.
func softmax(s *isa) {
	s.exponentials("expShifted", "computes x = e^(x - shift), where shift is the largest x, and returns the sum.", true)
	s.exponentials("sumExp", "returns the sum of e^(x - shift), where shift is the largest x.", false)

	s.text("addMax", "(dst, x []float32) float32", "computes dst += x and returns the largest element that is not NaN, or -Inf.")
	n, dst, x := length("dst"), pointer("dst"), pointer("x")
	Store(s.largest(n, []reg.GPVirtual{dst, x}, func(a access, offset int) vec {
		v := a.load(at(x).Offset(offset))
		VADDPS(a.load(at(dst).Offset(offset)), v, v)
		a.store(v, at(dst).Offset(offset))
		return v
	}), ReturnIndex(0))
	ret()

	s.text("scaleAdd", "(alpha float32, x, sum []float32)", "computes x *= alpha, then sum += x.")
	alpha, n, x := s.broadcast("alpha"), length("x"), pointer("x")
	sum := pointer("sum")
	s.loop(n, []reg.GPVirtual{x, sum}, func(a access) {
		v := a.load(at(x))
		VMULPS(alpha, v, v)
		a.store(v, at(x))
		VADDPS(a.load(at(sum)), v, v)
		a.store(v, at(sum))
	})
	ret()
}

func (s *isa) exponentials(name, doc string, keep bool) {
	s.text(name, "(x []float32, shift float32) float32", doc)
	n, x, shift := length("x"), pointer("x"), s.broadcast("shift")
	s.holdExp()
	sum, zero := s.zero(), s.zero()
	s.loop(n, []reg.GPVirtual{x}, func(a access) {
		v := a.load(at(x))
		VSUBPS(shift, v, v)
		e := s.exp(v)
		if keep {
			a.store(e, at(x))
		}
		VADDPS(a.keep(e, zero), sum, sum)
	})
	Store(s.reduce(sum, 4, VADDPS), ReturnIndex(0))
	ret()
}
