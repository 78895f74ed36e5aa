package lm

import (
	"fmt"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/op"
)

// A recurrent layer goes from step to step, and with one stream on one core; the
// softmax over the vocabulary takes as long and can have any number. So where
// windows follow one another, the layers go on to the next ones while the head still
// scores the last. It takes as many windows at once as fill its rows, since it reads
// all of its weight each time. Each number is worked out as by Score, to the same bits.

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
		next, ahead lot[F] // what the layers fill, and what the head is at work on
		busy        bool   // it is
		scored      = make(chan struct{}, 1)
	)
	defer func() {
		if busy {
			<-scored
		}
	}()
	deliver := func() error {
		if !busy {
			return nil
		}
		<-scored
		busy = false
		nll := m.scored.nll
		for _, steps := range ahead.steps {
			rows := steps * state[0].Batch
			if err := each(steps, nll[:rows]); err != nil {
				return err
			}
			nll = nll[rows:]
		}
		return nil
	}
	handOver := func() error {
		err := deliver()
		if err != nil || len(next.steps) == 0 {
			return err
		}
		next, ahead, busy = ahead, next, true
		next.clear()
		go func() {
			m.scored.score(ahead.outputs, weight, bias, ahead.targets)
			scored <- struct{}{}
		}()
		return nil
	}
	for w, ok := windows.Next(); ok; w, ok = windows.Next() {
		x, err := m.outputs(w.X, state)
		if err != nil {
			return err
		}
		if err := next.add(w, x, len(bias)); err != nil {
			return err
		}
		if len(next.targets)+len(w.Y) > scoreRows {
			if err := handOver(); err != nil {
				return err
			}
		}
	}
	if err := handOver(); err != nil {
		return err
	}
	return deliver()
}

// A lot is windows that the head scores at once.
type lot[F Float] struct {
	steps   []int // of each window
	targets []int
	outputs []F // of the last layer
}

// add adds a window and the outputs of the last layer in it.
func (l *lot[F]) add(w data.Window, outputs []F, vocabulary int) error {
	for _, token := range w.Y {
		if token < 0 || int(token) >= vocabulary {
			return fmt.Errorf("lm: target %d is outside the vocabulary of %d", token, vocabulary)
		}
		l.targets = append(l.targets, int(token))
	}
	l.steps, l.outputs = append(l.steps, w.Steps), append(l.outputs, outputs...)
	return nil
}

func (l *lot[F]) clear() { l.steps, l.targets, l.outputs = l.steps[:0], l.targets[:0], l.outputs[:0] }

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
