package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// e^r = 1 + r + r^2 (taylor[0] + taylor[1] r + ...) for |r| <= ln(2)/2: the
// interpolation at the Chebyshev nodes of that interval, within 2e-9 of e^r - 1.
var taylor = []float32{0.5, 0.1666666716337204, 0.041666463017463684, 0.00833331048488617, 0.0013933685841038823, 0.00019891030387952924}

const (
	log2e = 1.4426950216293335
	ln2Hi = 0.6931471824645996 // ln 2 rounded to float32,
	ln2Lo = -1.9046543e-09     // and the rest
	expLo = -104               // e^x is zero below,
	expHi = 89                 // and infinite above
	// tanhLo bounds the exponent of tanh, which is 1 long before.
	tanhLo = -30
)

var signBit, absBits = math.Float32frombits(1 << 31), math.Float32frombits(1<<31 - 1)

// holdExp holds the constants of exp, and so on.
func (s *isa) holdExp() {
	s.hold(log2e, ln2Hi, ln2Lo, expLo, 1)
	s.hold(taylor...)
}

func (s *isa) holdSigmoid() {
	s.holdExp()
	s.hold(signBit)
}

func (s *isa) holdTanh() {
	s.holdExp()
	s.hold(signBit, absBits, tanhLo, 2)
}

// split returns n, the integer nearest to x / ln 2, and r = x - n ln 2.
func (s *isa) split(x reg.Register) (n, r vec) {
	n = s.vec()
	VMULPS(s.c(log2e), x, n)
	if s.lanes == 16 {
		VRNDSCALEPS(operand.Imm(0), n, n)
	} else {
		VROUNDPS(operand.Imm(0), n, n)
	}
	r = s.copyOf(x)
	VFNMADD231PS(s.c(ln2Hi), n, r)
	VFNMADD231PS(s.c(ln2Lo), n, r)
	return n, r
}

// series returns the sum taylor[0] + taylor[1] r + ...
func (s *isa) series(r vec) vec {
	last := len(taylor) - 1
	p := s.copyOf(s.c(taylor[last]))
	for i := last - 1; i >= 0; i-- {
		VFMADD213PS(s.c(taylor[i]), r, p)
	}
	return p
}

// atLeast returns the larger of x and the bound; NaN stays NaN.
func (s *isa) atLeast(x reg.Register, bound float32) vec {
	v := s.vec()
	VMAXPS(x, s.cr(bound), v)
	return v
}

func (s *isa) atMost(x reg.Register, bound float32) vec {
	v := s.vec()
	VMINPS(x, s.cr(bound), v)
	return v
}

// exp returns e^x for x <= expHi.
func (s *isa) exp(x reg.Register) vec {
	n, r := s.split(s.atLeast(x, expLo))
	p := s.series(r)
	VFMADD213PS(s.c(1), r, p)
	VFMADD213PS(s.c(1), r, p)
	s.shift(n, p)
	return p
}

// shift multiplies p by 2^n, rounding subnormal results once and overflowing to
// infinity.
func (s *isa) shift(n, p vec) {
	if s.lanes == 16 {
		VSCALEFPS(n, p, p)
		return
	}
	// 2^n may be out of range where the result is not: multiply by two halves.
	VCVTPS2DQ(n, n)
	half := s.vec()
	VPSRAD(operand.Imm(1), n, half)
	VPSUBD(half, n, n)
	VMULPS(s.power(half), p, p)
	VMULPS(s.power(n), p, p)
}

// power returns 2^n of integers n in the exponent's range.
func (s *isa) power(n vec) vec {
	v := s.vec()
	VPSLLD(operand.Imm(23), n, v)
	VPADDD(s.c(1), v, v) // adds to the exponent of 1
	return v
}

// sigmoid returns 1/(1+e^-x), as e^x/(1+e^x) where x < 0 to keep the tail.
func (s *isa) sigmoid(x reg.Register) vec {
	minus := s.vec()
	VORPS(s.c(signBit), x, minus)
	e := s.exp(minus)
	one := s.cr(1)
	d, q := s.vec(), s.vec()
	VADDPS(one, e, d)
	if s.lanes == 16 {
		negative := K()
		VPMOVD2M(x, negative)
		VBLENDMPS(e, one, negative, q)
	} else {
		VBLENDVPS(x, e, one, q)
	}
	VDIVPS(d, q, q)
	return q
}

// tanh returns -m/(2+m) with m = e^(-2|x|) - 1, and the sign of x. m is computed
// as (2^n - 1) + 2^n (e^r - 1), which keeps its relative accuracy near zero.
func (s *isa) tanh(x reg.Register) vec {
	y := s.vec()
	VORPS(s.c(signBit), x, y)
	VADDPS(y, y, y)
	n, r := s.split(s.atLeast(y, tanhLo))
	p := s.series(r)
	square := s.vec()
	VMULPS(r, r, square)
	VFMADD213PS(r, square, p) // e^r - 1
	var power vec
	if s.lanes == 16 {
		power = s.vec()
		VSCALEFPS(n, s.cr(1), power)
	} else {
		VCVTPS2DQ(n, n)
		power = s.power(n)
	}
	m := s.vec()
	VSUBPS(s.c(1), power, m)
	VFMADD231PS(power, p, m)
	d := s.vec()
	VADDPS(s.c(2), m, d)
	VDIVPS(d, m, m)
	VANDPS(s.c(absBits), m, m)
	sign := s.vec()
	VANDPS(s.c(signBit), x, sign)
	VORPS(sign, m, m)
	return m
}

// functions writes the elementwise functions.
func functions(s *isa) {
	elementwise := func(name, doc string, hold func(), f func(x vec) vec) {
		s.text(name, "(dst, x []float32)", doc)
		n, dst, x := length("dst"), pointer("dst"), pointer("x")
		hold()
		s.loop(n, []reg.GPVirtual{dst, x}, func(a access) {
			a.store(f(a.load(at(x))), at(dst))
		})
		ret()
	}
	elementwise("exp", "computes dst = e^x.", func() { s.holdExp(); s.hold(expHi) }, func(x vec) vec {
		return s.exp(s.atMost(x, expHi))
	})
	elementwise("tanh", "computes dst = tanh x.", s.holdTanh, func(x vec) vec { return s.tanh(x) })
	elementwise("sigmoid", "computes dst = 1/(1+e^-x).", s.holdSigmoid, func(x vec) vec { return s.sigmoid(x) })
}
