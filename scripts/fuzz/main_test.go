package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

func TestParse(t *testing.T) {
	got := parse("FuzzA\nFuzzB\nok  \tx/a\t0.01s\n?   \tx/b\t[no test files]\nok  \tx/c\t0.02s\nFuzzC\nok  \tx/d\t0.01s\n")
	if want := []target{{"x/a", "FuzzA"}, {"x/a", "FuzzB"}, {"x/d", "FuzzC"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := executions("fuzz: elapsed: 3s, execs: 17 (5/sec)\nfuzz: elapsed: 4s, execs: 1903 (5/sec)\nPASS\n"); got != "1903" {
		t.Errorf("%s executions", got)
	}
}

// Packages may be named on the command line.
func TestPackages(t *testing.T) {
	var out bytes.Buffer
	const pkg = "github.com/engram-lm/engram/internal/strictjson"
	if err := run(context.Background(), []string{"--list", pkg}, &out, &out); err != nil || out.String() != pkg+" FuzzDecode\n" {
		t.Errorf("listed %q, %v", &out, err)
	}
}

// A target whose time is up has not failed, whatever go test calls it; one with a
// failing input has.
func TestTimeWasUp(t *testing.T) {
	up := "fuzz: elapsed: 10s, execs: 28468 (3943/sec), new interesting: 0 (total: 228)\n--- FAIL: FuzzA (10.09s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\tx/a\t10.096s\n"
	for out, want := range map[string]bool{
		up: true,
		"--- FAIL: FuzzA (4.53s)\n    --- FAIL: FuzzA (0.00s)\n        a_test.go:9: context deadline exceeded\n    \n    Failing input written to testdata/fuzz/FuzzA/b4\nFAIL\n": false,
		up + "    Failing input written to testdata/fuzz/FuzzA/b4\n":                           false,
		"--- FAIL: FuzzA (1.09s)\n    fuzzing process hung or terminated unexpectedly\nFAIL\n": false,
		"# x/a\na_test.go:3: undefined: b\nFAIL\tx/a [build failed]\n":                         false,
		"PASS\n": false,
	} {
		if got := timeWasUp(out); got != want {
			t.Errorf("%v, want %v of\n%s", got, want, out)
		}
	}
}

// A module of two targets, one of which finds what it looks for at once.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module x\n\ngo 1.26\n",
		"a/a_test.go": "package a\n\nimport \"testing\"\n\n" +
			"func FuzzGood(f *testing.F) {\n\tf.Fuzz(func(t *testing.T, b []byte) {})\n}\n\n" +
			"func FuzzBad(f *testing.F) {\n\tf.Add([]byte(\"bad\"))\n\tf.Fuzz(func(t *testing.T, b []byte) {\n\t\tif len(b) > 0 {\n\t\t\tt.Fatal(\"found\")\n\t\t}\n\t})\n}\n",
		"b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestNothing(t *testing.T) {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	err := options{dir: dir, time: "50x", workers: 1}.run(context.Background(), nil, &out)
	if err == nil || !strings.Contains(err.Error(), "1 of 2 fuzz targets failed") {
		t.Errorf("error %v", err)
	}
	if !regexp.MustCompile(`(?m)^x/a FuzzGood: [1-9]\d* executions in `).MatchString(out.String()) || !strings.Contains(out.String(), "found") {
		t.Errorf("printed %s", &out)
	}
	out.Reset()
	if err := (options{dir: dir, list: true}).run(context.Background(), nil, &out); err != nil || out.String() != "x/a FuzzGood\nx/a FuzzBad\n" {
		t.Errorf("listed %q, %v", &out, err)
	}
	var usage *cli.UsageError
	if err := (options{dir: dir}).run(context.Background(), []string{"./b"}, &out); !errors.As(err, &usage) {
		t.Errorf("without a target: %v", err)
	}
}
