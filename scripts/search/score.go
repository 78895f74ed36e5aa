package main

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/report"
)

// maxReport is how large a kept file of a run may be.
const maxReport = 64 << 20

// readReport returns the report of a run of train.
func readReport(dir string) (*report.Report, error) {
	path := filepath.Join(dir, "report.json")
	r, _, err := report.Read(path)
	if err == nil && r == nil {
		err = fmt.Errorf("%s is of a learning task; want that of a run of train", path)
	}
	return r, err
}

// readScore returns the mean validation perplexity of a trial, +Inf if a seed of
// it diverged; ok is false while there is no report.
func readScore(dir string) (ppl float64, ok bool) {
	r, err := readReport(dir)
	if err != nil || len(r.Arms) != 1 || len(r.Arms[0].Seeds) == 0 {
		return 0, false
	}
	for _, s := range r.Arms[0].Seeds {
		if !s.Finished() || math.IsNaN(s.ValidPPL) {
			return math.Inf(1), true
		}
		ppl += s.ValidPPL / float64(len(r.Arms[0].Seeds))
	}
	return ppl, true
}
