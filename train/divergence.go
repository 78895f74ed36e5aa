package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
)

// A training has diverged, though every number stayed finite, if its loss is far
// above that of a model that knows nothing, ln(vocabulary): at its end by more nats
// than trainRise in the train text, or in what its best model reads by validRise and
// as much again as that. A model that knows one text by heart may do badly on
// another, so the second bound is the wider.
const (
	trainRise = 5
	validRise = 10
)

// diverged says, in a clause, that the training came to no model; empty if it did.
func (r *result) diverged(vocabulary int) string {
	nothing := math.Log(float64(vocabulary))
	what, nll := "train", 0.0
	if n := len(r.Outcome.Epochs); n > 0 {
		nll = r.Outcome.Epochs[n-1].TrainNLL
	}
	if nll <= nothing+trainRise {
		what, nll = "validation", beyond(r.ValidNLL)
		if test := beyond(r.TestNLL); test > nll {
			what, nll = "test", test
		}
		if nll <= 2*nothing+validRise {
			return ""
		}
	}
	size := fmt.Sprintf("is %.4g nats a token", nll)
	switch {
	case math.IsInf(nll, 0):
		size = "is no finite number"
	case math.IsInf(lm.Perplexity(nll), 0):
		size += ", its perplexity too large for a number"
	}
	return fmt.Sprintf("diverged: the %s loss %s, and that of a model that knows nothing ln %d = %.2f; a smaller --lr may help",
		what, size, vocabulary, nothing)
}

// beyond is an NLL, infinite where none is kept because it was no finite number.
func beyond(nll *float64) float64 {
	if nll == nil {
		return math.Inf(1)
	}
	return *nll
}

// failures is an error if trainings of the report came to no model.
func failures(rep *report.Report) error {
	var failed []string
	for _, arm := range rep.Arms {
		for i := range arm.Seeds {
			if s := &arm.Seeds[i]; !s.Finished() {
				failed = append(failed, fmt.Sprintf("%s, seed %d: %s", arm.Model, s.Seed, s.Status))
			}
		}
	}
	if failed == nil {
		return nil
	}
	return errors.New(strings.Join(failed, "; "))
}
