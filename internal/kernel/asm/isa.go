package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is an instruction set: AVX2 with FMA on 8 lanes, or AVX-512 on 16.
// Its methods emit what differs between the two.
type isa struct {
	name   string
	lanes  int
	pairs  bool                      // lanes of two bfloat16 numbers in products
	isHalf bool                      // the lower halves of AVX-512's registers
	held   map[uint32]reg.VecVirtual // constants that wait in registers
}

var (
	avx2   = &isa{name: "AVX2", lanes: 8}
	avx512 = &isa{name: "AVX512", lanes: 16}
)

// half is AVX-512 on halves of its registers, which some processors multiply twice
// as fast as whole ones.
func (s *isa) half() *isa {
	return &isa{name: s.name, lanes: s.lanes / 2, pairs: s.pairs, isHalf: true}
}

// masks reports whether masks have registers of their own.
func (s *isa) masks() bool { return s.lanes == 16 || s.isHalf }

type vec = reg.VecVirtual

// text begins a routine.
func (s *isa) text(name, signature, doc string) {
	TEXT(name+s.name, NOSPLIT, "func"+signature)
	Pragma("noescape")
	Doc(name + s.name + " " + doc)
	s.held = map[uint32]vec{}
	labels = 0
}

// ret ends a routine. Go's own code uses SSE, which is slow while the upper
// halves of the registers are in use.
func ret() {
	VZEROUPPER()
	RET()
}

var labels int

// label returns a new label of the routine.
func label(name string) string {
	labels++
	return fmt.Sprintf("%s%d", name, labels)
}

func (s *isa) vec() vec {
	if s.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

func (s *isa) zero() vec {
	v := s.vec()
	s.clear(v)
	return v
}

func (s *isa) clear(v vec) {
	if s.masks() {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

func (s *isa) copyOf(v Op) vec {
	c := s.vec()
	VMOVUPS(v, c)
	return c
}

// broadcast loads a float32 parameter into all lanes.
func (s *isa) broadcast(param string) vec {
	v := s.vec()
	m, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(m.Addr, v)
	return v
}

var constants = map[uint32]Mem{}

// table returns the constant with the given bits, repeated for eight lanes.
func table(bits uint32) Mem {
	m, ok := constants[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("const_%08x", bits), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(bits))
		}
		constants[bits] = m
	}
	return m
}

// hold keeps constants in registers from here on where there are enough.
func (s *isa) hold(values ...float32) {
	for _, v := range values {
		if bits := math.Float32bits(v); s.lanes == 16 && s.held[bits] == nil {
			r := s.vec()
			VBROADCASTSS(table(bits), r)
			s.held[bits] = r
		}
	}
}

// c is a constant as an operand: its register, or the memory it lies in.
func (s *isa) c(v float32) Op {
	bits := math.Float32bits(v)
	if r, ok := s.held[bits]; ok {
		return r
	}
	if s.lanes == 16 {
		panic(fmt.Sprintf("constant %v is not held", v))
	}
	return table(bits)
}

// cr is a constant in a register.
func (s *isa) cr(v float32) reg.Register {
	if r, ok := s.c(v).(vec); ok {
		return r
	}
	return s.copyOf(s.c(v))
}

// An access is one turn of a loop over lanes: all of them, or those of a mask.
type access struct {
	*isa
	mask reg.Register
}

// maskOf returns the mask of the first n lanes, n < lanes or n = lanes.
func (s *isa) maskOf(n reg.GPVirtual) reg.Register {
	if s.masks() {
		bits, k := GP32(), K()
		MOVL(I32(-1), bits)
		BZHIL(n.As32(), bits, bits)
		KMOVW(bits, k)
		return k
	}
	x, y := XMM(), YMM()
	VMOVD(n.As32(), x)
	VPBROADCASTD(x, y)
	VPCMPGTD(iota8(), y, y)
	return y
}

var lanes8 Mem

// iota8 is 0, 1, ... 7.
func iota8() Mem {
	if lanes8.Base == nil {
		lanes8 = GLOBL("lanes", RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(i))
		}
	}
	return lanes8
}

// load loads lanes; those outside the mask are zero.
func (a access) load(m Mem) vec {
	v := a.vec()
	switch {
	case a.mask == nil:
		VMOVUPS(m, v)
	case a.masks():
		VMOVUPS_Z(m, a.mask, v)
	default:
		VMASKMOVPS(m, a.mask, v)
	}
	return v
}

func (a access) store(v reg.Register, m Mem) {
	switch {
	case a.mask == nil:
		VMOVUPS(v, m)
	case a.masks():
		VMOVUPS(v, a.mask, m)
	default:
		VMASKMOVPS(v, a.mask, m)
	}
}

// keep returns v inside the mask and other outside.
func (a access) keep(v, other vec) vec {
	if a.mask == nil {
		return v
	}
	w := a.vec()
	if a.lanes == 16 {
		VBLENDMPS(v, other, a.mask, w)
	} else {
		VBLENDVPS(a.mask, v, other, w)
	}
	return w
}

// loop emits a loop over n lanes, whose body is emitted twice: for whole vectors,
// and with a mask for the rest. The pointers advance from turn to turn.
func (s *isa) loop(n reg.GPVirtual, pointers []reg.GPVirtual, body func(a access)) {
	next, tail, done := label("whole"), label("tail"), label("done")
	Label(next)
	CMPQ(n, Imm(uint64(s.lanes)))
	JLT(LabelRef(tail))
	body(access{isa: s})
	for _, p := range pointers {
		ADDQ(Imm(uint64(4*s.lanes)), p)
	}
	SUBQ(Imm(uint64(s.lanes)), n)
	JMP(LabelRef(next))
	Label(tail)
	TESTQ(n, n)
	JZ(LabelRef(done))
	body(access{isa: s, mask: s.maskOf(n)})
	Label(done)
}

// reduce folds the lanes of v into the lowest by op, for lanes of 4 or 8 bytes.
func (s *isa) reduce(v vec, size int, op func(ops ...Op)) reg.Register {
	if s.lanes == 16 {
		half := YMM()
		VEXTRACTF64X4(Imm(1), v, half)
		op(half, v.AsY(), v.AsY())
	}
	quarter := XMM()
	if s.lanes == 16 {
		VEXTRACTF32X4(Imm(1), v.AsY(), quarter)
	} else {
		VEXTRACTF128(Imm(1), v.AsY(), quarter)
	}
	x := v.AsX()
	op(quarter, x, x)
	VPERMILPD(Imm(1), x, quarter)
	op(quarter, x, x)
	if size == 4 {
		VMOVSHDUP(x, quarter)
		op(quarter, x, x)
	}
	return x
}

func pointer(param string) reg.GPVirtual {
	p := GP64()
	Load(Param(param).Base(), p)
	return p
}

func length(param string) reg.GPVirtual {
	n := GP64()
	Load(Param(param).Len(), n)
	return n
}

func number(param string) reg.GPVirtual {
	n := GP64()
	Load(Param(param), n)
	return n
}

func at(p reg.Register) Mem { return Mem{Base: p} }
