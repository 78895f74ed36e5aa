package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two runs of a task become one table and one report, also when asked for again;
// nothing that is no comparison is written over.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	tiny := func(seed, out string, more ...string) {
		succeed(t, append([]string{"cue", "--models", "rnn,lstm", "--episodes", "4", "--test-episodes", "4", "--batch", "2", "--steps", "6",
			"--cue-bits", "2", "--hidden", "4", "--log-every", "1", "--quiet", "--seeds", seed, "--out", path(out)}, more...)...)
	}
	tiny("1,", "a")
	tiny("2", "b")
	tiny("1,", "other", "--cues", "4")
	for range 2 {
		table := succeed(t, "compare", path("a"), path("b"), "--quiet", "--out", path("joined"))
		if rows := strings.Count(table, "neurons"); rows != 2 || !strings.Contains(table, "Seeds come from several runs. rnn: 1 of a; 2 of b.") {
			t.Errorf("%d rows, want 2, and seeds from both runs:\n%s", rows, table)
		}
	}
	for _, name := range []string{"report.html", "report.md", "report.json"} {
		if info, err := os.Stat(filepath.Join(path("joined"), name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var printed struct {
		Models []struct{ Seeds []struct{ Seed int } }
	}
	must(t, json.Unmarshal([]byte(succeed(t, "compare", path("a"), path("b"), "--quiet", "--json", "--out", path("again"))), &printed))
	if len(printed.Models) != 2 || len(printed.Models[0].Seeds) != 2 {
		t.Errorf("%v, want two models under two seeds", printed)
	}
	for _, c := range []struct {
		status int
		words  []string
		args   []string
	}{
		{2, []string{"two or more folders", "1 given"}, []string{path("a")}},
		{2, []string{"eval: --out: " + path("a") + " holds a run: want a new folder, or that of an earlier comparison"}, []string{path("a"), path("b"), "--out", path("a")}},
		{2, []string{"eval: --out: " + dir + " is not empty"}, []string{path("a"), path("b"), "--out", dir}},
		{2, []string{"--against gru", "rnn; lstm"}, []string{path("a"), path("b"), "--against", "gru", "--out", path("c")}},
		{2, []string{"--out \"\""}, []string{path("a"), path("b"), "--out", ""}},
		{2, []string{"named twice"}, []string{path("a"), path("a") + "/", "--out", path("c")}},
		{1, []string{path("a"), path("other"), "cues is 2 in the one and 4 in the other"}, []string{path("a"), path("other"), "--out", path("c")}},
		{1, []string{"no report.json"}, []string{path("a"), path("nowhere"), "--out", path("c")}},
	} {
		fail(t, c.status, c.words, append([]string{"compare"}, c.args...)...)
	}
	if _, err := os.Lstat(path("c")); err == nil {
		t.Error("something was left behind")
	}
}
