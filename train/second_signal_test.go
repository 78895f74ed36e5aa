//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/checkpoint"
)

// weighty are the flags of a run whose checkpoints take a while to write: many
// words, few steps.
func weighty(t *testing.T, out string) []string {
	var words []string
	for i := range 20_000 {
		words = append(words, fmt.Sprint("word", i))
	}
	short := strings.Join(words[:60], " ")
	data := corpus(t, map[string]string{"train.txt": strings.Join(words, " "), "valid.txt": short, "test.txt": short})
	return []string{"--data", data, "--models", "plastic", "--hidden", "64", "--layers", "1", "--batch", "2", "--bptt", "5", "--steps", "40",
		"--optimizer", "adam", "--lr", "0.01", "--dropout", "0.3", "--checkpoint-every", "8", "--set", "log_every=1", "--quiet", "--out", out}
}

// ends waits for a process that must end soon, and returns its status.
func ends(t *testing.T, c *exec.Cmd, ended <-chan struct{}) int {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		must(t, c.Process.Kill())
		t.Fatal("the process did not end")
	}
	return c.ProcessState.ExitCode()
}

// started starts a process and tells when it ends.
func started(t *testing.T, c *exec.Cmd) <-chan struct{} {
	t.Helper()
	must(t, c.Start())
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	return ended
}

// until polls until it holds or the process ends; false if it has ended.
func until(ended <-chan struct{}, holds func() bool) bool {
	for !holds() {
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

func found(t *testing.T, pattern ...string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(pattern...))
	must(t, err)
	return paths
}

// A second signal stops a process that is in the middle of saving because of the
// first: the checkpoint before is whole, and from there the run comes to the same
// bits.
func TestSecondSignalAmidASave(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "run")
	args := weighty(t, dir)
	succeed(t, args...)
	want := product(t, dir)
	must(t, os.Rename(dir, filepath.Join(parent, "whole")))

	checkpoints := filepath.Join(dir, "plastic-seed1", "checkpoints")
	amid := 0
	for try := 0; amid == 0; try++ {
		if try == 20 {
			t.Fatal("no save was met in 20 attempts")
		}
		must(t, os.RemoveAll(dir))
		c := command(t, args...)
		ended := started(t, c)
		if !until(ended, func() bool { return len(found(t, checkpoints, "step-*")) > 0 }) {
			t.Fatalf("status %d before the first checkpoint", ends(t, c, ended))
		}
		must(t, c.Process.Signal(syscall.SIGINT))
		// Signals that come too close are one to the system, so it is sent again
		// and again; the process may have ended by now.
		until(ended, func() bool {
			if len(found(t, checkpoints, ".step-*")) > 0 {
				_ = c.Process.Signal(syscall.SIGINT)
				time.Sleep(5 * time.Millisecond)
			}
			return false
		})
		if status := ends(t, c, ended); status != 130 {
			t.Fatalf("status %d, want 130", status)
		}
		amid = len(found(t, checkpoints, ".step-*"))
	}
	whole := found(t, checkpoints, "step-*")
	s, path, warnings, err := checkpoint.Latest(checkpoints)
	if err != nil || s == nil || len(warnings) > 0 || path != whole[len(whole)-1] {
		t.Fatalf("the newest of %v: %q, %v, %v", whole, path, warnings, err)
	}
	if _, errs := succeed(t, "--resume", dir, "--quiet"); errs != "" {
		t.Errorf("going on it says %q", errs)
	}
	same(t, want, product(t, dir))
}

// A second signal stops a process whatever it is at: here it cannot end by itself,
// because nobody reads what it has to say after the first.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	r, w, err := os.Pipe()
	must(t, err)
	c := command(t, lengthy(dir, "--models", "lstm", "--quiet")...)
	c.Stderr = w
	_ = w.Fd() // writes block from here on, as the process's will
	ended := started(t, c)
	go func() {
		// Fills the pipe, and blocks then until the test reads it.
		_, _ = io.WriteString(w, strings.Repeat("\n", 1<<20))
		w.Close()
	}()
	if !until(ended, func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, metricsFile))
		return strings.Count(string(b), "\n") > 20
	}) {
		t.Fatalf("status %d in the middle", ends(t, c, ended))
	}
	// Signals that come too close are one to the system, so it is sent again.
	for range 100 {
		_ = c.Process.Signal(syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(50 * time.Millisecond):
			continue
		}
		break
	}
	if status := ends(t, c, ended); status != 130 {
		t.Errorf("status %d, want 130", status)
	}
	said, err := io.ReadAll(r)
	must(t, err)
	if s := strings.TrimSpace(string(said)); s != "" {
		t.Errorf("it could still say %q", s)
	}
	s, _, warnings, err := checkpoint.Latest(filepath.Join(dir, "lstm-seed1", "checkpoints"))
	if err != nil || s == nil || len(warnings) > 0 {
		t.Errorf("the newest checkpoint: %v, %v, %v", s, warnings, err)
	}
}
