package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/trainer"
	"github.com/engram-lm/engram/tokenizer"
)

// run trains each model under each seed, one after the other, and reports.
func (p *plan) run(ctx context.Context, stdout io.Writer) error {
	if p.resume {
		if done, err := p.finished(stdout); done || err != nil {
			return err
		}
	}
	p.introduce()
	rep := p.report()
	err := p.trainAll(ctx, rep)
	_, diverged := errors.AsType[*trainer.DivergedError](err)
	if err == nil || diverged {
		err = errors.Join(err, rep.Write(p.dir))
	}
	switch {
	case diverged && p.recipe.OnNaN == recipe.Stop:
		return fmt.Errorf("%w; to go on from its last checkpoint at half the rate: %s --on-nan %s", err, p.hint(), recipe.Rollback)
	case diverged:
		return err // all rollbacks are spent: going on would end there again
	case errors.Is(err, trainer.ErrStopped) || errors.Is(err, context.Canceled):
		return &cli.ErrInterrupted{Message: "Stopped and saved. To go on: " + p.hint()}
	case err != nil:
		return fmt.Errorf("%w; to go on: %s", err, p.hint())
	}
	if err := rep.WriteTable(stdout, false); err != nil {
		return err
	}
	p.say("\nReport: %s", filepath.Join(p.dir, reportPage))
	return failures(rep)
}

// reportPage is the report that the user is told of.
const reportPage = "report.html"

// reportFiles are the files of a report.
var reportFiles = []string{"report.json", "report.md", reportPage}

// hint is the command that goes on with the run.
func (p *plan) hint() string {
	args := []string{"--resume", p.dir}
	if p.cache != "" {
		args = append(args, "--cache", p.cache)
	}
	return "go run ./train" + cli.Quoted(args)
}

// trainAll trains what has not been trained yet and fills the report.
func (p *plan) trainAll(ctx context.Context, rep *report.Report) error {
	if err := errors.Join(p.sweep(), p.removeReport()); err != nil {
		return err
	}
	metrics, err := trainer.OpenMetrics(filepath.Join(p.dir, metricsFile))
	if err != nil {
		return err
	}
	defer metrics.Close()
	from := p.began.MetricsFrom
	for i, a := range p.arms {
		for _, seed := range p.seeds {
			res, err := p.train(ctx, a, seed, metrics, from)
			if err == nil {
				from = res.Metrics
				err = p.describe(a, seed, res, rep, &rep.Arms[i])
			}
			if diverged, ok := errors.AsType[*trainer.DivergedError](err); ok {
				rep.Arms[i].Seeds = append(rep.Arms[i].Seeds, report.Seed{Seed: seed, Status: "diverged: " + diverged.Error()})
				return fmt.Errorf("%s, seed %d: diverged at %w", a.Label, seed, err)
			}
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", a.Label, seed, err)
			}
		}
	}
	return nil
}

// sweep clears the run's folder of what killed processes left unfinished.
func (p *plan) sweep() error {
	dirs := []string{p.dir}
	for _, a := range p.arms {
		for _, seed := range p.seeds {
			dirs = append(dirs, p.jobDir(a, seed))
		}
	}
	return runfolder.Sweep(dirs...)
}

// removeReport removes the report of a divergence that the run now goes on from. If
// it is killed when all is trained, but before it has reported that, the old
// report must not stand for its end.
func (p *plan) removeReport() error {
	for _, name := range reportFiles {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// finished reports whether a resumed run is at its end already; if so it says
// so, shows the results again and changes nothing.
func (p *plan) finished(stdout io.Writer) (bool, error) {
	for _, name := range reportFiles {
		if _, err := os.Stat(filepath.Join(p.dir, name)); err != nil {
			return false, nil
		}
	}
	rep := p.report()
	for i, a := range p.arms {
		for _, seed := range p.seeds {
			res, err := p.result(a, seed)
			if res == nil || err != nil {
				return false, err
			}
			rep.Arms[i].Seeds = append(rep.Arms[i].Seeds, res.seed(seed, a.Model.VocabSize))
		}
	}
	p.say("The run in %s is finished; nothing is left to do. Report: %s", p.dir, filepath.Join(p.dir, reportPage))
	return true, errors.Join(rep.WriteTable(stdout, false), failures(rep))
}

// introduce says what is about to be done.
func (p *plan) introduce() {
	for _, line := range p.intro {
		p.say("%s", line)
	}
	for _, clause := range append(p.idle, p.endTwice()...) {
		progress.Say(p.stderr, "train: %s", clause)
	}
	p.say("Corpus %s: vocabulary %s, %s train / %s valid / %s test tokens", p.corpus.Name, thousands(p.corpus.Tokenizer.Size()),
		thousands(len(p.splits["train"].Tokens)), thousands(len(p.splits["valid"].Tokens)), thousands(len(p.splits["test"].Tokens)))
	for _, a := range p.arms {
		c := a.Model
		p.say("  %-12s %d x %d, embedding %d: %s parameters of %s", a.Label, c.NumLayers, c.HiddenSize, c.EmbeddingSize,
			thousands(c.ParamCount()), thousands(p.budget))
	}
	if p.recipe.Precision == modeldir.BF16 && !kernel.NativeBF16() {
		p.say("This processor does not multiply bfloat16 (AVX512-BF16): products run in float32 on rounded numbers, no faster than --precision f32")
	}
	p.say("Run folder %s", p.dir)
	if estimate := p.estimate(); estimate > 0 {
		p.say("This will take about %s on %d cores", rounded(estimate), runtime.GOMAXPROCS(0))
	}
}

// endTwice warns of texts whose lines bring an <eos> of their own.
func (p *plan) endTwice() (warnings []string) {
	eos, ok := p.corpus.Tokenizer.EOS()
	for _, name := range data.Splits {
		if ok && p.splits[name].EndsTwice(eos) {
			warnings = append(warnings, fmt.Sprintf("every line of the %s text already ends in %s, and each gets another, which is easy to predict and lowers the perplexity: remove those of the text", name, tokenizer.EOS))
		}
	}
	return warnings
}

// report returns the report without its seeds.
func (p *plan) report() *report.Report {
	r := &report.Report{
		Command: p.began.Command, Version: p.began.Version, Data: p.corpus.Name, Preset: p.recipe.Preset, Budget: p.budget,
		Dataset: report.Dataset{
			Vocab: p.corpus.Tokenizer.Size(), TrainTokens: len(p.splits["train"].Tokens),
			ValidTokens: len(p.splits["valid"].Tokens), TestTokens: len(p.splits["test"].Tokens),
			ValidUnknown: int(p.splits["valid"].Unknown), TestUnknown: int(p.splits["test"].Unknown),
			SourceHash: p.splits["train"].SourceHash,
		},
		Unknown: int(p.splits["valid"].Unknown + p.splits["test"].Unknown),
		System:  p.began.System, Precision: p.recipe.Precision,
		Config: p.began.Config,
		Notes:  slices.Concat(p.began.Forced, p.began.Notes),
	}
	for _, a := range p.arms {
		c := a.Model
		arm := report.Arm{Model: a.Label, Kind: a.Kind, Hidden: c.HiddenSize, Embedding: c.EmbeddingSize, Params: c.ParamCount()}
		for _, t := range c.Tensors() {
			arm.Accounting = append(arm.Accounting, report.TensorCount{Name: t.Name, Shape: t.Shape, Count: t.Size()})
		}
		r.Arms = append(r.Arms, arm)
	}
	return r
}
