package lstm

import (
	"fmt"
	"reflect"
)

// State is the carried state of several streams. It is detached: no gradient
// flows from one window into the one before. Written by encoding/json or
// encoding/gob and read back it is the same.
//
// Its methods panic in one line where a stream is none of those that there are, or
// where Data has not the numbers of Parts.
type State[F Float] struct {
	Batch int
	Data  []F    // each part in turn, as [B, Shape...]
	Parts []Part // what Data holds, as Layer.State lists it
}

// NewState returns the state at the start of an episode or an epoch: all zero.
func NewState[F Float](l Layer, batch int) *State[F] {
	return StateOf[F](l.State(), batch)
}

// StateOf is NewState for what is no Layer but carries such parts.
func StateOf[F Float](parts []Part, batch int) *State[F] {
	if batch < 1 {
		panic(fmt.Errorf("lstm: a state of %d streams: want at least 1", batch))
	}
	n := 0
	for _, p := range parts {
		n += batch * p.Size()
	}
	return &State[F]{Batch: batch, Data: make([]F, n), Parts: parts}
}

// Part returns the named part of all streams, [B, Shape...], as a view; nil if
// the layer has no such part.
func (s *State[F]) Part(name string) []F {
	must(s.check(0))
	data := s.Data
	for _, p := range s.Parts {
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
	one := &State[F]{Batch: 1, Parts: s.Parts}
	must(s.each(b, func(row []F) { one.Data = append(one.Data, row...) }))
	return one
}

// SetStream copies a single stream's state into stream b. It reports a state of
// several streams or of another layer, and changes nothing then.
func (s *State[F]) SetStream(b int, one *State[F]) error {
	if one == nil || one.Batch != 1 {
		return fmt.Errorf("lstm: a state that is not of a single stream cannot replace one: want what Stream returns")
	}
	if err := one.check(0); err != nil {
		return err
	}
	if len(one.Parts) != len(s.Parts) || len(s.Parts) > 0 && !reflect.DeepEqual(one.Parts, s.Parts) {
		return fmt.Errorf("lstm: a state of the parts %v cannot replace one of %v: want one of the same layer", one.Parts, s.Parts)
	}
	data := one.Data
	return s.each(b, func(row []F) { data = data[copy(row, data):] })
}

// Reset zeroes all streams.
func (s *State[F]) Reset() { clear(s.Data) }

// ResetStream zeroes stream b alone, its traces included: a new episode or
// document begins there.
func (s *State[F]) ResetStream(b int) {
	must(s.each(b, func(row []F) { clear(row) }))
}

// each calls f with stream b's row of every part.
func (s *State[F]) each(b int, f func(row []F)) error {
	if err := s.check(b); err != nil {
		return err
	}
	data := s.Data
	for _, p := range s.Parts {
		n := p.Size()
		f(data[b*n : (b+1)*n])
		data = data[s.Batch*n:]
	}
	return nil
}

// check reports a stream b that s has not, and numbers that are not those of its
// parts.
func (s *State[F]) check(b int) error {
	one := 0
	for _, p := range s.Parts {
		one += p.Size()
	}
	switch {
	case s.Batch < 1 || len(s.Data) != s.Batch*one:
		return fmt.Errorf("lstm: a state of %d streams of %d numbers each that holds %d: want one from NewState", s.Batch, one, len(s.Data))
	case b < 0 || b >= s.Batch:
		return fmt.Errorf("lstm: stream %d of a state of %d: want one from 0 to %d", b, s.Batch, s.Batch-1)
	}
	return nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
