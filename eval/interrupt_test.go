//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
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
