package trainer

import (
	"math"

	"github.com/engram-lm/engram/internal/lm"
)

// Trace tells what the Hebbian trace A [B, H, H] of a layer is.
type Trace struct {
	MeanAbs float64 `json:"mean_abs"` // mean |A|
	AtClip  float64 `json:"at_clip"`  // share of elements at the clip, 0 to 1; 0 where nothing clips
}

// traces looks at the traces of each layer; nil for a standard LSTM.
func traces(m *lm.Model[float32], state lm.State[float32]) []Trace {
	p := m.Config.Plasticity
	if p == nil {
		return nil
	}
	var all []Trace
	for _, layer := range state {
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
		all = append(all, Trace{sum / n, float64(at) / n})
	}
	return all
}
