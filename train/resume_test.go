package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
)

// lengthy are the flags of a run whose steps are many enough to be interrupted
// among them.
func lengthy(out string, more ...string) []string {
	return tiny(append([]string{"--hidden", "16", "--dropout", "0.3", "--epochs", "24", "--checkpoint-every", "7", "--set", "log_every=1", "--out", out}, more...)...)
}

// A finished run says so, shows its results again and changes nothing.
func TestResumeFinished(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	out, _ := succeed(t, tiny("--out", dir, "--models", "lstm,plastic", "--seeds", "2")...)
	fail(t, cli.Usage, []string{"--out", "--resume " + dir}, tiny("--out", dir)...)
	before := map[string]string{}
	walk := func(f func(path, content string)) {
		must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				f(path, read(t, path))
			}
			return err
		}))
	}
	walk(func(path, content string) { before[path] = content })
	again, errs := succeed(t, "--resume", dir, "--models", "lstm,plastic", "--threads", "1")
	if again != out {
		t.Errorf("results %q, want those of the run, %q", again, out)
	}
	if !strings.Contains(errs, dir+" is finished") {
		t.Errorf("stderr %q", errs)
	}
	walk(func(path, content string) {
		if before[path] != content {
			t.Errorf("%s has changed", path)
		}
		delete(before, path)
	})
	if len(before) > 0 {
		t.Errorf("files are gone: %v", before)
	}
}

// A run that was killed before anything was trained goes on from its start, also
// where it started from a model that is gone since.
func TestResumeFromTheStart(t *testing.T) {
	t.Parallel()
	model := t.TempDir()
	must(t, os.CopyFS(model, os.DirFS(folder(plasticCase, "model"))))
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, "--init", model, "--data", folder(plasticCase, "corpus"), "--batch", "3", "--epochs", "2", "--out", dir)
	want := product(t, dir)
	must(t, os.RemoveAll(model))
	for _, name := range []string{"plastic-seed1", metricsFile, "report.json", "report.md", "report.html"} {
		must(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
	// And one that was killed between the training and the report.
	must(t, os.Remove(filepath.Join(dir, "report.html")))
	must(t, os.Remove(filepath.Join(dir, "report.json")))
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
}

// A run that goes on from a divergence puts another in that report's place: killed when
// all is trained, it would else be taken for finished, with that report.
func TestReportOfADivergence(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	_, errs, status := finish(t, command(t, tiny("--models", "plastic", "--lr", "1e9", "--weight-decay", "1", "--out", dir)...))
	if status != cli.Failure || !strings.Contains(errs, "diverged") {
		t.Fatalf("status %d, %q", status, errs)
	}
	read(t, dir, reportPage)
	goOn := []string{"--resume", dir, "--on-nan", "rollback", "--rollbacks", "50"}
	inTheWay := write(t, filepath.Join(dir, "plastic-seed1", "last"), "")
	if _, errs, status := finish(t, command(t, goOn...)); status != cli.Failure || !strings.Contains(errs, inTheWay) {
		t.Fatalf("status %d, %q", status, errs)
	}
	for _, name := range reportFiles {
		if text := read(t, dir, name); !strings.Contains(text, "This run is not complete") || strings.Contains(text, "diverged at step") {
			t.Errorf("%s of the divergence is left", name)
		}
	}
	must(t, os.Remove(inTheWay))
	// It comes to its end from what was saved at too high a rate: to finite numbers, and no model.
	if _, errs, status := finish(t, command(t, goOn...)); status != cli.Failure || !strings.Contains(errs, "diverged: the train loss") {
		t.Fatalf("status %d, %q", status, errs)
	}
	if report := read(t, dir, "report.json"); strings.Contains(report, `"status": "diverged at step`) {
		t.Error(report)
	}
}

// What is missing of a report is made again.
func TestReportInPart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--models", "lstm", "--out", dir)...)
	for _, name := range reportFiles {
		whole := read(t, dir, name)
		must(t, os.Remove(filepath.Join(dir, name)))
		succeed(t, "--resume", dir)
		if read(t, dir, name) != whole {
			t.Errorf("%s is another one", name)
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	t.Parallel()
	data := corpus(t, nil)
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--data", data, "--models", "lstm", "--out", dir)...)
	config := read(t, dir, configFile)
	edited := func(from, to string) {
		if !strings.Contains(config, from) {
			t.Fatalf("no %q in config.yaml", from)
		}
		write(t, filepath.Join(dir, configFile), strings.Replace(config, from, to, 1))
	}
	edited("hidden: 6", "hidden: 8")
	fail(t, cli.Failure, []string{configFile, "hidden", "is 8", "with 6", "or start a new run"}, "--resume", dir, "--force")
	fail(t, cli.Failure, []string{configFile, "hidden", "is 8", "with 6"}, "--resume", dir)
	edited("bptt: 4", "bptt: 5")
	fail(t, cli.Failure, []string{configFile, "bptt", "is 5", "with 4"}, "--resume", dir)
	edited("dropout: 0.2 ", "drop: 0.2 ")
	fail(t, cli.Failure, []string{configFile, "line ", `no key "drop"`}, "--resume", dir)
	edited("threads: 0", "threads: 1") // that may change
	succeed(t, "--resume", dir)
	write(t, filepath.Join(dir, configFile), config)
	fail(t, cli.Usage, []string{"--hidden 8", "with 6"}, "--resume", dir, "--hidden", "8")
	fail(t, cli.Usage, []string{"--init x", `started with "", and`}, "--resume", dir, "--init", "x")

	text := read(t, data, "train.txt")
	write(t, filepath.Join(data, "train.txt"), strings.Replace(text, "w3", "w4", 1))
	fail(t, cli.Failure, []string{"train text", data, "restore it"}, "--resume", dir)
	write(t, filepath.Join(data, "train.txt"), text)
	test := read(t, data, "test.txt")
	write(t, filepath.Join(data, "test.txt"), test+test)
	fail(t, cli.Failure, []string{"test text", data, "restore it"}, "--resume", dir)
	write(t, filepath.Join(data, "test.txt"), test)

	result := filepath.Join(dir, "lstm-seed1", resultFile)
	whole := read(t, result)
	write(t, result, whole[:len(whole)/2])
	fail(t, cli.Failure, []string{result, "remove it"}, "--resume", dir)
	must(t, os.Remove(result))
	succeed(t, "--resume", dir)

	record := filepath.Join(dir, recordFile)
	kept := read(t, record)
	write(t, record, strings.Replace(kept, runFormat, "engram-run/9", 1))
	fail(t, cli.Failure, []string{record, "format", "engram-run/9", runFormat}, "--resume", dir)
	must(t, os.Remove(record))
	fail(t, cli.Failure, []string{dir, "not the folder of a run"}, "--resume", dir)
}

// --force goes on with other settings or texts where that makes sense: what is
// finished stays, the report says what changed, and it is not asked for again.
func TestForce(t *testing.T) {
	t.Parallel()
	data := corpus(t, nil)
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--data", data, "--models", "lstm,plastic", "--epochs", "2", "--out", dir)...)
	first := read(t, dir, "lstm-seed1", "last", "model.safetensors")
	fail(t, cli.Usage, []string{"--lr 2", "is finished", "more --epochs"}, "--resume", dir, "--lr", "2", "--force")
	fail(t, cli.Usage, []string{"--epochs 1", "is finished, with 2", "more --epochs"}, "--resume", dir, "--epochs", "1")
	fail(t, cli.Usage, []string{"--force", "--resume"}, tiny("--force")...)

	must(t, os.Remove(filepath.Join(dir, "plastic-seed1", resultFile)))
	fail(t, cli.Usage, []string{"--epochs 3", "with 2", "--force"}, "--resume", dir, "--epochs", "3")
	fail(t, cli.Usage, []string{"--hidden 7", "with 6", "start a new run"}, "--resume", dir, "--hidden", "7", "--force")
	text := read(t, data, "valid.txt")
	write(t, filepath.Join(data, "valid.txt"), text+text)
	fail(t, cli.Failure, []string{"valid text", data, "--force"}, "--resume", dir)
	checkpoints, before := filepath.Join(dir, "plastic-seed1", "checkpoints"), t.TempDir()
	must(t, os.CopyFS(before, os.DirFS(checkpoints)))
	succeed(t, "--resume", dir, "--epochs", "3", "--lr", "0.5", "--force")
	want := product(t, dir)

	if read(t, dir, "lstm-seed1", "last", "model.safetensors") != first {
		t.Error("a finished training has changed")
	}
	report := read(t, dir, "report.md")
	for _, want := range []string{
		"By --force, after 1 of 2 trainings were finished, the valid text of " + data + " became another one (SHA-256 ",
		"By --force, after 1 of 2 trainings were finished, epochs became 3 (before 2).",
		"By --force, after 1 of 2 trainings were finished, lr became 0.5 (before ",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say %q:\n%s", want, report)
		}
	}
	if c := read(t, dir, configFile); !strings.Contains(c, "epochs: 3 ") || !strings.Contains(c, "lr: 0.5 ") {
		t.Error(c)
	}
	if m := read(t, dir, metricsFile); !strings.Contains(m, `"model":"plastic","seed":1,"epoch":3,`) || strings.Contains(m, `"model":"lstm","seed":1,"epoch":3,`) {
		t.Error(m)
	}
	if _, errs := succeed(t, "--resume", dir); !strings.Contains(errs, "is finished") {
		t.Errorf("it is not finished: %s", errs)
	}
	// Nor when it was killed before it had a checkpoint of the new settings.
	must(t, os.RemoveAll(checkpoints))
	must(t, os.CopyFS(checkpoints, os.DirFS(before)))
	must(t, os.Remove(filepath.Join(dir, "plastic-seed1", resultFile)))
	must(t, os.Remove(filepath.Join(dir, reportPage)))
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
}

// A finished run trains on when it is to be longer, to what a run of that length
// comes to from the start; with each of its trainings from its own last checkpoint,
// also when it is killed in between.
func TestFinishedRunLonger(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	args := func(epochs, out string) []string {
		return tiny("--models", "lstm,plastic", "--seeds", "2", "--epochs", epochs, "--dropout", "0.2", "--out", out)
	}
	succeed(t, args("2", dir)...)
	for _, wrong := range [][]string{{"--epochs", "1"}, {"--epochs", "2", "--lr", "0.5", "--force"}, {"--lr", "0.5"}, {"--steps", "3"}} {
		// None of the refusals advises what is refused in its turn.
		_, errs, status := finish(t, command(t, append([]string{"--resume", dir}, wrong...)...))
		if status != cli.Usage || !strings.Contains(errs, "is finished") || strings.Contains(errs, "--force") {
			t.Errorf("%v: status %d, %s", wrong, status, errs)
		}
	}
	checkpoints, old := filepath.Join(dir, "plastic-seed2", "checkpoints"), t.TempDir()
	must(t, os.CopyFS(old, os.DirFS(checkpoints)))
	oldBest := t.TempDir()
	must(t, os.CopyFS(oldBest, os.DirFS(filepath.Join(dir, "plastic-seed2", "best"))))
	succeed(t, "--resume", dir, "--epochs", "4")
	for _, want := range []string{"By --epochs or --steps, after 4 of 4 trainings were finished, epochs became 4 (before 2)."} {
		if report := read(t, dir, "report.md"); !strings.Contains(report, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	whole := filepath.Join(t.TempDir(), "whole")
	succeed(t, args("4", whole)...)
	for _, job := range []string{"lstm-seed1", "lstm-seed2", "plastic-seed1", "plastic-seed2"} {
		for _, file := range []string{"last/model.safetensors", "best/model.safetensors"} {
			if read(t, dir, job, file) != read(t, whole, job, file) {
				t.Errorf("%s/%s is not that of a run of four epochs", job, file)
			}
		}
	}
	if product(t, dir)[metricsFile] != product(t, whole)[metricsFile] {
		t.Error("metrics.jsonl is not that of a run of four epochs")
	}
	if _, errs := succeed(t, "--resume", dir); !strings.Contains(errs, "is finished") {
		t.Error(errs)
	}
	// Killed when half of the trainings had gone on, one was at its end but not
	// scored, and one had not begun again.
	want := product(t, dir)
	must(t, os.RemoveAll(checkpoints))
	must(t, os.CopyFS(checkpoints, os.DirFS(old)))
	must(t, os.RemoveAll(filepath.Join(dir, "plastic-seed2", "best")))
	must(t, os.CopyFS(filepath.Join(dir, "plastic-seed2", "best"), os.DirFS(oldBest)))
	must(t, os.Remove(filepath.Join(dir, "plastic-seed1", resultFile)))
	must(t, os.Remove(filepath.Join(dir, "plastic-seed2", resultFile)))
	must(t, os.Remove(filepath.Join(dir, reportPage)))
	write(t, filepath.Join(dir, metricsFile), read(t, dir, metricsFile)+"{}\n")
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
	// And longer once more, by force with another rate.
	succeed(t, "--resume", dir, "--epochs", "5", "--lr", "0.5", "--force")
	if report := read(t, dir, "report.md"); !strings.Contains(report, "By --force, after 4 of 4 trainings were finished, lr became 0.5") {
		t.Error("the report does not tell of the rate")
	}
}

// A run goes on where its data have moved, where config.yaml is lost, and under
// settings that may change, which it keeps; kernels for another processor are
// told of, because they change the bits.
func TestResumeElsewhere(t *testing.T) {
	t.Parallel()
	data := corpus(t, nil)
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--data", data, "--models", "lstm,plastic", "--out", dir)...)
	must(t, os.Remove(filepath.Join(dir, "plastic-seed1", resultFile)))
	moved := filepath.Join(t.TempDir(), "moved")
	must(t, os.Rename(data, moved))
	fail(t, cli.Usage, []string{data, "if it has moved", "--resume " + dir, "--data DIR"}, "--resume", dir)
	must(t, os.Remove(filepath.Join(dir, configFile)))
	c := command(t, "--resume", dir, "--data", moved, "--on-nan", "rollback")
	c.Env = append(c.Env, "ENGRAM_KERNEL=go")
	if _, errs, status := finish(t, c); status != 0 || kernel.Level() != "go" && !strings.Contains(errs, "train: Gone on with kernels for go (before: "+kernel.Level()+")") {
		t.Errorf("status %d, %q", status, errs)
	}
	if config := read(t, dir, configFile); !strings.Contains(config, "data: "+moved) || !strings.Contains(config, "on_nan: rollback") {
		t.Error(config)
	}
	if report := read(t, dir, "report.md"); kernel.Level() != "go" && !strings.Contains(report, "Gone on with kernels for go") {
		t.Error(report)
	}
	if _, errs := succeed(t, "--resume", dir); !strings.Contains(errs, "is finished") {
		t.Error(errs)
	}
}
