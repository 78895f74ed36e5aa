package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// The page has the program to the letter, what it prints, and what it says of that.
func TestThePage(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	page, program := read("../tasks.md"), read("main.go")
	if !strings.Contains(page, "```go\n"+program+"```\n") {
		t.Error("docs/tasks.md does not have docs/task/main.go as it is")
	}
	dir := filepath.Join(t.TempDir(), "run")
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"--seeds", "3", "--quiet", "--checkpoint-every", "0", "--out", dir}, &out, &errs); err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	// Speeds are nobody's, nor are the last places of what other processors come to.
	figures, blank := regexp.MustCompile(`\d[\d,.]*`), regexp.MustCompile(`  +`)
	shape := func(s string) string { return blank.ReplaceAllString(figures.ReplaceAllString(s, "N"), " ") }
	if table, _, _ := strings.Cut(out.String(), "\nMeasured"); !strings.Contains(shape(page), shape(table)) {
		t.Errorf("docs/tasks.md does not print\n%s", table)
	}
	// Plastic connections recall what was told once, fixed ones do not.
	_, rep, err := report.Read(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if plastic, rnn := rep.Models[0].Value.Mean, rep.Models[1].Value.Mean; plastic < 0.95 || rnn > 0.75 {
		t.Errorf("%v right with plastic connections, %v without", plastic, rnn)
	}
}

// It keeps what every task must: trainings side by side and in two sittings come to the
// same bits.
func TestLaws(t *testing.T) {
	command := func() *cobra.Command { return study.Command(task) }
	flags := []string{"--test-episodes", "20", "--keys", "3", "--checkpoint-every", "7", "--log-every", "5"}
	studytest.SideBySide(t, command, append(flags, "--episodes", "30")...)
	studytest.Resumed(t, command, 30, flags...)
}
