// Package examine looks at a trained language model, for its report: what its traces
// have become, what its neuromodulators say over a passage, and what it writes.
package examine

import (
	"math"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
)

// Trace tells what the Hebbian trace A [B, H, H] of a layer is, and the trained
// numbers that it acts and learns by.
type Trace struct {
	MeanAbs      float64 `json:"mean_abs"` // mean |A|
	AtClip       float64 `json:"at_clip"`  // share of elements at the clip, 0 to 1; 0 where nothing clips
	AlphaMeanAbs float64 `json:"alpha_mean_abs"`
	// Mean |rate|: of eta, or of the fan-out's weight; missing where the
	// neuromodulator itself is the rate.
	RateMeanAbs *float64 `json:"rate_mean_abs,omitempty"`
}

// Traces looks at the traces of each layer; nil for standard LSTM layers.
func Traces(m *lm.Model[float32], state lm.State[float32]) []Trace {
	p := m.Config.Plasticity
	if p == nil {
		return nil
	}
	var all []Trace
	for l, layer := range state[:m.Config.NumLayers] { // the last of all may be a plastic readout's memory
		var sum float64
		at := 0
		hebb := layer.Part("hebb")
		for _, a := range hebb {
			abs := math.Abs(float64(a))
			sum += abs
			if p.Rule != "additive" && float32(abs) >= float32(p.Clip) {
				at++
			}
		}
		n := float64(len(hebb))
		t := Trace{MeanAbs: sum / n, AtClip: float64(at) / n, AlphaMeanAbs: meanAbs(m.Layer(l, "alpha"))}
		for _, name := range []string{"eta", "fanout.weight"} {
			if rate := m.Layer(l, name); rate != nil {
				mean := meanAbs(rate)
				t.RateMeanAbs = &mean
			}
		}
		all = append(all, t)
	}
	return all
}

// Layers collects what the traces of each layer were at the end of each epoch, the first
// of which is 1, and in the best of them.
func Layers(m *lm.Model[float32], best int, epochs [][]Trace) []report.LayerTrace {
	q := m.Config.Plasticity
	if q == nil {
		return nil
	}
	var layers []report.LayerTrace
	for l := range m.Config.NumLayers {
		t := report.LayerTrace{Layer: l, AtClip: math.NaN(), EtaMean: math.NaN(), RateMeanAbs: math.NaN()}
		t.AlphaMeanAbs = meanAbs(m.Layer(l, "alpha"))
		if eta := m.Layer(l, "eta"); eta != nil {
			t.EtaMean = mean(eta)
		}
		for i, traces := range epochs {
			if l >= len(traces) {
				continue // a result from elsewhere
			}
			point := report.TracePoint{Epoch: i + 1, MeanAbs: traces[l].MeanAbs, AtClip: traces[l].AtClip,
				AlphaMeanAbs: traces[l].AlphaMeanAbs, RateMeanAbs: math.NaN()}
			if rate := traces[l].RateMeanAbs; rate != nil {
				point.RateMeanAbs = *rate
			}
			if q.Rule == "additive" {
				point.AtClip = math.NaN()
			}
			t.Epochs = append(t.Epochs, point)
			if i+1 == best {
				t.MeanAbs, t.AtClip, t.RateMeanAbs = point.MeanAbs, point.AtClip, point.RateMeanAbs
			}
		}
		layers = append(layers, t)
	}
	return layers
}

// mean is of numbers, not of their sizes.
func mean(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

func meanAbs(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Abs(float64(v))
	}
	return sum / float64(len(x))
}
