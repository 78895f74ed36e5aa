package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/score"
	"github.com/engram-lm/engram/internal/trainer"
)

// How the best model of a training is looked at. The perplexities of the report
// are those of eval perplexity with its defaults: one stream, windows of 35.
const (
	scoreBatch = 1
	scoreBPTT  = 35
)

// score reads the validation and the test text with the best model of a finished
// training, the latter also with the traces standing still, as eval perplexity
// --traces does.
func (p *plan) score(ctx context.Context, h *run.Host, out *trainer.Outcome) error {
	m, _, err := lm.Load[float32](filepath.Join(h.Dir, "best"))
	if err != nil {
		return err
	}
	for _, text := range []struct {
		name string
		nll  **float64
	}{{"valid", &out.ValidNLL}, {"test", &out.TestNLL}} {
		tokens := p.splits[text.name].Tokens
		h.Draw(", scoring the "+text.name+" text", len(tokens), "tokens")
		e, err := m.Evaluate(ctx, tokens, scoreBatch, scoreBPTT, h.Bar.Set)
		if err != nil {
			return err
		}
		*text.nll = finite(e.NLL)
	}
	if !m.HasTraces() {
		return nil
	}
	tokens := p.splits["test"].Tokens
	warm := score.WarmUp{Tokens: p.splits["valid"].Tokens, Streams: score.MeanStreams}
	for _, still := range []struct {
		traces score.Traces
		nll    **float64
	}{{score.Off, &out.TestNLLOff}, {score.Frozen, &out.TestNLLFrozen}, {score.Mean, &out.TestNLLMean}} {
		if still.traces == score.Mean && !m.HasMean() {
			continue
		}
		h.Draw(fmt.Sprintf(", scoring the test text, traces %s", still.traces), len(tokens), "tokens")
		losses, err := score.Read(ctx, m, tokens, still.traces, warm, score.Reading{Batch: scoreBatch, Steps: scoreBPTT, Progress: h.Bar.Set}, nil)
		if err != nil {
			return err
		}
		*still.nll = finite(losses.Mean())
	}
	return nil
}

// finite returns v, nil if it is no finite number.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// description is what describe says.
type description struct {
	report.Seed
	ends error // why the sample is shorter than it should be
}

// describe says more of a finished training than a table does: what the traces and
// the neuromodulator of its best model do and what it writes.
func (p *plan) describe(j *run.Job, out *trainer.Outcome, s *description) error {
	m, tok, err := lm.Load[float32](filepath.Join(p.run.JobDir(j), "best"))
	if err != nil {
		return err
	}
	var epochs []examine.Epoch
	for _, e := range out.Epochs {
		epochs = append(epochs, examine.Epoch{Epoch: e.Epoch, Traces: e.Traces})
	}
	s.Traces = examine.Layers(m, out.BestEpoch, epochs)
	if s.Passage, err = examine.Passage(m, tok, p.splits["valid"].Tokens, p.splits["test"].Tokens); err != nil {
		return err
	}
	s.Sample, s.ends = examine.Sample(m, tok, j.Seed)
	return nil
}
