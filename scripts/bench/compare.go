package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
	"github.com/spf13/pflag"
)

// compare runs itself, or the command of --ours, and the peer in turn, each in a
// process of its own, and prints the ratio of each pair and the median ratio.
func (o *options) compare(ctx context.Context, stdout io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var ratios, a, b []float64
	for pair := 1; pair <= o.pairs; pair++ {
		// Commands are the user's own, and may set variables.
		cmd := exec.CommandContext(ctx, self, o.passOn()...)
		if o.ours != "" {
			cmd = exec.CommandContext(ctx, "sh", "-c", o.ours)
		}
		ours, memory, err := o.speed(cmd)
		if err != nil {
			return err
		}
		theirs, theirMemory, err := o.speed(exec.CommandContext(ctx, "sh", "-c", o.vs))
		if err != nil {
			return err
		}
		ratios, a, b = append(ratios, ours/theirs), append(a, ours), append(b, theirs)
		fmt.Fprintf(stdout, "pair %d: %s / %s %s = %.2f", pair, short(ours), short(theirs), o.unit(), ours/theirs)
		if memory > 0 && theirMemory > 0 {
			fmt.Fprintf(stdout, " (%.0f / %.0f MB)", memory, theirMemory)
		}
		fmt.Fprintln(stdout)
	}
	_, err = fmt.Fprintf(stdout, "medians of %s: %s / %s %s, ratio %.2f (%.2f to %.2f)\n",
		progress.Count(o.pairs, "pair"), short(stats.Median(a)), short(stats.Median(b)), o.unit(), stats.Median(ratios), slices.Min(ratios), slices.Max(ratios))
	return err
}

// unit is the figure's name as a unit: tokens/s for tokens_per_s.
func (o *options) unit() string { return strings.ReplaceAll(o.figure, "_per_", "/") }

// short writes a speed with as many digits as say something.
func short(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

// passOn returns the flags of one run in a process of its own, which prints
// JSON: those given here, but for the ones that ask for many runs.
func (o *options) passOn() []string {
	args := []string{"--json"}
	o.flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"vs", "figure", "pairs", "sweep", "rounds", "json"}, f.Name) {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// speed runs a command that prints the figure to compare, and perhaps
// peak_rss_mb.
func (o *options) speed(cmd *exec.Cmd) (figure, memory float64, err error) {
	var r map[string]any
	if err := object(cmd, &r); err != nil {
		return 0, 0, err
	}
	memory, _ = r["peak_rss_mb"].(float64)
	if figure, _ = r[o.figure].(float64); figure <= 0 {
		return 0, 0, cli.Usagef("%s printed no %s above 0 on its last line", cmd, o.figure)
	}
	return figure, memory, nil
}

// object runs a command and decodes the JSON object on its last line into v.
func object(cmd *exec.Cmd, v any) error {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, strings.TrimSpace(stderr.String()))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), v); err != nil {
		return cli.Usagef("%s printed no JSON object on its last line", cmd)
	}
	return nil
}
