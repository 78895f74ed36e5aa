package plasticlstm

import (
	"github.com/engram-lm/engram/internal/scan"
	"github.com/engram-lm/engram/lstm"
)

// Scan is a fused layer at work; beside what every lstm.Scan does, it shows what
// its neuromodulator said.
type Scan[F lstm.Float] struct {
	cell[F]
	hebbian *hebbian[F]
}

// cell is what the traces are part of: one of internal/scan.
type cell[F lstm.Float] interface {
	lstm.Scan[F]
	Hold(on bool)
	Round(to lstm.Precision) bool
}

func newScan[F lstm.Float](l lstm.Layer, c scan.Cell[F], h *hebbian[F]) *Scan[F] {
	return &Scan[F]{scan.Check(c, l.InputSize(), l.HiddenSize(), lstm.StateSize(l, 1), l.Params()), h}
}

// Modulation returns M(t) [T, B] of the steps recorded, as a view that the next
// Begin overwrites; nil without a neuromodulator.
func (s *Scan[F]) Modulation() []F {
	if s.hebbian.opt.Modulation == None {
		return nil
	}
	return s.hebbian.m[:s.Taken()*s.hebbian.batch]
}
