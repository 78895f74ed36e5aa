// Command search finds the settings of trainings: seeded random search with
// successive halving over shortened schedules, for each model alike. It also
// keeps the results that are published and builds their table. scripts/sweep
// builds and runs it.
package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
)

func main() { cli.Main("sweep", sweepCommand) }

const long = `Search the settings of trainings, the same number of trials for every model, by
validation perplexity alone. A sweep file names a base recipe, ranges to draw from
and rounds: every trial trains under a shortened schedule, the best of them under
longer ones. Trials are ordinary run folders in DIR/trials; a sweep that was
stopped goes on with the same command.`

const examples = `  scripts/sweep run scripts/search/ptb.yaml
  nice -n 19 scripts/sweep run scripts/search/ptb.yaml --parallel 2 --out runs/sweeps/ptb
  scripts/sweep status runs/sweeps/ptb
  scripts/sweep report runs/sweeps/ptb

  # keep a finished run's results, and build the table of all that are kept
  scripts/sweep keep runs/ptb-small-1 --as docs/results/ptb/lstm
  scripts/sweep report docs/results/ptb`

func sweepCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := &cobra.Command{Use: "sweep", Short: "Search the settings of trainings", Long: long, Example: examples}
	var out, as, commit string
	var parallel int
	run := &cobra.Command{
		Use: "run FILE", Short: "Run a sweep, or go on with it", Args: exactly(1, "one sweep file, such as scripts/search/ptb.yaml"),
		RunE: func(c *cobra.Command, args []string) error {
			dir := out
			if dir == "" {
				dir = filepath.Join("runs", "sweeps", strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0])))
			}
			return run(ctx, args[0], dir, parallel, stdout)
		},
	}
	run.Flags().StringVar(&out, "out", "", "`folder` of the sweep (default runs/sweeps/NAME of the file)")
	run.Flags().IntVar(&parallel, "parallel", 0, "trials at a time on this machine (default what the file says)")
	status := &cobra.Command{
		Use: "status DIR", Short: "Show how far a sweep is", Args: exactly(1, "the folder of one sweep"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, _, err := readSweep(filepath.Join(args[0], sweepFile))
			if err != nil {
				return err
			}
			return status(s, args[0], stdout)
		},
	}
	report := &cobra.Command{
		Use: "report DIR...", Short: "List a sweep's trials and their best, or build the table of finished runs",
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := os.Stat(filepath.Join(args[0], sweepFile)); err == nil && len(args) == 1 {
				s, _, err := readSweep(filepath.Join(args[0], sweepFile))
				if err != nil {
					return err
				}
				return sweepReport(s, args[0], stdout)
			}
			runs, err := find(args)
			if err != nil {
				return err
			}
			rep, commits, err := gather(runs)
			if err != nil {
				return err
			}
			return table(rep, commits, stdout)
		},
	}
	report.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cli.Usagef("report: no folder: want that of a sweep, or folders of finished runs such as docs/results/ptb")
		}
		return nil
	}
	keep := &cobra.Command{
		Use: "keep RUN --as DIR", Short: "Copy what a published number rests on out of a finished run", Args: exactly(1, "the folder of one finished run"),
		RunE: func(_ *cobra.Command, args []string) error {
			if as == "" {
				return cli.Usagef("keep: no --as: want a new folder, such as docs/results/ptb/lstm")
			}
			return keep(args[0], as, commit)
		},
	}
	keep.Flags().StringVar(&as, "as", "", "new `folder`, such as docs/results/ptb/lstm")
	keep.Flags().StringVar(&commit, "commit", "", "`commit` that the run was trained at, where its report does not say so")
	root.AddCommand(run, status, report, keep)
	return cli.Execute(ctx, root, args, stdout, stderr)
}

func exactly(n int, want string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return cli.Usagef("%s: %d arguments: want %s", c.Name(), len(args), want)
		}
		return nil
	}
}
