package a2c

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
)

// Params lists a network's parameters: the layer's, then head.weight [A+1, H] and
// head.bias [A+1], which hold a row for each of the A actions and a last one for
// the value.
func Params(layer lstm.Layer, actions int) []lstm.Param {
	h := layer.HiddenSize()
	k := 1 / math.Sqrt(float64(h))
	return append(layer.Params(),
		lstm.Param{Name: "head.weight", Shape: []int{actions + 1, h}, Lo: -k, Hi: k},
		lstm.Param{Name: "head.bias", Shape: []int{actions + 1}, Lo: -k, Hi: k})
}

// ParamCount returns the number of trained numbers of a network.
func ParamCount(layer lstm.Layer, actions int) int {
	n := 0
	for _, p := range Params(layer, actions) {
		n += p.Size()
	}
	return n
}

// Agent is a network at work on an episode: Begin, then for each step Act and
// Took, then Backward over all of them.
type Agent[F lstm.Float] struct {
	inputs, n, actions, batch, steps int

	scan  lstm.Scan[F]
	state []F // at the start of an episode: zero
	head  kernel.Packed[F]
	bias  []F
	w     []F // head.weight

	taken   int
	hidden  []F   // [T, B, H]
	out     []F   // [T, B, A+1]: pi, v
	chosen  []int // [T, B]
	rewards []F   // [T, B]

	dout    []F // [T, B, A+1]
	dhidden []F // [T, B, H]
	returns []F // [B]
}

// NewAgent returns an agent of batch streams and episodes of at most steps steps.
func NewAgent[F lstm.Float](layer lstm.Layer, actions, batch, steps int) *Agent[F] {
	n := layer.HiddenSize()
	rows := steps * batch
	return &Agent[F]{
		inputs: layer.InputSize(), n: n, actions: actions, batch: batch, steps: steps,
		scan: lstm.NewScan[F](layer), state: make([]F, lstm.StateSize(layer, batch)),
		hidden: make([]F, rows*n), out: make([]F, rows*(actions+1)),
		chosen: make([]int, rows), rewards: make([]F, rows),
		dout: make([]F, rows*(actions+1)), dhidden: make([]F, rows*n), returns: make([]F, batch),
	}
}

// Begin starts an episode in every stream, with nothing remembered. The
// parameters, as Params lists them, must not change before Backward has returned.
func (a *Agent[F]) Begin(params [][]F) {
	last := len(params) - 2
	a.taken, a.w, a.bias = 0, params[last], params[last+1]
	a.head.Pack(true, a.n, a.actions+1, a.w, a.n)
	// With room for a step more than there are, the scan copies what it is shown.
	a.scan.Begin(a.batch, a.steps+1, params[:last], a.state)
}

// Act shows the agent the next observations [B, Inputs] and returns pi and v
// [B, A+1] as a view.
func (a *Agent[F]) Act(obs []F) []F {
	at, width := a.taken*a.batch, a.actions+1
	h := a.hidden[at*a.n:][:a.batch*a.n]
	out := a.out[at*width:][:a.batch*width]
	a.scan.Forward(1, obs, h)
	a.head.Mul(a.batch, h, a.n, 0, out, width)
	for b := range a.batch {
		row := out[b*width:][:width]
		kernel.Add(row, a.bias)
		kernel.SoftmaxNLL(row[:a.actions], 0)
	}
	return out
}

// Took tells which action each stream took after the last Act and what it was
// worth. It ends the step.
func (a *Agent[F]) Took(actions []int, rewards []float32) {
	at := a.taken * a.batch
	copy(a.chosen[at:], actions)
	for b, r := range rewards {
		a.rewards[at+b] = F(r)
	}
	a.taken++
}

// Modulation returns M(t) [T, B] of the steps taken, as a view; nil if the layer
// has no neuromodulator.
func (a *Agent[F]) Modulation() []F {
	if s, ok := a.scan.(interface{ Modulation() []F }); ok {
		return s.Modulation()
	}
	return nil
}

// Backward overwrites grads, as Params lists them, with the loss's gradients over
// the steps taken, and returns the terms of the loss.
func (a *Agent[F]) Backward(c Loss, grads [][]F) Losses {
	rows, width := a.taken*a.batch, a.actions+1
	losses := a.outBackward(c)
	dout, last := a.dout[:rows*width], len(grads)-2
	kernel.Gemm(true, false, width, a.n, rows, 1, dout, width, a.hidden, a.n, 0, grads[last], a.n)
	clear(grads[last+1])
	for r := range rows {
		kernel.Add(grads[last+1], dout[r*width:][:width])
	}
	kernel.Gemm(false, false, rows, a.n, width, 1, dout, width, a.w, a.n, 0, a.dhidden, a.n)
	a.scan.Backward(a.dhidden[:rows*a.n], nil, nil, nil, grads[:last])
	return losses
}

// outBackward sets dout, the gradients of z and v, from the last step to the
// first.
func (a *Agent[F]) outBackward(c Loss) (sum Losses) {
	width, scale := a.actions+1, 1/float64(a.taken*a.batch)
	clear(a.returns)
	for r := a.taken*a.batch - 1; r >= 0; r-- {
		b, chosen := r%a.batch, a.chosen[r]
		pi, v := a.out[r*width:][:a.actions], a.out[r*width+a.actions]
		dz := a.dout[r*width:][:a.actions]
		a.returns[b] = a.rewards[r] + F(c.Gamma)*a.returns[b]
		advantage := a.returns[b] - v

		var same F
		for _, p := range pi {
			same += p * p
		}
		for k, p := range pi {
			dz[k] = F(scale) * p * (advantage + F(2*c.ConcentrationCoef)*(p-same))
		}
		dz[chosen] -= F(scale) * advantage
		a.dout[r*width+a.actions] = F(-2*scale*c.ValueCoef) * advantage

		sum.Policy -= scale * math.Log(float64(pi[chosen])) * float64(advantage)
		sum.Value += scale * float64(advantage) * float64(advantage)
		sum.Concentration += scale * float64(same)
	}
	return sum
}

// Sample draws an action for each stream from pi, as Act gives it, by the stream's
// own source of randomness.
func Sample[F lstm.Float](out []F, sources []*rng.Stream, actions []int) {
	width := len(out) / len(actions)
	for b := range actions {
		actions[b] = pick(out[b*width:][:width-1], sources[b].Float64())
	}
}

// pick returns the action at u, in [0, 1), of the cumulative probabilities; never
// one of probability zero.
func pick[F lstm.Float](pi []F, u float64) int {
	last := 0
	for k, p := range pi {
		if p == 0 {
			continue
		}
		last = k
		if u -= float64(p); u < 0 {
			break
		}
	}
	return last
}
