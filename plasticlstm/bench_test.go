package plasticlstm_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// BenchmarkWindow is a layer's forward and backward pass over a window, at the
// sizes of the small Penn Treebank model; the standard LSTM is what plasticity
// is measured against.
func BenchmarkWindow(b *testing.B) {
	const hidden, streams, steps = 200, 20, 35
	layers := map[string]lstm.Layer{"lstm": lstm.LSTM{In: hidden, Hidden: hidden}}
	names := []string{"lstm"}
	for _, modulation := range []plasticlstm.Modulation{plasticlstm.None, plasticlstm.Simple, plasticlstm.Retroactive} {
		for _, grain := range []plasticlstm.Granularity{plasticlstm.PerNeuron, plasticlstm.PerConnection} {
			l, err := plasticlstm.New(hidden, hidden, plasticlstm.Options{Modulation: modulation, Alpha: grain, Rate: grain})
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("%s/%s", modulation, grain)
			layers[name], names = l, append(names, name)
		}
	}
	for _, name := range names {
		l := layers[name]
		r := rng.New(1, "bench")
		draw := func(n int, lo, hi float64) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.Uniform(lo, hi))
			}
			return x
		}
		var params, grads [][]float32
		for _, p := range l.Params() {
			params, grads = append(params, draw(p.Size(), p.Lo, p.Hi)), append(grads, make([]float32, p.Size()))
		}
		rows := steps * streams
		x, dx := draw(rows*hidden, -1, 1), make([]float32, rows*hidden)
		out, dout := make([]float32, rows*hidden), draw(rows*hidden, -0.01, 0.01)
		state := make([]float32, lstm.StateSize(l, streams))
		scan := lstm.NewScan[float32](l)
		b.Run(name, func(b *testing.B) {
			least := time.Duration(math.MaxInt64)
			for b.Loop() {
				begin := time.Now()
				scan.Begin(streams, steps, params, state)
				scan.Forward(steps, x, out)
				scan.State(state)
				scan.Backward(dout, nil, dx, nil, grads)
				least = min(least, time.Since(begin))
			}
			b.ReportMetric(least.Seconds()*1e3, "ms-least")
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// patterns are the inputs [106, n] of the papers' task: five patterns of +-20,
// shown twice for 6 steps with 4 empty ones between, then half of one for 6.
func patterns(r *rng.Stream, n int) (x []float32) {
	row := func(shown int, share float64) {
		bits := rng.New(uint64(shown), "pattern")
		for range n {
			v := float32(40*bits.IntN(2) - 20)
			if r.Float64() >= share {
				v = 0
			}
			x = append(x, v)
		}
	}
	for k := range 10 {
		for range 6 {
			row(k%5, 1)
		}
		x = append(x, make([]float32, 4*n)...)
	}
	half := len(x)
	row(0, 0.5)
	for range 5 {
		x = append(x, x[half:half+n]...)
	}
	return x
}

// images are the inputs [201, 2n]: three images, clamped three times for 20 steps
// with 2 empty ones between, then half of one for 3.
func images(r *rng.Stream, n int) (x []float32) {
	row := func(shown, clamped int) {
		pixels := rng.New(uint64(shown), "image")
		first := len(x)
		x = append(x, make([]float32, 2*n)...)
		for j := range clamped {
			x[first+j], x[first+n+j] = float32(pixels.Float64()-0.5), 1
		}
	}
	for k := range 9 {
		for step := range 22 {
			clamped := n
			if step >= 20 {
				clamped = 0
			}
			row(k%3, clamped)
		}
	}
	for range 3 {
		row(0, n/2)
	}
	return x
}

// BenchmarkEpisode is the forward and the backward pass over an episode of one
// large stream, as the tasks of patterns and of images have them; the peer is
// scripts/peer/torch_rnn.py.
func BenchmarkEpisode(b *testing.B) {
	for _, c := range []struct {
		name     string
		n, steps int
		inputs   func(*rng.Stream, int) []float32
		opt      plasticlstm.Options
	}{
		{"patterns", 1001, 106, patterns, plasticlstm.Options{Feed: lstm.Direct, Rule: plasticlstm.Decay, Rate: plasticlstm.PerLayer}},
		{"modulated", 1001, 106, patterns, plasticlstm.Options{Feed: lstm.Direct, Modulation: plasticlstm.Simple, Rate: plasticlstm.PerLayer}},
		{"images", 1025, 201, images, plasticlstm.Options{Feed: lstm.Clamped, Rule: plasticlstm.Decay, Rate: plasticlstm.PerLayer}},
	} {
		l, err := plasticlstm.NewRNN(c.opt.Feed.InputSize(0, c.n), c.n, c.opt)
		if err != nil {
			b.Fatal(err)
		}
		r := rng.New(1, "bench")
		draw := func(n int, lo, hi float64) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.Uniform(lo, hi))
			}
			return x
		}
		var params, grads [][]float32
		for _, p := range l.Params() {
			v := draw(p.Size(), -0.02, 0.02)
			if p.Name == "eta" {
				v[0] = 0.01
			}
			params, grads = append(params, v), append(grads, make([]float32, p.Size()))
		}
		x, out := c.inputs(r, c.n), make([]float32, c.steps*c.n)
		dout := make([]float32, c.steps*c.n)
		copy(dout[(c.steps-1)*c.n:], draw(c.n, -1, 1))
		state := make([]float32, lstm.StateSize(l, 1))
		scan := lstm.NewScan[float32](l)
		b.Run(c.name, func(b *testing.B) {
			forward, whole := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			for b.Loop() {
				begin := time.Now()
				scan.Begin(1, c.steps, params, state)
				scan.Forward(c.steps, x, out)
				forward = min(forward, time.Since(begin))
				scan.Backward(dout, nil, nil, nil, grads)
				whole = min(whole, time.Since(begin))
			}
			b.ReportMetric(forward.Seconds()*1e3, "ms-forward")
			b.ReportMetric(whole.Seconds()*1e3, "ms-least")
		})
	}
}
