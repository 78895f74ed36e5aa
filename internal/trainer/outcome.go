package trainer

import (
	"context"
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/lm"
)

// Outcome is what a finished training has to report. The NLLs are those of the best
// model, in nats; one that is no finite number is missing.
type Outcome struct {
	Epochs     []Epoch  `json:"epochs"`
	BestEpoch  int      `json:"best_epoch"`
	TokensPerS float64  `json:"tokens_per_s"`
	ValidNLL   *float64 `json:"valid_nll,omitempty"`
	TestNLL    *float64 `json:"test_nll,omitempty"`
	// With the traces of a plastic model standing still.
	TestNLLOff    *float64 `json:"test_nll_off,omitempty"`
	TestNLLFrozen *float64 `json:"test_nll_frozen,omitempty"`
	TestNLLMean   *float64 `json:"test_nll_mean,omitempty"`
}

// ended is an Outcome that says whether it is one of a model.
type ended struct {
	*Outcome
	vocabulary int
}

// Flaw says in a clause that the training came to no model.
func (e ended) Flaw() string { return e.Outcome.Flaw(e.vocabulary) }

// Finish makes sure of the best model and scores it.
func (t *Training) Finish(ctx context.Context) (any, error) {
	if err := t.bestIsWhole(); err != nil {
		return nil, err
	}
	out := &Outcome{Epochs: t.Finished, TokensPerS: t.speed()}
	for _, e := range t.Finished {
		if e.Best {
			out.BestEpoch = e.Epoch
		}
	}
	if t.Job.Score == nil {
		return out, nil
	}
	if err := t.Job.Score(ctx, t.Host, out); err != nil {
		return nil, err
	}
	t.Log.Printf("%s  best epoch %d: valid ppl %s, test ppl %s (one stream)", t.Name(), out.BestEpoch, ppl(Perplexity(out.ValidNLL)), ppl(Perplexity(out.TestNLL)))
	return ended{out, t.Model.VocabSize}, nil
}

// Perplexity of an NLL that may be missing.
func Perplexity(nll *float64) float64 {
	if nll == nil {
		return math.NaN()
	}
	return lm.Perplexity(*nll)
}

// A training has diverged, though every number stayed finite, if its loss is far
// above that of a model that knows nothing, ln(vocabulary): at its end by more nats
// than trainRise in the train text, or in what its best model reads by validRise and
// as much again as that. A model that knows one text by heart may do badly on
// another, so the second bound is the wider.
const (
	trainRise = 5
	validRise = 10
)

// Flaw says, in a clause, that the training came to no model, whose vocabulary is of
// that size; empty if it did.
func (o *Outcome) Flaw(vocabulary int) string {
	nothing := math.Log(float64(vocabulary))
	what, nll := "train", 0.0
	if n := len(o.Epochs); n > 0 {
		nll = o.Epochs[n-1].TrainNLL
	}
	if nll <= nothing+trainRise {
		what, nll = "validation", beyond(o.ValidNLL)
		if test := beyond(o.TestNLL); test > nll {
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
