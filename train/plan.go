package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/tokenizer"
)

const (
	configFile  = "config.yaml"
	metricsFile = "metrics.jsonl"
	commandFile = "command.txt"
)

// plan is a run that is ready to start: data read, models sized.
type plan struct {
	dir       string
	resume    bool
	command   string
	recipe    recipe.Recipe
	seeds     []uint64
	corpus    *data.Corpus
	splits    map[string]*data.Split
	tokenizer []byte // tokenizer.json
	models    []modeldir.Config
	budget    int
	initial   map[string][]float32
	quiet     bool
	say       func(format string, a ...any)
}

// prepare reads what the recipe names and checks that it fits together. It
// writes nothing but the cache of encoded texts.
func prepare(r recipe.Recipe, explicit map[string]bool, o options) (*plan, error) {
	p := &plan{dir: o.out, command: o.command, quiet: o.quiet, resume: o.resume != ""}
	var start *modeldir.Model
	var tok *tokenizer.Tokenizer
	if r.Init != "" {
		var err error
		if start, err = modeldir.Load(r.Init); err != nil {
			return nil, fmt.Errorf("--init: %w", err)
		}
		if tok, err = tokenizer.Parse(start.TokenizerJSON); err != nil {
			return nil, fmt.Errorf("--init: %s: %w", filepath.Join(r.Init, modeldir.TokenizerFile), err)
		}
		if tok.Size() != start.Config.VocabSize {
			return nil, fmt.Errorf("--init: %s: the tokenizer has %d words, the model %d", r.Init, tok.Size(), start.Config.VocabSize)
		}
		if err := adopt(&r, start.Config, explicit); err != nil {
			return nil, err
		}
		p.initial = start.Tensors
	}
	p.recipe = r
	var err error
	if p.seeds, err = r.SeedList(); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	p.corpus, err = data.Open(r.Data, data.Options{CacheDir: o.cache, MinCount: r.MinCount, Tokenizer: tok})
	if err != nil {
		if _, unknown := errors.AsType[*data.NotFoundError](err); unknown {
			return nil, &cli.UsageError{Err: err}
		}
		return nil, err
	}
	p.splits = map[string]*data.Split{}
	for _, name := range data.Splits {
		if p.splits[name], err = p.corpus.Split(name); err != nil {
			return nil, err
		}
	}
	if p.tokenizer, err = p.corpus.Tokenizer.JSON(); err != nil {
		return nil, err
	}
	if start != nil {
		p.models, p.budget = []modeldir.Config{start.Config}, start.Config.ParamCount()
	} else if p.models, p.budget, err = r.Match(p.corpus.Tokenizer.Size()); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	if _, err := data.NewWindows(p.splits["train"].Tokens, r.Batch, r.BPTT); err != nil {
		return nil, fmt.Errorf("the train text of %s: %w", r.Data, err)
	}
	for _, name := range []string{"valid", "test"} {
		if _, err := data.NewWindows(p.splits[name].Tokens, 1, r.BPTT); err != nil {
			return nil, fmt.Errorf("the %s text of %s: %w", name, r.Data, err)
		}
	}
	if o.resume != "" {
		p.dir = o.resume
		if b, err := os.ReadFile(filepath.Join(p.dir, commandFile)); err == nil {
			p.command = string(b) // the report names the command that began the run
		}
		return p, nil
	}
	return p, p.create()
}

// adopt takes kind, sizes and options of the recipe from the model folder that
// training starts from, and refuses what was asked for otherwise.
func adopt(r *recipe.Recipe, c modeldir.Config, explicit map[string]bool) error {
	from := map[string]string{
		"models": c.Model, "hidden": fmt.Sprint(c.HiddenSize), "embed": fmt.Sprint(c.EmbeddingSize),
		"layers": fmt.Sprint(c.NumLayers), "tie": fmt.Sprint(c.TieWeights),
	}
	if q := c.Plasticity; q != nil {
		from["alpha"], from["rate"], from["rule"] = q.Alpha, q.Rate, q.Rule
		from["modulator_input"], from["clip"] = q.ModulatorInput, fmt.Sprint(q.Clip)
	}
	for _, f := range r.Fields() {
		if f.Key == "params" && explicit["params"] && f.String() != fmt.Sprint(c.ParamCount()) || f.Key == "min_count" && explicit["min_count"] && f.String() != "0" {
			return cli.Usagef("--%s %s contradicts --init, whose model has its sizes and its tokenizer: leave it out", f.Flag(), f)
		}
		want, ok := from[f.Key]
		if !ok {
			continue
		}
		if explicit[f.Key] && f.String() != want {
			return cli.Usagef("--%s %s contradicts --init, whose model has %s: leave it out, or give that", f.Flag(), f, want)
		}
		if err := f.Set(want); err != nil {
			return err
		}
	}
	r.Params, r.MinCount = 0, 0
	return nil
}

// create makes the run's folder, whole with its configuration or not at all.
func (p *plan) create() error {
	if p.dir == "" {
		for n := 1; ; n++ {
			p.dir = filepath.Join("runs", fmt.Sprintf("%s-%d", p.recipe.Preset, n))
			if _, err := os.Lstat(p.dir); errors.Is(err, os.ErrNotExist) {
				break
			}
		}
	} else if entries, err := os.ReadDir(p.dir); err == nil && len(entries) > 0 {
		return cli.Usagef("%s is not empty: want a new folder, or --resume %s to go on with its run", p.dir, p.dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--out: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(p.dir), 0o777); err != nil {
		return err
	}
	return atomicdir.Write(atomicdir.OS, p.dir, []atomicdir.Content{
		atomicdir.Bytes(configFile, p.recipe.YAML()),
		atomicdir.Bytes(commandFile, []byte(p.command)),
	})
}
