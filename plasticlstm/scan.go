package plasticlstm

import "github.com/engram-lm/engram/lstm"

// Scan is a fused layer at work; beside what every lstm.Scan does, it shows what
// its neuromodulator said.
type Scan[F lstm.Float] struct {
	cell[F]
	hebbian *hebbian[F]
	own     int // how many of the parameters are the cell's
}

// cell is what the traces are part of: one of internal/scan.
type cell[F lstm.Float] interface {
	lstm.Scan[F]
	Hold(on bool)
}

// Begin starts a recording; see lstm.Scan.
func (s *Scan[F]) Begin(batch, steps int, params [][]F, state []F) {
	s.hebbian.bind(params[s.own:])
	s.cell.Begin(batch, steps, params, state)
}

// Modulation returns M(t) [T, B] of the steps recorded, as a view that the next
// Begin overwrites; nil without a neuromodulator.
func (s *Scan[F]) Modulation() []F {
	if s.hebbian.opt.Modulation == None {
		return nil
	}
	return s.hebbian.m[:s.Taken()*s.hebbian.batch]
}
