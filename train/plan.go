package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/tokenizer"
)

// plan is a run that is ready to start: data read, models sized, folder made.
type plan struct {
	dir     string
	lock    *runlock.Lock
	locked  error // why there is no lock: nothing can be written in the folder
	cache   string
	resume  bool
	force   bool
	quiet   bool
	began   record
	recipe  recipe.Recipe
	seeds   []uint64
	corpus  *data.Corpus
	splits  map[string]*data.Split
	vocab   []byte // tokenizer.json
	arms    []recipe.Arm
	budget  int
	windows int // of an epoch
	initial map[string][]float32
	stderr  io.Writer
	intro   []string // what there is to say about settings that nobody chose
	idle    []string // settings that were asked for and have no effect, a clause each
}

// say writes a line to the user, unless nothing but results is wanted.
func (p *plan) say(format string, a ...any) {
	if !p.quiet {
		progress.Say(p.stderr, format, a...)
	}
}

// prepare works out what to run and checks that it fits together. After an error
// it has written nothing but the cache of encoded texts. The run's folder is the
// plan's alone until its lock is released.
func prepare(o options, flags []recipe.Field, stderr io.Writer) (_ *plan, err error) {
	p := &plan{dir: o.out, quiet: o.quiet, resume: o.resume != "", force: o.force, cache: o.cache, stderr: stderr}
	defer func() {
		if err != nil && p.lock != nil {
			err = errors.Join(err, p.lock.Release())
		}
	}()
	if p.force && !p.resume {
		return nil, cli.Usagef("--force goes with --resume: a new run has nothing to insist on")
	}
	var s settings
	var was record
	if p.resume {
		if was, err = p.reopen(o); err != nil {
			return nil, err
		}
		s, err = resumed(o, was, flags)
	} else {
		s, err = compose(o, flags)
	}
	if err != nil {
		return nil, err
	}
	start, tok, err := p.start(&s)
	if err != nil {
		return nil, err
	}
	if err := s.recipe.Validate(); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	if err := cli.SetThreads(s.recipe.Threads); err != nil {
		return nil, err
	}
	p.recipe, p.intro = s.recipe, s.chosen
	if p.seeds, err = p.recipe.SeedList(); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	if err := p.read(o.cache, tok); err != nil {
		return nil, err
	}
	if start != nil {
		p.vocab, p.initial = start.TokenizerJSON, start.Tensors
		if p.arms, err = p.recipe.Arms(); err != nil {
			return nil, &cli.UsageError{Err: err}
		}
		p.arms[0].Model, p.budget = p.arms[0].Recipe.Rounded(start.Config), start.Config.ParamCount()
	} else if p.arms, p.budget, err = p.recipe.Match(p.corpus.Tokenizer.Size()); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	if err := p.fits(s.explicit); err != nil {
		return nil, err
	}
	p.began = p.record(o.command)
	if p.resume {
		return p, p.continues(was, s.unforced)
	}
	if err := p.create(start); err != nil {
		return nil, err
	}
	p.lock, err = runlock.Acquire(p.dir)
	return p, err
}

// start reads the model that training starts from, nil if there is none, and
// takes its sizes and options over.
func (p *plan) start(s *settings) (*modeldir.Model, *tokenizer.Tokenizer, error) {
	if s.recipe.Init == "" {
		return nil, nil, nil
	}
	dir := s.recipe.Init
	if p.resume {
		dir = filepath.Join(p.dir, initFolder)
	}
	m, err := modeldir.Load(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("--init: %w", err)
	}
	path := filepath.Join(dir, modeldir.TokenizerFile)
	tok, err := tokenizer.Parse(m.TokenizerJSON)
	if err != nil {
		return nil, nil, fmt.Errorf("--init: %w", badfile.At(path, err))
	}
	if tok.Size() != m.Config.VocabSize {
		return nil, nil, fmt.Errorf("--init: %w", badfile.New(path, "model.vocab", "has %d words; %s wants the %d of vocab_size",
			tok.Size(), modeldir.ConfigFile, m.Config.VocabSize))
	}
	if !p.resume {
		err = s.adopt(m.Config)
	}
	return m, tok, err
}

// read opens the corpus, its vocabulary being tok's unless that is nil.
func (p *plan) read(cache string, tok *tokenizer.Tokenizer) (err error) {
	p.corpus, err = data.Open(p.recipe.Data, data.Options{
		CacheDir: cache, MinCount: p.recipe.MinCount, Tokenizer: tok,
		Warn: func(line string) { progress.Say(p.stderr, "train: %s", line) },
	})
	if unknown, ok := errors.AsType[*data.NotFoundError](err); ok {
		if p.resume {
			return cli.Usagef("--data: %w; if it has moved, or was named from another folder: %s --data DIR", unknown, p.hint())
		}
		return cli.Usagef("--data: %w", unknown)
	}
	if err != nil {
		return err
	}
	p.splits = map[string]*data.Split{}
	for _, name := range data.Splits {
		p.splits[name], err = p.corpus.Split(name)
		if word, ok := errors.AsType[*tokenizer.UnknownWordError](err); ok {
			word.Advice = p.unknownAdvice()
		}
		if err != nil {
			return err
		}
	}
	p.vocab, err = p.corpus.Tokenizer.JSON()
	return err
}

// unknownAdvice is what to do about a word of a text that the vocabulary lacks.
func (p *plan) unknownAdvice() string {
	train := p.splits["train"]
	switch {
	case p.resume:
		return "restore the texts that the run was started with, or start a new run"
	case p.recipe.Init != "":
		return "the vocabulary is that of the model of --init: use a text of its words only, or start from a model trained with --min-count"
	case train == nil: // it is a word of the train text itself, which changed while it was read
		return "run this again"
	}
	counts := make([]int, p.corpus.Tokenizer.Size())
	for _, id := range train.Tokens {
		counts[id]++
	}
	eos, _ := p.corpus.Tokenizer.EOS()
	rarest := len(train.Tokens)
	for id, n := range counts {
		if id != int(eos) {
			rarest = min(rarest, n)
		}
	}
	times := "once"
	if rarest > 1 {
		times = fmt.Sprintf("%d times", rarest)
	}
	why := "the rarest word of the train text comes " + times
	if n := p.recipe.MinCount; n > 0 {
		why = fmt.Sprintf("no word of the train text comes less than %d times, and the rarest comes %s", n, times)
	}
	return fmt.Sprintf("%s: --min-count %d makes it %s, or use a text of its words only", why, rarest+1, tokenizer.Unknown)
}

// maxState is how many numbers the carried state of a layer may have, 16 GiB.
const maxState = 1 << 32

// fits checks that the texts and the memory suffice for batch and windows, and
// what was asked for of the settings for the run's length.
func (p *plan) fits(asked map[string]bool) error {
	r := &p.recipe
	windows, err := data.NewWindows(p.splits["train"].Tokens, r.Batch, r.BPTT)
	if err != nil {
		return cli.Usagef("--batch: the train text of %s: %w", r.Data, err)
	}
	p.windows = windows.Len()
	p.idle = r.Idle(asked, p.windows)
	if err := r.CheckLength(p.windows); err != nil && !p.resume { // else it was begun so
		return &cli.UsageError{Err: err}
	}
	for _, name := range []string{"valid", "test"} {
		if _, err := data.NewWindows(p.splits[name].Tokens, 1, r.BPTT); err != nil {
			return fmt.Errorf("the %s text of %s: %w", name, r.Data, err)
		}
	}
	for _, a := range p.arms {
		c := a.Model
		if m := c.Memory; m != nil {
			if n := int64(r.Batch) * int64(m.Slots) * int64(m.KeySize); n > maxState {
				return cli.Usagef("--batch %d: the memories of model %s have %d numbers; want at most %d: a smaller batch, --readout-slots or --readout-key", r.Batch, c.Model, n, int64(maxState))
			}
		}
		for l := range c.NumLayers {
			_, h := c.LayerSize(l)
			if n := int64(r.Batch) * int64(h) * int64(h); c.Plasticity != nil && n > maxState {
				return cli.Usagef("--batch %d: the Hebbian traces of model %s have %d numbers a layer; want at most %d: a smaller batch or hidden size", r.Batch, a.Label, n, int64(maxState))
			}
		}
	}
	return nil
}

// record says what the run is.
func (p *plan) record(command string) record {
	vocabulary := sha256.Sum256(p.vocab)
	system := machine.This()
	system.Kernel = p.kernels()
	return record{
		Format: runFormat, Command: command, Version: cli.Version, Config: string(p.recipe.YAML()),
		Vocabulary: hex.EncodeToString(vocabulary[:]),
		Train:      p.splits["train"].SourceHash, Valid: p.splits["valid"].SourceHash, Test: p.splits["test"].SourceHash,
		System: system,
	}
}

// kernels names the instructions that the run computes with.
func (p *plan) kernels() string { return kernel.LevelOf(lm.Precision(p.arms[0].Model)) }
