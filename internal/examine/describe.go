package examine

import (
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
)

// Description says more of a trained model than a table does: what its traces and its
// neuromodulators do and what it writes.
type Description struct {
	Traces  []report.LayerTrace
	Passage *report.Passage
	Sample  string
	Ends    error // why the sample is shorter than it should be
}

// Describe describes the model in a folder, the best of a training, from the epoch best.
// What its traces were after each epoch is known.
func Describe(dir string, best int, epochs [][]Trace, valid, test []int32, seed uint64) (d Description, err error) {
	m, tok, err := lm.Load[float32](dir)
	if err != nil {
		return d, err
	}
	d.Traces = Layers(m, best, epochs)
	if d.Passage, err = Passage(m, tok, valid, test); err != nil {
		return d, err
	}
	d.Sample, d.Ends = Sample(m, tok, seed)
	return d, nil
}
