package lstm

import "fmt"

// State is the carried state of several streams. It is detached: no gradient
// flows from one window into the one before.
type State[F Float] struct {
	Batch int
	Data  []F // each part in turn, as [B, Shape...]
	parts []Part
}

// NewState returns the state at the start of an episode or an epoch: all zero.
func NewState[F Float](l Layer, batch int) *State[F] {
	return &State[F]{Batch: batch, Data: make([]F, StateSize(l, batch)), parts: l.State()}
}

// Part returns the named part of all streams, [B, Shape...], as a view; nil if
// the layer has no such part.
func (s *State[F]) Part(name string) []F {
	data := s.Data
	for _, p := range s.parts {
		n := s.Batch * p.Size()
		if p.Name == name {
			return data[:n:n]
		}
		data = data[n:]
	}
	return nil
}

// Stream returns a copy of one stream's state, as a state of its own.
func (s *State[F]) Stream(b int) *State[F] {
	one := &State[F]{Batch: 1, parts: s.parts}
	s.each(b, func(row []F) { one.Data = append(one.Data, row...) })
	return one
}

// SetStream copies a single stream's state into stream b.
func (s *State[F]) SetStream(b int, one *State[F]) error {
	if one.Batch != 1 || len(one.Data)*s.Batch != len(s.Data) {
		return fmt.Errorf("lstm: a state of %d streams and %d numbers cannot replace one stream of %d numbers",
			one.Batch, len(one.Data), len(s.Data)/s.Batch)
	}
	data := one.Data
	s.each(b, func(row []F) { data = data[copy(row, data):] })
	return nil
}

// Reset zeroes all streams.
func (s *State[F]) Reset() { clear(s.Data) }

// ResetStream zeroes stream b alone, its traces included: a new episode or
// document begins there.
func (s *State[F]) ResetStream(b int) {
	s.each(b, func(row []F) { clear(row) })
}

// each calls f with stream b's row of every part.
func (s *State[F]) each(b int, f func(row []F)) {
	data := s.Data
	for _, p := range s.parts {
		n := p.Size()
		f(data[b*n : (b+1)*n])
		data = data[s.Batch*n:]
	}
}
