// Package studytest has the tests that every task of internal/study must pass.
package studytest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
