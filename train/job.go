package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/trainer"
)

// resultFile is in the folder of a model and seed that has finished.
const resultFile = "result.json"

// maxResult is how large it may be: some hundred bytes an epoch and layer.
const maxResult = 4 << 20

// result is the content of resultFile. The NLLs are those of the best model, in
// nats; one that is no finite number is missing.
type result struct {
	Metrics  int64           `json:"metrics"` // length of metrics.jsonl at the end of this training
	Outcome  trainer.Outcome `json:"outcome"`
	ValidNLL *float64        `json:"valid_nll,omitempty"`
	TestNLL  *float64        `json:"test_nll,omitempty"`
	// With the traces of a plastic model standing still.
	TestNLLOff    *float64 `json:"test_nll_off,omitempty"`
	TestNLLFrozen *float64 `json:"test_nll_frozen,omitempty"`
	TestNLLMean   *float64 `json:"test_nll_mean,omitempty"`
}

// readResult returns the result in the folder of a model and seed; nil if it has
// not finished.
func readResult(dir string) (*result, error) {
	path := filepath.Join(dir, resultFile)
	b, err := regular.Read(path, maxResult)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r result
	if err := strictjson.Decode(path, b, &r); err != nil {
		return nil, fmt.Errorf("%w; remove it to have it made again from the last checkpoint", err)
	}
	return &r, nil
}

// result returns the result of a training; nil if it has not finished, or has to go
// on because the run was made longer.
func (p *plan) result(a recipe.Arm, seed uint64) (*result, error) {
	res, err := readResult(p.jobDir(a, seed))
	if err == nil && res != nil && res.Metrics <= p.began.MetricsFrom {
		return nil, nil
	}
	return res, err
}

// perplexity of an NLL that may be missing.
func perplexity(nll *float64) float64 {
	if nll == nil {
		return math.NaN()
	}
	return lm.Perplexity(*nll)
}

// seed is what a report's table says of the result, in a vocabulary of that size.
func (r *result) seed(seed uint64, vocabulary int) report.Seed {
	s := report.Seed{
		Seed: seed, BestEpoch: r.Outcome.BestEpoch, TokensPerS: r.Outcome.TokensPerS, Status: report.Done,
		ValidPPL: perplexity(r.ValidNLL), TestPPL: perplexity(r.TestNLL),
		TestPPLOff: perplexity(r.TestNLLOff), TestPPLFrozen: perplexity(r.TestNLLFrozen), TestPPLMean: perplexity(r.TestNLLMean),
	}
	if clause := r.diverged(vocabulary); clause != "" {
		s.Status = clause
	}
	return s
}

func (p *plan) jobDir(a recipe.Arm, seed uint64) string {
	return filepath.Join(p.dir, fmt.Sprintf("%s-seed%d", a.Label, seed))
}

// train trains one model under one seed and scores it, unless that is done already.
func (p *plan) train(ctx context.Context, a recipe.Arm, seed uint64, metrics *trainer.Metrics, from int64) (*result, error) {
	dir := p.jobDir(a, seed)
	if done, err := p.result(a, seed); done != nil || err != nil {
		return done, err
	}
	obs := newObserver(p.stderr, p.quiet, a.Label, seed)
	defer obs.close()
	// A change that the record keeps was insisted on already, though the process may
	// have been killed before a checkpoint followed it.
	force := p.force || len(p.began.Forced) > 0
	job := &trainer.Job{
		Dir: dir, Model: a.Model, Label: a.Label, Recipe: a.Recipe, Seed: seed, Tokenizer: p.vocab, Initial: p.initial,
		Train: p.splits["train"], Valid: p.splits["valid"], Metrics: metrics, MetricsStart: from, Observer: obs, Force: force,
	}
	out, err := job.Run(ctx)
	if err != nil {
		return nil, err
	}
	done := &result{Metrics: metrics.End(), Outcome: *out}
	if err := p.score(ctx, dir, done, obs); err != nil {
		return nil, err
	}
	obs.done(done)
	return done, atomicfile.Write(filepath.Join(dir, resultFile), func(w io.Writer) error {
		return json.NewEncoder(w).Encode(done)
	})
}

// estimate times a few training steps of each model and scales them up; 0 where
// the run is too short for that to pay.
func (p *plan) estimate() time.Duration {
	r := p.recipe
	windows, err := data.NewWindows(p.splits["train"].Tokens, r.Batch, r.BPTT)
	if err != nil {
		return 0
	}
	steps := windows.Len() * r.Epochs
	if r.Steps > 0 {
		steps = r.Steps
	}
	if p.quiet || p.resume || steps < 50 {
		return 0
	}
	var total time.Duration
	for _, a := range p.arms {
		m, err := lm.New[float32](a.Model, 1)
		if err != nil {
			return 0
		}
		state := m.NewState(r.Batch)
		windows.Reset()
		best := time.Duration(math.MaxInt64)
		for range 3 {
			w, ok := windows.Next()
			if !ok {
				break
			}
			begin := time.Now()
			if _, err := m.Train(w.X, w.Y, state, 0, nil); err != nil {
				return 0
			}
			best = min(best, time.Since(begin))
		}
		total += time.Duration(steps) * best
	}
	// Validations and the optimiser come on top of the steps.
	return total * time.Duration(len(p.seeds)) * 115 / 100
}
