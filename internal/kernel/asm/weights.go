package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// weights writes the routines of weights that are a life's own.
func weights(s *isa) {
	s.mulWeights()
	s.decomposedUpdate()
	s.fullUpdate()
	s.eligibilityUpdate()
}

// weightTiles are the numbers of vectors that a tile of columns may have, the
// widest first. The last makes 16 columns, which divide those of every matrix.
func (s *isa) weightTiles() []int {
	if s.lanes == 16 {
		return []int{4, 1}
	}
	return []int{2}
}

// weightRows is a routine that goes through the rows of a matrix [pre, n] one tile
// of columns after the other, what belongs to the columns in registers.
type weightRows struct {
	*isa
	w, stride   reg.GPVirtual // stride: a row in bytes
	columns     reg.GPVirtual // left
	column      reg.GPVirtual // in bytes
	offset      reg.GPVirtual // of the tile's row in the matrix, in bytes
	i, rows     reg.GPVirtual
	pre         reg.GPVirtual
	next, out   reg.GPVirtual // nil without a product
	acc, matrix []vec
}

// weightRows begins a routine whose parameters have the names pre and w, and next
// and out if it is to multiply; columns are as many as the parameter of has.
func (s *isa) weightRows(of string, product bool) *weightRows {
	r := &weightRows{isa: s, w: pointer("w"), columns: length(of), rows: length("pre"), pre: pointer("pre")}
	if product {
		r.next, r.out = pointer("next"), pointer("out")
	}
	r.stride, r.column, r.offset, r.i = GP64(), GP64(), GP64(), GP64()
	MOVQ(r.columns, r.stride)
	SHLQ(Imm(2), r.stride)
	XORQ(r.column, r.column)
	return r
}

// run emits the loops. begin is emitted before the rows of a tile of so many
// vectors, row for each of its rows, whose weights are in matrix.
func (r *weightRows) run(begin func(vectors int), row func()) {
	for _, vectors := range r.weightTiles() {
		tile, next, done := label("tile"), label("row"), label("narrower")
		Label(tile)
		CMPQ(r.columns, Imm(uint64(vectors*r.lanes)))
		JLT(LabelRef(done))
		begin(vectors)
		r.acc = nil
		for v := range vectors {
			if r.out == nil {
				break
			}
			r.acc = append(r.acc, r.copyOf(Mem{Base: r.out, Index: r.column, Scale: 1, Disp: 4 * r.lanes * v}))
		}
		MOVQ(r.column, r.offset)
		XORQ(r.i, r.i)
		Label(next)
		r.matrix = nil
		for v := range vectors {
			r.matrix = append(r.matrix, r.copyOf(r.at(r.w, v)))
		}
		row()
		if r.out != nil {
			x := r.number(r.next)
			for v := range vectors {
				VFMADD231PS(x, r.matrix[v], r.acc[v])
			}
		}
		ADDQ(r.stride, r.offset)
		INCQ(r.i)
		CMPQ(r.i, r.rows)
		JLT(LabelRef(next))
		for v, sum := range r.acc {
			VMOVUPS(sum, Mem{Base: r.out, Index: r.column, Scale: 1, Disp: 4 * r.lanes * v})
		}
		ADDQ(I32(4*vectors*r.lanes), r.column)
		SUBQ(Imm(uint64(vectors*r.lanes)), r.columns)
		JMP(LabelRef(tile))
		Label(done)
	}
	ret()
}

// at is vector v of the tile's row of a matrix.
func (r *weightRows) at(matrix reg.Register, v int) Mem {
	return Mem{Base: matrix, Index: r.offset, Scale: 1, Disp: 4 * r.lanes * v}
}

// keep stores the row's weights.
func (r *weightRows) keep() {
	for v, w := range r.matrix {
		VMOVUPS(w, r.at(r.w, v))
	}
}

// columnsOf loads the tile's columns of a vector.
func (r *weightRows) columnsOf(p reg.Register, vectors int) (all []vec) {
	for v := range vectors {
		all = append(all, r.copyOf(Mem{Base: p, Index: r.column, Scale: 1, Disp: 4 * r.lanes * v}))
	}
	return all
}

// number broadcasts the row's number of a vector.
func (r *weightRows) number(p reg.Register) vec {
	v := r.vec()
	VBROADCASTSS(Mem{Base: p, Index: r.i, Scale: 4}, v)
	return v
}

// times returns x y in a register of its own.
func (s *isa) times(x, y Op) vec {
	v := s.vec()
	VMULPS(x, y, v)
	return v
}

func (s *isa) mulWeights() {
	s.text("mulWeights", "(w, pre, out []float32)", "computes out_j += sum_i pre_i w_ij.")
	r := &weightRows{isa: s, w: pointer("w"), columns: length("out"), rows: length("pre"), out: pointer("out")}
	r.next = pointer("pre")
	r.stride, r.column, r.offset, r.i = GP64(), GP64(), GP64(), GP64()
	MOVQ(r.columns, r.stride)
	SHLQ(Imm(2), r.stride)
	XORQ(r.column, r.column)
	r.run(func(int) {}, func() {})
}

// variants emits a routine without and with a product.
func (s *isa) variants(name, parameters, doc string, body func(product bool)) {
	s.text(name, "("+parameters+")", doc)
	body(false)
	s.text(name+"Mul", "("+parameters+", next, out []float32)", doc[:len(doc)-1]+", and then out_j += sum_i next_i w_ij.")
	body(true)
}

func (s *isa) decomposedUpdate() {
	s.variants("decomposedUpdate", "w, y, x, post, pre []float32, rate float32",
		"computes w_ij += rate sum_k y_kj x_ik (post_j pre_i, post_j, pre_i, 1).", func(product bool) {
			r := s.weightRows("post", product)
			y, x, post := pointer("y"), pointer("x"), pointer("post")
			var a, b, c, d []vec
			var coefficients reg.GPVirtual
			r.run(func(vectors int) {
				rate := s.broadcast("rate")
				h := r.columnsOf(post, vectors)
				a, b, c, d = nil, nil, nil, nil
				p := GP64()
				MOVQ(y, p)
				for k, of := range []*[]vec{&a, &b, &c, &d} {
					*of = r.columnsOf(p, vectors)
					for v := range vectors {
						VMULPS(rate, (*of)[v], (*of)[v])
						if k < 2 {
							VMULPS(h[v], (*of)[v], (*of)[v])
						}
					}
					ADDQ(r.stride, p)
				}
				coefficients = GP64()
				MOVQ(x, coefficients)
			}, func() {
				number := func(k int) vec {
					v := s.vec()
					VBROADCASTSS(Mem{Base: coefficients, Disp: 4 * k}, v)
					return v
				}
				add := func(to, of []vec, x vec) {
					for v := range to {
						VFMADD231PS(of[v], x, to[v])
					}
				}
				add(r.matrix, b, number(1))
				add(r.matrix, d, number(3))
				var t []vec
				first := number(0)
				for _, v := range a {
					t = append(t, s.times(first, v))
				}
				add(t, c, number(2))
				add(r.matrix, t, r.number(r.pre))
				ADDQ(Imm(16), coefficients)
				r.keep()
			})
		})
}

func (s *isa) fullUpdate() {
	s.variants("fullUpdate", "w, k, post, pre []float32, rate float32",
		"computes w_ij += rate (k_i0j post_j pre_i + k_i1j post_j + k_i2j pre_i + k_i3j).", func(product bool) {
			r := s.weightRows("post", product)
			k, post := pointer("k"), pointer("post")
			var h []vec
			var rate vec
			of, stride3 := GP64(), GP64()
			MOVQ(r.stride, stride3)
			ADDQ(r.stride, stride3)
			ADDQ(r.stride, stride3)
			r.run(func(vectors int) {
				rate = s.broadcast("rate")
				h = r.columnsOf(post, vectors)
				for _, v := range h {
					VMULPS(rate, v, v)
				}
				MOVQ(k, of)
				ADDQ(r.column, of)
			}, func() {
				x := r.number(r.pre)
				for v, w := range r.matrix {
					at := 4 * s.lanes * v
					t := s.copyOf(Mem{Base: of, Disp: at})
					VFMADD213PS(Mem{Base: of, Index: r.stride, Scale: 1, Disp: at}, x, t) // k0 pre + k1
					VFMADD231PS(t, h[v], w)
					t = s.copyOf(Mem{Base: of, Index: r.stride, Scale: 2, Disp: at})
					VFMADD213PS(Mem{Base: of, Index: stride3, Scale: 1, Disp: at}, x, t) // k2 pre + k3
					VFMADD231PS(t, rate, w)
				}
				ADDQ(r.stride, of)
				ADDQ(stride3, of)
				r.keep()
			})
		})
}

func (s *isa) eligibilityUpdate() {
	s.variants("eligibilityUpdate", "w, e, post, pre []float32, rate, eta, bound float32",
		"computes e_ij = eta post_j pre_i + (1-eta) e_ij and then w_ij = clip(w_ij + rate e_ij).", func(product bool) {
			r := s.weightRows("post", product)
			e, post := pointer("e"), pointer("post")
			rate, keep, bound, floor := s.broadcast("rate"), s.vec(), s.broadcast("bound"), s.zero()
			eta := s.broadcast("eta")
			VBROADCASTSS(table(0x3f800000), keep)
			VSUBPS(eta, keep, keep)
			VSUBPS(bound, floor, floor)
			var h []vec
			r.run(func(vectors int) {
				eta := s.broadcast("eta")
				h = r.columnsOf(post, vectors)
				for _, v := range h {
					VMULPS(eta, v, v)
				}
			}, func() {
				x := r.number(r.pre)
				for v, w := range r.matrix {
					t := s.times(x, h[v])
					VFMADD231PS(r.at(e, v), keep, t)
					VMOVUPS(t, r.at(e, v))
					VFMADD231PS(t, rate, w)
					VMINPS(w, bound, w) // a NaN stays one
					VMAXPS(w, floor, w)
				}
				r.keep()
			})
		})
}
