// Command gemm times the three matrix products of a language model's head: logits
// = h W^T, dh = dlogits W and dW = dlogits^T h, for h [rows, hidden], W [vocab,
// hidden] and dlogits [rows, vocab]. It prints one JSON object a product. --vs runs
// a peer's command in turn with it, A B A B ..., each in a process of its own, and
// prints the ratios pair by pair.
//
//	go run ./scripts/gemm --threads 1
//	go run ./scripts/gemm --threads 1 --vs 'python3 scripts/peer/torch_mm.py --threads 1'
package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/spf13/cobra"
)

func main() { cli.Main("gemm", run) }

// options are the flags.
type options struct {
	rows, hidden, vocab int
	threads, pairs      int
	seconds             float64
	vs                  string
}

// Result is the measurement of one product; a peer prints all but the last three
// fields.
type Result struct {
	Product    string  `json:"product"`
	Threads    int     `json:"threads"`
	Runs       int     `json:"runs"`
	GFLOPS     float64 `json:"gflops"`      // of the median run
	GFLOPSBest float64 `json:"gflops_best"` // of the fastest run
	Kernel     string  `json:"kernel,omitempty"`
	PeakFMA    float64 `json:"fma_peak_gflops,omitempty"` // of a loop of multiply-adds, just before
	Share      float64 `json:"share_of_peak,omitempty"`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	cmd := &cobra.Command{
		Use: "gemm", Short: "time the matrix products of a language model's head",
		RunE: func(*cobra.Command, []string) error { return o.run(ctx, stdout) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.rows, "rows", 700, "tokens of a window")
	f.IntVar(&o.hidden, "hidden", 200, "size of the last layer")
	f.IntVar(&o.vocab, "vocab", 10000, "types")
	f.IntVar(&o.threads, "threads", 2, "cores")
	f.Float64Var(&o.seconds, "seconds", 0.5, "least time to spend on a product")
	f.StringVar(&o.vs, "vs", "", "a peer's command, which prints a JSON object a product with its gflops")
	f.IntVar(&o.pairs, "pairs", 8, "pairs of runs with --vs")
	return cli.Execute(ctx, cmd, args, stdout, stderr)
}

func (o *options) run(ctx context.Context, stdout io.Writer) error {
	for _, f := range []struct {
		name  string
		value int
	}{{"rows", o.rows}, {"hidden", o.hidden}, {"vocab", o.vocab}, {"threads", o.threads}, {"pairs", o.pairs}} {
		if f.value < 1 {
			return cli.Usagef("--%s %d: want at least 1", f.name, f.value)
		}
	}
	if !(o.seconds > 0 && o.seconds <= 3600) {
		return cli.Usagef("--seconds %v: want more than 0 and at most 3600", o.seconds)
	}
	if o.vs != "" {
		return o.compare(ctx, stdout)
	}
	runtime.GOMAXPROCS(o.threads)
	return o.measure(ctx, json.NewEncoder(stdout).Encode)
}

// measure times each product until it has run often and long enough.
func (o *options) measure(ctx context.Context, emit func(any) error) error {
	m, k, n := o.rows, o.hidden, o.vocab
	h, w, dlogits := random(m*k), random(n*k), random(m*n)
	logits, dh, dw := make([]float32, m*n), make([]float32, m*k), make([]float32, n*k)
	for _, p := range []struct {
		name    string
		product func()
	}{
		{"logits", func() { kernel.Gemm(false, true, m, n, k, 1, h, k, w, k, 0, logits, n) }},
		{"dh", func() { kernel.Gemm(false, false, m, k, n, 1, dlogits, n, w, k, 0, dh, k) }},
		{"dw", func() { kernel.Gemm(true, false, n, k, m, 1, dlogits, n, h, k, 0, dw, k) }},
	} {
		peak := kernel.PeakFMA(o.threads)
		for range 2 {
			p.product()
		}
		var times []float64
		for total := 0.0; total < o.seconds || len(times) < 5; {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			begin := time.Now()
			p.product()
			times = append(times, time.Since(begin).Seconds())
			total += times[len(times)-1]
		}
		flops := 2e-9 * float64(m) * float64(k) * float64(n)
		r := Result{
			Product: p.name, Threads: o.threads, Runs: len(times),
			GFLOPS: flops / median(times), GFLOPSBest: flops / slices.Min(times),
			Kernel: kernel.Level(), PeakFMA: peak, Share: flops / median(times) / peak,
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	return x
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
