// Package step is what the peers in Go share: the flags of scripts/bench, random
// windows and the JSON object that it compares. A step is what it is there: a window
// of random tokens, forward, backward, a clip of the gradient's norm at .25 and SGD
// at a rate of 1, the state carried from window to window.
package step

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ClipNorm and Rate are those of a step.
const (
	ClipNorm = 0.25
	Rate     = 1.0
)

// Sizes are those of the model, the windows and the measurement.
type Sizes struct {
	Vocab, Embed, Hidden, Layers, Batch, BPTT int
	steps, warmup, threads                    int
}

// Flags defines the flags of the sizes and parses the command line.
func Flags() *Sizes {
	s := new(Sizes)
	flag.String("model", "lstm", "lstm is all there is")
	for _, f := range []struct {
		to          *int
		name, usage string
		value       int
	}{
		{&s.Hidden, "hidden", "neurons a layer", 200},
		{&s.Embed, "embed", "embedding size", 200},
		{&s.Layers, "layers", "recurrent layers", 2},
		{&s.Vocab, "vocab", "types", 10000},
		{&s.Batch, "batch", "streams", 20},
		{&s.BPTT, "bptt", "steps of a window", 35},
		{&s.steps, "steps", "timed steps", 2},
		{&s.warmup, "warmup", "steps before that", 1},
		{&s.threads, "threads", "cores", 2},
	} {
		flag.IntVar(f.to, f.name, f.value, f.usage)
	}
	flag.Parse()
	if flag.Lookup("model").Value.String() != "lstm" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "want --model lstm and flags alone")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(s.threads)
	return s
}

// A Param is a named parameter and the bounds that it is drawn within.
type Param struct {
	Name  string
	Shape []int
	Bound float64
}

// Size is how many numbers it has.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Params lists the parameters of the model: embedding [V, E]; for each layer
// weight_ih [4H, I], weight_hh [4H, H] and bias [4H], gates i, f, g, o; decoder [V, H]
// and its bias [V].
func (s *Sizes) Params() []Param {
	k, in := 1/math.Sqrt(float64(s.Hidden)), s.Embed
	all := []Param{{"embedding", []int{s.Vocab, s.Embed}, 0.1}}
	for l := range s.Layers {
		name := fmt.Sprintf("layers.%d.", l)
		all = append(all,
			Param{name + "weight_ih", []int{4 * s.Hidden, in}, k},
			Param{name + "weight_hh", []int{4 * s.Hidden, s.Hidden}, k},
			Param{name + "bias", []int{4 * s.Hidden}, k})
		in = s.Hidden
	}
	return append(all, Param{"decoder", []int{s.Vocab, in}, k}, Param{"decoder.bias", []int{s.Vocab}, k})
}

// Draw draws values for a parameter.
func Draw[F float32 | float64](p Param, r *rand.Rand) []F {
	x := make([]F, p.Size())
	for i := range x {
		x[i] = F(p.Bound * (2*r.Float64() - 1))
	}
	return x
}

// Window draws tokens and targets [T, B].
func (s *Sizes) Window(r *rand.Rand) (x, y []int32) {
	x, y = make([]int32, s.BPTT*s.Batch), make([]int32, s.BPTT*s.Batch)
	for i := range x {
		x[i], y[i] = int32(r.IntN(s.Vocab)), int32(r.IntN(s.Vocab))
	}
	return x, y
}

// Measure times steps and prints the JSON object, with what more says.
func (s *Sizes) Measure(peer string, step func(x, y []int32) (loss float64)) {
	r := rand.New(rand.NewPCG(1, 2))
	var ms []float64
	for i := range s.warmup + s.steps {
		x, y := s.Window(r)
		begin := time.Now()
		if loss := step(x, y); !(loss > 0 && loss < 2*math.Log(float64(s.Vocab))) {
			fmt.Fprintf(os.Stderr, "step %d: a loss of %v nats\n", i, loss)
			os.Exit(1)
		}
		if i >= s.warmup {
			ms = append(ms, 1e3*time.Since(begin).Seconds())
		}
	}
	params := 0
	for _, p := range s.Params() {
		params += p.Size()
	}
	slices.Sort(ms)
	median := (ms[(len(ms)-1)/2] + ms[len(ms)/2]) / 2
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"model": "lstm", "peer": peer, "params": params, "batch": s.Batch, "bptt": s.BPTT, "hidden": s.Hidden,
		"layers": s.Layers, "vocab": s.Vocab, "threads": s.threads, "precision": "f32",
		"ms_per_step_median": median, "ms_per_step_min": ms[0],
		"tokens_per_s": float64(s.Batch*s.BPTT) / median * 1e3, "peak_rss_mb": peakMB(),
	})
}

// peakMB is the process's peak memory, 0 where the system does not say it in /proc.
func peakMB() (mb float64) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			fmt.Sscan(rest, &mb)
		}
	}
	return mb / 1024
}
