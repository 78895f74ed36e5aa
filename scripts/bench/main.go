// Command bench times full training steps of a language model on random tokens:
// forward, backward, gradient-norm clip and SGD. Its JSON has the fields of the
// PyTorch peer's, so that the two can be compared; --vs runs a peer's command in
// turn with it, A B A B ..., and prints the ratio pair by pair. --sweep shows how
// the step's time and memory grow with a size; --cpuprofile says where a step's
// time goes. --table does all of it that docs/performance.md shows, beside an earlier
// commit and PyTorch. With --ours any two commands are compared so.
//
//	go run ./scripts/bench --model modulated --json
//	go run ./scripts/bench --model modulated --pairs 8 --vs 'torch_peer.py bench --model modulated'
//	go run ./scripts/bench --ours 'eval cue --preset paper --models modulated --time 8 --json' --vs 'torch_agent.py cue modulated 200' --figure updates_per_s
//	go run ./scripts/bench --table docs/performance.md --at 3f3caa2 --peer 'python3 scripts/peer/torch_lm.py'
//	go run ./scripts/bench --model modulated --sweep hidden=100,200,400,800
//	go run ./scripts/bench --model modulated --steps 50 --cpuprofile cpu.pprof && go tool pprof -top cpu.pprof
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/lstm/optim"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() { cli.Main("bench", run) }

// options are the flags.
type options struct {
	flags                  *pflag.FlagSet // those that the values below come from
	config                 modeldir.Config
	plasticity             modeldir.Plasticity
	memory                 modeldir.Memory
	batch, bptt            int
	steps, warmup, threads int
	seed                   uint64
	forwardOnly, json      bool
	ours, vs, figure       string
	pairs                  int
	sweepOf                string
	rounds                 int
	cpuprofile             string
	tableFile, at, peer    string
	rows                   string
}

// Result is one measurement, printed as JSON.
type Result struct {
	Model         string  `json:"model"`
	ForwardOnly   bool    `json:"forward_only"`
	Alpha         string  `json:"alpha"`
	Rate          string  `json:"rate"`
	Params        int     `json:"params"`
	Batch         int     `json:"batch"`
	BPTT          int     `json:"bptt"`
	Hidden        int     `json:"hidden"`
	Layers        int     `json:"layers"`
	Vocab         int     `json:"vocab"`
	Threads       int     `json:"threads"`
	Precision     string  `json:"precision"`
	MsMedian      float64 `json:"ms_per_step_median"`
	MsMin         float64 `json:"ms_per_step_min"`
	TokensPerS    float64 `json:"tokens_per_s"`
	PeakRSSMB     float64 `json:"peak_rss_mb"`
	Kernel        string  `json:"kernel"`
	GemmGFLOPS    float64 `json:"gemm_gflops"`     // of the head's product, in this run
	FMAPeakGFLOPS float64 `json:"fma_peak_gflops"` // of a loop of multiply-adds, in this run
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{config: modeldir.Config{Format: modeldir.Format}}
	cmd := &cobra.Command{
		Use: "bench", Short: "time training steps on random tokens",
		RunE: func(*cobra.Command, []string) error { return o.run(ctx, stdout) },
	}
	f := cmd.Flags()
	o.flags = f
	f.SortFlags = false
	f.StringVar(&o.config.Model, "model", "modulated", "lstm, plastic, modulated, retroactive or readout")
	f.IntVar(&o.config.HiddenSize, "hidden", 200, "neurons a layer")
	f.IntVar(&o.config.EmbeddingSize, "embed", 200, "embedding size")
	f.IntVar(&o.config.NumLayers, "layers", 2, "recurrent layers")
	f.IntVar(&o.config.VocabSize, "vocab", 10000, "types")
	f.BoolVar(&o.config.TieWeights, "tie", false, "tied weights")
	f.IntVar(&o.batch, "batch", 20, "streams")
	f.IntVar(&o.bptt, "bptt", 35, "steps of a window")
	f.StringVar(&o.plasticity.Alpha, "alpha", "neuron", "alpha per connection, neuron or layer, or decomposed")
	f.StringVar(&o.plasticity.Rate, "rate", "neuron", "rate per connection, neuron or layer, or decomposed")
	f.StringVar(&o.plasticity.ModulatorInput, "modulator-input", "hidden", "hidden, previous_hidden or cell")
	f.StringVar(&o.plasticity.Rule, "rule", "clip", settings.Or(modeldir.Rules))
	f.Float64Var(&o.plasticity.Clip, "clip", 2, "bound of the trace")
	f.StringVar(&o.config.Precision, "precision", modeldir.F32, "what the inputs of matrix products are rounded to: f32 (not at all) or bf16")
	f.IntVar(&o.memory.KeySize, "readout-key", 64, "model readout: numbers of a key")
	f.IntVar(&o.memory.Slots, "readout-slots", 500, "model readout: words that a memory holds")
	f.BoolVar(&o.forwardOnly, "forward-only", false, "score, do not train")
	f.IntVar(&o.steps, "steps", 10, "timed steps")
	f.IntVar(&o.warmup, "warmup", 2, "steps before that")
	f.IntVar(&o.threads, "threads", 2, "cores")
	f.Uint64Var(&o.seed, "seed", 1, "seed of parameters and tokens")
	f.BoolVar(&o.json, "json", false, "print one JSON object, with --sweep one for each value")
	f.StringVar(&o.vs, "vs", "", "a peer's command, which prints a JSON object with the figure on its last line")
	f.StringVar(&o.ours, "ours", "", "with --vs, a command to run instead of timing training steps")
	f.StringVar(&o.figure, "figure", "tokens_per_s", "what to compare with --vs: a speed in the JSON objects")
	f.IntVar(&o.pairs, "pairs", 8, "pairs of runs with --vs")
	f.StringVar(&o.sweepOf, "sweep", "", "NAME=V1,V2,...: time each value of hidden (and embed, unless --embed is given), bptt, batch or vocab, and print a table and the exponents of growth")
	f.IntVar(&o.rounds, "rounds", 3, "rounds through all values with --sweep")
	f.StringVar(&o.cpuprofile, "cpuprofile", "", "file for a CPU profile of the timed steps, which go tool pprof reads")
	f.StringVar(&o.tableFile, "table", "", "Markdown file: measure now, --precision bf16, --at and --peer in turn, --pairs times, and put the table into it")
	f.StringVar(&o.at, "at", "", "with --table, the commit to compare with")
	f.StringVar(&o.peer, "peer", "", "with --table, a command that takes this one's flags, such as 'python3 scripts/peer/torch_lm.py'")
	f.StringVar(&o.rows, "rows", "", "with --table, the rows to measure, with ; between them (default: all)")
	return cli.Execute(ctx, cmd, args, stdout, stderr)
}

// validate says what is wrong with the flags of one run.
func (o *options) validate() error {
	for name, n := range map[string]int{"batch": o.batch, "bptt": o.bptt, "steps": o.steps, "threads": o.threads} {
		if n < 1 {
			return cli.Usagef("--%s %d: want at least 1", name, n)
		}
	}
	if o.warmup < 0 {
		return cli.Usagef("--warmup %d: want 0 or above", o.warmup)
	}
	switch o.config.Model {
	case modeldir.LSTM:
	case modeldir.Readout:
		o.config.Memory = &o.memory
	default:
		o.config.Plasticity = &o.plasticity
	}
	if err := o.config.Validate(); err != nil {
		return &cli.UsageError{Err: err}
	}
	return nil
}

func (o *options) run(ctx context.Context, stdout io.Writer) error {
	sweeps, compares := o.flags.Changed("sweep"), o.vs != ""
	switch {
	case o.tableFile == "" && (o.at != "" || o.peer != "" || o.rows != ""):
		return cli.Usagef("--at, --peer and --rows say what is in a table; want --table too")
	case o.tableFile != "" && (sweeps || compares || o.cpuprofile != ""):
		return cli.Usagef("--table goes with neither --sweep, --vs nor --cpuprofile; want one of them")
	case o.tableFile != "" && (o.at == "" || o.peer == ""):
		return cli.Usagef("--table compares with an earlier build and with a peer; want --at COMMIT and --peer COMMAND")
	case sweeps && compares:
		return cli.Usagef("--sweep and --vs do not go together; want one of them")
	case (sweeps || compares) && o.cpuprofile != "":
		return cli.Usagef("--cpuprofile profiles one run; want it without --sweep and --vs")
	case o.ours != "" && !compares:
		return cli.Usagef("--ours is compared with a peer: want --vs too")
	case o.pairs < 1:
		return cli.Usagef("--pairs %d: want at least 1", o.pairs)
	case o.rounds < 1:
		return cli.Usagef("--rounds %d: want at least 1", o.rounds)
	case !sweeps && o.flags.Changed("rounds"):
		return cli.Usagef("--rounds %d: counts the rounds of a sweep; want it with --sweep", o.rounds)
	case o.tableFile != "":
		return o.table(ctx, stdout)
	case sweeps:
		return o.sweep(ctx, stdout)
	}
	if o.ours == "" {
		if err := o.validate(); err != nil {
			return err
		}
	}
	if compares {
		return o.compare(ctx, stdout)
	}
	runtime.GOMAXPROCS(o.threads)
	r, err := o.measure(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	_, err = fmt.Fprintf(stdout, "%s, %d parameters, %d x %d tokens a step, %s, %s, %s: %.1f ms a step (least %.1f), %.0f tokens/s, %.0f MB; head's product %.0f of %.0f GFLOP/s\n",
		r.Model, r.Params, r.Batch, r.BPTT, progress.Count(r.Threads, "core"), r.Kernel, r.Precision, r.MsMedian, r.MsMin, r.TokensPerS, r.PeakRSSMB, r.GemmGFLOPS, r.FMAPeakGFLOPS)
	return err
}

// measure times steps as the peer does: random tokens, the state carried.
func (o *options) measure(ctx context.Context) (Result, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(5)) // as a training does
	m, err := lm.New[float32](o.config, o.seed)
	if err != nil {
		return Result{}, err
	}
	var params []optim.Param
	for _, p := range m.Params {
		params = append(params, optim.Param{Name: p.Name, Shape: p.Shape, Value: p.Value})
	}
	var sgd optim.SGD
	r := rng.New(o.seed, "tokens")
	n := o.batch * o.bptt
	x, y := make([]int32, n), make([]int32, n)
	state := m.NewState(o.batch)
	if o.forwardOnly {
		defer m.Hold()()
	}
	var profile bytes.Buffer
	defer pprof.StopCPUProfile() // does nothing where none was begun or it has ended
	var seconds []float64
	for step := range o.warmup + o.steps {
		if err := ctx.Err(); err != nil {
			return Result{}, context.Cause(ctx)
		}
		if step == o.warmup && o.cpuprofile != "" {
			if err := pprof.StartCPUProfile(&profile); err != nil {
				return Result{}, err
			}
		}
		for i := range x {
			x[i], y[i] = int32(r.IntN(o.config.VocabSize)), int32(r.IntN(o.config.VocabSize))
		}
		begin := time.Now()
		if o.forwardOnly {
			_, err = m.Score(x, y, state)
		} else if _, err = m.Train(x, y, state, 0, nil); err == nil {
			for i, p := range m.Params {
				params[i].Grad, params[i].Rows = p.Grad, p.Rows
			}
			var norm float64
			if norm, err = optim.GlobalNorm(params); err == nil {
				err = sgd.Step(params, 1, optim.ClipScale(norm, 0.25))
			}
		}
		if err != nil {
			return Result{}, err
		}
		if step >= o.warmup {
			seconds = append(seconds, time.Since(begin).Seconds())
		}
	}
	if pprof.StopCPUProfile(); o.cpuprofile != "" {
		if err := atomicfile.Write(o.cpuprofile, func(w io.Writer) error { _, err := profile.WriteTo(w); return err }); err != nil {
			return Result{}, fmt.Errorf("--cpuprofile: %w", err)
		}
	}
	slices.Sort(seconds)
	median := seconds[len(seconds)/2]
	c := o.config
	_, last := c.LayerSize(c.NumLayers - 1) // whose size is the embedding's with tied weights
	return Result{
		Model: c.Model, ForwardOnly: o.forwardOnly, Alpha: o.plasticity.Alpha, Rate: o.plasticity.Rate, Params: c.ParamCount(),
		Batch: o.batch, BPTT: o.bptt, Hidden: c.HiddenSize, Layers: c.NumLayers, Vocab: c.VocabSize, Threads: o.threads, Precision: c.Precision,
		MsMedian: 1e3 * median, MsMin: 1e3 * seconds[0], TokensPerS: float64(n) / median, PeakRSSMB: peakRSS(),
		Kernel: kernel.Level(), GemmGFLOPS: gemmGFLOPS(lm.Precision(c), n, last, c.VocabSize), FMAPeakGFLOPS: kernel.PeakFMA(o.threads),
	}, nil
}

// gemmGFLOPS is the best rate of a few runs of the head's product.
func gemmGFLOPS(in kernel.Precision, m, k, n int) float64 {
	a, b, c := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
	best := math.Inf(1)
	for range 5 {
		begin := time.Now()
		kernel.GemmIn(in, false, true, m, n, k, 1, a, k, b, k, 0, c, n)
		best = min(best, time.Since(begin).Seconds())
	}
	return 2 * float64(m) * float64(n) * float64(k) / best / 1e9
}
