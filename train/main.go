// Command train trains language models whose LSTMs keep learning while they
// read, beside standard ones of equal parameter count, and reports their
// perplexities: see train --help.
package main

import (
	"context"
	"io"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
)

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

  # go on where a run was stopped, or from there at another rate; train on from a trained model
  go run ./train --resume runs/sample-1
  go run ./train --resume runs/sample-1 --lr 2 --force
  go run ./train --init runs/sample-1/lstm-seed1/best --lr 1 --epochs 2`

func main() { cli.Main("train", train) }

func train(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	p := &plan{described: map[*run.Result]examine.Description{}}
	prog := &run.Program{
		Name: "train", Invocation: "go run ./train", Speaker: "train", Unit: "epochs", Presets: recipe.Presets(),
		Blank:  func() run.Settings { return recipe.Defaults() },
		Choose: choosePreset, Prepare: p.prepare, Report: p.report,
		Short: "Train plastic and standard LSTM language models", Long: long, Example: examples, Paths: []string{"cache"},
	}
	cmd := prog.Cobra()
	cmd.Flags().StringVar(&p.cache, "cache", "", "`folder` of the encoded corpora (default engram in the user's cache folder)")
	cli.Ranks(cmd, "train")
	return cli.Execute(ctx, cmd, args, stdout, stderr)
}
