package study

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// A finished run shows its results again; a run may get more episodes, seeds and
// models, and comes to what it would have come to had it been given them at once.
func TestResumeWithMore(t *testing.T) {
	parent := t.TempDir()
	whole, grown := filepath.Join(parent, "whole"), filepath.Join(parent, "grown")
	out, _ := succeed(t, "--out", whole, "--episodes", "90", "--seeds", "2", "--models", "steady,eager,still", "--json")

	first, _ := succeed(t, "--out", grown, "--episodes", "37", "--seeds", "1", "--models", "eager", "--json")
	if again, _ := succeed(t, "--resume", grown, "--json", "--threads", "1"); again != first {
		t.Errorf("resumed: %s, want %s", again, first)
	}
	succeed(t, "--resume", grown, "--models", "eager,still")
	again, _ := succeed(t, "--resume", grown, "--episodes", "90", "--seeds", "2", "--models", "steady,eager,still", "--json")
	if got, want := times.ReplaceAllString(again, ""), times.ReplaceAllString(out, ""); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want, got := product(t, whole), product(t, grown)
	// The lines of a model lie where it learned, and older checkpoints elsewhere.
	sorted := func(p map[string]string) string {
		lines := map[string]bool{}
		for line := range strings.Lines(p[metricsFile]) {
			lines[line] = true
		}
		n := strings.Count(p[metricsFile], "\n")
		if len(lines) != n {
			t.Errorf("%d lines of metrics, %d of them different", n, len(lines))
		}
		return strings.Join(sortedKeys(lines), "")
	}
	if sorted(want) != sorted(got) {
		t.Error("the metrics differ")
	}
	for name := range want {
		if strings.HasSuffix(name, resultFile) || strings.Contains(name, "step-00000090") {
			if want[name] != got[name] {
				t.Errorf("%s differs:\n%s\n%s", name, want[name], got[name])
			}
		}
	}
	// What it takes to repeat the run: all but what has only shown its results again.
	record := read(t, grown, "run.json")
	for _, want := range []string{
		"go run ./eval guess --out " + grown + ` --episodes 37 --seeds 1 --models eager --json\ngo run ./eval guess --resume ` + grown + " --models eager,still",
		`\ngo run ./eval guess --resume ` + grown + " --episodes 90 --seeds 2 --models steady,eager,still --json\"",
	} {
		if !strings.Contains(record, want) {
			t.Errorf("no %q in %s", want, record)
		}
	}
	if config := read(t, grown, configFile); !strings.Contains(config, "episodes: 90 ") {
		t.Errorf("%s", config)
	}
}

func TestResumeRefuses(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "run")
	succeed(t, "--out", dir, "--models", "steady")
	refused := func(usage bool, words ...string) {
		t.Helper()
		args := []string{"--resume", dir}
		if usage {
			args, words = append(args, words[:2]...), words[2:]
		}
		_, _, err := guess(args...)
		if _, is := errors.AsType[*cli.UsageError](err); err == nil || is != usage {
			t.Fatalf("%v: %v", args, err)
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v: no %q in %q", args, w, err)
			}
		}
	}
	refused(true, "--size", "9", "--size 9", "with 8")
	config := read(t, dir, configFile)
	must(t, os.WriteFile(filepath.Join(dir, configFile), []byte(strings.Replace(config, "size: 8", "size: 9", 1)), 0o666))
	refused(false, configFile, "size", "is 9", "with 8")
	must(t, os.WriteFile(filepath.Join(dir, configFile), []byte(config), 0o666))

	result := filepath.Join(dir, "steady-seed1", resultFile)
	kept := read(t, result)
	must(t, os.WriteFile(result, []byte(kept[:len(kept)/2]), 0o666))
	refused(false, result, "remove it")
	must(t, os.WriteFile(result, []byte(strings.Replace(kept, `"seed":1`, `"seed":2`, 1)), 0o666))
	refused(false, result, "does not belong to this run", "seed")
	must(t, os.Remove(result))
	succeed(t, "--resume", dir)
	if read(t, result) != kept {
		t.Error("made again, the result differs")
	}

	// A checkpoint of another run, put in the place of this one's.
	other := filepath.Join(parent, "other")
	succeed(t, "--out", other, "--models", "steady", "--lr", "0.01")
	must(t, os.Remove(result))
	checkpoints := filepath.Join("steady-seed1", checkpoints)
	must(t, os.RemoveAll(filepath.Join(dir, checkpoints)))
	must(t, os.CopyFS(filepath.Join(dir, checkpoints), os.DirFS(filepath.Join(other, checkpoints))))
	refused(false, "does not belong to this run", "configuration", "lr=0.01")

	record := filepath.Join(dir, "run.json")
	text := read(t, record)
	for from, words := range map[string][]string{runFormat: {record, "format", runFormat}, `"guess"`: {record, "task", "gless"}} {
		must(t, os.WriteFile(record, []byte(strings.Replace(text, from, strings.Replace(from, "u", "l", 1), 1)), 0o666))
		refused(false, words...)
	}
	must(t, os.Remove(record))
	refused(false, "not the folder of a run")
}

// Lines after the last checkpoint go, a torn one goes, those of others stay.
func TestMetricsDrop(t *testing.T) {
	path := filepath.Join(t.TempDir(), metricsFile)
	l := func(model string, seed uint64, episode int) line {
		return line{Model: model, Seed: seed, Episode: episode}
	}
	m, err := openMetrics(path)
	must(t, err)
	for _, l := range []line{l("a", 1, 1), l("a", 1, 2), l("a", 2, 2), l("b", 1, 2), l("a", 1, 3)} {
		must(t, m.write(l))
	}
	whole := read(t, path)
	must(t, os.WriteFile(path, []byte(whole+`{"model":"a","seed`), 0o666))
	must(t, m.drop("a", 1, 3))
	if read(t, path) != whole {
		t.Errorf("%s", read(t, path))
	}
	must(t, m.drop("a", 1, 1))
	must(t, m.write(l("a", 1, 9)))
	must(t, m.close())
	var got []string
	torn, err := eachLine(path, func(_ []byte, l line) {
		got = append(got, l.Model+string(rune('0'+l.Seed))+string(rune('0'+l.Episode)))
	})
	if strings.Join(got, " ") != "a11 a22 b12 a19" || torn || err != nil {
		t.Error(got, torn, err)
	}
	must(t, os.WriteFile(path, []byte("{}\nnonsense\n"), 0o666))
	if _, err := eachLine(path, func([]byte, line) {}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
}
