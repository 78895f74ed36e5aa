// Command train trains language models whose LSTMs keep learning while they
// read, beside standard ones of equal parameter count, and reports their
// perplexities: see train --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/recipe"
)

func main() { cli.Main("train", run) }

const long = `Train LSTM language models at equal parameter count, one after the other, and write a
perplexity report: the standard one, plastic, neuromodulated and retroactively modulated
ones, and one with a plastic readout, an associative memory of the last words.

Without flags it trains on Penn Treebank if scripts/download ptb has fetched it, else
on the embedded sample. The largest of the models has --hidden neurons a layer; its
parameter count is the budget, and every other model is the largest that fits it.

Values come from the preset, then --config, then --set, then flags. Whatever has a
flag can also stand in a YAML file, as key: value with _ for -; the run's folder keeps
all of it in config.yaml, the metrics in metrics.jsonl, the results in report.html,
report.md and report.json, and each model in MODEL-seedN/last and MODEL-seedN/best.

Ctrl-C saves and says how to go on.`

const examples = `  # the report, from nothing
  go run ./train

  # two of the models under three seeds each: means and confidence intervals
  go run ./train --models lstm,modulated --seeds 3

  # one epoch on Penn Treebank, after scripts/download ptb
  go run ./train --preset ptb-small --epochs 1

  # a corpus of your own: a folder with train.txt, valid.txt and test.txt, or a
  # single text, of which the last tenth becomes the valid and the test text
  go run ./train --data my/corpus --min-count 2 --hidden 150 --dropout 0.3
  go run ./train --data my/letters.txt --min-count 2

  # go on where a run stopped, or at another rate; train on from a trained model
  go run ./train --resume runs/sample-1
  go run ./train --resume runs/sample-1 --lr 2 --force
  go run ./train --init runs/sample-1/lstm-seed1/best --lr 1 --epochs 2`

// options are the flags that are not part of the recipe.
type options struct {
	out, resume, cache, config string
	settings                   []string
	quiet, listPresets, force  bool
	command                    string // as it was given, for the report
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{command: "go run ./train" + cli.Quoted(args)}
	var given recipe.Recipe // flags are parsed into it, and applied over the preset later
	cmd := &cobra.Command{
		Use: "train", Short: "Train plastic and standard LSTM language models", Long: long, Example: examples,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.listPresets {
				return listPresets(stdout)
			}
			if err := cli.NamedPaths(cmd.Flags(), "out", "resume", "cache", "config"); err != nil {
				return err
			}
			p, err := prepare(o, flagged(cmd.Flags(), &given), stderr)
			if err != nil {
				return err
			}
			return errors.Join(p.run(ctx, stdout), p.lock.Release())
		},
	}
	o.register(cmd.Flags(), &given)
	cli.Ranks(cmd, "train")
	return cli.Execute(ctx, cmd, args, stdout, stderr)
}

// register adds a flag for each field of the recipe, and those beside it.
func (o *options) register(f *pflag.FlagSet, given *recipe.Recipe) {
	f.SortFlags = false
	for _, field := range given.Fields() {
		flag := f.VarPF(field, field.Flag(), "", field.Help+defaults(field.Key))
		flag.DefValue = "" // it is the preset's, and in the help text
		if field.IsBool() {
			flag.NoOptDefVal = "true"
		}
	}
	f.StringVar(&o.out, "out", "", "`folder` of the run, new or empty (default runs/PRESET-N; of a corpus of your own, runs/CORPUS-N)")
	f.StringVar(&o.resume, "resume", "", "`folder` of a run to go on with; a finished one goes on with more --epochs or --steps")
	f.BoolVar(&o.force, "force", false, "with --resume: go on with another rate, dropout, length or other text; what is finished stays, and the report says so")
	f.StringVar(&o.cache, "cache", "", "`folder` of the encoded corpora (default engram in the user's cache folder)")
	f.StringVar(&o.config, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	f.StringArrayVar(&o.settings, "set", nil, "a setting `key=value`; may be repeated")
	f.BoolVar(&o.quiet, "quiet", false, "no progress: results on stdout, warnings and errors on stderr")
	f.BoolVar(&o.listPresets, "list-presets", false, "list the presets")
}

// flagged returns the fields that flags have set.
func flagged(flags *pflag.FlagSet, given *recipe.Recipe) []recipe.Field {
	var set []recipe.Field
	for _, field := range given.Fields() {
		if flags.Changed(field.Flag()) {
			set = append(set, field)
		}
	}
	return set
}

// defaults says what the presets set a field to; nothing where it is off, or
// where the presets and the data decide each other.
func defaults(key string) string {
	var values, named []string
	for _, p := range recipe.Presets() {
		f, err := p.Recipe.Field(key)
		if err != nil || key == "preset" || key == "data" {
			return ""
		}
		values = append(values, f.String())
		named = append(named, p.Name+" "+f.String())
	}
	if same := slices.Compact(values); len(same) == 1 {
		if slices.Contains([]string{"", "0", "false"}, same[0]) {
			return ""
		}
		return " (default " + same[0] + ")"
	}
	return " (default " + strings.Join(named, ", ") + ")"
}

func listPresets(w io.Writer) error {
	for _, p := range recipe.Presets() {
		if _, err := fmt.Fprintf(w, "%-10s  %s\n", p.Name, p.About); err != nil {
			return err
		}
	}
	return nil
}
