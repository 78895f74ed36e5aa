package main

import (
	"encoding/json"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/regular"
)

// runReport is what is read of a run's report.json.
type runReport struct {
	Command string      `json:"command"`
	Data    string      `json:"data"`
	Preset  string      `json:"preset"`
	Arms    []reportArm `json:"arms"`
	System  struct {
		CPU      string `json:"cpu"`
		Revision string `json:"revision"`
	} `json:"system"`
}

type reportArm struct {
	Model  string       `json:"model"`
	Kind   string       `json:"kind"`
	Params int          `json:"params"`
	Seeds  []reportSeed `json:"seeds"`
}

// reportSeed is a training. A figure that was not measured is null.
type reportSeed struct {
	Seed       uint64   `json:"seed"`
	Status     string   `json:"status"`
	ValidPPL   *float64 `json:"valid_ppl"`
	TestPPL    *float64 `json:"test_ppl"`
	OffPPL     *float64 `json:"test_ppl_off"`
	FrozenPPL  *float64 `json:"test_ppl_frozen"`
	MeanPPL    *float64 `json:"test_ppl_mean"`
	TokensPerS *float64 `json:"tokens_per_s"`
}

func (s *reportSeed) finished() bool { return s.Status == "" || s.Status == "done" }

// maxReport is how large a report.json may be: curves, passages and samples of
// some dozens of trainings.
const maxReport = 64 << 20

// readReport returns a run's report.
func readReport(dir string) (*runReport, error) {
	text, err := regular.Read(filepath.Join(dir, "report.json"), maxReport)
	if err != nil {
		return nil, err
	}
	var r runReport
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// readScore returns the mean validation perplexity of a trial, +Inf if a seed of
// it diverged; ok is false while there is no report.
func readScore(dir string) (ppl float64, ok bool) {
	r, err := readReport(dir)
	if err != nil || len(r.Arms) != 1 || len(r.Arms[0].Seeds) == 0 {
		return 0, false
	}
	for _, s := range r.Arms[0].Seeds {
		if !s.finished() || s.ValidPPL == nil {
			return math.Inf(1), true
		}
		ppl += *s.ValidPPL / float64(len(r.Arms[0].Seeds))
	}
	return ppl, true
}
