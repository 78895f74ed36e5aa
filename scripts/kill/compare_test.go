package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/checkpoint"
)

// left is what a small run has left, with a speed of so many digits.
func left(t *testing.T, speed string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	lines := `{"model":"lstm","seed":1,"step":1,"train_nll":3.5,"tokens_per_s":` + speed + "}\n" + `{"model":"lstm","seed":1,"step":2,"train_nll":3.25,"tokens_per_s":` + speed + "}\n"
	end := strings.Index(lines, "\n") + 1
	cell, seconds := speed, speed
	if speed == "null" { // not measured
		cell, seconds = "–", "0"
	}
	for name, text := range map[string]string{
		"run/metrics.jsonl":          lines,
		"run/lstm-seed1/result.json": `{"steps":2,"tokens_per_s":` + speed + `}`,
		"run/report.json":            `{"test_ppl": 12, "tokens_per_s": ` + speed + `}`,
		"run/report.md":              "| model | tokens/s | seeds |\n| ----- | -" + strings.Repeat("-", len(cell)) + ": | ----: |\n| lstm  | " + cell + " |     1 |\n\n| a | b |\n| 1 | 2 |\n",
		"run/report.html":            "<tr><th>model</th><th scope=\"col\">tokens/s</th><th>seeds</th></tr>\n<tr><td>lstm</td><td>" + cell + "</td><td>1</td></tr>\n</table>\n",
		"run/lstm-seed1/last/x":      "weights",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for step := range 2 {
		s := &checkpoint.Snapshot{Step: step, Tensors: map[string]checkpoint.Tensor{"w": {Shape: []int{1}, Data: []float32{1}}},
			Meta: []byte(`{"progress":{"seconds":` + seconds + `},"metrics_lines":1,"metrics_sha256":"` + fmt.Sprintf("%x", sha256.Sum256([]byte(lines[:end]))) + `"}`)}
		if _, err := checkpoint.Write(filepath.Join(dir, "run", "lstm-seed1", "checkpoints"), s); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Two runs of other speeds are the same.
func TestSpeedsDoNotCount(t *testing.T) {
	want, err := gather(left(t, "9.5"))
	if err != nil {
		t.Fatal(err)
	}
	for _, speed := range []string{"9.5", "12345.678", "1e+06", "null"} {
		got, err := gather(left(t, speed))
		if err == nil {
			err = want.same(got)
		}
		if err != nil {
			t.Errorf("%s: %v", speed, err)
		}
	}
	if len(want) != 10 {
		t.Errorf("%d entries: %v", len(want), maps.Collect(maps.All(want)))
	}
}

// Everything else counts: a change of any kind is a difference or an error that
// names the file.
func TestEverythingElseCounts(t *testing.T) {
	want, err := gather(left(t, "9.5"))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) func(string) error {
		return func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, bytes.Replace(b, []byte(from), []byte(to), 1), 0o666)
		}
	}
	const newest = "run/lstm-seed1/checkpoints/step-00000001"
	for _, c := range []struct {
		file   string
		change func(path string) error
	}{
		{"run/lstm-seed1/last/x", edit("w", "v")},
		{"run/lstm-seed1/last/x", os.Remove},
		{"run/lstm-seed1/last/.x", func(p string) error { return os.WriteFile(p, nil, 0o666) }},
		{"run/.last.engram-new", func(p string) error { return os.Mkdir(p, 0o777) }},
		{"run/.report.md.engram-part-7", func(p string) error { return os.WriteFile(p, nil, 0o666) }},
		{"run/metrics.jsonl", edit("3.25", "3.26")},
		{"run/metrics.jsonl", edit("{", "{\"model\":\"lstm\",\"seed\":1,\"step\":0}\n{")},
		{"run/metrics.jsonl", func(p string) error { return os.Truncate(p, 0) }},
		{"run/report.json", edit("12", "13")},
		{"run/report.md", edit("lstm", "LSTM")},
		{"run/report.md", edit("1 |", "2 |")},
		{"run/report.html", edit("<td>1<", "<td>2<")},
		{"run/lstm-seed1/result.json", edit("tokens", "token")},
		{"run/lstm-seed1/result.json", edit(`"steps":`, `"steps":1`)},
		{newest + "/state.json", edit(`"step":1`, `"step":2`)},
		{newest + "/manifest.json", edit("engram", "ENGRAM")},
		{"run/lstm-seed1/checkpoints/step-00000000/tensors.safetensors", func(p string) error { return os.Truncate(p, 3) }},
		{"run/lstm-seed1/checkpoints/step-00000000", os.RemoveAll},
	} {
		dir := left(t, "9.5")
		if err := c.change(filepath.Join(dir, filepath.FromSlash(c.file))); err != nil {
			t.Fatal(err)
		}
		got, err := gather(dir)
		if err == nil {
			err = want.same(got)
		}
		if err == nil {
			t.Errorf("a change of %s went unnoticed", c.file)
		} else if word := strings.TrimSuffix(filepath.Base(c.file), ".html"); !strings.Contains(err.Error(), word) && !strings.Contains(err.Error(), "checkpoints") && !strings.Contains(err.Error(), "metrics") {
			t.Errorf("a change of %s: %v", c.file, err)
		}
	}
}

// Three runs of the real command, killed and resumed.
func TestKilled(t *testing.T) {
	var out bytes.Buffer
	work := filepath.Join(t.TempDir(), "work")
	args := []string{"-n", "3", "--keep", work, "--", "--models", "lstm", "--epochs", "2"}
	if err := run(context.Background(), args, &out, io.Discard); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if !strings.Contains(out.String(), "3 of 3 came to the bits") {
		t.Errorf("it says %q", out.String())
	}
	if _, err := os.Stat(work); err == nil {
		t.Error("nothing failed, but the folder is kept")
	}
}

// A run is amid a save while something hidden is there that is not its lock.
func TestSaving(t *testing.T) {
	tr := &trial{dir: t.TempDir()}
	for _, c := range []struct {
		path string
		want bool
	}{
		{"run/.lock", false},
		{"run/lstm-seed1/checkpoints/.step-00000004.engram-new", true},
		{"run/.report.md.engram-part-1", true},
		{".run.engram-run-1", true},
	} {
		path := filepath.Join(tr.dir, disk, filepath.FromSlash(c.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if got := tr.saving(); got != c.want {
			t.Errorf("with %s: saving %v, want %v", c.path, got, c.want)
		}
		if c.want {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The trials of train and of tasks take turns, and each method has its share.
func TestSideBySide(t *testing.T) {
	count := func(kinds [][]method, n int) map[string]int {
		l, seen := &lab{kinds: kinds}, map[string]int{}
		for i := range n {
			seen[l.method(i).name]++
		}
		return seen
	}
	if got, want := count(chosen("", nil), 12), map[string]int{"sgd": 2, "asgd": 2, "adam": 2, "cue": 3, "evolve": 3}; !maps.Equal(got, want) {
		t.Errorf("trials %v, want %v", got, want)
	}
	if got, want := count(chosen("", []string{"--tie"}), 3), map[string]int{"sgd": 1, "asgd": 1, "adam": 1}; !maps.Equal(got, want) {
		t.Errorf("with flags for train: trials %v, want %v", got, want)
	}
	if got, want := count(chosen("maze", []string{"--tie"}), 3), map[string]int{"maze": 3}; !maps.Equal(got, want) {
		t.Errorf("with a task: trials %v, want %v", got, want)
	}
}
