package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// asCommand in the environment makes the test binary the command itself, which
// a sweep starts once a value and round.
const asCommand = "ENGRAM_TEST_AS_BENCH"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main() // exits
	}
	os.Exit(m.Run())
}

// output is what a run prints that must end well.
func output(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv(asCommand, "1")
	var out bytes.Buffer
	if err := run(context.Background(), append(append([]string{}, small...), args...), &out, io.Discard); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

func TestExponent(t *testing.T) {
	x := []float64{50, 100, 300, 1000}
	for _, want := range []float64{-1, 0, 1, 1.53, 2} {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = 0.007 * math.Pow(x[i], want)
		}
		if got := exponent(x, y); !(math.Abs(got-want) <= 1e-12) {
			t.Errorf("exponent of x^%v is %v", want, got)
		}
	}
}

func TestSweepErrors(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--sweep", ""}, "want NAME=V1,V2"},
		{[]string{"--sweep", "hidden"}, "want NAME=V1,V2"},
		{[]string{"--sweep", "layers=1,2"}, "one of hidden, bptt, batch, vocab"},
		{[]string{"--sweep", "hidden="}, `value "" is not valid`},
		{[]string{"--sweep", "hidden=8,x"}, `value "x" is not valid`},
		{[]string{"--sweep", "hidden=8,0"}, `value "0" is not valid`},
		{[]string{"--sweep", "hidden=8,16,"}, `value "" is not valid`},
		{[]string{"--sweep", "hidden=8,16,8"}, "value 8 is there twice"},
		{[]string{"--sweep", "hidden=8"}, "want two or more"},
		{[]string{"--sweep", "hidden=8,16", "--rounds", "0"}, "--rounds 0"},
		{[]string{"--rounds", "2"}, "want it with --sweep"},
		{[]string{"--sweep", "hidden=8,16", "--steps", "0"}, "--steps 0"},
		{[]string{"--sweep", "hidden=8,16", "--vs", "true"}, "--sweep and --vs"},
		{[]string{"--sweep", "hidden=8,16", "--cpuprofile", "cpu"}, "--cpuprofile"},
		{[]string{"--vs", "true", "--cpuprofile", "cpu"}, "--cpuprofile"},
		{[]string{"--warmup", "-1"}, "--warmup -1"},
	} {
		err := run(context.Background(), c.args, io.Discard, io.Discard)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want one of usage in one line with %q", c.args, err, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	got := summary([]Result{
		{Hidden: 8, MsMedian: 5, MsMin: 3, TokensPerS: 20, PeakRSSMB: 7},
		{Hidden: 8, MsMedian: 9, MsMin: 2, TokensPerS: 10, PeakRSSMB: 9},
		{Hidden: 8, MsMedian: 4, MsMin: 4, TokensPerS: 25, PeakRSSMB: 8},
	})
	if want := (Result{Hidden: 8, MsMedian: 5, MsMin: 2, TokensPerS: 20, PeakRSSMB: 8}); got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
}

func TestTable(t *testing.T) {
	point := func(v int, ms, least, mb float64) Point {
		return Point{Sweep: "hidden", Value: v, Result: Result{MsMedian: ms, MsMin: least, TokensPerS: 1000, PeakRSSMB: mb}}
	}
	head := "| hidden | ms a step (median) | ms a step (least) | tokens/s | peak MB |\n|--:|--:|--:|--:|--:|\n"
	for _, c := range []struct {
		points []Point
		want   string
	}{
		{[]Point{point(10, 7, 1, 20), point(20, 9, 4, 40)},
			head + "| 10 | 7 | 1 | 1000 | 20.0 |\n| 20 | 9 | 4 | 1000 | 40.0 |\n\ntime ~ hidden^2.00, memory ~ hidden^1.00\n"},
		{[]Point{point(10, 7, 1, 0), point(20, 9, 4, 0)}, // the system does not tell the memory
			head + "| 10 | 7 | 1 | 1000 | 0.0 |\n| 20 | 9 | 4 | 1000 | 0.0 |\n\ntime ~ hidden^2.00\n"},
	} {
		if got := table(c.points); got != c.want {
			t.Errorf("table:\n%s\nwant:\n%s", got, c.want)
		}
	}
}

// A sweep's table has a row for each value and the exponents.
func TestSweep(t *testing.T) {
	out := output(t, "--sweep", "bptt=2,8", "--rounds", "2")
	number := `[0-9.e+-]+`
	row := func(v string) string {
		return `\| ` + v + strings.Repeat(` \| `+number, 4) + ` \|\n`
	}
	want := regexp.MustCompile(`^\| bptt \|.*\n\|[-:|]+\|\n` + row("2") + row("8") + `\ntime ~ bptt\^` + number + `(, memory ~ bptt\^` + number + `)?\n$`)
	if !want.MatchString(out) {
		t.Errorf("the sweep printed:\n%s\nwant %s", out, want)
	}
}

// Each value reaches its run beside the other flags; embed follows hidden only
// where it was not given.
func TestSweepJSON(t *testing.T) {
	type sizes struct{ Hidden, BPTT, Batch, Vocab int }
	points := func(out string) (points []Point) {
		in := json.NewDecoder(strings.NewReader(out))
		for {
			var p Point
			if err := in.Decode(&p); err == io.EOF {
				return points
			} else if err != nil {
				t.Fatalf("printed %q: %v", out, err)
			}
			points = append(points, p)
		}
	}
	for name, want := range map[string][2]sizes{
		"hidden": {{5, 4, 3, 50}, {9, 4, 3, 50}},
		"bptt":   {{8, 5, 3, 50}, {8, 9, 3, 50}},
		"batch":  {{8, 4, 5, 50}, {8, 4, 9, 50}},
		"vocab":  {{8, 4, 3, 5}, {8, 4, 3, 9}},
	} {
		got := points(output(t, "--sweep", name+"=5,9", "--rounds", "1", "--json", "--model", "lstm"))
		if len(got) != 2 {
			t.Fatalf("%s: %d objects, want 2", name, len(got))
		}
		for i, p := range got {
			if have := (sizes{p.Hidden, p.BPTT, p.Batch, p.Vocab}); have != want[i] || p.Model != "lstm" || p.Sweep != name || p.Value != []int{5, 9}[i] || p.Rounds != 1 {
				t.Errorf("%s: object %d is %+v, want the sizes %v", name, i, p, want[i])
			}
		}
	}

	// The number of parameters tells what the embedding's size was.
	alone := func(args ...string) int { return points(output(t, append(args, "--json")...))[0].Params }
	embedGiven := points(output(t, "--sweep", "hidden=5,9", "--rounds", "1", "--json"))
	if want := alone("--hidden", "5", "--embed", "8"); embedGiven[0].Params != want {
		t.Errorf("with --embed 8, hidden=5 has %d parameters, want %d", embedGiven[0].Params, want)
	}
	t.Setenv(asCommand, "1")
	var out bytes.Buffer
	args := []string{"--vocab", "50", "--batch", "2", "--bptt", "2", "--steps", "1", "--sweep", "hidden=5,9", "--rounds", "1", "--json"}
	if err := run(context.Background(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, want := points(out.String())[1].Params, alone("--hidden", "9", "--embed", "9"); got != want {
		t.Errorf("without --embed, hidden=9 has %d parameters, want %d", got, want)
	}
}

// The profile is one of CPU time, in pprof's format.
func TestCPUProfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu.pprof")
	output(t, "--cpuprofile", path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := io.ReadAll(z)
	if err != nil || !bytes.Contains(profile, []byte("nanoseconds")) {
		t.Errorf("the profile is %q, error %v; want one in nanoseconds", profile, err)
	}
	missing := filepath.Join(t.TempDir(), "nosuch", "cpu.pprof")
	if err := run(context.Background(), append([]string{"--cpuprofile", missing}, small...), io.Discard, io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a profile in a folder that is not there: error %v", err)
	}
}
