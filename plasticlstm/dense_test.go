package plasticlstm_test

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
)

// everyDense calls f with each combination of options that go together in a dense
// layer.
func everyDense(f func(o Options)) {
	every(func(o Options) {
		if o.ModulatorInput != Hidden {
			return
		}
		for _, a := range []lstm.Activation{lstm.Softmax, lstm.Tanh} {
			o.Activation = a
			f(o)
		}
	})
}

func dense(t testing.TB, in, out int, o Options) *Dense {
	t.Helper()
	l, err := NewDense(in, out, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func denseName(o Options) string { return name(o) + "-" + string(o.Activation) }

// quick are rates at which the outputs of a softmax, which are small, make traces
// that matter.
var quick = func() map[string][2]float64 {
	m := map[string][2]float64{"x": {-2, 2}}
	for k, v := range lively {
		m[k] = v
	}
	m["eta"], m["eta.post"] = [2]float64{0.3, 0.9}, [2]float64{0.3, 0.9}
	return m
}()

func TestEveryCombinationOfTheDenseLayer(t *testing.T) {
	combinations := 0
	everyDense(func(o Options) {
		combinations++
		t.Run(denseName(o), func(t *testing.T) {
			l := dense(t, 5, 3, o) // more senders than receivers
			smooth := false
			for seed := uint64(1); seed <= 20 && !smooth; seed++ {
				c := layertest.New(l, 6, 3, seed, quick)
				share := clipped(c, o)
				if o.Rule == Clip && (share < 0.02 || share > 0.98) {
					continue
				}
				smooth = layertest.FiniteDifferences(t, c, 1e-6)
			}
			if !smooth {
				t.Error("no case in which the clip bites and the loss is smooth")
			}
			c := layertest.New(l, 6, 6, 2, quick)
			layertest.ComposedEqualsFused(t, layertest.New(l, 4, 2, 2, quick), 1e-10)
			layertest.ComposedEqualsFused(t, layertest.New(dense(t, 2, 5, o), 3, 2, 2, quick), 1e-10) // fewer
			layertest.Laws(t, c, 1e-11)
			o.Clip = 50
			layertest.SingleEqualsDouble(t, layertest.New(dense(t, 37, 5, o), 6, 3, 2, calm))
			layertest.SingleEqualsDouble(t, layertest.New(dense(t, 5, 37, o), 6, 3, 2, calm))
		})
	})
	if all := len(Combinations()); combinations < all {
		t.Errorf("%d combinations, want at least the %d of rule, modulation and granularities", combinations, all)
	}
}

// With alpha = 0 the traces change nothing: outputs and gradients are the plain
// layer's.
func TestAlphaZeroIsTheDenseLayer(t *testing.T) {
	everyDense(func(o Options) {
		c := layertest.New(dense(t, 5, 3, o), 7, 6, 4, quick)
		clear(c.Params[1])
		clear(c.StateW) // the loss must not read the traces
		out, _, g := c.Fused()
		std := *c
		std.Layer = lstm.Dense{In: 5, Out: 3, Activation: o.Activation}
		std.Params, std.State, std.StateW = c.Params[:1], nil, nil
		out2, _, g2 := std.Fused()
		layertest.Compare(t, denseName(o)+": output", out, out2, 1e-14)
		layertest.Compare(t, denseName(o)+": gradient of x", g.Values[0], g2.Values[0], 1e-13)
		layertest.Compare(t, denseName(o)+": gradient of weight", g.Values[2], g2.Values[2], 1e-13)
	})
}

// A clamp of 1000 is a label: the layer says so, learns it by Oja's rule, and says
// it again when the same input comes without the clamp.
func TestAClampIsALabel(t *testing.T) {
	const in, out, label = 64, 5, 3
	l := dense(t, in, out, Options{Rule: Oja, Rate: PerLayer})
	if got := lstm.ParamCount(l); got != 320+320+1 {
		t.Errorf("%d parameters, want 641", got)
	}
	params := [][]float32{make([]float32, in*out), make([]float32, in*out), {0.5}} // weight, alpha, eta
	for i := range params[1] {
		params[1][i] = 1
	}
	x := make([]float32, 2*(in+out))
	for i := range in {
		v := float32(math.Sin(float64(7 * i)))
		x[i], x[in+out+i] = v, v
	}
	x[in+label] = 1000
	y := make([]float32, 2*out)
	scan, state := lstm.NewScan[float32](l), lstm.NewState[float32](l, 1)
	scan.Begin(1, 2, params, state.Data)
	scan.Forward(2, x, y)
	for j := range out {
		want := float32(0)
		if j == label {
			want = 1
		}
		if y[j] != want {
			t.Errorf("output %d while the label is clamped: %v, want %v", j, y[j], want)
		}
		if again := y[out+j]; (again > 0.99) != (j == label) {
			t.Errorf("output %d without the clamp: %v", j, again)
		}
	}
	dparams := [][]float32{make([]float32, in*out), make([]float32, in*out), make([]float32, 1)}
	scan.Backward(make([]float32, 2*out), nil, nil, nil, dparams)
}

func TestOptionsThatADenseLayerRefuses(t *testing.T) {
	for _, o := range []Options{
		{ModulatorInput: Cell}, {ModulatorInput: PreviousHidden}, {Feed: lstm.Direct}, {Activation: "relu"},
		{Modulation: Retroactive, Rule: Oja},
	} {
		if _, err := NewDense(3, 4, o); err == nil {
			t.Errorf("NewDense accepts %+v", o)
		}
	}
	if _, err := NewDense(3, 0, Options{}); err == nil {
		t.Error("NewDense accepts a layer without neurons")
	}
}
