package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/trainer"
)

// introduce says what is about to be done.
func (p *plan) introduce(r *run.Run) {
	say := r.Log.Printf
	say("Corpus %s: vocabulary %s, %s train / %s valid / %s test tokens", p.corpus.Name, thousands(p.corpus.Tokenizer.Size()),
		thousands(len(p.splits["train"].Tokens)), thousands(len(p.splits["valid"].Tokens)), thousands(len(p.splits["test"].Tokens)))
	for _, a := range p.arms {
		c := a.Model
		say("  %-12s %d x %d, embedding %d: %s parameters of %s", a.Label, c.NumLayers, c.HiddenSize, c.EmbeddingSize,
			thousands(c.ParamCount()), thousands(p.budget))
	}
	if p.recipe.Precision == modeldir.BF16 && !kernel.NativeBF16() {
		say("This processor does not multiply bfloat16 (AVX512-BF16): products run in float32 on rounded numbers, no faster than --precision f32")
	}
	say("Run folder %s", r.Dir)
	if seconds := p.estimate(); seconds > 0 {
		say("This will take about %s on %d cores", run.Rounded(seconds), runtime.GOMAXPROCS(0))
	}
}

func thousands(n int) string { return progress.Thousands(n) }

// estimate times a few training steps of each model and scales them up; 0 where
// the run is too short for that to pay.
func (p *plan) estimate() (seconds float64) {
	r := p.recipe
	windows, err := data.NewWindows(p.splits["train"].Tokens, r.Batch, r.BPTT)
	if err != nil {
		return 0
	}
	steps := r.TotalSteps(p.windows)
	if p.run.Quiet || p.run.Resumed || steps < 50 {
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
	return total.Seconds() * float64(len(p.run.Seeds)) * 1.15
}

// told is the report of a run.
type told struct {
	*report.Report
	run *run.Run
}

// WriteTable writes the comparison of the models for a terminal.
func (t told) WriteTable(w io.Writer) error { return t.Report.WriteTable(w, false) }

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
		Config: r.Began.Config,
		Notes:  slices.Concat(r.Began.Forced, r.Began.Notes),
	}
	if note := r.Incomplete(); note != "" {
		rep.Notes = append(rep.Notes, note)
	}
	var lines map[run.Trainee][]trainer.Line
	if !brief {
		var err error
		if lines, err = run.Metrics[trainer.Line](r); err != nil {
			return nil, err
		}
	}
	for _, a := range p.arms {
		c := a.Model
		arm := report.Arm{Model: a.Label, Kind: a.Kind, Hidden: c.HiddenSize, Embedding: c.EmbeddingSize, Params: c.ParamCount()}
		for _, t := range c.Tensors() {
			arm.Accounting = append(arm.Accounting, report.TensorCount{Name: t.Name, Shape: t.Shape, Count: t.Size()})
		}
		for _, j := range r.Jobs {
			own := lines[run.Trainee{Model: j.Model, Seed: j.Seed}]
			if j.Model != a.Label || j.Result == nil && len(own) == 0 {
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
	return told{rep, r}, nil
}

// seed is what the report says of a training, whose notes go to rep.
func (p *plan) seed(j *run.Job, brief bool, rep *report.Report) (report.Seed, error) {
	if j.Result == nil {
		return report.Seed{Seed: j.Seed, Status: report.UnderWay}, nil
	}
	if !j.Result.Ended() {
		return report.Seed{Seed: j.Seed, Status: j.Result.Status}, nil
	}
	for _, what := range j.Result.Rollbacks {
		rep.Notes = append(rep.Notes, fmt.Sprintf("In the training of %s, seed %d: %s.", j.Model, j.Seed, what))
	}
	var out trainer.Outcome
	if err := j.Result.Decode(p.run.JobDir(j), &out); err != nil {
		return report.Seed{}, err
	}
	if out.ValidNLL == nil || out.TestNLL == nil {
		rep.Notes = append(rep.Notes, fmt.Sprintf("Read as one stream, a text has no finite loss under %s, seed %d, and so no perplexity.", j.Model, j.Seed))
	}
	s := report.Seed{
		Seed: j.Seed, BestEpoch: out.BestEpoch, TokensPerS: out.TokensPerS, Status: report.Done,
		ValidPPL: trainer.Perplexity(out.ValidNLL), TestPPL: trainer.Perplexity(out.TestNLL),
		TestPPLOff: trainer.Perplexity(out.TestNLLOff), TestPPLFrozen: trainer.Perplexity(out.TestNLLFrozen), TestPPLMean: trainer.Perplexity(out.TestNLLMean),
	}
	if j.Result.Status != "" {
		s.Status = j.Result.Status
	}
	if brief {
		return s, nil
	}
	had, ok := p.described[j.Result]
	if !ok {
		if err := p.describe(j, &out, &had); err != nil {
			return s, err
		}
		p.described[j.Result] = had
	}
	if had.ends != nil {
		rep.Notes = append(rep.Notes, fmt.Sprintf("The sample of %s, seed %d, ends early: %v.", j.Model, j.Seed, had.ends))
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

// row is what --json prints for a model and seed. What is no number is null.
type row struct {
	Model     string   `json:"model"`
	Kind      string   `json:"kind"`
	Seed      uint64   `json:"seed"`
	Params    int      `json:"params"`
	BestEpoch int      `json:"best_epoch"`
	ValidPPL  *float64 `json:"valid_ppl"`
	TestPPL   *float64 `json:"test_ppl"`

	TestPPLOff    *float64 `json:"test_ppl_off"`
	TestPPLFrozen *float64 `json:"test_ppl_frozen"`
	TestPPLMean   *float64 `json:"test_ppl_mean"`
	TokensPerS    float64  `json:"tokens_per_s"`
	Status        string   `json:"status"`
}

// WriteJSON prints one object a model and seed, each on a line.
func (t told) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	for _, a := range t.Arms {
		for _, s := range a.Seeds {
			err := out.Encode(row{
				Model: a.Model, Kind: a.Kind, Seed: s.Seed, Params: a.Params, BestEpoch: s.BestEpoch, ValidPPL: finite(s.ValidPPL), TestPPL: finite(s.TestPPL),
				TestPPLOff: finite(s.TestPPLOff), TestPPLFrozen: finite(s.TestPPLFrozen), TestPPLMean: finite(s.TestPPLMean), TokensPerS: s.TokensPerS, Status: s.Status,
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
