// Command train trains language models whose LSTMs keep learning while they
// read, beside standard ones of equal parameter count, and reports their
// perplexities: see train --help.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() { cli.Main("train", run) }

const long = `Train standard, plastic, neuromodulated and retroactively modulated LSTM language
models at equal parameter count, one after the other, and write a perplexity report.

Without flags it trains on Penn Treebank if scripts/download ptb has fetched it, else
on the embedded sample. Values come from the preset, then --config, then --set, then
flags; the run's folder keeps them in config.yaml.`

const examples = `  go run ./train                                  the report, from nothing
  go run ./train --seeds 3 --models lstm,modulated
  go run ./train --preset ptb-small --epochs 1
  go run ./train --data my/corpus --hidden 150 --dropout 0.3
  go run ./train --resume runs/sample-1           go on where a run stopped`

// options are the flags that are not part of the recipe.
type options struct {
	out, resume, cache, config string
	settings                   []string
	quiet, listPresets         bool
	command                    string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	o.command = "go run ./train" + quoted(args)
	var scratch recipe.Recipe // flags are parsed into it, then applied over the preset
	cmd := &cobra.Command{
		Use: "train", Short: "train plastic and standard LSTM language models", Long: long, Example: examples,
		Version: cli.Version, Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.listPresets {
				for _, p := range recipe.Presets() {
					fmt.Fprintf(stdout, "%-10s  %s\n", p.Name, p.About)
				}
				return nil
			}
			return start(ctx, o, cmd.Flags(), &scratch, stdout, stderr)
		},
	}
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return cli.Usagef("%v; train --help lists the flags", err)
	})
	f := cmd.Flags()
	f.SortFlags = false
	for _, field := range scratch.Fields() {
		flag := f.VarPF(fieldValue{field}, field.Flag(), "", field.Help)
		flag.DefValue = ""
		if field.IsBool() {
			flag.NoOptDefVal = "true"
		}
	}
	f.StringVar(&o.out, "out", "", "folder of the run; runs/PRESET-N if not given")
	f.StringVar(&o.resume, "resume", "", "folder of a run to go on with")
	f.StringVar(&o.cache, "cache", "", "folder of the encoded corpora; the user's cache directory if not given")
	f.StringVar(&o.config, "config", "", "YAML file of settings, such as a run's config.yaml")
	f.StringArrayVar(&o.settings, "set", nil, "a setting key=value; may be repeated")
	f.BoolVar(&o.quiet, "quiet", false, "no progress, only results and errors")
	f.BoolVar(&o.listPresets, "list-presets", false, "list the presets")
	if err := cmd.Execute(); err != nil {
		if strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "accepts ") {
			return cli.Usagef("%v; train takes flags only, train --help lists them", err)
		}
		return err
	}
	return nil
}

// fieldValue makes a recipe's field a flag.
type fieldValue struct{ recipe.Field }

func (v fieldValue) Type() string { return v.Field.Type() }
func (v fieldValue) String() string {
	if v.Field == (recipe.Field{}) {
		return ""
	}
	return v.Field.String()
}

func quoted(args []string) string {
	var b strings.Builder
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"$\\*?&;|<>()") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		b.WriteString(" " + a)
	}
	return b.String()
}

// start works out what to run and runs it.
func start(ctx context.Context, o options, flags *pflag.FlagSet, given *recipe.Recipe, stdout, stderr io.Writer) error {
	say := func(format string, a ...any) {
		if !o.quiet {
			fmt.Fprintf(stderr, format+"\n", a...)
		}
	}
	var r recipe.Recipe
	var explicit map[string]bool
	var err error
	if o.resume != "" {
		r, err = resumed(o, flags, given)
	} else {
		r, explicit, err = composed(o, flags, given, say)
	}
	if err != nil {
		return err
	}
	if r.Threads > 0 {
		runtime.GOMAXPROCS(r.Threads)
	}
	p, err := prepare(r, explicit, o)
	if err != nil {
		return err
	}
	p.say = say
	return p.run(ctx, stdout, stderr)
}

// composed builds the recipe of a new run: preset, file, settings, flags. It
// also returns the keys that something other than the preset has set.
func composed(o options, flags *pflag.FlagSet, given *recipe.Recipe, say func(string, ...any)) (recipe.Recipe, map[string]bool, error) {
	explicit := map[string]bool{}
	var file []byte
	if o.config != "" {
		var err error
		if file, err = os.ReadFile(o.config); err != nil {
			return recipe.Recipe{}, nil, err
		}
		if explicit, err = recipe.Keys(o.config, file); err != nil {
			return recipe.Recipe{}, nil, &cli.UsageError{Err: err}
		}
	}
	// The preset and the data decide each other unless both are given.
	var probe recipe.Recipe
	change := func(r *recipe.Recipe) error {
		if err := r.Apply(o.config, file); err != nil {
			return err
		}
		for _, s := range o.settings {
			if err := r.Set(s); err != nil {
				return fmt.Errorf("--set: %w", err)
			}
			key, _, _ := strings.Cut(s, "=")
			explicit[strings.ReplaceAll(key, "-", "_")] = true
		}
		for i, f := range r.Fields() {
			if flags.Changed(f.Flag()) {
				explicit[f.Key] = true
				if err := f.Set(given.Fields()[i].String()); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := change(&probe); err != nil {
		return recipe.Recipe{}, nil, &cli.UsageError{Err: err}
	}
	preset := probe.Preset
	if preset == "" {
		preset = choosePreset(probe.Data, say)
	}
	r, err := recipe.New(preset)
	if err != nil {
		return recipe.Recipe{}, nil, &cli.UsageError{Err: err}
	}
	if err := change(&r); err != nil {
		return recipe.Recipe{}, nil, &cli.UsageError{Err: err}
	}
	r.Preset = preset
	if err := r.Validate(); err != nil {
		return recipe.Recipe{}, nil, &cli.UsageError{Err: err}
	}
	return r, explicit, nil
}

const setsDir = "data/sets"

// choosePreset picks the preset that suits the data; without data, Penn Treebank
// if it is there, else the sample.
func choosePreset(data string, say func(string, ...any)) string {
	switch data {
	case "ptb", "wikitext-2":
		return "ptb-small"
	case "":
		if _, err := os.Stat(filepath.Join(setsDir, "ptb")); err == nil {
			say("Training on Penn Treebank (preset ptb-small); for the embedded sample instead: --data sample")
			return "ptb-small"
		}
		say("Training on the embedded sample, Newton's Opticks (preset sample); for Penn Treebank run scripts/download ptb first")
	}
	return "sample"
}

// resumed reads the recipe of a run, which only settings that change nothing of
// its outcome may change.
func resumed(o options, flags *pflag.FlagSet, given *recipe.Recipe) (recipe.Recipe, error) {
	var r recipe.Recipe
	if o.out != "" || o.config != "" || len(o.settings) > 0 {
		return r, cli.Usagef("--resume goes on with the run's own settings: want no --out, --config or --set beside it")
	}
	path := filepath.Join(o.resume, configFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("%s is no run folder: %w; want one that train has made", o.resume, err)
	}
	if err := r.Apply(path, text); err != nil {
		return r, err
	}
	for i, f := range r.Fields() {
		if !flags.Changed(f.Flag()) {
			continue
		}
		want := given.Fields()[i].String()
		if f.Key != "threads" && f.Key != "checkpoint_every" && f.String() != want {
			return r, cli.Usagef("--%s %s: the run was started with %s, and goes on with that; start a new run for another", f.Flag(), want, f.String())
		}
		if err := f.Set(want); err != nil {
			return r, &cli.UsageError{Err: err}
		}
	}
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
