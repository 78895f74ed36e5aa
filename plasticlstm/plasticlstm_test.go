package plasticlstm_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
)

// every calls f with each combination of options that go together; decomposed
// coefficients, which are matrices once they are laid out, with all others by one
// rule, and by every rule with each other.
func every(f func(o Options)) {
	grains := Granularities()
	for _, mod := range []Modulation{None, Simple, Retroactive} {
		for _, rule := range Rules(None) {
			for _, alpha := range grains {
				for _, rate := range grains {
					for _, in := range []ModulatorInput{Hidden, PreviousHidden, Cell} {
						o := Options{Rule: rule, Modulation: mod, Alpha: alpha, Rate: rate, ModulatorInput: in, Clip: 0.3}
						decomposed := alpha == Decomposed || rate == Decomposed
						if decomposed && alpha != rate && (rule != Clip || in != Hidden) {
							continue
						}
						if o.Validate() == nil && (mod != None || in == Hidden) {
							f(o)
						}
					}
				}
			}
		}
	}
}

// lively are parameters and traces large enough for the traces to matter and to
// reach the clip.
var lively = map[string][2]float64{
	"alpha": {0.2, 0.9}, "alpha.post": {0.2, 0.9}, "alpha.pre": {0.6, 1.2}, "eta.post": {0.2, 0.6}, "eta.pre": {0.6, 1.2}, "fanout.weight.post": {0.3, 1.2}, "fanout.weight.pre": {0.6, 1.2}, "eta": {0.2, 0.6}, "trace_rate": {0.3, 0.6}, "threshold_rate": {0.2, 0.6}, "threshold": {0, 0.4},
	"fanout.weight": {0.3, 1.2}, "fanout.bias": {-0.4, 0.8},
	"hebb": {-0.29, 0.29}, "trace": {-0.5, 0.5}, "bias": {-0.3, 0.9},
}

func name(o Options) string {
	return fmt.Sprintf("%s-%s-%s-%s-%s", o.Modulation, o.Rule, o.Alpha, o.Rate, o.ModulatorInput)
}

func layer(t testing.TB, in, n int, o Options) *LSTM {
	t.Helper()
	l, err := New(in, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// clipped returns the share of traces at the clip.
func clipped(c *layertest.Case, o Options) float64 {
	state := lstm.NewState[float64](c.Layer, c.B)
	_, state.Data = c.Forward(lstm.NewScan[float64](c.Layer))
	at := 0
	hebb := state.Part("hebb")
	for _, a := range hebb {
		if math.Abs(a) == o.Clip {
			at++
		}
	}
	return float64(at) / float64(len(hebb))
}

func TestEveryCombination(t *testing.T) {
	combinations, bites := 0, 0
	every(func(o Options) {
		combinations++
		t.Run(name(o), func(t *testing.T) {
			l := layer(t, 3, 4, o)
			bites += differences(t, l, o)
			// A graph's cost grows with the square of its steps.
			layertest.ComposedEqualsFused(t, layertest.New(l, 3, 6, 2, lively), 1e-10)
			c := layertest.New(l, 6, 6, 2, lively) // more streams than a group holds, more steps than between checkpoints
			layertest.Laws(t, c, 1e-11)
			// More rows and columns than the kernels take at once, and a rest of each;
			// no trace at its clip, where rounding decides which way a gradient goes.
			o.Clip = 50
			layertest.SingleEqualsDouble(t, layertest.New(layer(t, 3, 21, o), 6, 3, 2, lively))
		})
	})
	if all := len(Combinations()); combinations < all {
		t.Errorf("%d combinations, want at least the %d of rule, modulation and granularities", combinations, all)
	}
	t.Logf("%d combinations, in %d of which traces end at the clip", combinations, bites)
}

// differences holds the gradients against finite differences at a case without
// a kink, where the clip bites if the rule is to clip; it returns 1 if it bites.
func differences(t *testing.T, l lstm.Layer, o Options) int {
	for seed := uint64(1); seed <= 20; seed++ {
		c := layertest.New(l, 6, 3, seed, lively)
		share := clipped(c, o)
		if o.Rule == Clip && (share < 0.02 || share > 0.98) {
			continue
		}
		if layertest.FiniteDifferences(t, c, 1e-6) {
			return int(math.Ceil(share))
		}
	}
	t.Error("no case in which the clip bites and the loss is smooth")
	return 0
}

// With alpha = 0 the traces change nothing: outputs and gradients are the
// standard LSTM's.
func TestAlphaZeroIsTheStandardLSTM(t *testing.T) {
	every(func(o Options) {
		c := layertest.New(layer(t, 3, 4, o), 7, 6, 4, lively)
		clear(c.Params[3])
		hc := 2 * c.B * 4
		clear(c.StateW[hc:]) // the loss must not read the traces
		out, state, g := c.Fused()
		std := *c
		std.Layer = lstm.LSTM{In: 3, Hidden: 4}
		std.Params, std.State, std.StateW = c.Params[:3], c.State[:hc], c.StateW[:hc]
		out2, state2, g2 := std.Fused()
		layertest.Compare(t, name(o)+": output", out, out2, 1e-14)
		layertest.Compare(t, name(o)+": state", state[:hc], state2, 1e-14)
		layertest.Compare(t, name(o)+": gradient of x", g.Values[0], g2.Values[0], 1e-13)
		for i := 2; i < 5; i++ {
			layertest.Compare(t, name(o)+": gradient of "+g.Names[i], g.Values[i], g2.Values[i], 1e-13)
		}
	})
}

// With a rate of zero the Hebbian trace stays as it is.
func TestRateZeroLeavesTheTrace(t *testing.T) {
	every(func(o Options) {
		c := layertest.New(layer(t, 3, 4, o), 7, 2, 5, lively)
		for i, p := range c.Layer.Params() {
			switch p.Name {
			case "eta", "eta.post", "modulator.weight", "modulator.bias", "fanout.bias": // M = tanh(0) = 0
				clear(c.Params[i])
			}
		}
		_, state, _ := c.Fused()
		hc, hh := 2*c.B*4, c.B*16
		layertest.Compare(t, name(o)+": trace", state[hc:hc+hh], c.State[hc:hc+hh], 0)
	})
}

func TestTracesStayWithinTheClip(t *testing.T) {
	every(func(o Options) {
		c := layertest.New(layer(t, 3, 4, o), 40, 2, 6, map[string][2]float64{"fanout.weight": {-3, 3}, "eta": {-2, 2}, "hebb": {-0.3, 0.3}})
		_, state, _ := c.Fused()
		over := 0.0
		for _, a := range state[2*c.B*4:][:c.B*16] {
			over = max(over, math.Abs(a))
		}
		if (over > o.Clip) != (o.Rule == Additive) {
			t.Errorf("%s: the largest trace is %v with a clip at %v", name(o), over, o.Clip)
		}
	})
}

func TestOptionsThatDoNotGoTogetherAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Modulation: Retroactive, Rule: Decay},
		{Modulation: Retroactive, Rule: Oja},
		{Rule: "hebb"}, {Modulation: "some"}, {Alpha: "row"}, {Rate: "row"}, {ModulatorInput: "gate"},
		{Clip: -1}, {Clip: math.NaN()}, {Clip: math.Inf(1)},
		{Activation: lstm.Softmax}, {Activation: lstm.Tanh}, // a dense layer's
	} {
		if _, err := New(3, 4, o); err == nil {
			t.Errorf("New accepts %+v", o)
		}
	}
	if _, err := New(0, 4, Options{}); err == nil {
		t.Error("New accepts a layer without inputs")
	}
}

// A start says from which ranges new parameters are drawn, and nothing else; episodes
// begin with alpha and rates near 1, within the bounds that there are.
func TestStarts(t *testing.T) {
	for _, o := range Combinations() {
		l := layer(t, 3, 4, o)
		small := l.Params()
		if got := StartSmall.Params(l); !reflect.DeepEqual(got, small) {
			t.Errorf("%s: small is %v, want %v", name(o), got, small)
		}
		for i, p := range StartEpisodes.Params(l) {
			near, middle := 1.0, (p.Lo+p.Hi)/2
			switch {
			case p.Role == lstm.Rate && p.Min == p.Max && !strings.HasSuffix(p.Name, ".pre"):
				if pulls, listed := map[Rule]bool{Clip: false, Additive: false, BCM: false, Decay: true, Oja: true}[o.Rule]; pulls || !listed && middle < 1 {
					near = 0.5
				}
			case p.Name == "trace_rate" || p.Name == "threshold_rate":
				near = 0.9
			case p.Role == lstm.Weight || p.Role == lstm.Modulator:
				near = 0
			}
			if math.Abs(middle-near) > 1e-12 || p.Min < p.Max && (p.Lo < p.Min || p.Hi > p.Max) {
				t.Errorf("%s: %s starts within [%v, %v], want around %v", name(o), p.Name, p.Lo, p.Hi, near)
			}
			p.Lo, p.Hi = small[i].Lo, small[i].Hi
			if !reflect.DeepEqual(p, small[i]) {
				t.Errorf("%s: %+v, want %+v", name(o), p, small[i])
			}
		}
	}
}

// Coefficients that connections share say among how many neurons.
func TestShared(t *testing.T) {
	for _, o := range Combinations() {
		for _, p := range layer(t, 3, 4, o).Params() {
			want := 0
			if p.Role == lstm.Coefficient && o.Alpha != PerConnection {
				want = 4
			}
			if p.Shared != want {
				t.Errorf("%s: %s is shared by %d, want %d", name(o), p.Name, p.Shared, want)
			}
		}
	}
}
