package plasticlstm_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
	G "gorgonia.org/gorgonia"
)

// A layer of several lanes of rows is the same as its small ones, in plain Go and
// by vectors: float32 against float64, a stream alone against its row of a batch.
func TestManyNeurons(t *testing.T) {
	for _, o := range []Options{
		{Rule: Decay, Rate: PerLayer, Feed: lstm.Direct},
		{Rule: Oja, Alpha: PerLayer, Rate: PerLayer, Feed: lstm.Direct},
		{Rule: Decay, Modulation: Simple, Rate: PerLayer, Feed: lstm.Direct, Clip: 50},
		{Modulation: Simple, Rate: PerNeuron, Feed: lstm.Direct},
		{Rate: PerLayer, Feed: lstm.Direct, Clip: 0.3},
		{Modulation: Retroactive, Feed: lstm.Direct, Clip: 50},
	} {
		t.Run(rnnName(o), func(t *testing.T) {
			ranges := map[string][2]float64{"weight_hh": {-0.05, 0.05}, "alpha": {-0.05, 0.05}, "eta": {0.1, 0.3}, "fanout.weight": {-0.2, 0.2}, "fanout.bias": {0, 0.1}, "trace_rate": {0.2, 0.5}, "modulator.weight": {-0.02, 0.02}, "modulator.bias": {0.1, 0.2}}
			c := layertest.New(rnn(t, 261, o), 12, 2, 3, ranges) // two checkpoints
			layertest.Laws(t, c, 1e-11)
			if o.Clip < 1 && o.Clip > 0 {
				return // any direction takes some trace across its bound
			}
			// Directions in which all of a parameter moves at once.
			_, _, g := c.Fused()
			s := lstm.NewScan[float64](c.Layer)
			loss := func() (sum float64) {
				out, state := c.Forward(s)
				for i, v := range out {
					sum += v * c.OutW[i]
				}
				for i, v := range state {
					sum += v * c.StateW[i]
				}
				return sum
			}
			for k, p := range append([][]float64{c.X, c.State}, c.Params...) {
				r := rng.New(uint64(k), "direction")
				v := make([]float64, len(p))
				want := 0.0
				for i := range v {
					v[i] = r.Uniform(-1, 1)
					want += v[i] * g.Values[k][i]
				}
				const h = 1e-6
				move := func(by float64) float64 {
					for i := range p {
						p[i] += by * v[i]
					}
					return loss()
				}
				up := move(h)
				down := move(-2 * h)
				move(h)
				if got := (up - down) / (2 * h); !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
					t.Errorf("along a direction of %s: the loss changes by %v, the gradient says %v", g.Names[k], got, want)
				}
			}
		})
	}
}

// Runs of steps whose neurons are all clamped or saturated take a shorter way
// through a large layer; a tiny unclamped share (of one neuron) takes the long one
// to the same gradients.
func TestRunsOfSettledSteps(t *testing.T) {
	const n, steps, batch = 261, 19, 2
	ranges := map[string][2]float64{"weight_hh": {-0.05, 0.05}, "alpha": {-0.05, 0.05}, "eta": {0.1, 0.3}, "x": {-0.5, 0.5}}
	for _, o := range []Options{
		{Rule: Decay, Rate: PerLayer, Feed: lstm.Clamped},
		{Rule: Oja, Alpha: PerNeuron, Rate: PerNeuron, Feed: lstm.Clamped},
		{Rule: Clip, Alpha: PerLayer, Rate: PerConnection, Feed: lstm.Clamped, Clip: 50},
		{Rule: Decay, Modulation: Simple, Rate: PerNeuron, Feed: lstm.Clamped},
	} {
		t.Run(rnnName(o), func(t *testing.T) {
			run := func(share float64) (values [][]float64) {
				c := layertest.New(rnn(t, n, o), steps, batch, 3, ranges)
				for s := range steps {
					for b := range batch {
						mask := c.X[(s*batch+b)*2*n:][n : 2*n]
						for j := range mask {
							if mask[j] = 0; s >= 2 && s < 14 || s == 16 {
								mask[j] = share
							}
						}
						for j := 1; j < n && mask[0] != 0; j++ {
							mask[j] = 1
						}
					}
				}
				s := lstm.NewScan[float64](c.Layer)
				out, state := c.Forward(s)
				values = append(values, out, state, make([]float64, len(state)))
				for _, p := range c.Params {
					values = append(values, make([]float64, len(p)))
				}
				s.Backward(c.OutW, c.StateW, nil, values[2], values[3:])
				return values
			}
			names := []string{"output", "state", "gradient of the state"}
			for _, p := range rnn(t, n, o).Params() {
				names = append(names, "gradient of "+p.Name)
			}
			short, long := run(1), run(1-1e-13)
			for i, name := range names {
				layertest.Compare(t, name, short[i], long[i], 1e-9)
			}
		})
	}
}

// Steps at which all neurons are clamped are worked out no further than anyone
// asks; that changes nothing but the gradient of their masks.
func TestStepsThatAreGiven(t *testing.T) {
	const n, steps, batch = 4, 14, 2 // more given steps than between checkpoints
	every(func(o Options) {
		if o.ModulatorInput == Cell || o.Alpha == PerNeuron {
			return
		}
		o.Feed = lstm.Clamped
		t.Run(rnnName(o), func(t *testing.T) {
			l := rnn(t, n, o)
			c := layertest.New(l, steps, batch, 3, lively)
			for s := range steps {
				for b := range batch {
					mask := c.X[(s*batch+b)*2*n:][n : 2*n]
					for j := range mask {
						given := s >= 2 && s < 10 || s == 12 && b == 0 || j == s%n
						if mask[j] = 0; given {
							mask[j] = 1
						}
					}
				}
			}
			out, state, g := c.Fused()
			out2, state2, g2 := c.Graph(t, func(l lstm.Layer, x, s *G.Node, p []*G.Node) (lstm.Output, error) {
				return l.Composed(x, s, p)
			})
			for i := range g.Values[0] {
				if i%(2*n) >= n && c.X[i] == 1 {
					if g.Values[0][i] != 0 {
						t.Errorf("a mask of 1 has a gradient: %v", g.Values[0][i])
					}
					g2.Values[0][i] = 0
				}
			}
			layertest.Compare(t, "output", out, out2, 1e-10)
			layertest.Compare(t, "state", state, state2, 1e-10)
			for i, name := range g.Names {
				layertest.Compare(t, "gradient of "+name, g.Values[i], g2.Values[i], 1e-10)
			}
			layertest.Laws(t, c, 1e-11)
		})
	})
}

// episode runs forward and backward in float32 and returns all that comes out.
func episode(l lstm.Layer, steps, batch int, seed uint64) (all []float32) {
	r := rng.New(seed, "episode")
	draw := func(n int, lo, hi float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.Uniform(lo, hi))
		}
		return x
	}
	var params, grads [][]float32
	for _, p := range l.Params() {
		lo, hi := p.Lo, p.Hi
		switch p.Name {
		case "alpha", "alpha.post":
			lo, hi = 0, 0.05
		case "eta", "eta.post", "fanout.weight", "fanout.weight.post":
			lo, hi = 0.1, 0.5
		}
		params, grads = append(params, draw(p.Size(), lo, hi)), append(grads, make([]float32, p.Size()))
	}
	x, state := draw(steps*batch*l.InputSize(), -1, 1), lstm.NewState[float32](l, batch)
	out, dout := make([]float32, steps*batch*l.HiddenSize()), draw(steps*batch*l.HiddenSize(), -1, 1)
	dx, dstate := make([]float32, len(x)), make([]float32, len(state.Data))
	s := lstm.NewScan[float32](l)
	s.Begin(batch, steps, params, state.Data)
	s.Forward(steps, x, out)
	s.State(state.Data)
	s.Backward(dout, nil, dx, dstate, grads)
	for _, v := range append(grads, out, state.Data, dx, dstate) {
		all = append(all, v...)
	}
	return all
}

// The number of cores changes no bit, for few large streams and many small ones.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		n, batch int
		opt      Options
	}{
		{40, 7, Options{Modulation: Simple, Rate: PerLayer}},
		{40, 7, Options{Modulation: Retroactive, Rate: PerNeuron}},
		{310, 1, Options{Rule: Decay, Rate: PerLayer, Feed: lstm.Direct}},
		{310, 1, Options{Rule: Oja, Rate: PerConnection, Feed: lstm.Clamped}},
		{310, 1, Options{Modulation: Simple, Rate: PerLayer}},
		{310, 2, Options{Modulation: Retroactive, Alpha: PerNeuron, Rate: PerLayer}},
	} {
		l := rnn(t, c.n, c.opt)
		runtime.GOMAXPROCS(1)
		one := episode(l, 7, c.batch, 5)
		runtime.GOMAXPROCS(2)
		two := episode(l, 7, c.batch, 5)
		for i := range one {
			if math.Float32bits(one[i]) != math.Float32bits(two[i]) {
				t.Errorf("%s, %d neurons: number %d is %v on one core, %v on two", rnnName(l.Options()), c.n, i, one[i], two[i])
				break
			}
		}
	}
}
