package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/runfolder"
)

// The files of a run, as the runner calls them.
const (
	configFile  = run.ConfigFile
	metricsFile = run.MetricsFile
	resultFile  = run.ResultFile
	reportPage  = run.ReportPage
	runFormat   = run.Format
	recordFile  = runfolder.Record
)

var reportFiles = []string{"report.json", "report.md", reportPage}

// asCommand in the environment makes the test binary the command itself.
const asCommand = "ENGRAM_TEST_AS_TRAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main() // exits
	}
	os.Exit(m.Run())
}

// command is train as a process of its own, in a folder where nothing is, with
// its caches in another.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	c := exec.Command(exe, args...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), asCommand+"=1", "HOME="+t.TempDir(), "XDG_CACHE_HOME=")
	return c
}

// finish runs a command to its end.
func finish(t *testing.T, c *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// succeed runs train, which must end well.
func succeed(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	out, errs, status := finish(t, command(t, args...))
	if status != 0 {
		t.Fatalf("train %s: status %d, stderr %q", strings.Join(args, " "), status, errs)
	}
	return out, errs
}

// fail runs train, which must end with status, nothing on stdout, one line on
// stderr that has all of words in it, and no folder of a run.
func fail(t *testing.T, status int, words []string, args ...string) {
	t.Helper()
	c := command(t, args...)
	out, errs, got := finish(t, c)
	if got != status || out != "" {
		t.Errorf("train %s: status %d, stdout %q; want status %d and nothing", strings.Join(args, " "), got, out, status)
	}
	if !strings.HasPrefix(errs, "train: ") || strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "\n") {
		t.Errorf("train %s: stderr is not one line of train's: %q", strings.Join(args, " "), errs)
	}
	for _, w := range words {
		if !strings.Contains(errs, w) {
			t.Errorf("train %s: %q is not in %q", strings.Join(args, " "), w, errs)
		}
	}
	if left, err := os.ReadDir(c.Dir); err != nil || len(left) > 0 {
		t.Errorf("train %s: left %v, %v", strings.Join(args, " "), left, err)
	}
}

// folder returns an absolute path under internal/lm/testdata/cases, worked
// answers that internal/lm is held against too.
func folder(path ...string) string {
	abs, err := filepath.Abs(filepath.Join(append([]string{"../internal/lm/testdata/cases"}, path...)...))
	if err != nil {
		panic(err)
	}
	return abs
}

const (
	lstmCase    = "lstm-neuron-neuron-hidden-clip"
	plasticCase = "plastic-connection-connection-hidden-clip"
	ojaCase     = "plastic-neuron-neuron-hidden-oja"
)

// tiny are the flags of a run that takes no time, on the corpus of a case.
func tiny(more ...string) []string {
	return append([]string{"--data", folder(lstmCase, "corpus"), "--hidden", "6", "--batch", "3", "--bptt", "4", "--epochs", "2", "--lr", "1"}, more...)
}

// corpus writes a corpus; a text that is not named is that of a case.
func corpus(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(folder(lstmCase, "corpus"))))
	for name, text := range texts {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o666))
	return path
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return string(b)
}

func decode(t *testing.T, text string) (value map[string]any) {
	t.Helper()
	must(t, json.Unmarshal([]byte(text), &value))
	return value
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Settings that have no effect are named or refused, and adam gets a rate of its own.
func TestSettingsWithoutEffect(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "run")
	_, errs := succeed(t, tiny("--models", "lstm", "--rule", "oja", "--steps", "3", "--quiet")...)
	if errs != "train: rule oja has no effect: a standard LSTM has no traces\n" {
		t.Errorf("%q", errs)
	}
	fail(t, cli.Usage, []string{"average_from 10", "asgd would average nothing", "2 epochs", "want 1 to 2"}, tiny("--optimizer", "asgd", "--average-from", "10")...)

	args := []string{"--data", folder(lstmCase, "corpus"), "--models", "lstm", "--hidden", "6", "--batch", "3", "--bptt", "4", "--epochs", "2", "--optimizer", "adam"}
	_, errs = succeed(t, append(args, "--out", out)...)
	if !strings.Contains(errs, "Learning rate 0.002, for adam; the preset's 10 is for SGD\n") || !strings.Contains(read(t, out, configFile), "lr: 0.002 #") {
		t.Errorf("%q", errs)
	}
	same := filepath.Join(t.TempDir(), "run")
	succeed(t, append(args, "--lr", "0.002", "--out", same)...)
	weights := "lstm-seed1/last/model.safetensors"
	if read(t, out, weights) != read(t, same, weights) {
		t.Error("the rate that adam gets is not the one that is told")
	}
}

// Texts whose lines bring an <eos> of their own are told of.
func TestLinesEndTwice(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat("w3 w4 <eos>\n", 20)
	data := corpus(t, map[string]string{"train.txt": lines, "valid.txt": lines, "test.txt": strings.Repeat("w3 w4\n", 20)})
	_, errs := succeed(t, tiny("--data", data, "--models", "lstm", "--steps", "1", "--quiet", "--out", filepath.Join(t.TempDir(), "run"))...)
	for _, split := range []string{"train", "valid"} {
		if !strings.Contains(errs, "train: every line of the "+split+" text already ends in <eos>, and each gets another") {
			t.Errorf("%s: %q", split, errs)
		}
	}
	if strings.Contains(errs, "the test text") {
		t.Errorf("the test text has none: %q", errs)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out, errs := succeed(t, "--help")
	for _, want := range []string{"Examples:", "--out", "--resume", "--cache", "--config", "--set", "--quiet", "--list-presets", "--version", "sample 96, ptb-small 200", "Ctrl-C"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	for _, f := range new(recipe.Recipe).Fields() {
		if !strings.Contains(out, "--"+f.Flag()+" ") || !strings.Contains(out, f.Help) {
			t.Errorf("--%s is not explained", f.Flag())
		}
	}
	if errs != "" {
		t.Errorf("stderr: %q", errs)
	}
	if out, _ := succeed(t, "--version"); out != "engram train "+cli.Version+"\n" {
		t.Errorf("--version: %q", out)
	}
	out, _ = succeed(t, "--list-presets")
	for _, p := range recipe.Presets() {
		if !strings.Contains(out, p.Name+" ") || !strings.Contains(out, p.About) {
			t.Errorf("--list-presets: no %s in %q", p.Name, out)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	data := folder(lstmCase, "corpus")
	for _, c := range []struct{ args, words string }{
		{"stray", `"stray",flags only`},
		{"--bogus", "--bogus,--help"},
		{"--epochs many", `epochs "many": want a whole number`},
		{"--epochs 0", "epochs 0,at least 1"},
		{"--lr fast", `lr "fast": want a finite number`},
		{"--lr NaN", `lr "NaN": want a finite number`},
		{"--tie=perhaps", `tie "perhaps": want true or false`},
		{"--dropout 1", "dropout 1,0 to 0.99"},
		{"--threads -1", "threads -1"},
		{"--seeds 0", `seeds "0",2,7`},
		{"--models lstm,gru", `"gru",retroactive`},
		{"--models lstm --rule bogus", `"bogus",oja`},
		{"--rule oja", "rule oja,retroactive,additive"},
		{"--models retroactive --rule decay", "rule decay,retroactive,additive"},
		{"--models lstm --precision f16", `precision "f16",f32, bf16`},
		{"--preset large", `"large",sample, ptb-small`},
		{"--preset ptb-small", "ptb,scripts/download"},
		{"--data nonsense", `--data,"nonsense",sample, ptb`},
		{"--data omniglot", "--data,omniglot,text corpus"},
		{"--data " + filepath.Join(data, "train.txt"), "--data,folder"},
		{"--data " + data + " --batch 100", "57 tokens,batch of at most 28"},
		{"--data " + data + " --params 10", "too small,at least"},
		{"--data " + data + " --batch 20 --hidden 20000 --models plastic", "parameters"},
		{"--set lr", "--set,key=value"},
		{"--set hiden=3", `--set,"hiden",hidden`},
		{"--set lr=x", `--set,"x",number`},
		{"--checkpoint-every often", `"often",2m`},
		{"--resume R --out O", "--resume,--out"},
		{"--resume R --set lr=1", "--resume,--set"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			var words []string
			for _, w := range strings.Split(c.words, ",") {
				words = append(words, strings.TrimSpace(w))
			}
			fail(t, cli.Usage, words, strings.Fields(c.args)...)
		})
	}
	dir := t.TempDir()
	fail(t, cli.Usage, []string{"--epochs", "--help"}, "--epochs")
	for _, path := range []string{"--out", "--resume", "--cache", "--config"} {
		fail(t, cli.Usage, []string{path + ` ""`, "want a path"}, tiny("--models", "lstm", path, "")...)
	}
	fail(t, cli.Usage, []string{"c.yaml: line 2", `no key "hiden"`, "hidden"}, "--config", write(t, filepath.Join(dir, "c.yaml"), "lr: 1\nhiden: 3\n"))
	fail(t, cli.Usage, []string{"c.yaml", "lr", "number"}, "--config", write(t, filepath.Join(dir, "c.yaml"), "lr: [1, 2]\n"))
	fail(t, cli.Failure, []string{"--config", "none.yaml"}, "--config", filepath.Join(dir, "none.yaml"))
	fail(t, cli.Failure, []string{"--config", dir}, "--config", dir)
	fail(t, cli.Usage, []string{"--out", dir, "not empty"}, tiny("--out", dir)...)
	fail(t, cli.Failure, []string{"--out", "c.yaml", "empty folder"}, tiny("--out", filepath.Join(dir, "c.yaml"))...)
	fail(t, cli.Failure, []string{"--out", "c.yaml"}, tiny("--out", filepath.Join(dir, "c.yaml", "run"))...)
	fail(t, cli.Failure, []string{dir, "not the folder of a run"}, "--resume", dir)
}
