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
	"github.com/spf13/pflag"
)

// compare runs itself and the peer in turn, each in a process of its own, and
// prints the ratio of each pair and the median ratio.
func (o *options) compare(ctx context.Context, stdout io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var ratios, a, b []float64
	for pair := 1; pair <= o.pairs; pair++ {
		ours, err := speed(exec.CommandContext(ctx, self, o.passOn()...))
		if err != nil {
			return err
		}
		// The peer's command is the user's own, and may set variables.
		theirs, err := speed(exec.CommandContext(ctx, "sh", "-c", o.vs))
		if err != nil {
			return err
		}
		ratios, a, b = append(ratios, ours.TokensPerS/theirs.TokensPerS), append(a, ours.TokensPerS), append(b, theirs.TokensPerS)
		fmt.Fprintf(stdout, "pair %d: %.0f / %.0f tokens/s = %.2f (%.0f / %.0f MB)\n", pair, ours.TokensPerS, theirs.TokensPerS,
			ours.TokensPerS/theirs.TokensPerS, ours.PeakRSSMB, theirs.PeakRSSMB)
	}
	_, err = fmt.Fprintf(stdout, "medians of %d pairs: %.0f / %.0f tokens/s, ratio %.2f (%.2f to %.2f)\n",
		o.pairs, median(a), median(b), median(ratios), slices.Min(ratios), slices.Max(ratios))
	return err
}

// passOn returns the flags of one run in a process of its own, which prints
// JSON: those given here, but for the ones that ask for many runs.
func (o *options) passOn() []string {
	args := []string{"--json"}
	o.flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"vs", "pairs", "sweep", "rounds", "json"}, f.Name) {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// speed runs a command whose last line is a JSON object with tokens_per_s.
func speed(cmd *exec.Cmd) (Result, error) {
	var r Result
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%s: %w: %s", cmd, err, strings.TrimSpace(stderr.String()))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil || r.TokensPerS <= 0 {
		return r, cli.Usagef("%s printed no JSON object with tokens_per_s on its last line", cmd)
	}
	return r, nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
