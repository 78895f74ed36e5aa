// Package compare is the eval task that joins finished runs into one report.
package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/compare"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/runfolder"
)

const long = `Join runs of the same data into one table and one report: means and 95% confidence
intervals over seeds, differences to the LSTM (or to a learning task's control) by
Welch's t-test with Holm's correction and by the exact rank-sum test.

RUN is the folder of a run of train, or of one learning task; of a run that is not at
its end it is the trainings that have ended, and curves of the others. Runs on another
text or vocabulary, and a learning task under other conditions, are refused: their
figures do not compare.

A model that several runs have under the same settings is one model, and its seeds are
pooled; a seed that came to the same bits in two runs counts once. Under other settings,
or where a seed came to other bits, the model stands in the table once a run, as
"lstm (sample-1)" and "lstm (sample-2)", and a note says what differs.`

const examples = `  # more seeds of a model, trained later or on another machine
  go run ./eval compare runs/sample-1 runs/sample-2

  # one recipe against another, train --lr 5 --out runs/low and --lr 20 --out runs/high,
  # held against the LSTM of the first
  go run ./eval compare runs/low runs/high --against "lstm (low)" --out runs/rates

  # a learning task
  go run ./eval compare runs/maze-1 runs/maze-2 --json`

// Command returns eval's compare.
func Command() *cobra.Command {
	var out, against string
	var asJSON, quiet bool
	c := &cobra.Command{
		Use: "compare RUN RUN...", Short: "Join runs of the same data into one table and report", Long: long, Example: examples,
		Args: func(_ *cobra.Command, dirs []string) error {
			if len(dirs) < 2 {
				return cli.Usagef("compare takes two or more folders of runs, such as runs/sample-1 runs/sample-2; %d given", len(dirs))
			}
			return nil
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&out, "out", "", "`folder` of the report: new, empty, or that of an earlier comparison (default runs/compare-N)")
	f.StringVar(&against, "against", "", "`model` that the others are held against, as the table calls it (default the LSTM, or the task's control)")
	f.BoolVar(&asJSON, "json", false, "print report.json in the place of the table")
	f.BoolVar(&quiet, "quiet", false, "results on stdout, warnings and errors on stderr")
	c.RunE = func(c *cobra.Command, dirs []string) error {
		if err := cli.NamedPaths(f, "out", "against"); err != nil {
			return err
		}
		var runs []*compare.Run
		for _, dir := range dirs {
			r, err := compare.Open(dir)
			if err != nil {
				return err
			}
			runs = append(runs, r)
		}
		args := dirs
		if against != "" {
			args = append(args[:len(args):len(args)], "--against", against)
		}
		if out == "" {
			out = runfolder.Unused("compare")
		}
		joined, err := compare.Join(runs, against, "go run ./eval compare"+cli.Quoted(args), out)
		if err != nil {
			return err
		}
		if err := write(joined, out); err != nil {
			return err
		}
		if asJSON {
			text, err := joined.JSON()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		}
		if err := compare.WriteTable(joined, c.OutOrStdout()); err != nil {
			return err
		}
		if !quiet {
			_, err = fmt.Fprintf(c.ErrOrStderr(), "\nReport: %s\n", filepath.Join(out, run.ReportPage))
		}
		return err
	}
	return c
}

// write puts the report into a folder: a new one, which appears whole or not at all, or
// that of an earlier comparison.
func write(joined compare.Joined, out string) error {
	report := func(dir string) error {
		if err := joined.Write(dir); err != nil {
			return fmt.Errorf("the report in %s: %w", out, err)
		}
		return nil
	}
	if holdsReport(out) {
		return report(out)
	}
	if _, err := os.Lstat(filepath.Join(out, runfolder.Record)); err == nil { // a comparison cannot go on with it
		return cli.Usagef("--out: %s holds a run: want a new folder, or that of an earlier comparison", out)
	}
	return runfolder.Create(out, func(dir string) error {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		return report(dir)
	})
}

// holdsReport reports whether a folder has the files of a report in it, and no others.
func holdsReport(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !slices.Contains(run.ReportFiles, e.Name())
	})
}
