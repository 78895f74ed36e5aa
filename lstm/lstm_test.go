package lstm_test

import (
	"testing"

	"github.com/engram-lm/engram/internal/layertest"
	"github.com/engram-lm/engram/lstm"
)

func TestStandardLSTM(t *testing.T) {
	l := lstm.LSTM{In: 3, Hidden: 4}
	c := layertest.New(l, 7, 6, 1, nil)
	if !layertest.FiniteDifferences(t, c, 1e-6) {
		t.Error("the standard LSTM has a kink")
	}
	layertest.ComposedEqualsFused(t, c, 1e-10)
	layertest.CutInTwo(t, c, 1e-12)
	layertest.StreamAlone(t, c, 1e-12)
	layertest.StepByStep(t, c)
	layertest.Detached(t, c)
	layertest.Single(t, c, 1e-5)
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
			layertest.CutInTwo(t, c, 1e-12)
			layertest.StreamAlone(t, c, 1e-12)
			layertest.StepByStep(t, c)
			layertest.Detached(t, c)
			layertest.Single(t, c, 1e-5)
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
			layertest.CutInTwo(t, c, 1e-12)
			layertest.StreamAlone(t, c, 1e-12)
			layertest.StepByStep(t, c)
			layertest.Detached(t, c)
			layertest.Single(t, c, 1e-5)
		})
	}
}
