package layertest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm"
)

// beginnings says before which steps the streams of a case begin anew, [T+1, B]: the
// first stream never, the second before every step, the others now and then, one of
// them before the first step, and one after the last.
func (c *Case) beginnings() [][]bool {
	r := rand.New(rand.NewPCG(uint64(c.T), 29))
	begins := make([][]bool, c.T+1)
	for t := range begins {
		for b := range c.B {
			begins[t] = append(begins[t], b == 1 || b > 1 && (r.IntN(3) == 0 || b == 2 && t == 0 || b == c.B-1 && t == c.T))
		}
	}
	return begins
}

// episodes holds a recording in which streams begin anew against each episode
// recorded alone; the streams of a layer whose Scan is no lstm.Resetter go on.
func episodes(t *testing.T, c *Case, exact, tol tolerance) {
	t.Helper()
	s := c.scan()
	resetter, ok := s.(lstm.Resetter)
	if !ok {
		return
	}
	begins := c.beginnings()
	out, state, g := unwritten(len(c.OutW)), unwritten(len(c.State)), c.newGrads()
	in, n := c.Layer.InputSize(), c.Layer.HiddenSize()
	c.Forward(s) // a recording before, whose memory must not show
	s.Backward(c.OutW, c.StateW, g.Values[0], g.Values[1], g.Values[2:])
	s.Begin(c.B, c.T, c.Params, c.State)
	for k := 0; k <= c.T; {
		for b, begin := range begins[k] {
			if begin {
				resetter.ResetStream(b)
				if b%2 == 0 {
					resetter.ResetStream(b) // which changes nothing
				}
			}
		}
		if k == c.T {
			break
		}
		next := k + 1
		for next < c.T && !slices.Contains(begins[next], true) {
			next++
		}
		s.Forward(next-k, c.X[k*c.B*in:next*c.B*in], out[k*c.B*n:next*c.B*n])
		k = next
	}
	s.State(state)
	s.Backward(c.OutW, c.StateW, g.Values[0], g.Values[1], g.Values[2:])
	again := unwritten(len(state))
	s.State(again)
	Compare(t, "state after Backward over episodes", again, state, 0)

	wantOut, wantState, want := c.eachAlone(begins)
	Compare(t, "output of episodes", out, wantOut, exact("output"))
	Compare(t, "state after episodes", state, wantState, exact("state"))
	for i, name := range want.Names {
		Compare(t, "gradient of "+name+" over episodes", g.Values[i], want.Values[i], tol(name))
	}
}

// eachAlone records every episode of every stream alone.
func (c *Case) eachAlone(begins [][]bool) (out, state []float64, g Grads) {
	in, n := c.Layer.InputSize(), c.Layer.HiddenSize()
	out, g = make([]float64, len(c.OutW)), c.newGrads()
	for _, v := range g.Values {
		clear(v)
	}
	final, initial := lstm.NewState[float64](c.Layer, c.B), lstm.NewState[float64](c.Layer, c.B)
	stream := func(data []float64, b int) *lstm.State[float64] {
		return (&lstm.State[float64]{Batch: c.B, Data: data, Parts: c.Layer.State()}).Stream(b)
	}
	place := func(to *lstm.State[float64], b int, data []float64) {
		one := stream(to.Data, b)
		copy(one.Data, data)
		if err := to.SetStream(b, one); err != nil {
			panic(err)
		}
	}
	for b := range c.B {
		rows := func(x []float64, n, from, to int) (all []float64) {
			for t := from; t < to; t++ {
				all = append(all, x[(t*c.B+b)*n:(t*c.B+b+1)*n]...)
			}
			return all
		}
		put := func(to, x []float64, n, from int) {
			for i := 0; i < len(x); i += n {
				copy(to[((from+i/n)*c.B+b)*n:], x[i:i+n])
			}
		}
		for from := 0; from < c.T; {
			to := from + 1
			for to < c.T && !begins[to][b] {
				to++
			}
			one := *c
			one.T, one.B = to-from, 1
			one.X, one.OutW = rows(c.X, in, from, to), rows(c.OutW, n, from, to)
			one.State, one.StateW = stream(c.State, b).Data, make([]float64, len(c.State)/c.B)
			first := from == 0 && !begins[0][b]
			if !first {
				clear(one.State)
			}
			last := to == c.T && !begins[c.T][b]
			if last {
				one.StateW = stream(c.StateW, b).Data
			}
			o, s, d := one.Fused()
			put(out, o, n, from)
			put(g.Values[0], d.Values[0], in, from)
			if first {
				place(initial, b, d.Values[1])
			}
			if last {
				place(final, b, s)
			}
			for i := 2; i < len(g.Values); i++ {
				for k, v := range d.Values[i] {
					g.Values[i][k] += v
				}
			}
			from = to
		}
	}
	g.Values[1] = initial.Data
	return out, final.Data, g
}
