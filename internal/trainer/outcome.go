package trainer

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/score"
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

	Vocabulary int `json:"-"` // of the model; 0 of one that is not scored
}

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
	if t.Test == nil {
		return out, nil
	}
	if err := t.score(ctx, out); err != nil {
		return nil, err
	}
	t.Log.Printf("%s  best epoch %d: valid ppl %s, test ppl %s (one stream)", t.Name(), out.BestEpoch, ppl(Perplexity(out.ValidNLL)), ppl(Perplexity(out.TestNLL)))
	out.Vocabulary = t.Model.VocabSize
	return out, nil
}

// How the best model of a training is looked at. The perplexities of the report
// are those of eval perplexity with its defaults: one stream, windows of 35.
const (
	scoreBatch = 1
	scoreBPTT  = 35
)

// score reads the validation and the test text with the best model, the latter also with
// the traces standing still, as eval perplexity --traces does.
func (t *Training) score(ctx context.Context, out *Outcome) error {
	m, _, err := lm.Load[float32](filepath.Join(t.Dir, best))
	if err != nil {
		return err
	}
	warm := score.WarmUp{Tokens: t.Valid.Tokens, Streams: score.MeanStreams}
	for _, s := range []struct {
		text   *data.Split
		traces score.Traces
		nll    **float64
	}{
		{t.Valid, score.On, &out.ValidNLL}, {t.Test, score.On, &out.TestNLL},
		{t.Test, score.Off, &out.TestNLLOff}, {t.Test, score.Frozen, &out.TestNLLFrozen}, {t.Test, score.Mean, &out.TestNLLMean},
	} {
		what := fmt.Sprintf(", scoring the %s text", s.text.Name)
		if s.traces != score.On {
			if !m.HasTraces() || s.traces == score.Mean && !m.HasMean() {
				continue
			}
			what += fmt.Sprintf(", traces %s", s.traces)
		}
		t.Draw(what, len(s.text.Tokens), "tokens")
		losses, err := score.Read(ctx, m, s.text.Tokens, s.traces, warm, score.Reading{Batch: scoreBatch, Steps: scoreBPTT, Progress: t.Bar.Set}, nil)
		if err != nil {
			return err
		}
		if nll := losses.Mean(); finite(nll) {
			*s.nll = &nll
		}
	}
	return nil
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

// Flaw says, in a clause, that the training came to no model; empty if it did.
func (o *Outcome) Flaw() string {
	if o.Vocabulary == 0 {
		return ""
	}
	nothing := math.Log(float64(o.Vocabulary))
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
		what, size, o.Vocabulary, nothing)
}

// beyond is an NLL, infinite where none is kept because it was no finite number.
func beyond(nll *float64) float64 {
	if nll == nil {
		return math.Inf(1)
	}
	return *nll
}

// ppl writes a perplexity in a few letters, whatever its size.
func ppl(v float64) string {
	switch {
	case !finite(v):
		return "too large"
	case v < 1e6:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'e', 1, 64)
}
