package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What killed processes had begun is gone when their run goes on.
func TestLeftoversOfARun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--models", "lstm", "--out", dir)...)
	want := product(t, dir)
	must(t, os.Remove(filepath.Join(dir, "report.html")))
	job := filepath.Join(dir, "lstm-seed1")
	write(t, filepath.Join(dir, ".report.md.engram-part-17"), "half")
	write(t, filepath.Join(job, ".result.json.engram-part-4"), "half")
	must(t, os.MkdirAll(filepath.Join(job, ".last.engram-new"), 0o777))
	must(t, os.Rename(filepath.Join(job, "best"), filepath.Join(job, ".best.engram-old")))
	succeed(t, "--resume", dir)
	for _, folder := range []string{dir, job} {
		for _, name := range hidden(t, folder) {
			t.Errorf("%s is left in %s", name, folder)
		}
	}
	same(t, want, product(t, dir))
}

// What killed processes had begun is gone when the run is started again, but
// other processes' and other files stay.
func TestLeftoversOfAStart(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	ended := command(t, "--version")
	finish(t, ended)
	dead, living := ended.Process.Pid, os.Getpid()
	for _, name := range []string{".run.engram-run-%d", "..run.engram-run-%d.engram-new", ".another.engram-run-%d", ".run.%d"} {
		for _, pid := range []int{dead, living} {
			must(t, os.MkdirAll(filepath.Join(parent, fmt.Sprintf(name, pid), "init"), 0o777))
		}
	}
	succeed(t, tiny("--models", "lstm", "--out", filepath.Join(parent, "run"))...)
	want := []string{
		fmt.Sprintf("..run.engram-run-%d.engram-new", living), fmt.Sprintf(".run.engram-run-%d", living),
		fmt.Sprintf(".another.engram-run-%d", dead), fmt.Sprintf(".another.engram-run-%d", living),
		// These may be the user's own, whatever the number is of.
		fmt.Sprintf(".run.%d", dead), fmt.Sprintf(".run.%d", living),
	}
	slices.Sort(want)
	if got := hidden(t, parent); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

// hidden lists the hidden names in a folder.
func hidden(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if e.Name()[0] == '.' {
			names = append(names, e.Name())
		}
	}
	return names
}
