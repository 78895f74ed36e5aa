package plasticlstm_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/layertest"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	. "github.com/engram-lm/engram/plasticlstm"
	G "gorgonia.org/gorgonia"
)

var feeds = []lstm.Feed{lstm.Projected, lstm.Direct, lstm.Clamped}

// everyRNN calls f with each combination of options that go together in an RNN.
func everyRNN(f func(o Options)) {
	every(func(o Options) {
		if o.ModulatorInput == Cell {
			return
		}
		for _, feed := range feeds {
			o.Feed = feed
			f(o)
		}
	})
}

func rnn(t testing.TB, n int, o Options) *RNN {
	t.Helper()
	l, err := NewRNN(o.Feed.InputSize(3, n), n, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func rnnName(o Options) string { return name(o) + "-" + string(o.Feed) }

func TestEveryCombinationOfTheRNN(t *testing.T) {
	combinations, bites := 0, 0
	everyRNN(func(o Options) {
		combinations++
		t.Run(rnnName(o), func(t *testing.T) {
			l := rnn(t, 4, o)
			bites += differences(t, l, o)
			c := layertest.New(l, 6, 6, 2, lively)
			graph := c
			if o.Feed != lstm.Projected { // feeds do not know the rules: a small graph will do
				graph = layertest.New(l, 3, 2, 2, lively)
			}
			layertest.ComposedEqualsFused(t, graph, 1e-10)
			layertest.CutInTwo(t, c, 1e-11)
			layertest.StreamAlone(t, c, 1e-11)
			layertest.StepByStep(t, c)
			layertest.Detached(t, c)
			layertest.Single(t, c, 1e-3)
			o.Clip = 50
			layertest.Single(t, layertest.New(rnn(t, 21, o), 6, 3, 2, calm), 1e-3)
		})
	})
	if combinations != 432 {
		t.Errorf("%d combinations, want 432", combinations)
	}
	t.Logf("%d combinations, in %d of which traces end at the clip", combinations, bites)
}

// calm are parameters for more neurons: the sums that drive these stay where tanh
// is no step, at which a float32 and a float64 part.
var calm = func() map[string][2]float64 {
	m := map[string][2]float64{"weight_hh": {-0.2, 0.2}}
	for k, v := range lively {
		m[k] = v
	}
	m["alpha"] = [2]float64{0.05, 0.2}
	return m
}()

// With alpha = 0 the traces change nothing: outputs and gradients are the
// standard RNN's.
func TestAlphaZeroIsTheStandardRNN(t *testing.T) {
	everyRNN(func(o Options) {
		c := layertest.New(rnn(t, 4, o), 7, 6, 4, lively)
		std := *c
		std.Layer = lstm.RNN{In: 3, Hidden: 4, Feed: o.Feed}
		own := len(std.Layer.Params())
		clear(c.Params[own])
		h := c.B * 4
		clear(c.StateW[h:]) // the loss must not read the traces
		out, state, g := c.Fused()
		std.Params, std.State, std.StateW = c.Params[:own], c.State[:h], c.StateW[:h]
		out2, state2, g2 := std.Fused()
		layertest.Compare(t, rnnName(o)+": output", out, out2, 1e-14)
		layertest.Compare(t, rnnName(o)+": state", state[:h], state2, 1e-14)
		layertest.Compare(t, rnnName(o)+": gradient of x", g.Values[0], g2.Values[0], 1e-13)
		for i := 2; i < 2+own; i++ {
			layertest.Compare(t, rnnName(o)+": gradient of "+g.Names[i], g.Values[i], g2.Values[i], 1e-13)
		}
	})
}

// A clamped neuron takes its value and passes no gradient: what the others make
// of the value is all that there is.
func TestClampedNeuronsBlockTheGradient(t *testing.T) {
	const n, steps = 5, 4
	c := layertest.New(rnn(t, n, Options{Feed: lstm.Clamped, Rule: Decay}), steps, 1, 3, lively)
	for s := range steps {
		row := c.X[s*2*n:][:2*n]
		for j := range n {
			row[n+j] = float64(j % 2) // every other neuron
		}
	}
	for i := range c.StateW {
		c.StateW[i] = 0
	}
	for i := range c.OutW { // the loss reads the last step's outputs
		if i < (steps-1)*n {
			c.OutW[i] = 0
		}
	}
	out, _, g := c.Fused()
	for s := range steps {
		for j := 1; j < n; j += 2 {
			if got, want := out[s*n+j], c.X[s*2*n+j]; got != want {
				t.Errorf("step %d: clamped neuron %d gives %v, want %v", s, j, got, want)
			}
		}
		for j := 0; j < n; j += 2 {
			if d := g.Values[0][s*2*n+j]; d != 0 {
				t.Errorf("step %d: the value of neuron %d, which is not clamped, has a gradient of %v", s, j, d)
			}
		}
	}
	whh := g.Values[2]
	for j := range n {
		some := slices.ContainsFunc(whh[j*n:(j+1)*n], func(d float64) bool { return d != 0 })
		if some != (j%2 == 0) {
			t.Errorf("weights to neuron %d have a gradient: %v", j, some)
		}
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
			layertest.CutInTwo(t, c, 1e-11)
			layertest.StreamAlone(t, c, 1e-11)
			layertest.StepByStep(t, c)
			layertest.Detached(t, c)
			layertest.Single(t, c, 1e-3)
		})
	})
}

// A layer of several lanes of rows is the same as its small ones, in plain Go and
// by vectors: float32 against float64, a stream alone against its row of a batch.
func TestManyNeurons(t *testing.T) {
	for _, o := range []Options{
		{Rule: Decay, Rate: PerLayer, Feed: lstm.Direct},
		{Rule: Oja, Alpha: PerLayer, Rate: PerLayer, Feed: lstm.Direct},
		{Rule: Decay, Modulation: Simple, Rate: PerLayer, Feed: lstm.Direct},
		{Modulation: Simple, Rate: PerNeuron, Feed: lstm.Direct},
		{Modulation: Retroactive, Feed: lstm.Direct, Clip: 50},
	} {
		t.Run(rnnName(o), func(t *testing.T) {
			ranges := map[string][2]float64{"weight_hh": {-0.05, 0.05}, "alpha": {-0.05, 0.05}, "eta": {0.1, 0.3}, "fanout.weight": {-0.2, 0.2}, "fanout.bias": {0, 0.1}, "trace_rate": {0.2, 0.5}, "modulator.weight": {-0.1, 0.1}}
			c := layertest.New(rnn(t, 261, o), 7, 2, 3, ranges)
			layertest.Single(t, c, 1e-3)
			layertest.StreamAlone(t, c, 1e-11)
			layertest.StepByStep(t, c)
			layertest.Detached(t, c)
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
				if got := (up - down) / (2 * h); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
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

// The numbers of parameters that the papers' tasks come to.
func TestParameterCounts(t *testing.T) {
	maze := func(o Options) Options { o.Rate = PerLayer; return o }
	heads := func(n int) int { return n*4 + 4 + n + 1 } // actions and value
	for _, c := range []struct {
		what       string
		in, hidden int
		opt        Options
		rest, want int
	}{
		{"maze, modulated", 17, 100, maze(Options{Modulation: Simple}), heads(100), 22406},
		{"maze, retroactive", 17, 100, maze(Options{Modulation: Retroactive}), heads(100), 22407},
		{"maze, plastic", 17, 101, maze(Options{}), heads(101), 22731},
		{"patterns", 1001, 1001, Options{Feed: lstm.Direct, Rule: Decay, Rate: PerLayer}, 0, 2004003},
		{"images", 2050, 1025, Options{Feed: lstm.Clamped, Rule: Decay, Rate: PerLayer}, 0, 2101251},
	} {
		l, err := NewRNN(c.in, c.hidden, c.opt)
		if err != nil {
			t.Fatal(err)
		}
		if got := lstm.ParamCount(l) + c.rest; got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.what, got, c.want)
		}
	}
	if got := lstm.ParamCount(lstm.RNN{In: 17, Hidden: 139}) + heads(139); got != 22523 {
		t.Errorf("maze, RNN: %d parameters, want 22523", got)
	}
}

func TestOptionsThatAnRNNRefuses(t *testing.T) {
	for _, c := range []struct {
		in, hidden int
		opt        Options
	}{
		{0, 4, Options{}},
		{3, 4, Options{ModulatorInput: Cell}},
		{3, 4, Options{Feed: lstm.Direct}},
		{4, 4, Options{Feed: lstm.Clamped}},
		{3, 4, Options{Feed: "sideways"}},
		{3, 4, Options{Modulation: Retroactive, Rule: Oja}},
	} {
		if _, err := NewRNN(c.in, c.hidden, c.opt); err == nil {
			t.Errorf("NewRNN(%d, %d) accepts %+v", c.in, c.hidden, c.opt)
		}
	}
	if _, err := New(8, 4, Options{Feed: lstm.Clamped}); err == nil {
		t.Error("New accepts the feed of an RNN")
	}
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
		case "alpha":
			lo, hi = 0, 0.05
		case "eta", "fanout.weight":
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

// A NaN reaches the traces of its stream, and of no other.
func TestNaNStaysInTheRNN(t *testing.T) {
	const n, batch, steps = 20, 3, 8
	nan := float32(math.NaN())
	for _, o := range []Options{
		{Feed: lstm.Direct}, {Feed: lstm.Direct, Rule: Decay, Rate: PerLayer}, {Feed: lstm.Direct, Rule: Oja},
		{Feed: lstm.Direct, Modulation: Simple, Alpha: PerNeuron, Rate: PerNeuron},
		{Feed: lstm.Direct, Modulation: Retroactive},
	} {
		t.Run(fmt.Sprintf("%s-%s", o.Modulation, o.Rule), func(t *testing.T) {
			l := rnn(t, n, o)
			r := rng.New(1, "nan")
			var params [][]float32
			for _, s := range l.Params() {
				p := make([]float32, s.Size())
				for i := range p {
					p[i] = float32(r.Uniform(0, 0.3))
				}
				params = append(params, p)
			}
			x := make([]float32, steps*batch*n)
			for i := range x {
				x[i] = float32(r.Uniform(-1, 1))
			}
			x[(4*batch+1)*n+3] = nan
			state := lstm.NewState[float32](l, batch)
			scan := l.Scan32()
			scan.Begin(batch, steps, params, state.Data)
			scan.Forward(steps, x, make([]float32, len(x)))
			scan.State(state.Data)
			for b := range batch {
				hebb := state.Stream(b).Part("hebb")
				some := slices.ContainsFunc(hebb, func(a float32) bool { return a != a })
				if some != (b == 1) {
					t.Errorf("stream %d: NaN in its traces: %v", b, some)
				}
			}
		})
	}
}
