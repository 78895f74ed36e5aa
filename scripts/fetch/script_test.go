//go:build !windows

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runScript runs scripts/download as a user does, from a folder of its own.
func runScript(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return runBy(t, script(t, "download"), dir, args...)
}

// script is the path of a script of this repository.
func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// runBy runs the command of that name in a folder.
func runBy(t *testing.T, name, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestScript(t *testing.T) {
	web := httptest.NewServer(http.FileServer(http.Dir(t.TempDir())))
	defer web.Close()
	wrong := t.TempDir()
	if err := os.Mkdir(filepath.Join(wrong, "ptb"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"} {
		if err := os.WriteFile(filepath.Join(wrong, "ptb", name), []byte("not the treebank\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // parts of them; empty: nothing is said
	}{
		{"list", []string{"--list"}, 0, "omniglot-small", ""},
		{"help", []string{"--help"}, 0, "scripts/download ptb", ""},
		{"no name", nil, 2, "", "no data set named; want one or more of ptb"},
		{"no such set", []string{"ptb", "nosuch"}, 2, "", `no data set "nosuch"; want one of ptb`},
		{"no such flag", []string{"--form", "x", "ptb"}, 2, "", "unknown flag: --form"},
		{"flag without value", []string{"ptb", "--from"}, 2, "", "flag needs an argument"},
		{"no such mirror", []string{"ptb", "--from", "none"}, 2, "", "--from none is no folder"},
		{"no public address", []string{"cifar-10-sample"}, 2, "", "has no public address"},
		{"wrong content", []string{"--from", wrong, "ptb"}, 1, "", "ptb.train.txt has the size 17; want 5101618"},
		{"nothing at the mirror", []string{"--from", web.URL, "ptb"}, 1, "", "ptb.train.txt is not at " + web.URL},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"--to", "sets"}, c.args...)
			stdout, stderr, status := runScript(t, dir, args...)
			if status != c.status || !says(stdout, c.stdout) || !says(stderr, c.stderr) {
				t.Errorf("status %d, stdout %q, stderr %q;\nwant status %d, %q, %q", status, stdout, stderr, c.status, c.stdout, c.stderr)
			}
			if lines := strings.Count(stderr, "\n"); c.status != 0 && lines != 1 {
				t.Errorf("%d lines on stderr, want 1: %q", lines, stderr)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left %v behind, %v", left, err)
			}
		})
	}
}

func says(got, want string) bool {
	if want == "" {
		return got == ""
	}
	return strings.Contains(got, want)
}

// A go with much to compile, and with little.
func TestScriptCompiles(t *testing.T) {
	for packages, want := range map[int]string{200: "download: compiling, which takes some minutes the first time\n", 1: ""} {
		dir := t.TempDir()
		stub := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *' -n '*) i=0; while [ $i -lt %d ]; do echo /tool/compile -p; i=$((i+1)); done;; esac >&2\ncase \"$*\" in *' -n '*) ;; *) exit 1;; esac\n", packages)
		if err := os.WriteFile(filepath.Join(dir, "go"), []byte(stub), 0o777); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
		if _, stderr, status := runScript(t, t.TempDir(), "--list"); stderr != want || status != 1 {
			t.Errorf("%d packages to compile: status %d, %q; want %q", packages, status, stderr, want)
		}
	}
}

// A link to a script, and a link to that, do what the script does.
func TestScriptByLinks(t *testing.T) {
	for name, args := range map[string][]string{"download": {"--list"}, "sweep": {"--help"}} {
		dir := t.TempDir()
		for link, to := range map[string]string{"first": script(t, name), "second": "first"} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		if out, errs, status := runBy(t, filepath.Join(dir, "second"), dir, args...); status != 0 || out == "" {
			t.Errorf("%s: status %d, %s", name, status, errs)
		}
	}
}
