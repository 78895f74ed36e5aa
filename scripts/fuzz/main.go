// Command fuzz runs every fuzz target of the module for a while, one after the
// other, and prints a line for each.
//
//	go run ./scripts/fuzz --time 10s
//	go run ./scripts/fuzz --time 1000000x ./tokenizer ./internal/...
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/spf13/cobra"
)

func main() { cli.Main("fuzz", run) }

// options are the flags.
type options struct {
	dir     string // where go runs; empty for the working directory
	time    string
	workers int
	list    bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	cmd := &cobra.Command{
		Use: "fuzz [PACKAGE...]", Short: "run every fuzz target for a while", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, packages []string) error { return o.run(ctx, packages, stdout) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.time, "time", "10s", "how long each target runs: a duration, or 1000x for so many executions")
	f.IntVar(&o.workers, "workers", 1, "processes that run a target side by side")
	f.BoolVar(&o.list, "list", false, "print the targets and run none")
	return cli.Execute(ctx, cmd, args, stdout, stderr)
}

// target is a fuzz target of a package.
type target struct{ pkg, name string }

func (o options) run(ctx context.Context, packages []string, stdout io.Writer) error {
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	out, err := o.goTest(ctx, append([]string{"-list", "^Fuzz"}, packages...)...)
	if err != nil {
		fmt.Fprint(stdout, out)
		return err
	}
	targets := parse(out)
	if len(targets) == 0 {
		return cli.Usagef("no fuzz target in %s: want packages that have one", strings.Join(packages, " "))
	}
	failed := 0
	for _, t := range targets {
		if o.list {
			fmt.Fprintf(stdout, "%s %s\n", t.pkg, t.name)
			continue
		}
		began := time.Now()
		out, err := o.goTest(ctx, "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", o.time, "-fuzzminimizetime", "20x", "-parallel", fmt.Sprint(o.workers), t.pkg)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(stdout, "%s %s: %s executions in %v\n", t.pkg, t.name, executions(out), time.Since(began).Round(time.Second))
		if err != nil && !timeWasUp(out) {
			failed++
			fmt.Fprintf(stdout, "%s", out)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d fuzz targets failed; the inputs that go test has written to testdata/fuzz make them fail again", failed, len(targets))
	}
	return nil
}

// goTest runs go test and returns what it prints.
func (o options) goTest(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...)
	cmd.Dir = o.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	}
	return out.String(), err
}

// upAtDeadline is what go test says where nothing failed but its own deadline.
var upAtDeadline = regexp.MustCompile(`(?m)^--- FAIL: Fuzz\w+ \([\d.]+s\)\n    context deadline exceeded\nFAIL$`)

// timeWasUp reports whether a target only came to the end of its time. When that
// comes while an input is at work, go test may call it a failure: a race of Go's
// own (golang.org/issue/75804), mended in Go 1.27. A failing input is always
// written down and named.
func timeWasUp(out string) bool {
	return upAtDeadline.MatchString(out) && !strings.Contains(out, "Failing input")
}

// parse reads what go test -list prints: the names of a package's targets, a line
// each, and then a line of the package.
func parse(list string) (targets []target) {
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{fields[1], name})
			}
			names = nil
		}
	}
	return targets
}

var progress = regexp.MustCompile(`execs: (\d+)`)

// executions returns the number in the last line of a target's progress.
func executions(out string) string {
	all := progress.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return "no"
	}
	return all[len(all)-1][1]
}
