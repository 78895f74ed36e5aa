package plasticlstm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/lstm"
	. "github.com/engram-lm/engram/plasticlstm"
)

// Every call of a Scan that is out of turn, or has slices of a wrong length,
// panics in one line that says what is wanted, in all cells alike; a right call
// does not, and comes to the same after wrong ones.
func TestWrongCallsOfAScan(t *testing.T) {
	const in, n, batch, most, taken = 3, 4, 2, 3, 2
	opt := Options{Rate: PerLayer}
	for _, l := range []lstm.Layer{
		lstm.LSTM{In: in, Hidden: n}, lstm.RNN{In: in, Hidden: n}, lstm.Dense{In: in, Out: n},
		layer(t, in, n, opt), rnn(t, n, opt), dense(t, in, n, opt),
	} {
		var params, dparams [][]float32
		var names []string
		for _, p := range l.Params() {
			params, dparams = append(params, make([]float32, p.Size())), append(dparams, make([]float32, p.Size()))
			names = append(names, p.String())
		}
		for i := range params[0] {
			params[0][i] = float32(i%5) / 4
		}
		i, carried, last := l.InputSize(), lstm.StateSize(l, 1), len(params)-1
		state := make([]float32, batch*carried)
		x, out := slices.Repeat([]float32{1}, batch*i), make([]float32, batch*n)
		dx, dout := make([]float32, taken*len(x)), make([]float32, taken*len(out))
		list := strings.Join(names, ", ")

		type scan = lstm.Scan[float32]
		fresh := func() scan { return lstm.NewScan[float32](l) }
		begun := func() scan {
			s := fresh()
			s.Begin(batch, most, params, state)
			for range taken {
				s.Forward(1, x, out)
			}
			return s
		}
		over := func() scan {
			s := begun()
			s.Backward(dout, nil, nil, nil, dparams)
			return s
		}
		longer := func(x []float32) []float32 { return append(slices.Clone(x), 0) }
		shorter := slices.Clone(params)
		shorter[last] = longer(params[last])
		// A slice of a slice has room behind it, which must not be taken for its own.
		room := slices.Concat(x, x)[:len(x)-1]

		for _, c := range []struct {
			on   func() scan
			call func(scan)
			want string // empty: no panic
		}{
			{fresh, func(s scan) { s.Forward(1, x, out) }, "lstm: Forward before Begin"},
			{fresh, func(s scan) { s.State(state) }, "lstm: State before Begin"},
			{fresh, func(s scan) { s.Backward(nil, nil, nil, nil, dparams) }, "lstm: Backward before Begin"},
			{fresh, func(s scan) { s.Begin(0, most, params, nil) }, "lstm: Begin of 0 streams and 3 steps: want at least 1 of each"},
			{fresh, func(s scan) { s.Begin(batch, 0, params, state) }, "lstm: Begin of 2 streams and 0 steps: want at least 1 of each"},
			{fresh, func(s scan) { s.Begin(batch, most, params[:last], state) },
				fmt.Sprintf("lstm: params: %d tensors, want %d: %s", last, last+1, list)},
			{fresh, func(s scan) { s.Begin(batch, most, shorter, state) },
				fmt.Sprintf("lstm: params[%d] of %d numbers, want %d: %s", last, len(params[last])+1, len(params[last]), names[last])},
			{fresh, func(s scan) { s.Begin(batch, most, params, longer(state)) },
				fmt.Sprintf("lstm: Begin: state of %d numbers, want %d: %d for each of 2 streams", len(state)+1, len(state), carried)},
			{begun, func(s scan) { s.Forward(2, slices.Concat(x, x), slices.Concat(out, out)) }, "lstm: Forward of step 4 in a recording of 3 steps"},
			{begun, func(s scan) { s.Forward(0, nil, nil) }, "lstm: Forward of 0 steps: want at least 1"},
			{begun, func(s scan) { s.Forward(1, room, out) },
				fmt.Sprintf("lstm: Forward: x of %d numbers, want %d: [T, B, I] = [1, 2, %d]", len(x)-1, len(x), i)},
			{begun, func(s scan) { s.Forward(1, x, out[1:]) }, "lstm: Forward: out of 7 numbers, want 8: [T, B, H] = [1, 2, 4]"},
			{begun, func(s scan) { s.State(longer(state)) },
				fmt.Sprintf("lstm: State: state of %d numbers, want %d: %d for each of 2 streams", len(state)+1, len(state), carried)},
			{begun, func(s scan) { s.Backward(dout[1:], nil, nil, nil, dparams) },
				"lstm: Backward: dout of 15 numbers, want 16: [T, B, H] = [2, 2, 4]"},
			{begun, func(s scan) { s.Backward(dout, longer(state), nil, nil, dparams) },
				fmt.Sprintf("lstm: Backward: dstate of %d numbers, want %d: %d for each of 2 streams", len(state)+1, len(state), carried)},
			{begun, func(s scan) { s.Backward(dout, nil, dx[1:], nil, dparams) },
				fmt.Sprintf("lstm: Backward: dx of %d numbers, want %d: [T, B, I] = [2, 2, %d]", len(dx)-1, len(dx), i)},
			{begun, func(s scan) { s.Backward(dout, nil, nil, longer(state), dparams) },
				fmt.Sprintf("lstm: Backward: dstate0 of %d numbers, want %d: %d for each of 2 streams", len(state)+1, len(state), carried)},
			{begun, func(s scan) { s.Backward(dout, nil, nil, nil, dparams[:last]) },
				fmt.Sprintf("lstm: dparams: %d tensors, want %d: %s", last, last+1, list)},
			{over, func(s scan) { s.Forward(1, x, out) }, "lstm: Forward after Backward: want Begin first, a recording ends with its Backward"},
			{over, func(s scan) { s.Backward(dout, nil, nil, nil, dparams) }, "lstm: a second Backward: want Begin first, a recording ends with its Backward"},

			{begun, func(s scan) { s.Forward(1, x, out) }, ""},
			{begun, func(s scan) { s.Backward(dout, state, dx, slices.Clone(state), dparams) }, ""},
			{over, func(s scan) { s.State(slices.Clone(state)) }, ""},
			{over, func(s scan) { s.Begin(1, 1, params, state[:carried]) }, ""},
			{fresh, func(s scan) { s.Begin(batch, most, params, state); s.Backward(nil, nil, nil, nil, dparams) }, ""},
		} {
			if got := panicOf(func() { c.call(c.on()) }); got != c.want {
				t.Errorf("%T: panic %q, want %q", l, got, c.want)
			}
		}

		right, after := slices.Clone(out), make([]float32, len(out))
		begun().Forward(1, x, right)
		s := begun()
		for _, wrong := range []func(){
			func() { s.Forward(1, x, out[1:]) },
			func() { s.Begin(batch, most, params[:last], state) },
			func() { s.Backward(dout[1:], nil, nil, nil, dparams) },
		} {
			if panicOf(wrong) == "" {
				t.Errorf("%T: a wrong call does not panic", l)
			}
		}
		if s.Forward(1, x, after); !slices.Equal(after, right) {
			t.Errorf("%T: after wrong calls the outputs are %v, want %v", l, after, right)
		}
	}
}

// panicOf returns the message of the error that f panics with; empty if it does not.
func panicOf(f func()) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}
