package lstm_test

import (
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestStandardLSTM(t *testing.T) {
	l := lstm.LSTM{In: 3, Hidden: 4}
	c := layertest.New(l, 7, 6, 1, nil)
	if !layertest.FiniteDifferences(t, c, 1e-6) {
		t.Error("the standard LSTM has a kink")
	}
	layertest.ComposedEqualsFused(t, c, 1e-10)
	layertest.Laws(t, c, 1e-12)
}

func TestStandardRNN(t *testing.T) {
	for _, feed := range []lstm.Feed{"", lstm.Projected, lstm.Direct, lstm.Clamped} {
		t.Run(string(feed), func(t *testing.T) {
			l := lstm.RNN{In: 3, Hidden: 4, Feed: feed}
			c := layertest.New(l, 7, 6, 1, nil)
			if !layertest.FiniteDifferences(t, c, 1e-6) {
				t.Error("the standard RNN has a kink")
			}
			layertest.ComposedEqualsFused(t, c, 1e-10)
			layertest.Laws(t, c, 1e-12)
		})
	}
}

func TestStandardDense(t *testing.T) {
	for _, activation := range []lstm.Activation{"", lstm.Softmax, lstm.Tanh} {
		t.Run(string(activation), func(t *testing.T) {
			l := lstm.Dense{In: 3, Out: 4, Activation: activation}
			c := layertest.New(l, 7, 6, 1, nil)
			if !layertest.FiniteDifferences(t, c, 1e-6) {
				t.Error("the standard layer has a kink")
			}
			layertest.ComposedEqualsFused(t, c, 1e-10)
			layertest.Laws(t, c, 1e-12)
		})
	}
}

// An RNN of an unknown feed, a Dense of an unknown activation, or a layer without
// inputs or neurons, is refused wherever it would be built, and told what it may be.
func TestLayersThatAreNotValid(t *testing.T) {
	for _, c := range []struct {
		layer lstm.Layer
		want  string
	}{
		{lstm.RNN{In: 3, Hidden: 4, Feed: "clampd"}, `lstm: feed "clampd": want "projected", "direct" or "clamped"`},
		{lstm.Dense{In: 3, Out: 4, Activation: "relu"}, `lstm: activation "relu": want "softmax" or "tanh"`},
		{lstm.LSTM{}, "lstm: a layer of 0 inputs and 0 neurons: want at least 1 of each"},
		{lstm.LSTM{In: 3}, "lstm: a layer of 3 inputs and 0 neurons: want at least 1 of each"},
		{lstm.LSTM{Hidden: 4}, "lstm: a layer of 0 inputs and 4 neurons: want at least 1 of each"},
		{lstm.RNN{In: 3}, "lstm: a layer of 3 inputs and 0 neurons: want at least 1 of each"},
		{lstm.RNN{Hidden: 4}, "lstm: a layer of 0 inputs and 4 neurons: want at least 1 of each"},
		{lstm.RNN{Feed: lstm.Clamped}, "lstm: a layer of 0 inputs and 0 neurons: want at least 1 of each"},
		{lstm.Dense{Out: 4}, "lstm: a layer of 0 inputs and 4 neurons: want at least 1 of each"},
		{lstm.Dense{In: 3}, "lstm: a layer of 3 inputs and 0 neurons: want at least 1 of each"},
	} {
		panics := func(f func()) (err error) {
			defer func() { err, _ = recover().(error) }()
			f()
			return nil
		}
		graph := G.NewGraph()
		node := func(shape ...int) *G.Node {
			return G.NewTensor(graph, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName("node"))
		}
		x, state := node(5, 2, c.layer.InputSize()), node(lstm.StateSize(c.layer, 2))
		var params []*G.Node
		for _, p := range c.layer.Params() {
			params = append(params, node(p.Shape...))
		}
		_, composed := c.layer.Composed(x, state, params)
		_, fused := lstm.Fused(c.layer, x, state, params)
		for where, err := range map[string]error{
			"Validate":  c.layer.(interface{ Validate() error }).Validate(),
			"Composed":  composed,
			"Fused":     fused,
			"NewScan":   panics(func() { lstm.NewScan[float64](c.layer) }),
			"NewWindow": panics(func() { lstm.NewWindow[float32](c.layer) }),
		} {
			if err == nil || err.Error() != c.want {
				t.Errorf("%s of %+v: %v, want %s", where, c.layer, err, c.want)
			}
		}
	}
}
