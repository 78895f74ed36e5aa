package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors writes the vector operations.
func vectors(s *isa) {
	s.text("axpy", "(alpha float32, x, y []float32)", "computes y += alpha x.")
	alpha, n, x, y := s.broadcast("alpha"), length("x"), pointer("x"), pointer("y")
	s.loop(n, []reg.GPVirtual{x, y}, func(a access) {
		sum := a.load(at(y))
		VFMADD231PS(a.load(at(x)), alpha, sum)
		a.store(sum, at(y))
	})
	ret()

	s.text("scale", "(alpha float32, x []float32)", "computes x *= alpha.")
	alpha, n, x = s.broadcast("alpha"), length("x"), pointer("x")
	s.loop(n, []reg.GPVirtual{x}, func(a access) {
		v := a.load(at(x))
		VMULPS(alpha, v, v)
		a.store(v, at(x))
	})
	ret()

	s.text("add", "(dst, x []float32)", "computes dst += x.")
	n, dst, x := length("dst"), pointer("dst"), pointer("x")
	s.loop(n, []reg.GPVirtual{dst, x}, func(a access) {
		v := a.load(at(x))
		VADDPS(a.load(at(dst)), v, v)
		a.store(v, at(dst))
	})
	ret()

	s.text("mul", "(dst, x, y []float32)", "computes dst = x y, element by element.")
	n, dst, x = length("dst"), pointer("dst"), pointer("x")
	y = pointer("y")
	s.loop(n, []reg.GPVirtual{dst, x, y}, func(a access) {
		v := a.load(at(x))
		VMULPS(a.load(at(y)), v, v)
		a.store(v, at(dst))
	})
	ret()

	s.text("mulAdd", "(dst, x, y []float32)", "computes dst += x y, element by element.")
	n, dst, x = length("dst"), pointer("dst"), pointer("x")
	y = pointer("y")
	s.loop(n, []reg.GPVirtual{dst, x, y}, func(a access) {
		v := a.load(at(dst))
		VFMADD231PS(a.load(at(x)), a.load(at(y)), v)
		a.store(v, at(dst))
	})
	ret()

	s.text("tanhBackward", "(d, y []float32)", "computes d *= 1 - y^2.")
	n, d, y := length("d"), pointer("d"), pointer("y")
	s.loop(n, []reg.GPVirtual{d, y}, func(a access) {
		v, g := a.load(at(y)), a.load(at(d))
		VMULPS(v, v, v)
		VMULPS(g, v, v)
		VSUBPS(v, g, g)
		a.store(g, at(d))
	})
	ret()

	s.addRows()
	s.dot()
	s.sumSquares()
	s.allFinite()
	s.maxOf()
}

// ways is the number of independent sums in a reduction, enough to hide the
// latency of an addition.
const ways = 4

// accumulate emits a loop over n lanes that gives turn i of ways its own
// accumulator, and folds them into one.
func (s *isa) accumulate(n reg.GPVirtual, pointers []reg.GPVirtual, start func() vec, turn func(a access, offset int, acc vec), fold func(ops ...Op)) vec {
	var acc [ways]vec
	for i := range acc {
		acc[i] = start()
	}
	next, rest := label("many"), label("rest")
	Label(next)
	CMPQ(n, Imm(uint64(ways*s.lanes)))
	JLT(LabelRef(rest))
	for i := range acc {
		turn(access{isa: s}, 4*s.lanes*i, acc[i])
	}
	for _, p := range pointers {
		ADDQ(I32(4*ways*s.lanes), p)
	}
	SUBQ(Imm(uint64(ways*s.lanes)), n)
	JMP(LabelRef(next))
	Label(rest)
	s.loop(n, pointers, func(a access) { turn(a, 0, acc[0]) })
	fold(acc[1], acc[0], acc[0])
	fold(acc[3], acc[2], acc[2])
	fold(acc[2], acc[0], acc[0])
	return acc[0]
}

// addRows takes four vectors of columns at a time, to read whole stretches of a row,
// and then one.
func (s *isa) addRows() {
	s.text("addRows", "(sum []float32, rows int, x *float32, ldx int)", "adds rows of x, ldx elements apart, one after the other.")
	n, sum := length("sum"), pointer("sum")
	rows, x, ld := number("rows"), number("x"), number("ldx")
	SHLQ(Imm(2), ld)
	columns := func(a access, vecs int) {
		var acc [4]vec
		for j := range vecs {
			acc[j] = a.load(at(sum).Offset(4 * s.lanes * j))
		}
		p, left, next := GP64(), GP64(), label("row")
		MOVQ(x, p)
		MOVQ(rows, left)
		Label(next)
		for j := range vecs {
			VADDPS(a.load(at(p).Offset(4*s.lanes*j)), acc[j], acc[j])
		}
		ADDQ(ld, p)
		DECQ(left)
		JNZ(LabelRef(next))
		for j := range vecs {
			a.store(acc[j], at(sum).Offset(4*s.lanes*j))
		}
	}
	next, rest := label("four"), label("rest")
	Label(next)
	CMPQ(n, Imm(uint64(4*s.lanes)))
	JLT(LabelRef(rest))
	columns(access{isa: s}, 4)
	for _, p := range []reg.GPVirtual{sum, x} {
		ADDQ(I32(16*s.lanes), p)
	}
	SUBQ(Imm(uint64(4*s.lanes)), n)
	JMP(LabelRef(next))
	Label(rest)
	s.loop(n, []reg.GPVirtual{sum, x}, func(a access) { columns(a, 1) })
	ret()
}

func (s *isa) dot() {
	s.text("dot", "(x, y []float32) float32", "returns the inner product of x and y.")
	n, x, y := length("x"), pointer("x"), pointer("y")
	sum := s.accumulate(n, []reg.GPVirtual{x, y}, s.zero, func(a access, offset int, acc vec) {
		VFMADD231PS(a.load(at(x).Offset(offset)), a.load(at(y).Offset(offset)), acc)
	}, VADDPS)
	Store(s.reduce(sum, 4, VADDPS), ReturnIndex(0))
	ret()
}

func (s *isa) sumSquares() {
	step := ways * s.lanes / 2
	s.text("sumSquares", "(x []float32) float64", "returns the sum of x^2 in float64. The length is a multiple of 32.")
	n, x := length("x"), pointer("x")
	var acc [ways]vec
	for i := range acc {
		acc[i] = s.zero()
	}
	next, done := label("next"), label("done")
	Label(next)
	CMPQ(n, Imm(uint64(step)))
	JLT(LabelRef(done))
	for i := range acc {
		v := s.vec()
		VCVTPS2PD(at(x).Offset(i*2*s.lanes), v)
		VFMADD231PD(v, v, acc[i])
	}
	ADDQ(Imm(uint64(4*step)), x)
	SUBQ(Imm(uint64(step)), n)
	JMP(LabelRef(next))
	Label(done)
	VADDPD(acc[1], acc[0], acc[0])
	VADDPD(acc[3], acc[2], acc[2])
	VADDPD(acc[2], acc[0], acc[0])
	Store(s.reduce(acc[0], 8, VADDPD), ReturnIndex(0))
	ret()
}

// allFinite sums 0*x, which is NaN for NaN and infinities.
func (s *isa) allFinite() {
	s.text("allFinite", "(x []float32) bool", "reports whether no element is NaN or infinite.")
	n, x := length("x"), pointer("x")
	zero := s.zero()
	sum := s.accumulate(n, []reg.GPVirtual{x}, s.zero, func(a access, offset int, acc vec) {
		VFMADD231PS(a.load(at(x).Offset(offset)), zero, acc)
	}, VADDPS)
	v := s.reduce(sum, 4, VADDPS)
	VUCOMISS(v, v)
	finite := GP8()
	SETPC(finite)
	Store(finite, ReturnIndex(0))
	ret()
}

func (s *isa) maxOf() {
	s.text("maxOf", "(x []float32) float32", "returns the largest element that is not NaN, or -Inf.")
	n, x := length("x"), pointer("x")
	Store(s.largest(n, []reg.GPVirtual{x}, func(a access, offset int) vec { return a.load(at(x).Offset(offset)) }), ReturnIndex(0))
	ret()
}

// largest emits a loop over n elements and returns the largest that is not NaN.
func (s *isa) largest(n reg.GPVirtual, pointers []reg.GPVirtual, element func(a access, offset int) vec) reg.Register {
	low := s.vec()
	VBROADCASTSS(table(0xff800000), low)
	largest := s.accumulate(n, pointers, func() vec { return s.copyOf(low) }, func(a access, offset int, acc vec) {
		VMAXPS(acc, a.keep(element(a, offset), low), acc) // of NaN and acc, acc
	}, VMAXPS)
	return s.reduce(largest, 4, VMAXPS)
}
