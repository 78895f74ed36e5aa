package plasticlstm_test

import (
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
	G "gorgonia.org/gorgonia"
)

// Episodes that begin within a window, composed and fused, by every rule and
// modulation; that each is what it is alone is one of the laws, which hold all
// combinations in short windows and here ones of several checkpoints.
func TestEpisodes(t *testing.T) {
	for _, m := range Modulations() {
		for _, r := range Rules(m) {
			o := Options{Rule: r, Modulation: m, Alpha: PerConnection, Rate: PerNeuron, Clip: 0.3}
			t.Run(name(o), func(t *testing.T) {
				layertest.Laws(t, layertest.New(layer(t, 3, 4, o), 13, 5, 3, lively), 1e-11)
				c := layertest.New(lstm.Episodes{Layer: layer(t, 3, 4, o)}, 4, 4, 3, lively)
				layertest.ComposedEqualsFused(t, c, 1e-10)
			})
		}
	}
}

// What a neuromodulator said and the traces that a window ends with can be read after
// the graph of a fused layer has run, with episodes in it or without.
func TestModulationAfterFused(t *testing.T) {
	plastic := layer(t, 3, 4, Options{Modulation: Simple})
	for _, l := range []lstm.Layer{plastic, lstm.Episodes{Layer: plastic}} {
		c := layertest.New(l, 5, 3, 2, lively)
		var out lstm.Output
		_, state, _ := c.Graph(t, func(l lstm.Layer, x, s *G.Node, p []*G.Node) (_ lstm.Output, err error) {
			out, err = lstm.Fused(l, x, s, p)
			return out, err
		})
		scan := lstm.ScanOf[float64](out)
		after := lstm.NewState[float64](l, c.B)
		scan.State(after.Data)
		layertest.Compare(t, "state", after.Data, state, 0)
		if traces := after.Part("hebb"); len(traces) != c.B*4*4 {
			t.Errorf("%d traces", len(traces))
		}
		alone := lstm.NewScan[float64](l)
		c.Forward(alone)
		layertest.Compare(t, "M", scan.(lstm.Modulated[float64]).Modulation(), alone.(lstm.Modulated[float64]).Modulation(), 0)
		if m := scan.(lstm.Modulated[float64]).Modulation(); len(m) != c.T*c.B || m[0] == 0 {
			t.Errorf("M is %v", m)
		}
		if lstm.ScanOf[float32](out) != nil {
			t.Error("a Scan over elements that the graph has not")
		}
	}
}
