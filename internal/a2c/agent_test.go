package a2c

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	"github.com/engram-lm/engram/plasticlstm"
)

// layers returns a small layer of each kind.
func layers(t testing.TB, in, hidden int) map[string]lstm.Layer {
	t.Helper()
	all := map[string]lstm.Layer{}
	for _, kind := range Kinds {
		l, err := NewLayer(kind.Name, in, hidden, 1)
		if err != nil {
			t.Fatal(err)
		}
		all[kind.Name] = l
	}
	l, err := plasticlstm.New(in, hidden, plasticlstm.Options{Modulation: plasticlstm.Retroactive})
	if err != nil {
		t.Fatal(err)
	}
	all["retroactive lstm"] = l
	return all
}

// episode is a network with what happened in an episode: what it saw, did and was
// given.
type episode struct {
	layer                 lstm.Layer
	actions, batch, steps int
	params, grads         [][]float64
	obs                   []float64 // [T, B, I]
	chosen                []int     // [T, B]
	rewards               []float32 // [T, B]
}

func newEpisode(l lstm.Layer, actions, batch, steps int, seed uint64) *episode {
	r := rand.New(rand.NewPCG(seed, 3))
	e := &episode{layer: l, actions: actions, batch: batch, steps: steps}
	for _, p := range Params(l, actions) {
		x := make([]float64, p.Size())
		size := 0.8
		switch p.Name {
		case "alpha", "eta", "modulator.weight": // strong enough for the clip to bite
			size = 1.5
		}
		for i := range x {
			x[i] = size * (2*r.Float64() - 1)
		}
		e.params, e.grads = append(e.params, x), append(e.grads, make([]float64, p.Size()))
	}
	for range steps * batch {
		for range l.InputSize() {
			e.obs = append(e.obs, 2*r.Float64()-1)
		}
		e.chosen = append(e.chosen, r.IntN(actions))
		e.rewards = append(e.rewards, float32(3*r.Float64()-1))
	}
	return e
}

// play replays the episode and returns pi and v [T, B, A+1].
func (e *episode) play(a *Agent[float64]) (out []float64) {
	a.Begin(e.params)
	in := e.batch * e.layer.InputSize()
	obs := make([]float64, in) // as an environment does, one for all steps
	for t := range e.steps {
		copy(obs, e.obs[t*in:])
		out = append(out, a.Act(obs)...)
		clear(obs)
		a.Took(e.chosen[t*e.batch:][:e.batch], e.rewards[t*e.batch:][:e.batch])
	}
	return out
}

// advantages returns R - v [T, B].
func (e *episode) advantages(out []float64, c Loss) []float64 {
	adv := make([]float64, len(e.chosen))
	for b := range e.batch {
		later := 0.0
		for t := e.steps - 1; t >= 0; t-- {
			r := t*e.batch + b
			later = float64(e.rewards[r]) + c.Gamma*later
			adv[r] = later - out[r*(e.actions+1)+e.actions]
		}
	}
	return adv
}

// loss is the loss of the outputs, in which the policy's part takes the
// advantages as given.
func (e *episode) loss(out, given []float64, c Loss) (sum float64) {
	adv := e.advantages(out, c)
	for r, chosen := range e.chosen {
		pi := out[r*(e.actions+1):][:e.actions]
		sum += -math.Log(pi[chosen])*given[r] + c.ValueCoef*adv[r]*adv[r]
		for _, p := range pi {
			sum += c.ConcentrationCoef * p * p
		}
	}
	return sum / float64(len(e.chosen))
}

var coefficients = Loss{Gamma: 0.9, ValueCoef: 0.3, ConcentrationCoef: 0.2}

// The gradient of every parameter of network and heads agrees with central
// differences of the loss, actions and advantages held.
func TestGradients(t *testing.T) {
	for name, l := range layers(t, 3, 4) {
		t.Run(name, func(t *testing.T) {
			for _, steps := range []int{7, 1} {
				seed := uint64(1)
				for ; !differences(t, newEpisode(l, 3, 2, steps, seed)); seed++ {
					if seed == 20 {
						t.Fatal("no case without a kink")
					}
				}
			}
		})
	}
}

// differences reports false, without a verdict, where a trace sits so near its
// clip that the loss has a kink.
func differences(t *testing.T, e *episode) bool {
	a := NewAgent[float64](e.layer, e.actions, e.batch, e.steps)
	out := e.play(a)
	given := e.advantages(out, coefficients)
	losses := a.Backward(coefficients, e.grads)
	at := e.loss(out, given, coefficients)
	if got := losses.Total(coefficients); !(math.Abs(got-at) <= 1e-12) {
		t.Errorf("loss %v, want %v", got, at)
	}
	for k, p := range Params(e.layer, e.actions) {
		numeric := make([]float64, p.Size())
		for i := range numeric {
			const h = 2e-4
			keep := e.params[k][i]
			slope := func(h float64) float64 {
				e.params[k][i] = keep + h
				up := e.loss(e.play(a), given, coefficients)
				e.params[k][i] = keep - h
				down := e.loss(e.play(a), given, coefficients)
				e.params[k][i] = keep
				return (up - down) / (2 * h)
			}
			near, far := slope(h), slope(2*h)
			numeric[i] = (4*near - far) / 3 // exact up to h^4
			if math.Abs(near-far) > 1e-5 {
				return false
			}
		}
		layertest.Compare(t, "gradient of "+p.Name, e.grads[k], numeric, 1e-5)
	}
	return true
}

// The loss is a mean over streams that know nothing of each other: each has the
// outputs that it has alone, its own baseline, and its share of the gradients.
func TestStreamAlone(t *testing.T) {
	for name, l := range layers(t, 3, 4) {
		t.Run(name, func(t *testing.T) {
			const batch = 3
			e := newEpisode(l, 2, batch, 6, 5)
			a := NewAgent[float64](l, e.actions, batch, e.steps)
			out := e.play(a)
			a.Backward(coefficients, e.grads)
			sum := make([][]float64, len(e.grads))
			for b := range batch {
				one := *e
				one.batch, one.obs, one.chosen, one.rewards = 1, nil, nil, nil
				one.grads = nil
				var column []float64
				for t := range e.steps {
					r := t*batch + b
					one.obs = append(one.obs, e.obs[r*3:][:3]...)
					one.chosen = append(one.chosen, e.chosen[r])
					one.rewards = append(one.rewards, e.rewards[r])
					column = append(column, out[r*3:][:3]...)
				}
				for _, g := range e.grads {
					one.grads = append(one.grads, make([]float64, len(g)))
				}
				a := NewAgent[float64](l, e.actions, 1, e.steps)
				layertest.Compare(t, "outputs of a stream", one.play(a), column, 0)
				a.Backward(coefficients, one.grads)
				for k, g := range one.grads {
					sum[k] = append(sum[k], make([]float64, len(g)-len(sum[k]))...)
					for i, v := range g {
						sum[k][i] += v / batch
					}
				}
			}
			for k, p := range Params(l, e.actions) {
				layertest.Compare(t, "gradient of "+p.Name, sum[k], e.grads[k], 1e-12)
			}
		})
	}
}

// An episode leaves nothing behind for the next one.
func TestEpisodesBeginAnew(t *testing.T) {
	for name, l := range layers(t, 3, 4) {
		e := newEpisode(l, 3, 2, 5, 9)
		a := NewAgent[float64](l, e.actions, e.batch, e.steps)
		first := e.play(a)
		newEpisode(l, 3, 2, 5, 10).play(a)
		if !slices.Equal(e.play(a), first) {
			t.Errorf("%s: an episode depends on the one before", name)
		}
	}
}

// The same bits come out at any number of threads.
func TestSameBitsForAnyThreads(t *testing.T) {
	for name, l := range layers(t, 17, 40) {
		run := func(threads int) (out []float32, grads [][]float32) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			const actions, batch, steps = 4, 30, 12
			r := rng.New(1, "init")
			var params [][]float32
			for _, p := range Params(l, actions) {
				x := make([]float32, p.Size())
				for i := range x {
					x[i] = float32(r.Uniform(-0.3, 0.3))
				}
				params, grads = append(params, x), append(grads, make([]float32, p.Size()))
			}
			a := NewAgent[float32](l, actions, batch, steps)
			a.Begin(params)
			obs, chosen, rewards := make([]float32, batch*17), make([]int, batch), make([]float32, batch)
			for range steps {
				for i := range obs {
					obs[i] = float32(r.Uniform(-1, 1))
				}
				for b := range chosen {
					chosen[b], rewards[b] = r.IntN(actions), float32(r.IntN(3))
				}
				out = append(out, a.Act(obs)...)
				a.Took(chosen, rewards)
			}
			a.Backward(coefficients, grads)
			return out, grads
		}
		out1, grads1 := run(1)
		out2, grads2 := run(2)
		if !slices.Equal(out1, out2) {
			t.Errorf("%s: outputs differ", name)
		}
		for k, p := range Params(l, 4) {
			if !slices.Equal(grads1[k], grads2[k]) {
				t.Errorf("%s: gradients of %s differ", name, p.Name)
			}
		}
	}
}

// Actions are drawn by their probabilities, never one of probability zero, and a
// stream's by its own source alone.
func TestSample(t *testing.T) {
	const n = 20000
	sources := []*rng.Stream{rng.New(1, "a"), rng.New(1, "b")}
	out := []float32{0.5, 0, 0.2, 0.3, 99, 0, 0.25, 0.75, 0, 99} // two streams: pi, v
	var count [2][4]float64
	var firsts []int
	actions := make([]int, 2)
	for range n {
		Sample(out, sources, actions)
		firsts = append(firsts, actions[0])
		for b, a := range actions {
			count[b][a]++
		}
	}
	for b, want := range [2][4]float64{{0.5, 0, 0.2, 0.3}, {0, 0.25, 0.75, 0}} {
		for k, p := range want {
			if !(math.Abs(count[b][k]/n-p) <= 4*math.Sqrt(p*(1-p)/n)) {
				t.Errorf("stream %d takes action %d with frequency %.3f, want %.3f", b, k, count[b][k]/n, p)
			}
		}
	}
	alone := rng.New(1, "a")
	for i, want := range firsts {
		if Sample(out[:5], []*rng.Stream{alone}, actions[:1]); actions[0] != want {
			t.Fatalf("draw %d of stream 0 depends on its neighbour", i)
		}
	}
	for _, u := range []float64{0, 0.5, 1 - 0x1p-53} {
		if got := pick([]float32{0, 0.3, 0.69999, 0}, u); got != 1 && got != 2 {
			t.Errorf("at %v action %d of probability zero", u, got)
		}
	}
}
