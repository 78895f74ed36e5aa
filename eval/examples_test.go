package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// Every example of every help text is one: those that score and write run as they
// stand, in the folder of one who has trained on the sample and on Penn Treebank;
// of the trainings, whose sizes take minutes to days, all is held to be right up to
// the number of their episodes, which is made an impossible one.
func TestExamples(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, from := range map[string]string{"runs/sample-1/lstm": lstmCase, "runs/sample-1/modulated": modulatedCase, "runs/ptb-small-1/modulated": modulatedCase, "runs/ptb-small-1/lstm": lstmCase} {
		must(t, os.CopyFS(filepath.Join(dir, name+"-seed1", "best"), os.DirFS(from+"/model")))
	}
	must(t, os.CopyFS(filepath.Join(dir, "my/corpus"), os.DirFS(lstmCase+"/corpus")))
	must(t, os.MkdirAll(filepath.Join(dir, "data/sets/ptb"), 0o777))
	for _, split := range []string{"train", "valid", "test"} {
		b, err := os.ReadFile(lstmCase + "/corpus/" + split + ".txt")
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "data/sets/ptb/ptb."+split+".txt"), b, 0o666))
	}
	must(t, os.WriteFile(filepath.Join(dir, "letters.txt"), []byte("w2 w10 w3\nw4\n"), 0o666))
	exe, err := os.Executable()
	must(t, err)

	root := command()
	made := map[string]bool{} // run folders that an example before makes
	ran := 0
	for _, c := range append(root.Commands(), root) {
		for line := range strings.SplitSeq(c.Example, "\n") {
			stdin, line := piped(strings.TrimSpace(line))
			text, ok := strings.CutPrefix(line, "go run ./eval ")
			if !ok {
				if line != "" && !strings.HasPrefix(line, "#") {
					t.Errorf("%s: an example that is no command: %s", c.Name(), line)
				}
				continue
			}
			ran++
			args, want, status := words(text), "", 0
			if c.Flags().Lookup("episodes") != nil {
				if out := flag(args, "--out"); out != "" {
					made[out] = true
				}
				from := flag(args, "--resume") + flag(args, "--test")
				args, status = append(args, "--episodes", "0"), cli.Usage
				want = "episodes 0: want 1 to"
				if from != "" {
					if root := strings.Join(strings.Split(from, "/")[:2], "/"); !made[root] {
						t.Errorf("%s: no example before it makes %s", line, root)
					}
					args, want, status = args[:len(args)-2], from, cli.Failure
				}
			}
			run := exec.Command(exe, args...)
			run.Dir, run.Stdin = dir, strings.NewReader(stdin)
			run.Env = append(os.Environ(), asCommand+"=1", "HOME="+t.TempDir(), "XDG_CACHE_HOME=")
			out, _ := run.CombinedOutput()
			if got := run.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), want) {
				t.Errorf("%s: status %d, want %d and %q: %s", line, got, status, want, out)
			}
		}
	}
	if ran < 25 {
		t.Errorf("%d examples", ran)
	}
}

// flag returns the value of a flag among arguments.
func flag(args []string, name string) string {
	for i := range len(args) - 1 {
		if args[i] == name {
			return args[i+1]
		}
	}
	return ""
}

// piped takes the text that echo gives a command from before it.
func piped(line string) (stdin, command string) {
	if echo, rest, ok := strings.Cut(line, " | "); ok {
		if text, ok := strings.CutPrefix(echo, "echo "); ok {
			return strings.Trim(text, `"`) + "\n", rest
		}
	}
	return "", line
}

// words are the arguments that a shell makes of a line.
func words(line string) (args []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// A word that is near to a flag or a task is asked for.
func TestDidYouMean(t *testing.T) {
	for want, args := range map[string][]string{
		"(did you mean --seeds?)":    {"patterns", "--seed", "3"},
		"(did you mean --episodes?)": {"patterns", "--episode", "3"},
		"(did you mean --text?)":     {"perplexity", "--txt", "f"},
		"(did you mean perplexity?)": {"perplexty"},
		"(did you mean plastic?)":    {"cue", "--models", "rnn,plastc"},
		"(did you mean paper?)":      {"cue", "--preset", "papr"},
		"(did you mean trace_clip?)": {"cue", "--set", "trace-clop=2"},
		"(did you mean cifar-10?)":   {"images", "--data", "cifar10"},
		"(did you mean sample?)":     {"perplexity", "--model", lstmCase + "/model", "--data", "smaple"},
	} {
		fail(t, cli.Usage, []string{want}, args...)
	}
	// What is counted goes by its name too.
	for _, flag := range []string{"--updates", "--episodes"} {
		fail(t, cli.Usage, []string{"episodes 0: want 1"}, "cue", flag, "0")
	}
	fail(t, cli.Usage, []string{"unknown flag"}, "patterns", "--updates", "3")
	if help := succeed(t, "cue", "--help"); !strings.Contains(help, "training updates, an optimiser step each") {
		t.Error(help)
	}
}
