package scan

import (
	"fmt"
	"strings"

	"github.com/engram-lm/engram/internal/kernel"
)

// Cell is what the cells of this package have in common.
type Cell[F Float] interface {
	Begin(batch, steps int, params [][]F, state []F)
	Hold(on bool)
	Forward(steps int, x, out []F)
	Taken() int
	ResetStream(b int)
	State(state []F)
	Backward(dout, dstate, dx, dstate0 []F, dparams [][]F)
}

// Tensor is what a parameter is to a Checked: its size, and how it is called in a
// message, as in "bias [16]".
type Tensor interface {
	Size() int
	String() string
}

// Checked is a cell whose calls are checked: where one comes
// out of turn, or with slices of other lengths than it needs, it panics in one
// line that says what is wanted, before anything has changed. Lengths must be
// exact, for a slice that is too long is a mistaken shape as well. The lines begin
// with the name of the package whose Scan the caller has.
type Checked[F Float] struct {
	cell           Cell[F]
	in, out, state int // numbers of one stream: at a step, at a step, carried
	params         []Tensor

	batch, steps int  // of the recording; 0 before the first
	over         bool // Backward has been
}

// Check returns cell with its calls checked: it has in inputs, out outputs and
// state carried numbers a stream, and takes params.
func Check[F Float, P Tensor](cell Cell[F], in, out, state int, params []P) *Checked[F] {
	c := &Checked[F]{cell: cell, in: in, out: out, state: state}
	for _, p := range params {
		c.params = append(c.params, p)
	}
	return c
}

// Begin starts a recording; see lstm.Scan.
func (c *Checked[F]) Begin(batch, steps int, params [][]F, state []F) {
	c.made("Begin")
	if batch < 1 || steps < 1 {
		panic(fmt.Errorf("lstm: Begin of %d streams and %d steps: want at least 1 of each", batch, steps))
	}
	c.tensors("params", params)
	c.carried("Begin: state", state, batch)
	c.cell.Begin(batch, steps, params, state)
	c.batch, c.steps, c.over = batch, steps, false
}

// Hold says whether the parameters stay as they are from now on; see lstm.Window.
func (c *Checked[F]) Hold(on bool) {
	c.made("Hold")
	c.cell.Hold(on)
}

// Round makes the inputs of matrix products rounded to a precision, where the cell
// can, and reports whether it can; see lstm.Window.
func (c *Checked[F]) Round(to kernel.Precision) bool {
	c.made("Round")
	cell, ok := c.cell.(interface{ Round(kernel.Precision) })
	if ok {
		cell.Round(to)
	}
	return ok || to == kernel.F32
}

// Forward takes further steps; see lstm.Scan.
func (c *Checked[F]) Forward(steps int, x, out []F) {
	c.begun("Forward")
	taken := c.cell.Taken()
	switch {
	case c.over:
		panic(fmt.Errorf("lstm: Forward after Backward: want Begin first, a recording ends with its Backward"))
	case steps < 1:
		panic(fmt.Errorf("lstm: Forward of %d steps: want at least 1", steps))
	case taken+steps > c.steps:
		panic(fmt.Errorf("lstm: Forward of step %d in a recording of %d steps", taken+steps, c.steps))
	}
	c.rows("Forward: x", x, steps, c.in, "I")
	c.rows("Forward: out", out, steps, c.out, "H")
	c.cell.Forward(steps, x, out)
}

// Taken returns the number of steps recorded so far.
func (c *Checked[F]) Taken() int {
	c.made("Taken")
	return c.cell.Taken()
}

// ResetStream begins an episode in stream b before the next step; see lstm.Resetter.
func (c *Checked[F]) ResetStream(b int) {
	c.begun("ResetStream")
	switch {
	case c.over:
		panic(fmt.Errorf("lstm: ResetStream after Backward: want Begin first, a recording ends with its Backward"))
	case b < 0 || b >= c.batch:
		panic(fmt.Errorf("lstm: ResetStream of stream %d of %d: want one from 0 to %d", b, c.batch, c.batch-1))
	}
	c.cell.ResetStream(b)
}

// State writes the state after the steps taken so far; see lstm.Scan.
func (c *Checked[F]) State(state []F) {
	c.begun("State")
	c.carried("State: state", state, c.batch)
	c.cell.State(state)
}

// Backward runs over all steps taken; see lstm.Scan.
func (c *Checked[F]) Backward(dout, dstate, dx, dstate0 []F, dparams [][]F) {
	c.begun("Backward")
	if c.over {
		panic(fmt.Errorf("lstm: a second Backward: want Begin first, a recording ends with its Backward"))
	}
	taken := c.cell.Taken()
	c.rows("Backward: dout", dout, taken, c.out, "H")
	if dstate != nil {
		c.carried("Backward: dstate", dstate, c.batch)
	}
	if dx != nil {
		c.rows("Backward: dx", dx, taken, c.in, "I")
	}
	if dstate0 != nil {
		c.carried("Backward: dstate0", dstate0, c.batch)
	}
	c.tensors("dparams", dparams)
	c.cell.Backward(dout, dstate, dx, dstate0, dparams)
	c.over = true
}

// made tells a Scan from a zero one.
func (c *Checked[F]) made(call string) {
	if c == nil {
		panic(fmt.Errorf("lstm: %s of an empty Scan: want one from NewScan", call))
	}
}

func (c *Checked[F]) begun(call string) {
	c.made(call)
	if c.batch == 0 {
		panic(fmt.Errorf("lstm: %s before Begin", call))
	}
}

// rows checks x [T, B, width].
func (c *Checked[F]) rows(what string, x []F, steps, width int, name string) {
	if want := steps * c.batch * width; len(x) != want {
		panic(fmt.Errorf("lstm: %s of %d numbers, want %d: [T, B, %s] = [%d, %d, %d]",
			what, len(x), want, name, steps, c.batch, width))
	}
}

// carried checks a state of batch streams, or its gradient.
func (c *Checked[F]) carried(what string, state []F, batch int) {
	if want := batch * c.state; len(state) != want {
		panic(fmt.Errorf("lstm: %s of %d numbers, want %d: %d for each of %d streams", what, len(state), want, c.state, batch))
	}
}

// tensors checks parameters, or their gradients.
func (c *Checked[F]) tensors(what string, got [][]F) {
	if len(got) != len(c.params) {
		names := make([]string, len(c.params))
		for i, p := range c.params {
			names[i] = p.String()
		}
		panic(fmt.Errorf("lstm: %s: %d tensors, want %d: %s", what, len(got), len(names), strings.Join(names, ", ")))
	}
	for i, p := range c.params {
		if len(got[i]) != p.Size() {
			panic(fmt.Errorf("lstm: %s[%d] of %d numbers, want %d: %s", what, i, len(got[i]), p.Size(), p))
		}
	}
}
