package lstm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/lstm/scan"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Episodes is a Layer whose input says where an episode begins: x is [T, B, I+1], what
// the Layer takes and then a number that is above 0.5 where the stream's state, its
// traces included, is zero before the step. No gradient passes there, and that number
// has none. Parameters and state are the Layer's. A Scan of it does the same as one of
// the Layer that is told by ResetStream.
type Episodes struct{ Layer }

var _ FusedLayer = Episodes{}

// Validate reports a Layer that is nil or wrong.
func (l Episodes) Validate() error { return validate(l.Layer) }

// InputSize returns I+1.
func (l Episodes) InputSize() int { return l.Layer.InputSize() + 1 }

// Scan32 returns the fused layer in float32; it panics where NewScan of the Layer
// does, and if the Scan of that is no Resetter.
func (l Episodes) Scan32() Scan[float32] { return newEpisodesScan[float32](l) }

// Scan64 returns the fused layer in float64; it panics as Scan32 does.
func (l Episodes) Scan64() Scan[float64] { return newEpisodesScan[float64](l) }

// episodesScan is the Scan of Episodes.
type episodesScan[F Float] struct {
	*scan.Checked[F]
	of Scan[F]
}

func newEpisodesScan[F Float](l Episodes) Scan[F] {
	must(l.Validate())
	of := NewScan[F](l.Layer)
	r, ok := of.(Resetter)
	if !ok {
		panic(fmt.Errorf("lstm: a %T cannot begin streams anew: want one with ResetStream", of))
	}
	cell := &episodesCell[F]{Scan: of, Resetter: r, in: l.Layer.InputSize()}
	return &episodesScan[F]{scan.Check(cell, l.InputSize(), l.HiddenSize(), StateSize(l, 1), l.Params()), of}
}

// Round is that of the Layer's Scan; see Window.Round.
func (s *episodesScan[F]) Round(to Precision) bool {
	r, ok := s.of.(interface{ Round(Precision) bool })
	return ok && r.Round(to) || to == F32
}

// Modulation is that of the Layer's Scan; nil if it has none.
func (s *episodesScan[F]) Modulation() []F {
	if m, ok := s.of.(Modulated[F]); ok {
		return m.Modulation()
	}
	return nil
}

// episodesCell takes the beginnings out of the inputs of a Scan.
type episodesCell[F Float] struct {
	Scan[F]
	Resetter
	in, batch int
	x, dx     []F // [T, B, I]
}

func (c *episodesCell[F]) Begin(batch, steps int, params [][]F, state []F) {
	c.batch = batch
	c.Scan.Begin(batch, steps, params, state)
}

func (c *episodesCell[F]) Hold(on bool) {
	if h, ok := c.Scan.(interface{ Hold(bool) }); ok {
		h.Hold(on)
	}
}

func (c *episodesCell[F]) Forward(steps int, x, out []F) {
	n := len(out) / (steps * c.batch)
	rows := kernel.Grow(&c.x, steps*c.batch*c.in)
	from := 0 // the first step that is still to be taken
	take := func(to int) {
		if to > from {
			c.Scan.Forward(to-from, rows[from*c.batch*c.in:to*c.batch*c.in], out[from*c.batch*n:to*c.batch*n])
		}
		from = to
	}
	for r := range steps * c.batch {
		row := x[r*(c.in+1) : (r+1)*(c.in+1)]
		copy(rows[r*c.in:], row[:c.in])
		if row[c.in] > 0.5 {
			take(r / c.batch)
			c.ResetStream(r % c.batch)
		}
	}
	take(steps)
}

func (c *episodesCell[F]) Backward(dout, dstate, dx, dstate0 []F, dparams [][]F) {
	if dx == nil {
		c.Scan.Backward(dout, dstate, nil, dstate0, dparams)
		return
	}
	rows := len(dx) / (c.in + 1)
	c.Scan.Backward(dout, dstate, kernel.Grow(&c.dx, rows*c.in), dstate0, dparams)
	for r := range rows {
		row := dx[r*(c.in+1) : (r+1)*(c.in+1)]
		row[copy(row, c.dx[r*c.in:(r+1)*c.in])] = 0
	}
}

// Composed builds the layer from windows of a step of the Layer.
func (l Episodes) Composed(x, state *G.Node, params []*G.Node) (out Output, err error) {
	steps, batch, err := check(l, x, state, params)
	if err != nil {
		return Output{}, err
	}
	in, n := l.Layer.InputSize(), l.HiddenSize()
	var hidden []*G.Node
	for t := range steps {
		row, err := op.Part(x, t*batch*(in+1), tensor.Shape{batch, in + 1})
		if err != nil {
			return Output{}, err
		}
		if state.Shape().TotalSize() > 0 {
			if state, err = restarted(l.State(), state, row); err != nil {
				return Output{}, err
			}
		}
		own, err := G.Mul(row, selector(x, in+1, 0, in))
		if err != nil {
			return Output{}, err
		}
		if own, err = op.Part(own, 0, tensor.Shape{1, batch, in}); err != nil {
			return Output{}, err
		}
		if out, err = l.Layer.Composed(own, state, params); err != nil {
			return Output{}, err
		}
		hidden, state = append(hidden, out.Hidden), out.State
	}
	out.Hidden, err = op.Pack(tensor.Shape{steps, batch, n}, hidden, append([]*G.Node{x}, params...)...)
	return out, err
}

// restarted is the state [StateSize] with zeros for the streams whose row [B, I+1] ends
// in more than 0.5.
func restarted(parts []Part, state, row *G.Node) (*G.Node, error) {
	if state.Dtype() == tensor.Float32 {
		return op.Apply(&restart[float32]{parts: parts}, state.Shape(), state, row)
	}
	return op.Apply(&restart[float64]{parts: parts}, state.Shape(), state, row)
}

type restart[F Float] struct {
	op.Buffers[F]
	parts []Part
}

func (*restart[F]) String() string            { return "restart" }
func (*restart[F]) Differentiable(i int) bool { return i == 0 }

func (r *restart[F]) Forward(in []G.Value, out []F) error {
	copy(out, op.Data[F](in[0]))
	return r.clear(in[1], out)
}

func (r *restart[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	copy(gin[0], gout)
	return r.clear(in[1], gin[0])
}

func (r *restart[F]) clear(rows G.Value, of []F) error {
	batch, width := rows.Shape()[0], rows.Shape()[1]
	s := State[F]{Batch: batch, Data: of, Parts: r.parts}
	for b, x := range op.Data[F](rows) {
		if (b+1)%width == 0 && x > 0.5 {
			s.ResetStream(b / width)
		}
	}
	return nil
}
