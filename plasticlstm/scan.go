package plasticlstm

import (
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/scan"
)

// Scan is a fused layer at work; beside what every lstm.Scan does, it shows what
// its neuromodulator said.
type Scan[F lstm.Float] struct {
	*cell[F]
	hebbian *hebbian[F]
}

// cell is what the traces are part of: one of lstm/scan.
type cell[F lstm.Float] = scan.Checked[F]

func newScan[F lstm.Float](l lstm.Layer, c scan.Cell[F], h *hebbian[F]) *Scan[F] {
	return &Scan[F]{scan.Check(c, l.InputSize(), l.HiddenSize(), lstm.StateSize(l, 1), l.Params()), h}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Modulation returns M(t) [T, B] of the steps recorded, as a view that the next
// Begin overwrites; nil without a neuromodulator.
func (s *Scan[F]) Modulation() []F {
	taken := s.Taken()
	if s.hebbian.opt.Modulation == None {
		return nil
	}
	return s.hebbian.m[:taken*s.hebbian.batch]
}
