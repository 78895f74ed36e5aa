//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/runlock"
)

// A signal saves and says how to go on; a kill asks nobody. Either way the run
// comes to the same bits in the end, on any number of cores.
func TestInterruptedAndResumed(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "run")
	succeed(t, lengthy(dir)...)
	want := product(t, dir)
	must(t, os.Rename(dir, filepath.Join(parent, "whole")))

	begin := func(args []string) (*exec.Cmd, *bytes.Buffer) {
		c, errs := command(t, args...), &bytes.Buffer{}
		c.Stderr = errs
		must(t, c.Start())
		return c, errs
	}
	// reaches waits until the run is some way into the training of a model.
	reaches := func(model string) {
		for range 60_000 {
			if b, _ := os.ReadFile(filepath.Join(dir, metricsFile)); strings.Count(string(b), `"model":"`+model+`"`) > 20 {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("%s is not trained", model)
	}
	args := lengthy(dir)
	for _, stop := range []struct {
		model  string
		signal syscall.Signal
		status int
	}{{"lstm", syscall.SIGINT, 130}, {"plastic", syscall.SIGKILL, -1}, {"modulated", syscall.SIGTERM, 143}} {
		c, errs := begin(args)
		reaches(stop.model)
		must(t, c.Process.Signal(stop.signal))
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != stop.status {
			t.Fatalf("%v: status %d, want %d: %s", stop.signal, got, stop.status, errs)
		}
		hint := "Stopped and saved. To go on: go run ./train --resume " + dir + "\n"
		if stop.status > 0 && !strings.HasSuffix(errs.String(), hint) {
			t.Errorf("%v: no %q at the end of %q", stop.signal, hint, errs)
		}
		args = []string{"--resume", dir, "--threads", "1"}
	}
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
}

// While a process works in a run's folder, another one is refused, and changes
// nothing.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	c := command(t, lengthy(dir, "--epochs", "1000")...)
	must(t, c.Start())
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	for range 60_000 {
		if b, _ := os.ReadFile(filepath.Join(dir, metricsFile)); len(b) > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	fail(t, cli.Failure, []string{dir, "another process (" + strconv.Itoa(c.Process.Pid) + ")", "wait for its end"}, "--resume", dir)
	fail(t, cli.Usage, []string{dir, "holds a run"}, lengthy(dir)...)
	must(t, c.Process.Signal(syscall.SIGINT))
	_ = c.Wait()
	if got := c.ProcessState.ExitCode(); got != cli.Interrupted {
		t.Errorf("the first process ended with %d", got)
	}
	if _, err := os.Stat(filepath.Join(dir, runlock.File)); !os.IsNotExist(err) {
		t.Errorf("the lock's file is left: %v", err)
	}
}
