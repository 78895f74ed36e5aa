package lm

import "github.com/engram-lm/engram/internal/kernel"

// decoder works out logits where no gradient is wanted. Its weight is packed in
// blocks of columns, and stays packed while the parameters are held: a window of
// evaluation has so few rows that packing would take as long as the product.
type decoder[F Float] struct {
	in           kernel.Precision // of the inputs of its product
	blocks       []kernel.Packed[F]
	held, packed bool // the parameters stay as they are; blocks are of the weight
}

// Hold lets windows keep what they work out of the parameters, which must not
// change until release is called. Holds may be nested.
func (m *Model[F]) Hold() (release func()) {
	if m.holds++; m.holds == 1 {
		m.hold(true)
	}
	return func() {
		if m.holds--; m.holds == 0 {
			m.hold(false)
		}
	}
}

func (m *Model[F]) hold(on bool) {
	m.decoder.held, m.decoder.packed = on, false
	for _, w := range m.windows {
		w.Hold(on)
	}
}

// pack takes up the weight [V, n], unless it has done so within a hold.
func (d *decoder[F]) pack(weight []F, n int) {
	if d.packed {
		return
	}
	v := len(weight) / n
	blocks := (v + columns - 1) / columns
	if len(d.blocks) != blocks {
		d.blocks = make([]kernel.Packed[F], blocks)
	}
	kernel.Parallel(blocks, func(i int) {
		lo, hi := i*columns, min(v, (i+1)*columns)
		d.blocks[i].In = d.in
		d.blocks[i].Pack(true, n, hi-lo, weight[lo*n:hi*n], n)
	})
	d.packed = d.held
}

// logits computes out [rows, V] = x [rows, n] weight^T + bias; a nil bias is left to
// the caller.
func (d *decoder[F]) logits(rows, n int, x []F, v int, bias, out []F) {
	kernel.Parallel(len(d.blocks), func(i int) {
		lo, hi := i*columns, min(v, (i+1)*columns)
		d.blocks[i].Mul(rows, x, n, 0, out[lo:], v)
		if bias == nil {
			return
		}
		for r := range rows {
			kernel.Add(out[r*v+lo:r*v+hi], bias[lo:hi])
		}
	})
}
