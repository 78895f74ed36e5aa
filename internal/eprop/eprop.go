// Package eprop is a recurrent net of leaky integrate-and-fire neurons that learns
// by e-prop [1], a rule that needs no back-propagation through time: each synapse
// keeps an eligibility trace, and a learning signal of its neuron's says what the
// trace is worth.
//
//	v_t = a v_{t-1} + W_rec z_{t-1} + W_in s_t - threshold z_{t-1},  z_t = [v_t > threshold]
//	u_t = k u_{t-1} + W_out z_t,  output = mean of u_0 = 0, u_1, ... u_{T-1}
//
// The loss that it lowers is 1/2 sum_t |u_t - y|^2, summed over the samples, with a
// rate penalty. The gradient by a weight i -> j is
//
//	sum_t L_j(t) sum_{s<=t} k^(t-s) e_ji(s),  e_ji(s) = psi_j(s) sum_{r<=s} a^(s-r) pre_i(r)
//
// with L_j(t) = sum_o W_out,oj (u_o(t) - y_o) and psi a triangle around the
// threshold. It is worked out here with the error filtered backwards in the place
// of the eligibility forwards, Lbar_j(s) = sum_{t>=s} k^(t-s) L_j(t): then it is one
// matrix product over all steps and samples.
//
//	[1] Bellec et al., A solution to the learning dilemma for recurrent networks of
//	    spiking neurons, Nature Communications 2020.
package eprop

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
)

// Net is a net's sizes and constants, with scratch memory: one goroutine uses it at
// a time.
type Net[F kernel.Float] struct {
	In, Hidden, Out int
	Steps           int     // T: states u_0 ... u_{T-1}, so T-1 updates
	Leak            float64 // a, of the membrane
	ReadoutLeak     float64 // k
	Threshold       float64
	RateCost        float64 // c: c/2 (mean rate - Rate)^2, for each neuron and sample
	Rate            float64 // spikes a step

	zin, v, z, u              []F // [T-1, B, .]
	errs, signal, pre, before []F // likewise, of Backward
	rates                     []float64
}

// New returns the net of [1]'s constants: membrane and readout of 30 steps.
func New[F kernel.Float](in, hidden, out, steps int) *Net[F] {
	leak := math.Exp(-1. / 30)
	return &Net[F]{In: in, Hidden: hidden, Out: out, Steps: steps, Leak: leak, ReadoutLeak: leak, Threshold: .1, RateCost: 1e-5, Rate: .2}
}

// Len is how many weights there are: W_in [H, I], W_rec [H, H], W_out [O, H].
func (n *Net[F]) Len() int { return n.Hidden * (n.In + n.Hidden + n.Out) }

func (n *Net[F]) parts(w []F) (in, rec, out []F) {
	a, b := n.Hidden*n.In, n.Hidden*(n.In+n.Hidden)
	return w[:a], w[a:b], w[b:]
}

// Init draws weights from N(0, gain^2 2/fan-in): Kaiming's, with gains .1, .01, .1.
func (n *Net[F]) Init(normal func() float64, w []F) {
	in, rec, out := n.parts(w)
	draw := func(to []F, gain float64, fan int) {
		for i := range to {
			to[i] = F(gain * math.Sqrt(2/float64(fan)) * normal())
		}
	}
	draw(in, .1, n.In)
	draw(rec, .01, n.Hidden)
	draw(out, .1, n.Hidden)
}

// Forward runs spikes [T-1, B, In] and returns the outputs [B, Out].
func (n *Net[F]) Forward(w, spikes []F) []F {
	steps, h := n.Steps-1, n.Hidden
	b := len(spikes) / (steps * n.In)
	in, rec, out := n.parts(w)
	zin := kernel.Grow(&n.zin, steps*b*h)
	kernel.GemmSerial(false, true, steps*b, h, n.In, 1, spikes, n.In, in, n.In, 0, zin, h)
	v, z, u := kernel.Grow(&n.v, steps*b*h), kernel.Grow(&n.z, steps*b*h), kernel.Grow(&n.u, steps*b*n.Out)
	y := make([]F, b*n.Out)
	for t := range steps {
		now := v[t*b*h : (t+1)*b*h]
		copy(now, zin[t*b*h:])
		if t > 0 {
			before := z[(t-1)*b*h : t*b*h]
			kernel.Axpy(F(n.Leak), v[(t-1)*b*h:t*b*h], now)
			kernel.Axpy(F(-n.Threshold), before, now)
			kernel.GemmSerial(false, true, b, h, h, 1, before, h, rec, h, 1, now, h)
		}
		fired := z[t*b*h : (t+1)*b*h]
		for i, x := range now {
			fired[i] = 0
			if x > F(n.Threshold) {
				fired[i] = 1
			}
		}
		r := u[t*b*n.Out : (t+1)*b*n.Out]
		kernel.GemmSerial(false, true, b, n.Out, h, 1, fired, h, out, h, 0, r, n.Out)
		if t > 0 {
			kernel.Axpy(F(n.ReadoutLeak), u[(t-1)*b*n.Out:t*b*n.Out], r)
		}
		kernel.Axpy(1/F(n.Steps), r, y)
	}
	return y
}

// Backward adds scale times e-prop's gradient at the targets [B, Out] to dw, after
// a Forward of the same weights and spikes, and returns the loss.
func (n *Net[F]) Backward(w, spikes, target []F, scale F, dw []F) float64 {
	steps, h, o := n.Steps-1, n.Hidden, n.Out
	b := len(target) / o
	_, _, wout := n.parts(w)
	din, drec, dout := n.parts(dw)

	// The error, filtered from the last step back: sum_{t>=s} k^(t-s) (u_t - y).
	errs := kernel.Grow(&n.errs, steps*b*o)
	var loss float64
	for t := steps - 1; t >= 0; t-- {
		e := errs[t*b*o : (t+1)*b*o]
		for i := range e {
			d := n.u[t*b*o+i] - target[i]
			loss += float64(d*d) / 2
			e[i] = d
		}
		if t < steps-1 {
			kernel.Axpy(F(n.ReadoutLeak), errs[(t+1)*b*o:(t+2)*b*o], e)
		}
	}
	for _, y := range target { // u_0 = 0
		loss += float64(y*y) / 2
	}
	kernel.GemmSerial(true, false, o, h, steps*b, scale, errs, o, n.z, h, 1, dout, h)

	// signal = psi (Lbar + c/steps (mean rate - Rate)), [T-1, B, H].
	signal := kernel.Grow(&n.signal, steps*b*h)
	kernel.GemmSerial(false, false, steps*b, h, o, 1, errs, o, wout, h, 0, signal, h)
	rates := kernel.Grow(&n.rates, b*h)
	clear(rates)
	for t := range steps {
		for i, z := range n.z[t*b*h : (t+1)*b*h] {
			rates[i] += float64(z) * (1 / float64(steps))
		}
	}
	for i, rate := range rates {
		loss += n.RateCost / 2 * (rate - n.Rate) * (rate - n.Rate)
		rates[i] = n.RateCost * (rate - n.Rate) / float64(steps) // the penalty's part
	}
	for t := range steps {
		v, signal := n.v[t*b*h:(t+1)*b*h], signal[t*b*h:(t+1)*b*h]
		for i, penalty := range rates {
			signal[i] = n.psi(v[i]) * (signal[i] + F(penalty))
		}
	}
	pre := kernel.Grow(&n.pre, steps*b*n.In)
	n.filter(spikes, pre, b*n.In, 0)
	kernel.GemmSerial(true, false, h, n.In, steps*b, scale, signal, h, pre, n.In, 1, din, n.In)
	before := kernel.Grow(&n.before, steps*b*h)
	n.filter(n.z, before, b*h, 1)
	kernel.GemmSerial(true, false, h, h, steps*b, scale, signal, h, before, h, 1, drec, h)
	return loss
}

// psi is the surrogate slope of a spike by its membrane potential.
func (n *Net[F]) psi(v F) F {
	th := F(n.Threshold)
	return .3 * max(0, 1-F(math.Abs(float64(v-th)))/th)
}

// filter writes sum_{r<=s} a^(s-r) x(r-delay) to filtered, rows of the given width.
func (n *Net[F]) filter(x, filtered []F, width, delay int) {
	clear(filtered[:delay*width])
	for t := delay; t < n.Steps-1; t++ {
		to := filtered[t*width : (t+1)*width]
		copy(to, x[(t-delay)*width:])
		if t > 0 {
			kernel.Axpy(F(n.Leak), filtered[(t-1)*width:t*width], to)
		}
	}
}
