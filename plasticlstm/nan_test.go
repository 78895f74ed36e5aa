package plasticlstm_test

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	. "github.com/engram-lm/engram/plasticlstm"
)

// A NaN is not clipped away: wherever it comes from, the traces it reaches are
// NaN after the window, and no other stream's are.
func TestNaNStays(t *testing.T) {
	const in, n, batch, steps = 3, 20, 3, 8
	nan := float32(math.NaN())
	for _, grain := range []Granularity{PerNeuron, PerConnection} {
		for _, mod := range []Modulation{None, Simple, Retroactive} {
			l := layer(t, in, n, Options{Modulation: mod, Alpha: grain, Rate: grain})
			specs := l.Params()
			rate := "eta"
			if mod != None {
				rate = "fanout.weight"
			}
			run := func(change func(params map[string][]float32, x []float32, state *lstm.State[float32])) *lstm.State[float32] {
				r := rng.New(1, "nan")
				var params [][]float32
				byName := map[string][]float32{}
				for _, s := range specs {
					p := make([]float32, s.Size())
					for i := range p {
						p[i] = float32(r.Uniform(-0.5, 0.5))
					}
					params, byName[s.Name] = append(params, p), p
				}
				x := make([]float32, steps*batch*in)
				for i := range x {
					x[i] = float32(r.Uniform(-1, 1))
				}
				state := lstm.NewState[float32](l, batch)
				change(byName, x, state)
				scan := lstm.NewScan[float32](l)
				scan.Begin(batch, steps, params, state.Data)
				scan.Forward(steps, x, make([]float32, steps*batch*n))
				scan.State(state.Data)
				return state
			}
			nans := func(s *lstm.State[float32], stream int) (count int) {
				for _, a := range s.Part("hebb")[stream*n*n : (stream+1)*n*n] {
					if a != a {
						count++
					}
				}
				return count
			}
			expect := func(what string, s *lstm.State[float32], want [batch]bool) {
				t.Helper()
				for b, w := range want {
					if got := nans(s, b); (got > 0) != w {
						t.Errorf("%s, %s, NaN in %s: %d NaN in the traces of stream %d, want some: %v", mod, grain, what, got, b, w)
					}
				}
			}
			expect("nothing", run(func(map[string][]float32, []float32, *lstm.State[float32]) {}), [batch]bool{})
			expect("a rate", run(func(p map[string][]float32, _ []float32, _ *lstm.State[float32]) { p[rate][5] = nan }), [batch]bool{true, true, true})
			expect("an input", run(func(_ map[string][]float32, x []float32, _ *lstm.State[float32]) { x[(4*batch+1)*in] = nan }), [batch]bool{false, true, false})
			expect("a trace", run(func(_ map[string][]float32, _ []float32, s *lstm.State[float32]) { s.Part("hebb")[2*n*n+7] = nan }), [batch]bool{false, false, true})
		}
	}
}
