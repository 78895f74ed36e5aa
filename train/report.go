package main

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/trainer"
)

// report makes the report of the trainings that have ended, a brief one without what
// their models have to be loaded for.
func (p *plan) report(r *run.Run, brief bool) (run.Report, error) {
	rep := &report.Report{
		Command: r.Began.Command, Version: r.Began.Version, Data: p.corpus.Name, Preset: p.recipe.Preset, Budget: p.budget,
		Dataset: report.Dataset{
			Vocab: p.corpus.Tokenizer.Size(), TrainTokens: len(p.splits["train"].Tokens),
			ValidTokens: len(p.splits["valid"].Tokens), TestTokens: len(p.splits["test"].Tokens),
			ValidUnknown: int(p.splits["valid"].Unknown), TestUnknown: int(p.splits["test"].Unknown),
			SourceHash: p.splits["train"].SourceHash,
		},
		Unknown: int(p.splits["valid"].Unknown + p.splits["test"].Unknown),
		System:  r.Began.System, Precision: p.recipe.Precision,
		Config: r.Began.Config, Notes: r.Remarks(),
	}
	var lines map[*run.Job][]trainer.Line
	if !brief {
		var err error
		if lines, err = run.Metrics[trainer.Line](r); err != nil {
			return nil, err
		}
	}
	for i, a := range p.arms {
		c := a.Model
		arm := report.Arm{Model: a.Label, Kind: a.Kind, Hidden: c.HiddenSize, Embedding: c.EmbeddingSize, Params: c.ParamCount()}
		for _, t := range c.Tensors() {
			arm.Accounting = append(arm.Accounting, report.TensorCount{Name: t.Name, Shape: t.Shape, Count: t.Size()})
		}
		for _, j := range r.Jobs {
			own := lines[j]
			if j.Arm != r.Arms[i] || j.Result == nil && len(own) == 0 {
				continue
			}
			s, err := p.seed(j, brief, rep)
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
			}
			draw(&s, own, c.Plasticity != nil || c.Memory != nil)
			arm.Seeds = append(arm.Seeds, s)
		}
		rep.Arms = append(rep.Arms, arm)
	}
	return rep, nil
}

// seed is what the report says of a training, whose notes go to rep.
func (p *plan) seed(j *run.Job, brief bool, rep *report.Report) (report.Seed, error) {
	s := report.Seed{Seed: j.Seed, Status: report.UnderWay}
	if j.Result == nil {
		return s, nil
	}
	if s.Status = cmp.Or(j.Result.Status, report.Done); !j.Result.Ended() {
		return s, nil
	}
	for _, what := range j.Result.Rollbacks {
		rep.Notes = append(rep.Notes, fmt.Sprintf("In the training of %s, seed %d: %s.", j.Model, j.Seed, what))
	}
	var out trainer.Outcome
	if err := j.Result.Decode(p.run.JobDir(j), &out); err != nil {
		return s, err
	}
	if out.ValidNLL == nil || out.TestNLL == nil {
		rep.Notes = append(rep.Notes, fmt.Sprintf("Read as one stream, a text has no finite loss under %s, seed %d, and so no perplexity.", j.Model, j.Seed))
	}
	s.BestEpoch, s.TokensPerS = out.BestEpoch, out.TokensPerS
	s.ValidPPL, s.TestPPL = trainer.Perplexity(out.ValidNLL), trainer.Perplexity(out.TestNLL)
	s.TestPPLOff, s.TestPPLFrozen, s.TestPPLMean = trainer.Perplexity(out.TestNLLOff), trainer.Perplexity(out.TestNLLFrozen), trainer.Perplexity(out.TestNLLMean)
	if brief {
		return s, nil
	}
	had, ok := p.described[j.Result]
	if !ok {
		var epochs [][]examine.Trace
		for _, e := range out.Epochs {
			epochs = append(epochs, e.Traces)
		}
		var err error
		had, err = examine.Describe(filepath.Join(p.run.JobDir(j), "best"), out.BestEpoch, epochs, p.splits["valid"].Tokens, p.splits["test"].Tokens, j.Seed)
		if err != nil {
			return s, err
		}
		p.described[j.Result] = had
	}
	if had.Ends != nil {
		rep.Notes = append(rep.Notes, fmt.Sprintf("The sample of %s, seed %d, ends early: %v.", j.Model, j.Seed, had.Ends))
	}
	s.Traces, s.Passage, s.Sample = had.Traces, had.Passage, had.Sample
	return s, nil
}

// drawnPoints is how many points by steps the report has of a training at most, beside
// those of validations.
const drawnPoints = 200

// draw adds the curves of a training from its metrics: epoch by epoch, and step by step.
func draw(s *report.Seed, lines []trainer.Line, plastic bool) {
	for _, l := range lines {
		if l.Event != "" {
			continue
		}
		step := report.StepPoint{Step: l.Step, TrainNLL: l.TrainNLL, ValidNLL: math.NaN(), GradNorm: l.GradNorm}
		if l.ValidNLL != nil {
			step.ValidNLL = *l.ValidNLL
			point := report.EpochPoint{Epoch: l.Epoch, Step: l.Step, TrainNLL: l.TrainNLL, ValidPPL: lm.Perplexity(*l.ValidNLL), LR: l.LR, TokensPerS: l.TokensPerS}
			if plastic {
				point.ValidPPLOff, point.ValidPPLMean = trainer.Perplexity(l.ValidNLLOff), trainer.Perplexity(l.ValidNLLMean)
			}
			s.Curve = append(s.Curve, point)
		}
		if n := len(s.Steps); n > 0 && s.Steps[n-1].Step == l.Step { // the line of the step and that of its epoch
			s.Steps[n-1] = step
		} else {
			s.Steps = append(s.Steps, step)
		}
	}
	s.Steps = report.Thin(s.Steps, drawnPoints)
}
