package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/stats"
	"gonum.org/v1/gonum/stat"
)

// sweepable are the sizes that --sweep varies, by their flags.
var sweepable = []string{"hidden", "bptt", "batch", "vocab"}

// Point is what the rounds of one value of a sweep say together: the medians
// over the rounds, but for the least time, which is the least of all.
type Point struct {
	Sweep  string `json:"sweep"`
	Value  int    `json:"value"`
	Rounds int    `json:"rounds"`
	Result
}

// sweep times the values of --sweep, each in a process of its own, and prints
// how the step's time and memory grow with them. Every round goes through all
// values, so that a drift of the machine hits all alike.
func (o *options) sweep(ctx context.Context, stdout io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	name, values, err := parseSweep(o.sweepOf)
	if err != nil {
		return err
	}
	// All values are checked before the first one runs.
	args := make([][]string, len(values))
	embed := o.flags.Changed("embed")
	for i, v := range values {
		if err := o.flags.Set(name, strconv.Itoa(v)); err != nil {
			return err
		}
		if name == "hidden" && !embed {
			if err := o.flags.Set("embed", strconv.Itoa(v)); err != nil {
				return err
			}
		}
		if err := o.validate(); err != nil {
			return cli.Usagef("--sweep %s: %s=%d: %w", o.sweepOf, name, v, err)
		}
		args[i] = o.passOn()
	}
	runs := make([][]Result, len(values))
	for range o.rounds {
		for i := range values {
			var r Result
			if err := object(exec.CommandContext(ctx, self, args[i]...), &r); err != nil {
				return err
			}
			runs[i] = append(runs[i], r)
		}
	}
	points := make([]Point, len(values))
	for i, v := range values {
		points[i] = Point{Sweep: name, Value: v, Rounds: o.rounds, Result: summary(runs[i])}
	}
	if o.json {
		out := json.NewEncoder(stdout)
		for _, p := range points {
			if err := out.Encode(p); err != nil {
				return err
			}
		}
		return nil
	}
	_, err = io.WriteString(stdout, table(points))
	return err
}

// parseSweep reads NAME=V1,V2,...
func parseSweep(s string) (name string, values []int, err error) {
	name, list, found := strings.Cut(s, "=")
	if !found || !slices.Contains(sweepable, name) {
		return "", nil, cli.Usagef("--sweep %q: want NAME=V1,V2,... with NAME one of %s", s, strings.Join(sweepable, ", "))
	}
	for field := range strings.SplitSeq(list, ",") {
		v, err := strconv.Atoi(field)
		if err != nil || v < 1 {
			return "", nil, cli.Usagef("--sweep %q: value %q is not valid; want a whole number, 1 or above", s, field)
		}
		if slices.Contains(values, v) {
			return "", nil, cli.Usagef("--sweep %q: value %d is there twice; want each once (--rounds repeats them all)", s, v)
		}
		values = append(values, v)
	}
	if len(values) < 2 {
		return "", nil, cli.Usagef("--sweep %q: one value shows no growth; want two or more", s)
	}
	return name, values, nil
}

// summary is the rounds' runs of one value as one result.
func summary(runs []Result) Result {
	over := func(field func(Result) float64) []float64 {
		var x []float64
		for _, r := range runs {
			x = append(x, field(r))
		}
		return x
	}
	s := runs[0]
	s.MsMedian = stats.Median(over(func(r Result) float64 { return r.MsMedian }))
	s.MsMin = slices.Min(over(func(r Result) float64 { return r.MsMin }))
	s.TokensPerS = stats.Median(over(func(r Result) float64 { return r.TokensPerS }))
	s.PeakRSSMB = stats.Median(over(func(r Result) float64 { return r.PeakRSSMB }))
	s.GemmGFLOPS = stats.Median(over(func(r Result) float64 { return r.GemmGFLOPS }))
	s.FMAPeakGFLOPS = stats.Median(over(func(r Result) float64 { return r.FMAPeakGFLOPS }))
	return s
}

// table is a sweep in Markdown, and under it the exponents of growth.
func table(points []Point) string {
	var b strings.Builder
	name := points[0].Sweep
	fmt.Fprintf(&b, "| %s | ms a step (median) | ms a step (least) | tokens/s | peak MB |\n|--:|--:|--:|--:|--:|\n", name)
	var size, ms, mb []float64
	for _, p := range points {
		fmt.Fprintf(&b, "| %d | %.4g | %.4g | %.0f | %.1f |\n", p.Value, p.MsMedian, p.MsMin, p.TokensPerS, p.PeakRSSMB)
		size, ms, mb = append(size, float64(p.Value)), append(ms, p.MsMin), append(mb, p.PeakRSSMB)
	}
	fmt.Fprintf(&b, "\ntime ~ %s^%.2f", name, exponent(size, ms))
	// Where the system does not tell the memory it is 0, which has no logarithm.
	if slices.Min(mb) > 0 {
		fmt.Fprintf(&b, ", memory ~ %s^%.2f", name, exponent(size, mb))
	}
	b.WriteByte('\n')
	return b.String()
}

// exponent is the p of the power law y = c x^p that fits best: the slope of
// least squares of log y on log x. All of x and y are above 0.
func exponent(x, y []float64) float64 {
	logs := func(v []float64) []float64 {
		l := make([]float64, len(v))
		for i := range v {
			l[i] = math.Log(v[i])
		}
		return l
	}
	_, slope := stat.LinearRegression(logs(x), logs(y), nil, false)
	return slope
}
