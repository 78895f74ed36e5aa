package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// asCommand in the environment makes the test binary the command itself.
const asCommand = "ENGRAM_TEST_AS_EVAL"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main() // exits
	}
	os.Exit(m.Run())
}

// eval runs the command as a process of its own, with its caches in a folder of the test.
func eval(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return evalOf(t, "", args...)
}

// evalOf is eval with a standard input.
func evalOf(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	var out, errs bytes.Buffer
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), asCommand+"=1", "HOME="+t.TempDir(), "XDG_CACHE_HOME=")
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	err = c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// succeed runs the command, which must end well and say nothing on stderr.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, status := eval(t, args...)
	if status != 0 || errs != "" {
		t.Fatalf("eval %s: status %d, stderr %q", strings.Join(args, " "), status, errs)
	}
	return out
}

// fail runs the command, which must end with status, nothing on stdout, and one
// line on stderr that has all of words in it.
func fail(t *testing.T, status int, words []string, args ...string) {
	t.Helper()
	out, errs, got := eval(t, args...)
	if got != status || out != "" {
		t.Errorf("eval %s: status %d, stdout %q; want status %d and nothing", strings.Join(args, " "), got, out, status)
	}
	if !strings.HasPrefix(errs, "eval: ") || strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "\n") {
		t.Errorf("eval %s: stderr is not one line of eval's: %q", strings.Join(args, " "), errs)
	}
	for _, w := range words {
		if !strings.Contains(errs, w) {
			t.Errorf("eval %s: %q is not in %q", strings.Join(args, " "), w, errs)
		}
	}
}

// cases are the folders of worked answers that internal/lm is held against too.
const cases = "../internal/lm/testdata/cases"

const (
	lstmCase      = cases + "/lstm-neuron-neuron-hidden-clip"
	modulatedCase = cases + "/modulated-neuron-neuron-hidden-clip"
	plasticCase   = cases + "/plastic-connection-connection-hidden-clip"
)

// altered returns a copy of a case's model folder with some files changed.
func altered(t *testing.T, from string, change map[string]func(string) string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join(from, "model"))))
	for file, f := range change {
		path := filepath.Join(dir, file)
		b, err := os.ReadFile(path)
		must(t, err)
		after := f(string(b))
		if after == string(b) {
			t.Fatalf("%s is not changed", file)
		}
		must(t, os.WriteFile(path, []byte(after), 0o666))
	}
	return dir
}

func replace(from, to string) func(string) string {
	return func(s string) string { return strings.Replace(s, from, to, 1) }
}

// file writes a text file.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.txt")
	must(t, os.WriteFile(path, []byte(content), 0o666))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}} {
		out := succeed(t, args...)
		for _, want := range []string{"perplexity", "generate", "patterns", "images", "omniglot", "cue", "maze", "evolve", "Examples:"} {
			if !strings.Contains(out, want) {
				t.Errorf("eval %v: no %q in %q", args, want, out)
			}
		}
	}
	flags := map[string][]string{
		"perplexity": {"--model", "--data", "--split", "--text", "--batch", "--bptt", "--cache", "--threads", "--json", "Examples:"},
		"patterns":   {"--preset", "--models", "--seeds", "--episodes", "--out", "--resume", "--json", "--quiet", "--threads", "--bits", "Examples:"},
		"images":     {"--preset", "--models", "--seeds", "--episodes", "--out", "--resume", "--json", "--data", "--side", "Examples:"},
		"omniglot":   {"--preset", "--models", "--seeds", "--episodes", "--out", "--resume", "--json", "--data", "--ways", "--shots", "--batch", "Examples:"},
		"cue":        {"--preset", "--models", "--seeds", "--episodes", "--out", "--resume", "--json", "--cues", "--cue-bits", "--hidden", "--gamma", "Examples:"},
		"evolve":     {"--preset", "--models", "--seeds", "--episodes", "--out", "--resume", "--json", "--size", "--density", "--mazes", "--test", "Examples:"},
		"maze":       {"--preset", "--models", "--seeds", "--episodes", "--out", "--resume", "--json", "--size", "--wall-penalty", "--hidden", "Examples:"},
		"generate":   {"--model", "--prompt", "--tokens", "--temperature", "--top-k", "--seed", "--frozen", "--allow-unk", "Examples:"},
	}
	for task, wants := range flags {
		out := succeed(t, task, "--help")
		if again := succeed(t, "help", task); again != out {
			t.Errorf("help %s differs from %s --help", task, task)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s --help: no %q", task, want)
			}
		}
		if out := succeed(t, task, "--version"); !strings.Contains(out, cli.Version) {
			t.Errorf("%s --version: %q", task, out)
		}
	}
	if out := succeed(t, "--version"); out != "engram eval "+cli.Version+"\n" {
		t.Errorf("--version: %q", out)
	}
}

func TestUsage(t *testing.T) {
	model, text := lstmCase+"/model", lstmCase+"/corpus/test.txt"
	for _, c := range []struct{ args, words string }{
		{"", "no task,perplexity,generate"},
		{"perplex", "\"perplex\",want one of"},
		{"help perplex", "\"perplex\",want one of"},
		{"perplex --json", "\"perplex\",want one of"},
		{"pattern --bits 10 --json", "\"pattern\" (did you mean patterns?),want one of"},
		{"--bogus", "--bogus"},
		{"perplexity --model M --bogus", "--bogus,--help"},
		{"perplexity --model M stray", "\"stray\",flags only"},
		{"perplexity --data sample", "--model is missing"},
		{"perplexity --model M", "--data,--text"},
		{"perplexity --model M --data sample --text T", "--data and --text"},
		{"perplexity --model M --split test --text T", "--split and --text"},
		{"perplexity --model M --data sample --split tset", "\"tset\",train, valid, test"},
		{"perplexity --model M --data sample --batch 0", "--batch,at least 1"},
		{"perplexity --model M --data sample --bptt -3", "--bptt,at least 1"},
		{"perplexity --model M --data sample --threads -1", "--threads"},
		{"perplexity --model M --data sample --batch many", "--batch,\"many\",whole number"},
		{"perplexity --model " + model + " --data nonsense", "--data,\"nonsense\",sample, ptb"},
		{"perplexity --model " + model + " --data omniglot", "--data,omniglot,text corpus"},
		{"perplexity --model " + model + " --data " + text, "--data,folder"},
		{"perplexity --model " + model + " --precision f16 --text " + text, "--precision,\"f16\",f32 or bf16"},
		{"generate --model " + model + " --precision f16", "--precision,\"f16\",f32 or bf16"},
		{"perplexity --model " + model + " --batch 1000 --text " + text, "--batch,at most"},
		{"generate --prompt w3", "--model is missing"},
		{"generate --model M --tokens 0", "--tokens,at least 1"},
		{"generate --model M --temperature -1", "--temperature,0 or above"},
		{"generate --model M --temperature NaN", "--temperature,0 or above"},
		{"generate --model M --temperature +Inf", "--temperature,0 or above"},
		{"generate --model M --temperature warm", "--temperature,\"warm\",a number"},
		{"generate --model M --top-k -1", "--top-k"},
		{"generate --model M --seed -1", "--seed,whole number, 0 or above"},
		{"patterns --episodes 0", "episodes 0,want 1 to"},
		{"patterns --models plastic,gru", "\"gru\",want some of plastic, rnn"},
		{"patterns --bits 7", "bits 7,even"},
		{"patterns --out " + cases, "--out,not empty"},
		{"cue --models modulated,gru", "\"gru\",want some of rnn, plastic, modulated, retroactive, lstm"},
		{"cue --cue-bits 1 --cues 4", "cue_bits 1,all to differ"},
		{"maze --size 10", "size 10,odd"},
		{"maze --lr 0", "lr 0,more than 0"},
		{"omniglot --data nonsense", "--data,\"nonsense\",omniglot-small"},
		{"omniglot --shots 20", "shots 20,want 1 to 19"},
		{"images --data nonsense", "--data,\"nonsense\",cifar-10"},
	} {
		t.Run(c.args, func(t *testing.T) {
			fail(t, cli.Usage, strings.Split(c.words, ","), strings.Fields(c.args)...)
		})
	}
}
