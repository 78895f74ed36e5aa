// Package studytest has the tests that every task of internal/study must pass.
package studytest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
)

// SideBySide holds what the trainings of a task come to side by side, two seeds of
// each model, against what they come to one after the other: metrics, results and
// the last checkpoints must have the same bits. Under the race detector it tells
// what they share and should not. The flags are those of a run of a moment.
func SideBySide(t *testing.T, command func() *cobra.Command, flags ...string) {
	t.Helper()
	run := func(parallel string) map[string][]byte {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "run")
		args := append([]string{"--seeds", "2", "--parallel", parallel, "--quiet", "--out", dir}, flags...)
		var out, errs bytes.Buffer
		if err := cli.Execute(t.Context(), command(), args, &out, &errs); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, &errs)
		}
		return product(t, dir)
	}
	alone, beside := run("1"), run("4")
	if len(alone) < 1+2*3 || len(alone) != len(beside) {
		t.Errorf("%d files of the trainings one after the other, %d side by side", len(alone), len(beside))
	}
	for name, want := range alone {
		if !bytes.Equal(beside[name], want) {
			t.Errorf("%s is not the same side by side", name)
		}
	}
}

// Resumed holds what trainings of a task come to in two sittings, the second from
// the checkpoints of the first, against what they come to in one: results and last
// checkpoints must have the same bits. Metrics need not: their lines begin anew.
func Resumed(t *testing.T, command func() *cobra.Command, episodes int, flags ...string) {
	t.Helper()
	run := func(args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if err := cli.Execute(t.Context(), command(), append(args, "--quiet"), &out, &errs); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, &errs)
		}
	}
	whole, halves := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	count := func(n int) []string { return append([]string{"--episodes", strconv.Itoa(n)}, flags...) }
	run(append(count(episodes), "--out", whole)...)
	run(append(count(episodes/2), "--out", halves)...)
	run("--resume", halves, "--episodes", strconv.Itoa(episodes))
	want, got := product(t, whole), product(t, halves)
	for name, b := range want {
		if filepath.Base(name) != "metrics.jsonl" && !bytes.Equal(got[name], b) {
			t.Errorf("%s is not the same after two sittings", name)
		}
	}
	if len(want) < 3 {
		t.Errorf("only %d files to compare", len(want))
	}
}

// times are the numbers that no two runs have in common.
var times = regexp.MustCompile(`"(seconds|episodes_per_s)": ?[^,}\n]*`)

// product is what the trainings of a run have made, without times.
func product(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		switch e.Name() {
		case "metrics.jsonl", "result.json", "tensors.safetensors":
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			all[name] = times.ReplaceAll(b, []byte(`"$1":0`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
