package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// steps writes the optimiser steps.
func steps(s *isa) {
	s.text("sgd", "(p, g []float32, lr, wd float32)", "computes p -= lr (g + wd p).")
	n, p, g, lr, wd := length("p"), pointer("p"), pointer("g"), s.broadcast("lr"), s.broadcast("wd")
	s.loop(n, []reg.GPVirtual{p, g}, func(a access) {
		x, d := a.load(at(p)), a.load(at(g))
		VFMADD231PS(wd, x, d)
		VFNMADD231PS(lr, d, x)
		a.store(x, at(p))
	})
	ret()

	s.text("average", "(avg, p []float32, mu float32)", "computes avg += mu (p - avg).")
	avg, mu := pointer("avg"), s.broadcast("mu")
	n, p = length("avg"), pointer("p")
	s.loop(n, []reg.GPVirtual{avg, p}, func(a access) {
		x, d := a.load(at(avg)), a.load(at(p))
		VSUBPS(x, d, d)
		VFMADD231PS(mu, d, x)
		a.store(x, at(avg))
	})
	ret()

	s.text("adam", "(p, g, m, v []float32, lr, beta1, beta2, eps, wd, rbc1, rbc2 float32)",
		"takes a step of Adam; rbc1 and rbc2 are the reciprocals of the bias corrections.")
	n, p, g = length("p"), pointer("p"), pointer("g")
	m, v := pointer("m"), pointer("v")
	lr, wd = s.broadcast("lr"), s.broadcast("wd")
	beta1, beta2, eps := s.broadcast("beta1"), s.broadcast("beta2"), s.broadcast("eps")
	rbc1, rbc2 := s.broadcast("rbc1"), s.broadcast("rbc2")
	s.loop(n, []reg.GPVirtual{p, g, m, v}, func(a access) {
		grad, square := a.load(at(g)), s.vec()
		VMULPS(grad, grad, square)
		// moment returns x + (1-beta)(y-x), as beta x + (1-beta) y with one rounding less.
		moment := func(m reg.Register, y, beta vec) vec {
			x := a.load(at(m))
			VSUBPS(y, x, x)
			VFMADD132PS(beta, y, x)
			a.store(x, at(m))
			return x
		}
		first, second := moment(m, grad, beta1), moment(v, square, beta2)
		VMULPS(rbc2, second, second)
		VSQRTPS(second, second)
		VADDPS(eps, second, second)
		VMULPS(rbc1, first, first)
		VDIVPS(second, first, first)
		x := a.load(at(p))
		VFMADD231PS(wd, x, first)
		VFNMADD231PS(lr, first, x)
		a.store(x, at(p))
	})
	ret()
}
