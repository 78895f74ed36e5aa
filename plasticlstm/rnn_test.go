package plasticlstm_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
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
			switch { // graphs take long, and feeds know nothing of the rules
			case o.Feed == lstm.Projected:
				layertest.ComposedEqualsFused(t, layertest.New(l, 3, 6, 2, lively), 1e-10)
			case o.Alpha == o.Rate:
				layertest.ComposedEqualsFused(t, layertest.New(l, 3, 2, 2, lively), 1e-10)
			}
			layertest.Laws(t, c, 1e-11)
			o.Clip = 50
			layertest.SingleEqualsDouble(t, layertest.New(rnn(t, 21, o), 6, 3, 2, calm))
		})
	})
	if all := len(Combinations()); combinations < all {
		t.Errorf("%d combinations, want at least the %d of rule, modulation and granularities", combinations, all)
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
	m["alpha"], m["alpha.post"] = [2]float64{0.05, 0.2}, [2]float64{0.05, 0.2}
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
		{3, 4, Options{Activation: lstm.Softmax}},
		{3, 4, Options{Activation: lstm.Tanh}},
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
			scan := lstm.NewScan[float32](l)
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

// What a layer says of its options makes the same layer.
func TestOptionsMakeTheSameLayer(t *testing.T) {
	l := layer(t, 3, 4, Options{Modulation: Simple})
	if o := l.Options(); layer(t, 3, 4, o).Options() != o || o.Rule != Clip || o.Modulation != Simple || o.Activation != "" {
		t.Errorf("an LSTM: %+v", o)
	}
	if o := rnn(t, 4, Options{Feed: lstm.Direct}).Options(); rnn(t, 4, o).Options() != o || o.Feed != lstm.Direct || o.Activation != "" {
		t.Errorf("an RNN: %+v", o)
	}
	if o := dense(t, 3, 4, Options{Rule: Oja}).Options(); dense(t, 3, 4, o).Options() != o || o.Activation != lstm.Softmax {
		t.Errorf("a dense layer: %+v", o)
	}
}
