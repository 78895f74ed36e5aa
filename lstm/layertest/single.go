package layertest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/engram-lm/engram/lstm"
)

// Single returns c in float32: its numbers rounded to what a float32 holds, and
// its fused layer at work on these. The laws then hold the kernels of this
// process's level (see internal/kernel) against each other.
func (c *Case) Single() *Case {
	s := *c
	s.single = true
	rounded := func(x []float64) []float64 { return to64(to32(x)) }
	s.X, s.State, s.OutW, s.StateW = rounded(c.X), rounded(c.State), rounded(c.OutW), rounded(c.StateW)
	s.Params = nil
	for _, p := range c.Params {
		s.Params = append(s.Params, rounded(p))
	}
	return &s
}

// scan returns the fused layer of a case.
func (c *Case) scan() lstm.Scan[float64] {
	if c.single {
		s := lstm.NewScan[float32](c.Layer)
		if r, ok := s.(lstm.Resetter); ok {
			return resetting{&single{s}, r}
		}
		return &single{s}
	}
	return lstm.NewScan[float64](c.Layer)
}

// single is a float32 layer to whoever speaks float64.
type single struct{ scan lstm.Scan[float32] }

func (s *single) Taken() int { return s.scan.Taken() }

// resetting is a single whose streams can begin anew.
type resetting struct {
	*single
	lstm.Resetter
}

func (s *single) Begin(batch, steps int, params [][]float64, state []float64) {
	s.scan.Begin(batch, steps, all32(params), to32(state))
}

func (s *single) Forward(steps int, x, out []float64) {
	written(out, func(out []float32) { s.scan.Forward(steps, to32(x), out) })
}

func (s *single) State(state []float64) { written(state, s.scan.State) }

func (s *single) Backward(dout, dstate, dx, dstate0 []float64, dparams [][]float64) {
	var final []float32
	if dstate != nil {
		final = to32(dstate)
	}
	dparams32 := all32(dparams)
	written(dx, func(dx []float32) {
		written(dstate0, func(dstate0 []float32) { s.scan.Backward(to32(dout), final, dx, dstate0, dparams32) })
	})
	for i, d := range dparams32 {
		copy(dparams[i], to64(d))
	}
}

// written calls f with a float32 slice in the place of x, nil for nil, and copies
// to x what f leaves there.
func written(x []float64, f func([]float32)) {
	if x == nil {
		f(nil)
		return
	}
	y := to32(x)
	f(y)
	copy(x, to64(y))
}

func all32(x [][]float64) (y [][]float32) {
	for _, v := range x {
		y = append(y, to32(v))
	}
	return y
}

func to32(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func to64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// SingleEqualsDouble holds the float32 layer against the float64 one, both at work
// on the numbers that a float32 holds.
func SingleEqualsDouble(t *testing.T, c *Case) {
	t.Helper()
	s := c.Single()
	singleEqualsDouble(t, s, s.rounding())
}

func singleEqualsDouble(t *testing.T, s *Case, tol tolerance) {
	t.Helper()
	out, state, g := s.double().Fused()
	out32, state32, g32 := s.Fused()
	Compare(t, "float32 output", out32, out, tol("output"))
	Compare(t, "float32 state", state32, state, tol("state"))
	for i, name := range g.Names {
		Compare(t, "float32 gradient of "+name, g32.Values[i], g.Values[i], tol(name))
	}
}

// double returns c in float64, at work on the same numbers.
func (c *Case) double() *Case {
	d := *c
	d.single = false
	return &d
}

// Each number of a case goes through some dozens of roundings before it is part of
// a result. roundings is how many, to be safe on all of the way.
const roundings = 64

// rounding tells what rounding to float32 may do to the results of a case: as much
// as numbers that are themselves rounded, each up or down, so many times at once.
// The float64 layer says how much that is, and so the case's own condition comes
// in: how sums cancel, how far the steps carry an error, whether a trace lies so
// near its bound that rounding decides on which side.
func (c *Case) rounding() tolerance {
	const unit = 1.0 / (1 << 24)
	d := c.double()
	out, state, g := d.Fused()
	tol := map[string]float64{}
	worst := func(name string, got, want []float64) {
		scale, off := 1e-9, 0.0
		for i, w := range want {
			scale, off = max(scale, math.Abs(w)), max(off, math.Abs(got[i]-w))
		}
		tol[name] = max(tol[name], unit+off/scale)
	}
	r := rand.New(rand.NewPCG(uint64(len(c.X)), 23))
	moved := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = v * (1 + unit*roundings*float64(2*r.IntN(2)-1))
		}
		return y
	}
	for range 4 {
		m := *d
		m.X, m.State, m.OutW, m.StateW, m.Params = moved(c.X), moved(c.State), moved(c.OutW), moved(c.StateW), nil
		for _, p := range c.Params {
			m.Params = append(m.Params, moved(p))
		}
		out2, state2, g2 := m.Fused()
		worst("output", out2, out)
		worst("state", state2, state)
		for i, name := range g.Names {
			worst(name, g2.Values[i], g.Values[i])
		}
	}
	return func(name string) float64 { return tol[name] }
}
