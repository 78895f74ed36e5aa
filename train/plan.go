package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/trainer"
	"github.com/engram-lm/engram/tokenizer"
)

// plan is what train makes of a run's settings: data read, models sized.
type plan struct {
	cache     string // --cache
	run       *run.Run
	recipe    *recipe.Recipe
	corpus    *data.Corpus
	splits    map[string]*data.Split
	vocab     []byte // tokenizer.json
	arms      []recipe.Arm
	budget    int
	windows   int // of an epoch
	initial   map[string][]float32
	described map[*run.Result]examine.Description
}

// initFolder, in a run's folder, has the model that --init named, which may change or go.
const initFolder = "init"

// prepare works out what to run and checks that it fits together. After an error
// it has written nothing but the cache of encoded texts.
func (p *plan) prepare(r *run.Run) error {
	p.run, p.recipe = r, r.Settings.(*recipe.Recipe)
	if !r.Resumed && p.recipe.Optimizer == "adam" && !r.Given["lr"] {
		r.Notes = append(r.Notes, fmt.Sprintf("Learning rate %v, for adam; the preset's %v is for SGD", recipe.AdamLR, p.recipe.LR))
		p.recipe.LR = recipe.AdamLR
	}
	start, tok, err := p.start()
	if err != nil {
		return err
	}
	if err := p.recipe.Validate(); err != nil {
		return &cli.UsageError{Err: err}
	}
	// A step leaves little garbage behind large buffers without pointers: to
	// collect it early costs next to nothing and keeps the memory flat.
	debug.SetGCPercent(garbagePercent)
	if err := p.read(tok); err != nil {
		return err
	}
	if err := p.size(start); err != nil {
		return &cli.UsageError{Err: err}
	}
	if err := p.fits(); err != nil {
		return err
	}
	r.Name, r.System = p.folderName(), machine.This()
	r.System.Kernel = kernel.LevelOf(lm.Precision(p.arms[0].Model))
	var sizes []any
	for _, name := range data.Splits {
		sizes = append(sizes, progress.Thousands(len(p.splits[name].Tokens)))
		r.Facts = append(r.Facts, run.Fact{Key: name + " text", What: "the " + name + " text of " + p.recipe.Data, Is: p.splits[name].SourceHash, Forced: true})
	}
	r.Facts = append(r.Facts, run.Fact{Key: "vocabulary", What: "the vocabulary", Is: fmt.Sprintf("%x", sha256.Sum256(p.vocab))})
	for _, a := range p.arms {
		c := a.Model
		arm := (&trainer.Job{Arm: a, Tokenizer: p.vocab, Initial: p.initial, Train: p.splits["train"], Valid: p.splits["valid"], Test: p.splits["test"]}).Of()
		arm.About = fmt.Sprintf("%d x %d, embedding %d: %s parameters of %s", c.NumLayers, c.HiddenSize, c.EmbeddingSize, progress.Thousands(c.ParamCount()), progress.Thousands(p.budget))
		arm.Params = c.ParamCount()
		arm.Idle = func(key string) string { return a.Idle(key, a.Recipe.Passes(p.windows)) }
		r.Arms = append(r.Arms, arm)
	}
	if start != nil {
		r.Stage = func(dir string) error { return modeldir.Save(filepath.Join(dir, initFolder), start) }
	}
	r.Title = fmt.Sprintf("Corpus %s: vocabulary %s, ", p.corpus.Name, progress.Thousands(p.corpus.Tokenizer.Size())) + fmt.Sprintf("%s train / %s valid / %s test tokens", sizes...)
	if p.recipe.Precision == modeldir.BF16 && !kernel.NativeBF16() {
		r.About = []string{"This processor does not multiply bfloat16 (AVX512-BF16): products run in float32 on rounded numbers, no faster than --precision f32"}
	}
	r.Longer = []string{"epochs", "steps"}
	r.End = func(s run.Settings) run.End { return s.(*recipe.Recipe).End(p.windows) }
	r.Beyond = 1.15 // validations and the report come on top of the steps
	return nil
}

// garbagePercent is how much garbage, in percent of what lives, a training lets lie.
const garbagePercent = 5

// size finds the models' sizes: those of the model that training starts from, or such
// that each fits the budget. A run that grows keeps the budget that it has.
func (p *plan) size(start *modeldir.Model) (err error) {
	if start != nil {
		p.vocab, p.initial, p.budget = start.TokenizerJSON, start.Tensors, start.Config.ParamCount()
		if p.arms, err = p.recipe.Arms(); err == nil {
			p.arms[0].Model = p.arms[0].Recipe.Rounded(start.Config)
		}
		return err
	}
	of, vocabulary := p.recipe, p.corpus.Tokenizer.Size()
	if p.run.Resumed {
		of = p.run.Was.(*recipe.Recipe)
	}
	if p.budget, err = of.Budget(vocabulary); err == nil {
		p.arms, err = p.recipe.Within(p.budget, vocabulary)
	}
	return err
}

// start reads the model that training starts from, nil if there is none, and
// takes its sizes and options over.
func (p *plan) start() (*modeldir.Model, *tokenizer.Tokenizer, error) {
	dir := p.recipe.Init
	if dir == "" {
		return nil, nil, nil
	}
	if p.run.Resumed {
		dir = filepath.Join(p.run.Dir, initFolder)
	}
	m, tok, err := lm.Read(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("--init: %w", err)
	}
	if !p.run.Resumed {
		err = adopt(p.run, m.Config)
	}
	return m, tok, err
}

// read opens the corpus, its vocabulary being tok's unless that is nil.
func (p *plan) read(tok *tokenizer.Tokenizer) (err error) {
	p.corpus, err = data.Open(p.recipe.Data, data.Options{
		CacheDir: p.cache, MinCount: p.recipe.MinCount, Tokenizer: tok,
		Warn: func(line string) { p.run.Warnf("%s", line) },
	})
	if unknown, ok := errors.AsType[*data.NotFoundError](err); ok {
		if p.run.Resumed {
			return cli.Usagef("--data: %w; if it has moved, or was named from another folder: %s --data DIR", unknown, p.run.Hint())
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
	case p.run.Resumed:
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
func (p *plan) fits() error {
	r := p.recipe
	windows, err := data.NewWindows(p.splits["train"].Tokens, r.Batch, r.BPTT)
	if err != nil {
		return cli.Usagef("--batch: the train text of %s: %w", r.Data, err)
	}
	p.windows = windows.Len()
	p.run.Warnings = p.endTwice()
	if err := r.CheckLength(p.windows); err != nil && !p.run.Resumed { // else it was begun so
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

// folderName is what a run's folder is called, but for its number: after the
// preset, or after the corpus where that is not the preset's own.
func (p *plan) folderName() string {
	if p.run.Preset().(*recipe.Recipe).Data == p.recipe.Data {
		return p.recipe.Preset
	}
	return p.corpus.Name
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

// choosePreset picks the preset that suits the data; without data, Penn Treebank
// if it is there, else the sample.
func choosePreset(named run.Settings) (preset, why string) {
	switch named.(*recipe.Recipe).Data {
	case "ptb", "wikitext-2":
		return "ptb-small", ""
	case "":
		if _, err := os.Stat(filepath.Join(registry.DefaultDir, "ptb")); err == nil {
			return "ptb-small", "Training on Penn Treebank (preset ptb-small); for the embedded sample instead: --data sample"
		}
		return "sample", "Training on the embedded sample, Newton's Opticks (preset sample); for Penn Treebank run scripts/download ptb first"
	}
	return "sample", ""
}

// adopt takes kind, sizes and options of the recipe from the model that
// training starts from, and refuses what was asked for otherwise. One arm of that
// kind may be asked for, under a name and with settings of its own.
func adopt(of *run.Run, c modeldir.Config) error {
	r := of.Settings.(*recipe.Recipe)
	// A model without traces or a readout has none of their settings: only the preset's
	// values pass.
	is := *of.Preset().(*recipe.Recipe)
	is.Models, is.Layers, is.Tie, is.Hidden, is.Embed = settings.List{c.Model}, c.NumLayers, c.TieWeights, c.HiddenSize, c.EmbeddingSize
	is.Params, is.MinCount, is.Precision = c.ParamCount(), 0, cmp.Or(c.Precision, modeldir.F32)
	if q := c.Plasticity; q != nil {
		is.Alpha, is.Rate, is.Rule, is.ModulatorInput, is.Clip = q.Alpha, q.Rate, q.Rule, q.ModulatorInput, q.Clip
	}
	if q := c.Memory; q != nil {
		is.ReadoutKey, is.ReadoutSlots = q.KeySize, q.Slots
	}
	if arms, err := r.Arms(); of.Given["models"] && err == nil && len(arms) == 1 && arms[0].Kind == c.Model {
		is.Models = r.Models
	}
	has := is.Fields()
	for i, f := range r.Fields() {
		want := has[i].String()
		// 0 asks for no parameter count, and for an embedding of the hidden size.
		equal := f.String() == want || f.String() == "0" && (f.Key == "params" || f.Key == "embed" && c.EmbeddingSize == c.HiddenSize)
		given := of.Given[f.Key]
		if !slices.Contains(adopted, f.Key) || f.Key == "precision" && given { // a model can be trained on in another one
			continue
		}
		if given && !equal {
			return cli.Usagef("--%s %s contradicts --init, whose model %s: leave it out", f.Flag(), f, respect(c, f.Key, want))
		}
		if err := f.Set(want); err != nil {
			return err
		}
	}
	r.Params = 0 // the model is its own budget
	arms, err := r.Arms()
	if err != nil {
		return &cli.UsageError{Err: err}
	}
	for i, f := range arms[0].Recipe.Fields() {
		if slices.Contains(plastic, f.Key) && f.String() != has[i].String() {
			return cli.Usagef("--models %s contradicts --init, whose model %s: leave out its %s", r.Models, respect(c, f.Key, has[i].String()), f.Key)
		}
	}
	return nil
}

// adopted are the settings that are those of the model that training starts from,
// plastic those of them that only a model with traces has.
var (
	plastic = []string{"alpha", "rate", "modulator_input", "rule", "clip"}
	adopted = append([]string{"models", "layers", "tie", "hidden", "embed", "params", "min_count", "precision", "readout_key", "readout_slots"}, plastic...)
)

// respect says what a model is or has in the respect of a key.
func respect(c modeldir.Config, key, value string) string {
	switch {
	case key == "models":
		return "is " + value
	case key == "min_count":
		return "has a vocabulary of its own"
	case slices.Contains(plastic, key) && c.Plasticity == nil:
		return "is a standard LSTM and has no traces"
	case strings.HasPrefix(key, "readout_") && c.Memory == nil:
		return "has no plastic readout"
	}
	return "has " + key + " " + value
}
