// Command steps times steps of a network without fixed weights (plasticlstm/evolved,
// 64 neurons, decomposed rule, one thread) in turn with the same network as plain
// loops in C, compiled by gcc -O3 -march=native:
//
//	go run ./scripts/steps
//
// Both begin with the same numbers; their outputs must agree before anything is
// timed. It prints the median of the steps a second of each, over so many turns, and
// the median of the turns' ratios, which is above 1 where this module is faster.
package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/stats"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

const (
	hidden, inputs, outputs = 64, 15, 5
	life                    = 1600 // steps, as of eight rollouts that never arrive
	checked                 = 20   // steps whose outputs are summed
)

func main() { cli.Main("steps", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var turns, steps int
	c := &cobra.Command{
		Use: "steps", Short: "time steps of a network without fixed weights beside plain loops in C",
		RunE: func(*cobra.Command, []string) error { return compare(ctx, stdout, turns, steps) },
	}
	c.Flags().IntVar(&turns, "turns", 9, "turns")
	c.Flags().IntVar(&steps, "steps", 400_000, "steps of a turn, each side")
	return cli.Execute(ctx, c, args, stdout, stderr)
}

func compare(ctx context.Context, w io.Writer, turns, steps int) error {
	dir, err := os.MkdirTemp("", "steps")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "peer")
	if out, err := exec.CommandContext(ctx, "gcc", "-O3", "-march=native", "-o", binary, "scripts/peer/evolved_step.c", "-lm").CombinedOutput(); err != nil {
		return fmt.Errorf("gcc: %w: %s; want gcc, and to be started from the module's folder", err, out)
	}
	runtime.GOMAXPROCS(1)
	var ours, theirs, ratios []float64
	for range turns {
		out, err := exec.CommandContext(ctx, binary, strconv.Itoa(steps)).Output()
		if err != nil {
			return err
		}
		var want, peer float64
		if _, err := fmt.Sscan(string(out), &want, &peer); err != nil {
			return fmt.Errorf("the peer prints %q: %w", out, err)
		}
		got, own := timed(steps)
		if !(math.Abs(got-want) <= 1e-3) {
			return fmt.Errorf("the outputs sum to %v, the peer's to %v", got, want)
		}
		ours, theirs, ratios = append(ours, own), append(theirs, peer), append(ratios, own/peer)
	}
	_, err = fmt.Fprintf(w, "engram %.0f steps/s (%s), gcc -O3 -march=native %.0f steps/s; ratio %.2f (%.2f to %.2f over %d turns)\n",
		stats.Median(ours), kernel.Level(), stats.Median(theirs), stats.Median(ratios), slices.Min(ratios), slices.Max(ratios), turns)
	return err
}

// lcg draws the numbers that the peer draws.
type lcg uint64

func (s *lcg) draw() float32 {
	*s = *s*6364136223846793005 + 1442695040888963407
	return float32(*s>>40)/16777216 - 0.5
}

// timed returns the sum of the outputs of the first steps, and the steps a second.
func timed(steps int) (sum, perSecond float64) {
	net, err := evolved.New(inputs, hidden, outputs, evolved.Options{Modulation: evolved.After})
	if err != nil {
		panic(err) // sizes and options that are right
	}
	draws := lcg(1)
	var params [][]float32
	for _, p := range net.Params() {
		scale := float32(1)
		if len(p.Name) > 3 && p.Name[2] == '.' { // hh.K and ih.K
			scale = 0.2
		}
		x := make([]float32, p.Size())
		for i := range x {
			x[i] = scale * draws.draw()
		}
		params = append(params, x)
	}
	genome, agent := evolved.NewGenome(net, params), evolved.NewLife[float32](net)
	x, o := make([]float32, inputs), make([]float32, outputs)
	began := time.Now()
	for s := range steps {
		if s%life == 0 {
			agent.Begin(genome, nil)
			draws = 7
		}
		clear(x)
		for i := range 9 {
			if draws.draw() > 0 {
				x[i] = 1
			}
		}
		x[9+s%4] = 1
		agent.Step(x, o)
		if s < checked {
			for _, v := range o {
				sum += float64(v)
			}
		}
	}
	return sum, float64(steps) / time.Since(began).Seconds()
}
