// Command plant shows that the tests of the hand-written backward passes can
// fail: it plants one error at a time (a sign, a factor, a term left out), runs
// the tests that should catch it, and fails if any error goes unnoticed. The
// files themselves are not touched: the go command reads the planted version
// through an overlay.
//
//	go run ./scripts/plant [-v] [NAME...]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	verbose := flag.Bool("v", false, "print what the tests say")
	flag.Parse()
	if err := run(*verbose, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "plant:", err)
		os.Exit(1)
	}
}

func run(verbose bool, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(errors, func(e planted) bool { return e.name == name }) {
			return fmt.Errorf("%s: no such error; scripts/plant/errors.go lists them", name)
		}
	}
	dir, err := os.MkdirTemp("", "plant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	missed := 0
	for _, e := range errors {
		if len(names) > 0 && !slices.Contains(names, e.name) {
			continue
		}
		said, caught, err := e.plant(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		verdict := "caught"
		if !caught {
			verdict = "MISSED"
			missed++
		}
		fmt.Printf("%-7s %-18s %s: %q becomes %q\n", verdict, e.name, e.file, e.old, e.new)
		if verbose {
			fmt.Println(said)
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d planted errors went unnoticed", missed)
	}
	return nil
}

// plant runs the tests with the error in place. The tests must first be known to
// pass without it, and the planted version must compile.
func (e planted) plant(dir string) (said string, caught bool, err error) {
	source, err := os.ReadFile(e.file)
	if err != nil {
		return "", false, err
	}
	text, err := e.in(string(source))
	if err != nil {
		return "", false, err
	}
	path, err := filepath.Abs(e.file)
	if err != nil {
		return "", false, err
	}
	changed := filepath.Join(dir, filepath.Base(e.file))
	if err := os.WriteFile(changed, []byte(text), 0o666); err != nil {
		return "", false, err
	}
	overlay := filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", false, err
	}
	if err := os.WriteFile(overlay, b, 0o666); err != nil {
		return "", false, err
	}
	cmd := exec.Command("go", "test", "-overlay", overlay, "-run", e.run, "-count", "1", e.pkg)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "no tests to run") {
		return "", false, fmt.Errorf("no verdict: %s", out)
	}
	return string(out), err != nil, nil
}

// in returns a source with the error in it.
func (e planted) in(source string) (string, error) {
	before, text, ok := strings.Cut(source, e.after)
	if !ok {
		return "", fmt.Errorf("%s does not hold %q", e.file, e.after)
	}
	if n := strings.Count(text, e.old); n == 0 || n > 1 && e.after == "" {
		return "", fmt.Errorf("%s holds %q %d times; want once, so that the error has one place", e.file, e.old, n)
	}
	return before + e.after + strings.Replace(text, e.old, e.new, 1), nil
}
