package lstm_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A layer that is told in its input where episodes begin obeys all laws, composed and
// fused; that its episodes are those of a recording told by ResetStream, and each that
// of one alone, is one of them.
func TestEpisodes(t *testing.T) {
	for _, l := range []lstm.Layer{
		lstm.LSTM{In: 3, Hidden: 4},
		lstm.RNN{In: 3, Hidden: 4},
		lstm.RNN{Hidden: 4, Feed: lstm.Direct},
		lstm.RNN{Hidden: 3, Feed: lstm.Clamped},
		lstm.Dense{In: 3, Out: 4},
		lstm.Dense{In: 3, Out: 4, Activation: lstm.Tanh},
	} {
		t.Run(fmt.Sprintf("%T%v", l, l), func(t *testing.T) {
			e := lstm.Episodes{Layer: l}
			layertest.Laws(t, layertest.New(e, 7, 4, 3, nil), 1e-11)
			c := layertest.New(e, 4, 3, 5, nil)
			layertest.ComposedEqualsFused(t, c, 1e-10)
			told(t, c)
			if !layertest.FiniteDifferences(t, c, 1e-6) {
				t.Error("the case has a kink")
			}
		})
	}
}

// told holds a recording of Episodes against one of the layer within that is told by
// ResetStream.
func told(t *testing.T, c *layertest.Case) {
	t.Helper()
	e := c.Layer.(lstm.Episodes)
	in, n := e.InputSize(), e.HiddenSize()
	s := lstm.NewScan[float64](e.Layer)
	s.Begin(c.B, c.T, c.Params, c.State)
	var out []float64
	began := 0
	for k := range c.T {
		var x []float64
		for b := range c.B {
			row := c.X[(k*c.B+b)*in:][:in]
			if x = append(x, row[:in-1]...); row[in-1] > 0.5 {
				began++
				s.(lstm.Resetter).ResetStream(b)
			}
		}
		y := make([]float64, c.B*n)
		s.Forward(1, x, y)
		out = append(out, y...)
	}
	if began == 0 {
		t.Error("no episode begins in the case")
	}
	want, _, _ := c.Fused()
	layertest.Compare(t, "output", out, want, 0)
}

// A layer without a fused form is refused in a line where one is wanted; composed it
// can be told where episodes begin.
func TestALayerWithoutAFusedForm(t *testing.T) {
	l := slow{in: 3, hidden: 4}
	g := G.NewGraph()
	node := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithInit(G.RangedFrom(1)))
	}
	var params []*G.Node
	for _, p := range l.Params() {
		params = append(params, node(p.Name, p.Shape...))
	}
	state := node("state", lstm.StateSize(l, 2))
	const want = "lstm: lstm_test.slow has no fused form: want Scan32 and Scan64 of it, or take Composed"
	if _, err := lstm.Fused(l, node("x", 5, 2, 3), state, params); fmt.Sprint(err) != want {
		t.Errorf("Fused: %v, want %s", err, want)
	}
	for call, f := range map[string]func(){
		"NewScan":   func() { lstm.NewScan[float32](l) },
		"NewWindow": func() { lstm.NewWindow[float64](l) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("%s: %s, want %s", call, got, want)
				}
			}()
			f()
		}()
	}
	out, err := lstm.Episodes{Layer: l}.Composed(node("xs", 5, 2, 4), state, params)
	if err != nil || !slices.Equal(out.Hidden.Shape(), tensor.Shape{5, 2, 4}) {
		t.Errorf("composed: %v, %v", out.Hidden, err)
	}
	if lstm.ScanOf[float64](out) != nil {
		t.Error("a composed layer has a Scan")
	}
}
