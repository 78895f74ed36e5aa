package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gateStride returns 4n and 12n, the bytes from a gate's block to the next and
// to the third.
func gateStride(n reg.GPVirtual) (one, three reg.GPVirtual) {
	one, three = GP64(), GP64()
	MOVQ(n, one)
	SHLQ(Imm(2), one)
	LEAQ(Mem{Base: one, Index: one, Scale: 2}, three)
	return one, three
}

// gate is the address of gate i, f, g or o (0 to 3) of the neuron at p.
func gate(p reg.Register, i int, one, three reg.Register) Mem {
	switch i {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: three, Scale: 1}
	}
	return Mem{Base: p, Index: one, Scale: uint8(i)}
}

// lstm writes the gates of an LSTM and their gradient.
func lstm(s *isa) {
	s.text("lstmForward", "(n int, z, cPrev, c, tanhC, h []float32)", "activates the gates z and computes the new state.")
	n, z, cPrev, c, tanhC, h := number("n"), pointer("z"), pointer("cPrev"), pointer("c"), pointer("tanhC"), pointer("h")
	one, three := gateStride(n)
	s.holdTanh()
	s.loop(n, []reg.GPVirtual{z, cPrev, c, tanhC, h}, func(a access) {
		activate := func(i int, f func(x reg.Register) vec) vec {
			m := gate(z, i, one, three)
			v := f(a.load(m))
			a.store(v, m)
			return v
		}
		cell := activate(1, s.sigmoid)
		VMULPS(a.load(at(cPrev)), cell, cell)
		in := activate(0, s.sigmoid)
		VFMADD231PS(activate(2, s.tanh), in, cell)
		a.store(cell, at(c))
		t := s.tanh(cell)
		a.store(t, at(tanhC))
		out := activate(3, s.sigmoid)
		VMULPS(t, out, out)
		a.store(out, at(h))
	})
	ret()

	s.text("lstmBackward", "(n int, act, cPrev, tanhC, dh, dc, dgExtra, dz []float32)", "is the gradient of lstmForward.")
	n, act, cPrev, tanhC := number("n"), pointer("act"), pointer("cPrev"), pointer("tanhC")
	dh, dc, dgExtra, dz := pointer("dh"), pointer("dc"), pointer("dgExtra"), pointer("dz")
	one, three = gateStride(n)
	extra := GP64()
	MOVQ(dgExtra, extra)
	s.hold(1)
	s.loop(n, []reg.GPVirtual{act, cPrev, tanhC, dh, dc, dgExtra, dz}, func(a access) {
		i, f := a.load(gate(act, 0, one, three)), a.load(gate(act, 1, one, three))
		g, o := a.load(gate(act, 2, one, three)), a.load(gate(act, 3, one, three))
		t, dOut, d := a.load(at(tanhC)), a.load(at(dh)), a.load(at(dc))
		unit := s.cr(1)
		// oneMinus returns 1 - x y.
		oneMinus := func(x, y reg.Register) vec {
			v := s.copyOf(unit)
			VFNMADD231PS(x, y, v)
			return v
		}
		product := func(x Op, y reg.Register) vec {
			v := s.vec()
			VMULPS(x, y, v)
			return v
		}
		put := func(k int, grad, x reg.Register) { // sigmoid: grad x (1-x)
			slope := s.copyOf(x)
			VFNMADD231PS(x, x, slope)
			a.store(product(grad, slope), gate(dz, k, one, three))
		}
		VFMADD231PS(product(dOut, o), oneMinus(t, t), d)
		put(3, product(dOut, t), o)
		put(0, product(d, g), i)
		put(1, product(a.load(at(cPrev)), d), f)
		dg := product(d, i)
		none := label("none")
		TESTQ(extra, extra)
		JZ(LabelRef(none))
		VADDPS(a.load(at(dgExtra)), dg, dg)
		Label(none)
		a.store(product(dg, oneMinus(g, g)), gate(dz, 2, one, three))
		a.store(product(d, f), at(dc))
	})
	ret()
}
