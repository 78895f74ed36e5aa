package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/trainer"
)

// resultFile is in the folder of a model and seed that has finished.
const resultFile = "result.json"

// result is the content of resultFile.
type result struct {
	Metrics  int64           `json:"metrics"` // length of metrics.jsonl at the end of this training
	Outcome  trainer.Outcome `json:"outcome"`
	ValidPPL float64         `json:"valid_ppl"`
	TestPPL  float64         `json:"test_ppl"`
}

// run trains each model under each seed, one after the other, and reports.
func (p *plan) run(ctx context.Context, stdout, stderr io.Writer) error {
	p.introduce()
	metrics, err := trainer.OpenMetrics(filepath.Join(p.dir, metricsFile))
	if err != nil {
		return err
	}
	defer metrics.Close()
	rep := p.report()
	var from int64
	for i, config := range p.models {
		for _, seed := range p.seeds {
			res, err := p.train(ctx, config, seed, metrics, from, stderr)
			switch {
			case errors.Is(err, trainer.ErrStopped) || err != nil && ctx.Err() != nil:
				return &cli.ErrInterrupted{Message: fmt.Sprintf("Stopped and saved. To go on: go run ./train --resume %s", p.dir)}
			case err != nil:
				if _, diverged := errors.AsType[*trainer.DivergedError](err); !diverged {
					return fmt.Errorf("%s, seed %d: %w", config.Model, seed, err)
				}
				rep.Arms[i].Seeds = append(rep.Arms[i].Seeds, report.Seed{Seed: seed, Status: "diverged: " + err.Error()})
				if e := rep.Write(p.dir); e != nil {
					return errors.Join(err, e)
				}
				return fmt.Errorf("%s, seed %d, diverged at %w", config.Model, seed, err)
			}
			from = res.Metrics
			s, err := p.describe(p.jobDir(config, seed), seed, res)
			if err != nil {
				return err
			}
			rep.Arms[i].Seeds = append(rep.Arms[i].Seeds, s)
		}
	}
	if err := rep.Write(p.dir); err != nil {
		return err
	}
	if err := rep.WriteTable(stdout, false); err != nil {
		return err
	}
	p.say("\nReport: %s", filepath.Join(p.dir, "report.html"))
	return nil
}

// introduce says what is about to be done.
func (p *plan) introduce() {
	p.say("Corpus %s: vocabulary %s, %s train / %s valid / %s test tokens", p.corpus.Name, thousands(p.corpus.Tokenizer.Size()),
		thousands(len(p.splits["train"].Tokens)), thousands(len(p.splits["valid"].Tokens)), thousands(len(p.splits["test"].Tokens)))
	for _, c := range p.models {
		p.say("  %-12s %d x %d, embedding %d: %s parameters of %s", c.Model, c.NumLayers, c.HiddenSize, c.EmbeddingSize,
			thousands(c.ParamCount()), thousands(p.budget))
	}
	p.say("Run folder %s", p.dir)
	if estimate := p.estimate(); estimate > 0 {
		p.say("This will take about %s on %d cores", rounded(estimate), runtime.GOMAXPROCS(0))
	}
}

// estimate times a few training steps of each model and scales them up; 0 where
// the run is too short for that to pay.
func (p *plan) estimate() time.Duration {
	r := p.recipe
	if p.quiet || p.resume || r.Steps > 0 && r.Steps < 50 {
		return 0
	}
	windows, err := data.NewWindows(p.splits["train"].Tokens, r.Batch, r.BPTT)
	if err != nil {
		return 0
	}
	steps := windows.Len() * r.Epochs
	if r.Steps > 0 {
		steps = r.Steps
	}
	var total time.Duration
	for _, c := range p.models {
		m, err := lm.New[float32](c, 1)
		if err != nil {
			return 0
		}
		state := m.NewState(r.Batch)
		windows.Reset()
		best := time.Duration(1 << 62)
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

func (p *plan) jobDir(c modeldir.Config, seed uint64) string {
	return filepath.Join(p.dir, fmt.Sprintf("%s-seed%d", c.Model, seed))
}

// train trains one model under one seed and scores it, unless that is done already.
func (p *plan) train(ctx context.Context, c modeldir.Config, seed uint64, metrics *trainer.Metrics, from int64, stderr io.Writer) (*result, error) {
	dir := p.jobDir(c, seed)
	path := filepath.Join(dir, resultFile)
	if b, err := os.ReadFile(path); err == nil {
		var done result
		if err := json.Unmarshal(b, &done); err != nil {
			return nil, fmt.Errorf("%s: %w; remove it to repeat the training from its last checkpoint", path, err)
		}
		return &done, nil
	}
	obs := newObserver(stderr, p.quiet, c, seed, p.recipe)
	defer obs.close()
	job := &trainer.Job{
		Dir: dir, Model: c, Recipe: p.recipe, Seed: seed, Tokenizer: p.tokenizer, Initial: p.initial,
		Train: p.splits["train"], Valid: p.splits["valid"], Metrics: metrics, MetricsStart: from, Observer: obs,
	}
	out, err := job.Run(ctx)
	if err != nil {
		return nil, err
	}
	done := &result{Metrics: metrics.End(), Outcome: *out}
	if done.ValidPPL, done.TestPPL, err = p.score(ctx, dir, obs); err != nil {
		return nil, err
	}
	obs.done(done)
	return done, atomicfile.Write(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(done) })
}

// report returns the report without its seeds.
func (p *plan) report() *report.Report {
	r := &report.Report{
		Command: p.command, Version: cli.Version, Data: p.corpus.Name, Preset: p.recipe.Preset, Budget: p.budget,
		Dataset: report.Dataset{
			Vocab: p.corpus.Tokenizer.Size(), TrainTokens: len(p.splits["train"].Tokens),
			ValidTokens: len(p.splits["valid"].Tokens), TestTokens: len(p.splits["test"].Tokens),
			SourceHash: p.splits["train"].SourceHash,
		},
		System: report.System{
			Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpuName(),
			Kernel: kernel.Level(), Threads: runtime.GOMAXPROCS(0),
		},
		Config: string(p.recipe.YAML()),
	}
	for _, c := range p.models {
		arm := report.Arm{Model: c.Model, Hidden: c.HiddenSize, Embedding: c.EmbeddingSize, Params: c.ParamCount()}
		for _, t := range c.Tensors() {
			arm.Accounting = append(arm.Accounting, report.TensorCount{Name: t.Name, Shape: t.Shape, Count: t.Size()})
		}
		r.Arms = append(r.Arms, arm)
	}
	return r
}
