package lstm_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm"
)

// ramp is a state of numbers 1, 2, 3, ...
func ramp(l lstm.Layer, batch int) *lstm.State[float32] {
	s := lstm.NewState[float32](l, batch)
	for i := range s.Data {
		s.Data[i] = float32(i + 1)
	}
	return s
}

// A state that was written and read back knows its parts.
func TestStateThroughGobAndJSON(t *testing.T) {
	s := ramp(lstm.LSTM{In: 3, Hidden: 2}, 2)
	for name, copied := range map[string]func(to *lstm.State[float32]) error{
		"json": func(to *lstm.State[float32]) error {
			text, err := json.Marshal(s)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, to)
		},
		"gob": func(to *lstm.State[float32]) error {
			var b bytes.Buffer
			if err := gob.NewEncoder(&b).Encode(s); err != nil {
				return err
			}
			return gob.NewDecoder(&b).Decode(to)
		},
	} {
		var back lstm.State[float32]
		if err := copied(&back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&back, s) {
			t.Errorf("%s: %+v, want %+v", name, back, *s)
		}
		if got := back.Part("c"); !slices.Equal(got, []float32{5, 6, 7, 8}) {
			t.Errorf("%s: c is %v", name, got)
		}
		back.ResetStream(0)
		if want := []float32{0, 0, 3, 4, 0, 0, 7, 8}; !slices.Equal(back.Data, want) {
			t.Errorf("%s: after ResetStream(0) %v, want %v", name, back.Data, want)
		}
	}
}

// Streams that are not there and states that do not fit are refused in one line,
// and nothing has changed.
func TestStatesThatDoNotFit(t *testing.T) {
	l := lstm.LSTM{In: 3, Hidden: 2}
	s, mute := ramp(l, 2), &lstm.State[float32]{Batch: 2, Data: make([]float32, 8)}
	short := ramp(l, 2)
	short.Data = short.Data[:7]
	caught := func(f func()) error {
		var err error
		func() {
			defer func() { err, _ = recover().(error) }()
			f()
		}()
		return err
	}
	const (
		below   = "lstm: stream -1 of a state of 2: want one from 0 to 1"
		beyond  = "lstm: stream 2 of a state of 2: want one from 0 to 1"
		without = "lstm: a state of 2 streams of 0 numbers each that holds 8: want one from NewState"
		cut     = "lstm: a state of 2 streams of 4 numbers each that holds 7: want one from NewState"
		several = "lstm: a state that is not of a single stream cannot replace one: want what Stream returns"
	)
	for _, c := range []struct {
		want string
		got  error
	}{
		{below, caught(func() { s.Stream(-1) })},
		{beyond, caught(func() { s.Stream(2) })},
		{below, caught(func() { s.ResetStream(-1) })},
		{beyond, caught(func() { s.ResetStream(2) })},
		{below, s.SetStream(-1, ramp(l, 1))},
		{beyond, s.SetStream(2, ramp(l, 1))},
		{several, s.SetStream(0, ramp(l, 2))},
		{several, s.SetStream(0, nil)},
		{"lstm: a state of the parts [h [4]] cannot replace one of [h [2] c [2]]: want one of the same layer",
			s.SetStream(0, ramp(lstm.RNN{In: 3, Hidden: 4}, 1))}, // as many numbers
		{without, caught(func() { mute.Part("h") })},
		{without, caught(func() { mute.Stream(0) })},
		{without, caught(func() { mute.ResetStream(0) })},
		{cut, caught(func() { short.Stream(0) })},
		{"lstm: a state of 0 streams of 0 numbers each that holds 0: want one from NewState", caught(func() { new(lstm.State[float64]).ResetStream(0) })},
		{"lstm: a state of -1 streams: want at least 1", caught(func() { lstm.NewState[float32](l, -1) })},
		{"lstm: a state of 0 streams: want at least 1", caught(func() { lstm.NewState[float32](l, 0) })},
	} {
		if fmt.Sprint(c.got) != c.want {
			t.Errorf("%v, want %s", c.got, c.want)
		}
	}
	if !reflect.DeepEqual(s, ramp(l, 2)) {
		t.Errorf("the state has changed: %v", s.Data)
	}
	if err := s.SetStream(1, s.Stream(0)); err != nil || !slices.Equal(s.Data, []float32{1, 2, 1, 2, 5, 6, 5, 6}) {
		t.Errorf("%v, %v", s.Data, err)
	}
	none := lstm.NewState[float32](lstm.Dense{In: 3, Out: 2}, 2) // carries nothing
	if err := none.SetStream(1, none.Stream(0)); err != nil {
		t.Error(err)
	}
}
