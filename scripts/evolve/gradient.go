package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// compare says how fit the rules of the two have become at equal steps and at equal
// seconds, from the fitness on validation mazes.
func compare(rows io.Reader, w io.Writer) error {
	bySeed := map[uint64]map[string]row{}
	var seeds []uint64
	if err := eachRow(rows, func(r row) {
		if bySeed[r.Seed] == nil {
			bySeed[r.Seed] = map[string]row{}
			seeds = append(seeds, r.Seed)
		}
		bySeed[r.Seed][r.Model] = r
	}); err != nil {
		return err
	}
	for _, by := range []struct {
		name, unit string
		scale      float64
		axis       func(row) []float64
	}{
		{"steps", "million steps", 1e-6, func(r row) []float64 { return r.Steps }},
		{"seconds", "s", 1, row.validationSeconds},
	} {
		var at, evolved, trained []float64
		for _, seed := range seeds {
			e, g := bySeed[seed]["decomposed"], bySeed[seed]["gradient"]
			if len(e.Steps) < 2 || len(g.Steps) < 2 || e.Extra["steps"] == nil || g.Extra["steps"] == nil {
				return errors.New("no two validations of decomposed and gradient under each seed; want the rows of a run with --gradient")
			}
			x, y := by.axis(e), by.axis(g)
			end := min(x[len(x)-1], y[len(y)-1])
			at, evolved, trained = append(at, end*by.scale), append(evolved, read(x, e.Fitness, end)), append(trained, read(y, g.Fitness, end))
		}
		fmt.Fprintf(w, "at equal %s, %.1f %s: evolution has fitness %.3f (%s), gradient %.3f (%s), over %s\n",
			by.name, stats.Mean(at), by.unit, stats.Mean(evolved), listed(evolved), stats.Mean(trained), listed(trained), progress.Count(len(at), "seed"))
	}
	return nil
}

// validationSeconds are those of training before each validation, if a step takes the
// same from the first to the last.
func (r row) validationSeconds() []float64 {
	seconds := make([]float64, len(r.Steps))
	for i, steps := range r.Steps {
		seconds[i] = r.Seconds * steps / *r.Extra["steps"]
	}
	return seconds
}

// read returns y at x = at, on the line between the two points beside it; x rises.
func read(x, y []float64, at float64) float64 {
	i := 1
	for i < len(x)-1 && x[i] < at {
		i++
	}
	share := (at - x[i-1]) / (x[i] - x[i-1])
	return y[i-1] + share*(y[i]-y[i-1])
}
