package study

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/runfolder"
)

// sameButOrder compares runs of the same trainings, whose lines of metrics lie where
// each learned, and whose older checkpoints need not be the same.
func sameButOrder(t *testing.T, want, got map[string]string, end string) {
	t.Helper()
	sorted := func(p map[string]string) string {
		lines := map[string]bool{}
		for line := range strings.Lines(p[metricsFile]) {
			lines[line] = true
		}
		if n := strings.Count(p[metricsFile], "\n"); len(lines) != n {
			t.Errorf("%d lines of metrics, %d of them different", n, len(lines))
		}
		return strings.Join(sortedKeys(lines), "")
	}
	if sorted(want) != sorted(got) {
		t.Error("the metrics differ")
	}
	compared := 0
	for name := range want {
		if strings.HasSuffix(name, resultFile) || strings.Contains(name, end) {
			compared++
			if want[name] != got[name] {
				t.Errorf("%s differs:\n%s\n%s", name, want[name], got[name])
			}
		}
	}
	if compared < 4 {
		t.Errorf("%d files to compare", compared)
	}
}

// A run that was killed as soon as its folder stood, or found no room for another file,
// goes on like a new one, also where there are to be event files.
func TestResumeBeforeTheMetrics(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, "--out", dir, "--models", "steady,still", "--tensorboard")
	want := product(t, dir)
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if name := e.Name(); name != configFile && name != runfolder.Record {
			must(t, os.RemoveAll(filepath.Join(dir, name)))
		}
	}
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
}

// A finished run shows its results again; a run may get more episodes, seeds and
// models, and comes to what it would have come to had it been given them at once.
// What it has it keeps, whether it is named again or not.
func TestResumeWithMore(t *testing.T) {
	parent := t.TempDir()
	whole, grown := filepath.Join(parent, "whole"), filepath.Join(parent, "grown")
	out, _ := succeed(t, "--out", whole, "--episodes", "90", "--seeds", "2", "--models", "eager,still,steady", "--json")

	first, _ := succeed(t, "--out", grown, "--episodes", "37", "--seeds", "1", "--models", "eager", "--json")
	if again, _ := succeed(t, "--resume", grown, "--json", "--threads", "1"); again != first {
		t.Errorf("resumed: %s, want %s", again, first)
	}
	succeed(t, "--resume", grown, "--models", "still")
	again, _ := succeed(t, "--resume", grown, "--episodes", "90", "--seeds", "2,", "--models", "still,steady", "--json")
	if got, want := times.ReplaceAllString(again, ""), times.ReplaceAllString(out, ""); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want, got := product(t, whole), product(t, grown)
	sameButOrder(t, want, got, "step-00000090")
	// What it takes to repeat the run: all but what has only shown its results again.
	record := read(t, grown, "run.json")
	for _, want := range []string{
		"go run ./eval guess --out " + grown + ` --episodes 37 --seeds 1 --models eager --json\ngo run ./eval guess --resume ` + grown + " --models still",
		`\ngo run ./eval guess --resume ` + grown + " --episodes 90 --seeds 2, --models still,steady --json\"",
	} {
		if !strings.Contains(record, want) {
			t.Errorf("no %q in %s", want, record)
		}
	}
	config := read(t, grown, configFile)
	for _, want := range []string{"episodes: 90 ", "models: [eager, still, steady] ", `seeds: "2" `} {
		if !strings.Contains(config, want) {
			t.Errorf("no %q in\n%s", want, config)
		}
	}
}

// The report tells on what a run went on, where that is not what it was begun on.
func TestResumeElsewhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, "--out", dir, "--models", "steady")
	record := filepath.Join(dir, "run.json")
	began := read(t, record)
	was := regexp.MustCompile(`"cpu": "(.*)"`).FindStringSubmatch(began)
	must(t, os.WriteFile(record, []byte(strings.Replace(began, was[0], `"cpu": "another one"`, 1)), 0o666))
	succeed(t, "--resume", dir, "--seeds", "2", "--threads", "1")
	note := "Gone on with processor " + was[1] + " (before: another one), after 1 of 2 trainings were finished."
	for _, name := range []string{"run.json", "report.html", "report.md", "report.json"} {
		if text := read(t, dir, name); strings.Count(text, note) != 1 || strings.HasSuffix(name, ".json") && strings.Contains(text, `"cpu": "another one"`) {
			t.Errorf("no %q, or the old one, in %s:\n%s", note, name, text)
		}
	}
	began = read(t, record)
	if succeed(t, "--resume", dir); read(t, record) != began {
		t.Error("a run that only shows its results says that it went on")
	}
}

// A run is not shortened: its seeds would be of different lengths.
func TestResumeWithLess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, "--out", dir, "--episodes", "40", "--models", "steady")
	before := contents(t, dir)
	_, _, err := guess("--resume", dir, "--episodes", "39", "--seeds", "2")
	if _, usage := errors.AsType[*cli.UsageError](err); !usage || !strings.Contains(err.Error(), "episodes 39: steady, seed 1, has had 40: want at least as many") {
		t.Errorf("%v", err)
	}
	same(t, before, contents(t, dir))
	// What has no result yet counts too.
	must(t, os.Remove(filepath.Join(dir, "steady-seed1", resultFile)))
	if _, _, err := guess("--resume", dir, "--episodes", "39"); err == nil || !strings.Contains(err.Error(), "has had 40") {
		t.Errorf("%v", err)
	}
	succeed(t, "--resume", dir, "--episodes", "40")
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
	// One of an older version, which held it to what may change by now.
	must(t, os.WriteFile(result, []byte(strings.Replace(kept, `"settings":{`, `"settings":{"delay":"9ms",`, 1)), 0o666))
	succeed(t, "--resume", dir)

	// A checkpoint of another run, put in the place of this one's.
	other := filepath.Join(parent, "other")
	succeed(t, "--out", other, "--models", "steady", "--lr", "0.01")
	must(t, os.Remove(result))
	checkpoints := filepath.Join("steady-seed1", checkpoints)
	must(t, os.RemoveAll(filepath.Join(dir, checkpoints)))
	must(t, os.CopyFS(filepath.Join(dir, checkpoints), os.DirFS(filepath.Join(other, checkpoints))))
	before := contents(t, dir)
	refused(false, "steady, seed 1: ", "does not belong to this run", "its lr is 0.01, not 0.05")
	if _, _, err := guess("--resume", dir, "--models", "eager", "--threads", "1"); err == nil {
		t.Error("not refused with another model")
	}
	same(t, before, contents(t, dir))

	record := filepath.Join(dir, "run.json")
	text := read(t, record)
	for from, words := range map[string][]string{runFormat: {record, "format", runFormat}, `"guess"`: {record, "program", "gless"}} {
		must(t, os.WriteFile(record, []byte(strings.Replace(text, from, strings.Replace(from, "u", "l", 1), 1)), 0o666))
		refused(false, words...)
	}
	must(t, os.Remove(record))
	refused(false, "not the folder of a run")
}
