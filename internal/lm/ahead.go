package lm

import (
	"fmt"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/op"
)

// A recurrent layer goes from step to step, and with one stream on one core; the
// softmax over the vocabulary takes as long and can have any number. So where
// windows follow one another, the layers go on to the next one while the head still
// scores the last. Each number is worked out as by Score, to the same bits.

// ScoreAll scores the windows that follow, from the state, which it replaces by the
// final one. For every window in turn it calls each with the window's steps T and the
// NLL of its targets in nats [T, B], which the next call overwrites; it ends with the
// first error.
func (m *Model[F]) ScoreAll(windows *data.Windows, state State[F], each func(steps int, nll []float64) error) error {
	defer m.Hold()()
	if m.memory != nil { // it stands in the head, and goes from step to step as well
		for w, ok := windows.Next(); ok; w, ok = windows.Next() {
			nll, err := m.Score(w.X, w.Y, state)
			if err == nil {
				err = each(w.Steps, nll)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	weight, bias := m.decoderParams()
	var (
		steps   int   // of the window that the head is at work on, 0 if it is idle
		targets []int // of that window
		outputs []F   // of the layers in it
		scored  = make(chan struct{}, 1)
	)
	deliver := func() error {
		if steps == 0 {
			return nil
		}
		<-scored
		done := steps
		steps = 0
		return each(done, m.scored.nll)
	}
	defer func() {
		if steps > 0 {
			<-scored
		}
	}()
	for w, ok := windows.Next(); ok; w, ok = windows.Next() {
		x, err := m.outputs(w.X, state)
		if err != nil {
			return err
		}
		if err := deliver(); err != nil {
			return err
		}
		outputs, targets = append(outputs[:0], x...), targets[:0]
		for _, token := range w.Y {
			if token < 0 || int(token) >= len(bias) {
				return fmt.Errorf("lm: target %d is outside the vocabulary of %d", token, len(bias))
			}
			targets = append(targets, int(token))
		}
		steps = w.Steps
		go func() {
			m.scored.score(outputs, weight, bias, targets)
			scored <- struct{}{}
		}()
	}
	return deliver()
}

// outputs runs one window and returns the outputs of the last layer [T, B, H],
// which the next call overwrites.
func (m *Model[F]) outputs(x []int32, state State[F]) ([]F, error) {
	g, err := m.window(reading, x, state, false)
	if err != nil {
		return nil, err
	}
	if err := g.run(m, x, nil, state); err != nil {
		return nil, err
	}
	return op.Data[F](g.result.Value()), nil
}

// decoderParams returns the weight [V, n] and the bias [V] of the softmax.
func (m *Model[F]) decoderParams() (weight, bias []F) {
	last := len(m.Params) - 1
	if bias = m.Params[last].Value; m.Config.TieWeights {
		return m.Params[0].Value, bias
	}
	return m.Params[last-1].Value, bias
}
