package layertest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/engram-lm/engram/lstm"
)

// Laws holds the fused layer against itself by all laws that compare two of its
// runs: in float64, where what the same operations give in another call has the
// same bits, and what is summed in another order agrees to tol of its largest
// value; then in float32, where kernels may sum the same numbers in several orders,
// to what rounding can do, and by SingleEqualsDouble.
func Laws(t *testing.T, c *Case, tol float64) {
	t.Helper()
	laws(t, c, func(string) float64 { return 0 }, func(string) float64 { return tol })
	s := c.Single()
	rounding := s.rounding()
	laws(t, s, rounding, rounding)
	singleEqualsDouble(t, s, rounding)
}

func laws(t *testing.T, c *Case, exact, tol tolerance) {
	t.Helper()
	cutInTwo(t, c, tol)
	streamAlone(t, c, exact, tol)
	stepByStep(t, c, exact)
	episodes(t, c, exact, tol)
	detached(t, c)
	noSteps(t, c)
}

// tolerance returns by how much of its largest value a result may be off, given its
// name: "output", or as in Grads, where "state" stands for the final state as well.
type tolerance func(name string) float64

// cutInTwo holds a window against two halves, the state carried between them
// and its gradient carried back.
func cutInTwo(t *testing.T, c *Case, tol tolerance) {
	t.Helper()
	out, state, g := c.Fused()
	first, second := *c, *c
	first.T = c.T / 2
	second.T = c.T - first.T
	nx, no := first.T*c.B*c.Layer.InputSize(), first.T*c.B*c.Layer.HiddenSize()
	first.X, second.X = c.X[:nx], c.X[nx:]
	first.OutW, second.OutW = c.OutW[:no], c.OutW[no:]
	s1 := c.scan()
	out1, mid := first.Forward(s1)
	second.State = mid
	out2, state2, g2 := second.Fused()
	g1 := first.newGrads()
	s1.Backward(first.OutW, g2.Values[1], g1.Values[0], g1.Values[1], g1.Values[2:])
	Compare(t, "output of two halves", append(out1, out2...), out, tol("output"))
	Compare(t, "state after two halves", state2, state, tol("state"))
	Compare(t, "gradient of x", append(g1.Values[0], g2.Values[0]...), g.Values[0], tol("x"))
	Compare(t, "gradient of the state", g1.Values[1], g.Values[1], tol("state"))
	for i := 2; i < len(g.Names); i++ {
		for k, v := range g2.Values[i] {
			g1.Values[i][k] += v
		}
		Compare(t, "gradient of "+g.Names[i], g1.Values[i], g.Values[i], tol(g.Names[i]))
	}
}

// streamAlone holds each stream of the batch against a batch of that stream
// only; outputs and state agree to exact, gradients to tol.
func streamAlone(t *testing.T, c *Case, exact, tol tolerance) {
	t.Helper()
	out, state, g := c.Fused()
	whole := lstm.NewState[float64](c.Layer, c.B)
	column := func(x []float64, n, b int) (one []float64) {
		for t := range c.T {
			one = append(one, x[(t*c.B+b)*n:(t*c.B+b+1)*n]...)
		}
		return one
	}
	stream := func(x []float64, b int) []float64 {
		whole.Data = x
		return whole.Stream(b).Data
	}
	in, n := c.Layer.InputSize(), c.Layer.HiddenSize()
	sum := c.newGrads()
	for _, v := range sum.Values {
		clear(v)
	}
	for b := range c.B {
		one := *c
		one.B, one.X, one.State = 1, column(c.X, in, b), stream(c.State, b)
		one.OutW, one.StateW = column(c.OutW, n, b), stream(c.StateW, b)
		out1, state1, g1 := one.Fused()
		Compare(t, "output of a stream", out1, column(out, n, b), exact("output"))
		Compare(t, "state of a stream", state1, stream(state, b), exact("state"))
		Compare(t, "gradient of a stream's x", g1.Values[0], column(g.Values[0], in, b), tol("x"))
		Compare(t, "gradient of a stream's state", g1.Values[1], stream(g.Values[1], b), tol("state"))
		for i := 2; i < len(sum.Names); i++ {
			for k, v := range g1.Values[i] {
				sum.Values[i][k] += v
			}
		}
	}
	for i := 2; i < len(sum.Names); i++ {
		Compare(t, "gradient of "+sum.Names[i], sum.Values[i], g.Values[i], tol(sum.Names[i]))
	}
}

// stepByStep holds recordings of single steps and of a few at once, with the state
// looked at at random between them, against the window.
func stepByStep(t *testing.T, c *Case, tol tolerance) {
	t.Helper()
	out, state, g := c.Fused()
	s := c.scan()
	now := make([]float64, len(state))
	ni, no := c.B*c.Layer.InputSize(), c.B*c.Layer.HiddenSize()
	r := rand.New(rand.NewPCG(uint64(c.T), 19))
	for most := 1; most <= 3; most++ { // a further recording reuses the first one's memory
		got := unwritten(len(out))
		s.Begin(c.B, c.T+3, c.Params, c.State)
		for k := 0; k < c.T; {
			for range r.IntN(3) {
				s.State(now)
			}
			next := min(c.T, k+1+r.IntN(most))
			s.Forward(next-k, c.X[k*ni:next*ni], got[k*no:next*no])
			k = next
		}
		s.State(now)
		g1 := c.newGrads()
		s.Backward(c.OutW, c.StateW, g1.Values[0], g1.Values[1], g1.Values[2:])
		Compare(t, "output of single steps", got, out, tol("output"))
		Compare(t, "state after single steps", now, state, tol("state"))
		s.State(now)
		Compare(t, "state after Backward", now, state, tol("state"))
		for i, name := range g.Names {
			Compare(t, "gradient of "+name+" of single steps", g1.Values[i], g.Values[i], tol(name))
		}
	}
}

// detached holds what a pass is asked for against the full pass, whatever else it
// is asked for: gradients of the input, of the initial state, both or neither, from
// a final state with a gradient and without. Every bit is equal.
func detached(t *testing.T, c *Case) {
	t.Helper()
	s := c.scan()
	for _, final := range [][]float64{c.StateW, nil} {
		var full Grads
		for i, asked := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
			got := c.newGrads()
			c.Forward(s)
			for k := range asked {
				if !asked[k] {
					got.Values[k] = nil
				}
			}
			s.Backward(c.OutW, final, got.Values[0], got.Values[1], got.Values[2:])
			if i == 0 {
				full = got
			}
			for k, name := range full.Names {
				if got.Values[k] != nil {
					Compare(t, fmt.Sprintf("gradient of %s in a pass asked for that of x, of the state: %v", name, asked), got.Values[k], full.Values[k], 0)
				}
			}
		}
		if final != nil {
			continue
		}
		got := c.newGrads() // a gradient of zero is none
		c.Forward(s)
		s.Backward(c.OutW, make([]float64, len(c.State)), got.Values[0], got.Values[1], got.Values[2:])
		for k, name := range full.Names {
			Compare(t, "gradient of "+name, got.Values[k], full.Values[k], 0)
		}
	}
}

// noSteps holds a recording of no steps to what it must be: the state and its
// gradient pass through, the parameters have none.
func noSteps(t *testing.T, c *Case) {
	t.Helper()
	for _, final := range [][]float64{c.StateW, nil} {
		s, state, g := c.scan(), make([]float64, len(c.State)), c.newGrads()
		s.Begin(c.B, c.T, c.Params, c.State)
		s.State(state)
		s.Backward(nil, final, nil, g.Values[1], g.Values[2:])
		Compare(t, "state after no steps", state, c.State, 0)
		if final == nil {
			final = make([]float64, len(c.State))
		}
		Compare(t, "gradient of the state through no steps", g.Values[1], final, 0)
		for i, p := range c.Params {
			Compare(t, "gradient of "+g.Names[2+i]+" in no steps", g.Values[2+i], make([]float64, len(p)), 0)
		}
	}
}
