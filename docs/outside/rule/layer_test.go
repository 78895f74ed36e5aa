package main

import (
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
)

// The fast rule against the composed one, against finite differences, and against
// itself by all laws: windows cut in two, streams and episodes alone, step by step, in
// float32. So is the layer whose input says where episodes begin.
func TestFading(t *testing.T) {
	for _, l := range []lstm.Layer{Fading{In: 3, Hidden: 4}, lstm.Episodes{Layer: Fading{In: 3, Hidden: 4}}} {
		c := layertest.New(l, 5, 3, 1, map[string][2]float64{"keep": {0.7, 0.95}})
		if !layertest.FiniteDifferences(t, c, 1e-6) {
			t.Error("the loss has a kink")
		}
		layertest.ComposedEqualsFused(t, c, 1e-10)
		layertest.Laws(t, layertest.New(l, 7, 6, 2, nil), 1e-11)
	}
}
