//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A signal ends the text with its line, and one line says what happened.
func TestInterrupt(t *testing.T) {
	exe, err := os.Executable()
	must(t, err)
	c := exec.Command(exe, "generate", "--model", plasticCase+"/model", "--tokens", "1000000000")
	c.Env = append(os.Environ(), asCommand+"=1")
	var errs bytes.Buffer
	c.Stderr = &errs
	pipe, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	out := bufio.NewReader(pipe)
	_, err = out.ReadString('\n')
	must(t, err)
	must(t, c.Process.Signal(os.Interrupt))
	last := "\n"
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			if line != "" {
				t.Errorf("the text ends in the middle of a line: %q", line)
			}
			break
		}
		last = line
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 130 {
		t.Errorf("status %d, want 130; the last line was %q", c.ProcessState.ExitCode(), last)
	}
	if s := errs.String(); !strings.HasPrefix(s, "interrupted after ") || strings.Count(s, "\n") != 1 {
		t.Errorf("stderr: %q", s)
	}
}

// A learning task that a signal has stopped goes on to the same result.
func TestLearningTaskResumed(t *testing.T) {
	flags := []string{"patterns", "--models", "plastic", "--bits", "20", "--episodes", "1500", "--log-every", "5", "--checkpoint-every", "11", "--json", "--quiet"}
	parent := t.TempDir()
	result := func(args ...string) string {
		return regexp.MustCompile(`"seconds":[^,}]*`).ReplaceAllString(succeed(t, args...), "")
	}
	want := result(append(flags, "--out", filepath.Join(parent, "whole"))...)

	exe, err := os.Executable()
	must(t, err)
	dir := filepath.Join(parent, "run")
	c := exec.Command(exe, append(flags, "--out", dir)...)
	c.Env = append(os.Environ(), asCommand+"=1")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	must(t, c.Start())
	for range 6000 {
		if b, _ := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); bytes.Count(b, []byte("\n")) > 5 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	must(t, c.Process.Signal(os.Interrupt))
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 130 || out.Len() > 0 || errs.String() != "Stopped and saved. To go on: go run ./eval patterns --resume "+dir+"\n" {
		t.Fatalf("status %d, stdout %q, stderr %q", c.ProcessState.ExitCode(), &out, &errs)
	}
	if got := result("patterns", "--resume", dir, "--json", "--quiet", "--threads", "1"); got != want {
		t.Errorf("resumed: %s, want %s", got, want)
	}
}
