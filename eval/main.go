// Command eval puts trained models to the test: go run ./eval TASK. Each task is
// a package in a folder of its own.
package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/eval/bandit"
	"github.com/engram-lm/engram/eval/compare"
	"github.com/engram-lm/engram/eval/cue"
	"github.com/engram-lm/engram/eval/evolve"
	"github.com/engram-lm/engram/eval/fewshot"
	"github.com/engram-lm/engram/eval/generate"
	"github.com/engram-lm/engram/eval/hyper"
	"github.com/engram-lm/engram/eval/images"
	"github.com/engram-lm/engram/eval/maze"
	"github.com/engram-lm/engram/eval/omniglot"
	"github.com/engram-lm/engram/eval/patterns"
	"github.com/engram-lm/engram/eval/perplexity"
	"github.com/engram-lm/engram/eval/sinusoid"
	"github.com/engram-lm/engram/internal/cli"
)

func main() { cli.Main("eval", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return cli.Execute(ctx, command(), args, stdout, stderr)
}

// command is the command with its tasks.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "eval TASK",
		Short: "Put a trained model to the test",
		Long:  "Put a trained model to the test. Results go to stdout; each task says more with --help.",
		Example: `  go run ./eval perplexity --model runs/sample-1/lstm-seed1/best --data sample
  go run ./eval generate --model runs/sample-1/lstm-seed1/best --prompt "the rays of light"`,
	}
	root.AddCommand(perplexity.Command(), generate.Command(), compare.Command(), patterns.Command(), images.Command(), omniglot.Command(), cue.Command(), maze.Command(), evolve.Command(), sinusoid.Command(), hyper.Command(), bandit.Command(), fewshot.Command())
	cli.Ranks(root, "eval")
	return root
}
