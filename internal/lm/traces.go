package lm

import (
	"context"
	"fmt"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/readout"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// What a model's traces are, and what is left of it when they stand still. A kind
// of model with a memory of its own has its say in these methods, and nowhere else.

// HasTraces reports whether anything of the model learns while it reads.
func (m *Model[F]) HasTraces() bool { return m.Config.Plasticity != nil || m.memory != nil }

// HasMean reports whether traces have a mean over streams: pairs that a plastic
// readout holds have none.
func (m *Model[F]) HasMean() bool { return m.Config.Plasticity != nil && m.memory == nil }

// Off returns the model without its traces: alpha = 0, and no plastic readout. Like
// the others here it is another model, in which nothing learns while it reads; it
// shares with m the parameters that are the same.
func (m *Model[F]) Off() (*Model[F], error) {
	return m.still(nil, func(int) []F { return nil })
}

// Frozen returns the model whose traces stand still at those of stream b of state;
// in all its streams a plastic readout holds what that stream's held.
func (m *Model[F]) Frozen(state State[F], b int) (*Model[F], error) {
	var memory *lstm.State[F]
	if m.memory != nil {
		memory = state[len(m.layers)].Stream(b)
	}
	return m.still(memory, func(l int) []F { return state[l].Stream(b).Part("hebb") })
}

// Mean returns the model whose traces stand still at their mean over the streams
// of state: what a trace is whatever was read, a constant weight by another name.
func (m *Model[F]) Mean(state State[F]) (*Model[F], error) {
	if m.memory != nil {
		return nil, fmt.Errorf("lm: the memory of a plastic readout has no mean over streams")
	}
	return m.still(nil, func(l int) []F {
		all, batch := state[l].Part("hebb"), state[l].Batch
		mean := make([]F, len(all)/batch)
		for c := range mean {
			sum := 0.0
			for b := range batch {
				sum += float64(all[b*len(mean)+c])
			}
			mean[c] = F(sum / float64(batch))
		}
		return mean
	})
}

// still returns the model of standard LSTM layers that m is while the traces of
// each layer stand still; hebb returns those of a layer, nil for zero. A plastic
// readout holds memory in every stream; with nil it is left out.
func (m *Model[F]) still(memory *lstm.State[F], hebb func(l int) []F) (*Model[F], error) {
	if !m.HasTraces() {
		return nil, fmt.Errorf("lm: a model of kind %s has no traces that could stand still", m.Config.Model)
	}
	c := m.Config
	c.Model, c.Plasticity = modeldir.LSTM, nil
	if memory != nil {
		c.Model = modeldir.Readout
	} else {
		c.Memory = nil
	}
	still, err := empty[F](c)
	if err != nil {
		return nil, err
	}
	params := m.Params[1:]
	still.Params[0].Value = m.Params[0].Value
	to := still.Params[1:]
	for l, layer := range m.layers {
		var values [][]F
		for _, p := range params[:len(layer.Params())] {
			values = append(values, p.Value)
		}
		params = params[len(values):]
		if plastic, ok := layer.(*plasticlstm.LSTM); ok {
			values = plasticlstm.Still(plastic, values, hebb(l))
		}
		for i, v := range values {
			to[i].Value = v
		}
		to = to[len(values):]
	}
	if memory != nil {
		still.memory.Mode, still.start = readout.Frozen, memory
	} else if m.memory != nil {
		params = params[len(memoryOf(m.Config).Params()):]
	}
	for i, p := range params {
		to[i].Value = p.Value
	}
	return still, still.Round(m.trained.in)
}

// ResetTraces zeroes the traces and leaves h and c as they are.
func (s State[F]) ResetTraces() {
	for _, layer := range s {
		for _, trace := range traces(layer) {
			clear(trace)
		}
	}
}

// traces are the parts of a layer's state that learn while it reads.
func traces[F Float](s *lstm.State[F]) (all [][]F) {
	for _, p := range s.Parts {
		if p.Role != lstm.Activity {
			all = append(all, s.Part(p.Name))
		}
	}
	return all
}

// Absorb reads all of tokens, cut into as many streams of equal length as state
// has, and replaces state by the one after them. Nothing is scored. Progress,
// unless nil, is told the number of tokens read so far.
func (m *Model[F]) Absorb(ctx context.Context, tokens []int32, state State[F], steps int, progress func(done int)) error {
	batch := state[0].Batch
	length := len(tokens) / batch
	if length < 1 || steps < 1 {
		return fmt.Errorf("lm: %d tokens for %d streams, %d at a time: want at least 1 for each", len(tokens), batch, steps)
	}
	defer m.Hold()()
	for t := 0; t < length; t += steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(steps, length-t)
		x := make([]int32, n*batch)
		for i := range x {
			x[i] = tokens[i%batch*length+t+i/batch]
		}
		if _, err := m.Logits(x, state); err != nil {
			return err
		}
		if progress != nil {
			progress((t + n) * batch)
		}
	}
	return nil
}
