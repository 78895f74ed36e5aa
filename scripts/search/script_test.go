//go:build !windows

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script as a user runs it, from a folder of its own: real trainings of a few
// steps on a corpus of a few lines.
func TestScript(t *testing.T) {
	script, err := filepath.Abs(filepath.Join("..", "sweep"))
	must(t, err)
	dir := t.TempDir()
	for _, split := range []string{"train", "valid", "test"} {
		must(t, os.WriteFile(filepath.Join(dir, split+".txt"), []byte(strings.Repeat("the ray of light is bent\n", 20)), 0o666))
	}
	must(t, os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(`
preset: sample
set: {data: ., hidden: 4, batch: 4, bptt: 5}
trials: 2
parallel: 2
ranges: {lr: {log: [0.1, 10]}}
arms: [{model: still}]
rounds: [{epochs: 1}, {epochs: 2, keep: 1}]
`), 0o666))
	cache, err := exec.Command("go", "env", "GOCACHE").Output() // XDG_CACHE_HOME is its default
	must(t, err)
	sweep := func(status int, args ...string) string {
		t.Helper()
		c := exec.Command(script, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "GOCACHE="+strings.TrimSpace(string(cache)))
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr = &out, &errs
		_ = c.Run()
		if c.ProcessState.ExitCode() != status {
			t.Fatalf("sweep %v: status %d, want %d: %s", args, c.ProcessState.ExitCode(), status, errs.String())
		}
		return out.String() + errs.String()
	}
	if out := sweep(0, "run", "tiny.yaml"); strings.Count(out, "valid ppl") != 3 {
		t.Errorf("%s", out)
	}
	if out := strings.Join(strings.Fields(sweep(0, "status", "runs/sweeps/tiny")), " "); !strings.Contains(out, "still 2 of 2 1 of 1") {
		t.Errorf("%s", out)
	}
	if out := sweep(0, "report", "runs/sweeps/tiny"); !strings.Contains(out, "--models still:lr=") {
		t.Errorf("%s", out)
	}
	if out := sweep(0, "run", "tiny.yaml"); strings.Contains(out, "valid ppl") {
		t.Errorf("a finished sweep trained again: %s", out)
	}
	sweep(2, "run")
	sweep(1, "run", "none.yaml")
}
