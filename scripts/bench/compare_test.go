package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// Two commands in turn, pair by pair, compared by a figure of their last lines.
func TestCompareCommands(t *testing.T) {
	ours := `echo words; echo '{"updates_per_s": 30, "peak_rss_mb": 7}'`
	for _, c := range []struct{ vs, line, last string }{
		{`echo '{"updates_per_s": 4, "peak_rss_mb": 9}'`, "pair 1: 30 / 4 updates/s = 7.50 (7 / 9 MB)\n", "medians of 2 pairs: 30 / 4 updates/s, ratio 7.50 (7.50 to 7.50)\n"},
		{`echo '{"updates_per_s": 1234.5}'`, "pair 2: 30 / 1234 updates/s = 0.02\n", "ratio 0.02"},
	} {
		out := output(t, "--ours", ours, "--vs", c.vs, "--figure", "updates_per_s", "--pairs", "2")
		if !strings.Contains(out, c.line) || !strings.Contains(out, c.last) {
			t.Errorf("against %s:\n%s", c.vs, out)
		}
	}
	for want, args := range map[string][]string{
		"want --vs":       {"--ours", ours},
		"exit status 1":   {"--ours", "false", "--vs", ours},
		"no JSON object":  {"--ours", "echo words", "--vs", ours},
		"no tokens_per_s": {"--ours", ours, "--vs", ours},
	} {
		if err := run(context.Background(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
	}
}

// Without --ours it is the benchmark itself that is compared.
func TestCompareItself(t *testing.T) {
	if out := output(t, "--vs", `echo '{"tokens_per_s": 1}'`, "--pairs", "1"); !strings.Contains(out, "medians of 1 pair: ") || !strings.Contains(out, "tokens/s, ratio ") {
		t.Error(out)
	}
}
