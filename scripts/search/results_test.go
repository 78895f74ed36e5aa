package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/stats"
)

// finished makes the folder of a finished run.
func finished(t *testing.T, dir, arms string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o777))
	for name, text := range map[string]string{
		"report.json": `{"arms": [` + arms + `], "system": {"revision": "abc"}}`, "metrics.jsonl": "{}\n", "config.yaml": "lr: 1\n",
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
}

// trained is an arm of a report, with a seed for each test perplexity.
func trained(model, kind string, first int, tests ...float64) string {
	var seeds []string
	for i, ppl := range tests {
		off := ""
		if kind != "lstm" {
			off = fmt.Sprintf(`, "test_ppl_off": %v`, ppl+2)
		}
		seeds = append(seeds, fmt.Sprintf(`{"seed": %d, "valid_ppl": %v, "test_ppl": %v%s}`, first+i, ppl+4, ppl, off))
	}
	return fmt.Sprintf(`{"model": %q, "kind": %q, "params": 10, "seeds": [%s]}`, model, kind, strings.Join(seeds, ","))
}

func sweepOutput(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := sweepCommand(t.Context(), args, &out, &out)
	return out.String(), err
}

// The published table comes from what is kept of the runs alone: seeds of an arm
// from several runs stand together.
func TestKeepAndCompare(t *testing.T) {
	runs, results := t.TempDir(), filepath.Join(t.TempDir(), "docs", "results")
	lstm, still, modulated := []float64{104, 105, 106}, []float64{103, 104.5}, []float64{101, 102, 103.5}
	finished(t, filepath.Join(runs, "a"), trained("lstm", "lstm", 1, lstm[:2]...)+","+trained("still", "modulated", 1, still...))
	finished(t, filepath.Join(runs, "b"), trained("lstm", "lstm", 3, lstm[2]))
	finished(t, filepath.Join(runs, "c"), trained("modulated", "modulated", 1, modulated...))
	for _, run := range []string{"a", "b", "c"} {
		if _, err := sweepOutput(t, "keep", filepath.Join(runs, run), "--as", filepath.Join(results, run)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"metrics.jsonl", "report.json", "config.yaml", "commit"} {
			if _, err := os.Stat(filepath.Join(results, run, name)); err != nil {
				t.Error(err)
			}
		}
	}
	must(t, os.RemoveAll(runs))
	out, err := sweepOutput(t, "report", results)
	must(t, err)
	welch := stats.Holm([]float64{stats.Welch(still, lstm).P, stats.Welch(modulated, lstm).P})
	for _, want := range []string{
		"| lstm | 10 | 3 | 109.00 ± 2.48 | 105.00 ± 2.48 | – |", // t of 2 degrees of freedom: 4.303 / sqrt 3
		"| modulated | 10 | 3 |",
		"| 104.17 ± 3.13 | -2.83 | " + probability(welch[1]) + " | " + probability(stats.RankSum(modulated, lstm)) + " |",
		"| vs lstm | p (Welch, Holm) | p (rank sum) | vs still |",
		"Trained at abc.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestResultsRefuses(t *testing.T) {
	dir := t.TempDir()
	finished(t, filepath.Join(dir, "one", "a"), trained("lstm", "lstm", 1, 104))
	finished(t, filepath.Join(dir, "one", "b"), trained("lstm", "lstm", 1, 105))
	finished(t, filepath.Join(dir, "two", "a"), trained("x", "lstm", 1, 104))
	finished(t, filepath.Join(dir, "two", "b"), trained("x", "plastic", 2, 104))
	must(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o777))
	must(t, os.MkdirAll(filepath.Join(dir, "three"), 0o777))
	must(t, os.WriteFile(filepath.Join(dir, "three", "report.json"), []byte(`{"arms": []}`), 0o666))
	for want, args := range map[string][]string{
		"what seed 1 comes to under the same settings is 104 in a and 105 in b": {"report", filepath.Join(dir, "one")},
		"its kind is lstm in a and plastic in b":                                {"report", filepath.Join(dir, "two")},
		"no report.json in it or below":                                         {"report", filepath.Join(dir, "empty")},
		"report: no folder":                                                     {"report"},
		"status: 0 arguments":                                                   {"status"},
		"no --as":                                                               {"keep", filepath.Join(dir, "one", "a")},
		"is there already":                                                      {"keep", filepath.Join(dir, "one", "a"), "--as", filepath.Join(dir, "two")},
		"has no report.json":                                                    {"keep", dir, "--as", filepath.Join(dir, "new")},
		"want --commit":                                                         {"keep", filepath.Join(dir, "three"), "--as", filepath.Join(dir, "new")},
		"--parallel -1":                                                         {"run", "ptb.yaml", "--parallel", "-1", "--out", filepath.Join(dir, "new")},
	} {
		if _, err := sweepOutput(t, args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
		t.Error("something was left behind")
	}
}
