package study

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/run"
)

// The files of a run, as the runner calls them.
const (
	configFile  = run.ConfigFile
	metricsFile = run.MetricsFile
	resultFile  = run.ResultFile
	runFormat   = run.Format
	checkpoints = "checkpoints"
)

// asCommand in the environment makes the test binary the command itself.
const asCommand = "ENGRAM_TEST_AS_STUDY"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		cli.Main("eval", func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
			return cli.Execute(ctx, stubCommand(), args, stdout, stderr)
		})
	}
	os.Exit(m.Run())
}

// command is the stub task's as a process of its own.
func command(args ...string) (c *exec.Cmd, stdout, stderr *bytes.Buffer) {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c = exec.Command(exe, append([]string{"guess"}, args...)...)
	c.Env = append(os.Environ(), asCommand+"=1")
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	c.Stdout, c.Stderr = stdout, stderr
	return c, stdout, stderr
}

// guess runs the stub task within the test.
func guess(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	err = cli.Execute(context.Background(), stubCommand(), append([]string{"guess"}, args...), &out, &errs)
	return out.String(), errs.String(), err
}

func succeed(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	out, errs, err := guess(args...)
	if err != nil {
		t.Fatalf("guess %v: %v\n%s", args, err, errs)
	}
	return out, errs
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return string(b)
}

// times are the numbers of a run that no two runs have in common.
var times = regexp.MustCompile(`"(seconds|episodes_per_s|line_seconds|threads|command)": ?("[^"]*"|[^,}\n]*)`)

// notes are those of report.json on what the run went on with.
var notes = regexp.MustCompile(`,\s*"notes": \[[^]]*\]`)

// product is what a run has made, without times and notes: metrics, results, the
// report and the last checkpoints' tensors.
func product(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch filepath.Base(path) {
		case metricsFile, resultFile, "report.json", "tensors.safetensors", "square.svg":
			all[name] = notes.ReplaceAllString(times.ReplaceAllString(read(t, path), `"$1": 0`), "")
		}
		return nil
	}))
	return all
}

// contents are all files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all[path] = read(t, path)
		}
		return err
	}))
	return all
}

func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// objects parses what --json prints.
func objects(t *testing.T, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out) {
		var o map[string]any
		must(t, json.Unmarshal([]byte(line), &o))
		all = append(all, o)
	}
	return all
}
