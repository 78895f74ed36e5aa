package study

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
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

func TestJoined(t *testing.T) {
	for _, c := range []struct{ key, was, given, want string }{
		{"models", "plastic,rnn", "rnn", "plastic,rnn"},
		{"models", "plastic,rnn", "lstm,plastic,cell", "plastic,rnn,lstm,cell"},
		{"seeds", "1,", "3", "3"},
		{"seeds", "3", "1,", "3"},
		{"seeds", "2", "7,", "1,2,7"},
		{"seeds", "7,", "2", "7,1,2"},
		{"seeds", "7,2", "2,7", "7,2"},
		{"episodes", "60", "50", "50"},
	} {
		if got, err := joined(c.key, c.was, c.given); got != c.want || err != nil {
			t.Errorf("%s %s and %s: %q, %v, want %q", c.key, c.was, c.given, got, err, c.want)
		}
	}
	if _, err := joined("seeds", "1,", "none"); err == nil {
		t.Error("seeds none: no error")
	}
}

// The report tells on what a run went on, where that is not what it was begun on.
func TestResumeElsewhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	dir := filepath.Join(t.TempDir(), "run")
	const note = "Gone on with threads 1 (before: 2), after 1 of 2 trainings were finished."
	succeed(t, "--out", dir, "--models", "steady")
	succeed(t, "--resume", dir, "--seeds", "2", "--threads", "1")
	for _, name := range []string{"run.json", "report.html", "report.md", "report.json"} {
		if text := read(t, dir, name); strings.Count(text, note) != 1 || strings.HasSuffix(name, ".json") && !strings.Contains(strings.ReplaceAll(text, " ", ""), `"threads":1`) {
			t.Errorf("no %q, or not 1 thread, in %s:\n%s", note, name, text)
		}
	}
	runtime.GOMAXPROCS(2)
	began := read(t, dir, "run.json")
	if succeed(t, "--resume", dir); read(t, dir, "run.json") != began {
		t.Error("a run that only shows its results says that it went on")
	}

	r := &record{Version: "1", System: machine.System{Arch: "amd64", Kernel: "avx2", Threads: 2}}
	now := r.System
	if note := r.restart(r.Version, now, 1, 2); note != "" || r.Notes != nil {
		t.Errorf("on the same: %q", note)
	}
	now.Kernel = "go"
	want := "Gone on with Engram 2 (before: 1), kernels go (before: avx2), after 1 of 2 trainings were finished: the bits are not those of an uninterrupted run"
	if got := r.restart("2", now, 1, 2); got != want || r.System != now || r.Version != "2" || len(r.Notes) != 1 {
		t.Errorf("%q, want %q; %+v", got, want, r)
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
	must(t, os.WriteFile(result, []byte(strings.Replace(kept, `"settings":"`, `"settings":"delay=9ms\n`, 1)), 0o666))
	succeed(t, "--resume", dir)

	// A checkpoint of another run, put in the place of this one's.
	other := filepath.Join(parent, "other")
	succeed(t, "--out", other, "--models", "steady", "--lr", "0.01")
	must(t, os.Remove(result))
	checkpoints := filepath.Join("steady-seed1", checkpoints)
	must(t, os.RemoveAll(filepath.Join(dir, checkpoints)))
	must(t, os.CopyFS(filepath.Join(dir, checkpoints), os.DirFS(filepath.Join(other, checkpoints))))
	before := contents(t, dir)
	refused(false, "steady, seed 1: ", "does not belong to this run", "configuration", "lr=0.01")
	if _, _, err := guess("--resume", dir, "--models", "eager", "--threads", "1"); err == nil {
		t.Error("not refused with another model")
	}
	same(t, before, contents(t, dir))

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
