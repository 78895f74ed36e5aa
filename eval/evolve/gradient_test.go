package evolve

import (
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/a2c"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/lstm/layertest"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

// corridor is a maze whose goal is two steps from the start, and so a short life.
func corridor() *Maze {
	z := &Maze{Size: 5, Wall: make([]bool, 25), Start: 11, Goal: 13}
	for i := range z.Wall {
		z.Wall[i] = i != 11 && i != 12 && i != 13
	}
	return z
}

// The gradient of a life's loss agrees with central differences of the loss as the
// package comments have it, for every modulation: the actions are those taken, the
// returns those earned, and how much better they were than expected is a constant of
// the policy's term.
func TestLessonGradients(t *testing.T) {
	c := a2c.Loss{Gamma: 0.9, ValueCoef: 0.4, ConcentrationCoef: 0.3}
	for _, modulation := range []evolved.Modulation{evolved.None, evolved.Before, evolved.After} {
		net, err := evolved.New(inputs, 3, width, evolved.Options{Modulation: modulation})
		if err != nil {
			t.Fatal(err)
		}
		r := rng.New(4, "gradient")
		var params, grads [][]float64
		for _, p := range net.Params() {
			params, grads = append(params, make([]float64, p.Size())), append(grads, make([]float64, p.Size()))
			for i := range p.Size() {
				params[len(params)-1][i] = 0.1 * r.NormFloat64()
			}
		}
		l := newLesson[float64](net, 0)
		var w *world
		var scores Scores
		seed := uint64(0)
		for w == nil || w.steps < 24 || w.steps > 120 { // one with something in it, and not long
			seed++
			w = &world{maze: corridor(), draws: rng.New(seed, "life")}
			scores = l.live(evolved.NewGenome(net, params), w)
			if len(l.chosen) != w.steps || seed == 1000 {
				t.Fatalf("a life of %d steps, %d recorded", w.steps, len(l.chosen))
			}
		}
		// The same life again, for what it saw and earned.
		var seen [][]float64
		var rewards []float64
		again := &world{maze: w.maze, draws: rng.New(seed, "life")}
		for k := range scores {
			began := len(seen)
			score, reached := again.run(func() int {
				x := make([]float64, inputs)
				for i, v := range again.observe() {
					x[i] = float64(v)
				}
				o := l.outputs[len(seen)*width:]
				for i := range again.out {
					again.out[i] = float32(o[i])
				}
				seen, rewards = append(seen, x), append(rewards, -0.01)
				return again.choose()
			})
			if reached {
				rewards[len(rewards)-1]++
			}
			sum := 0.0
			for _, v := range rewards[began:] {
				sum += v
			}
			if score != scores[k] || math.Abs(sum-score) > 1e-9 {
				t.Fatalf("rollout %d scores %v, with rewards of %v; then %v", k, scores[k], sum, score)
			}
		}
		returns := slices.Clone(rewards)
		for i := len(returns) - 2; i >= 0; i-- {
			returns[i] += c.Gamma * returns[i+1]
		}
		terms := func(p [][]float64) (sum a2c.Losses) {
			life, o := evolved.NewLife[float64](net), make([]float64, width)
			life.Begin(evolved.NewGenome(net, p), nil)
			for i, x := range seen {
				life.Step(x, o)
				q, all, largest := 1/(1+math.Exp(-2*o[4])), 0.0, slices.Max(o[:4])
				for _, v := range o[:4] {
					all += math.Exp(v)
				}
				for k, v := range o[:4] {
					pi := (1 - q) * math.Exp(v) / all
					if v == largest {
						pi += q
					}
					sum.Concentration += pi * pi
					if k == l.chosen[i] {
						sum.Policy -= math.Log(pi) * (returns[i] - l.outputs[i*width+5])
					}
				}
				sum.Value += (returns[i] - o[5]) * (returns[i] - o[5])
			}
			return sum
		}
		losses := l.backward(c, params, grads)
		want := terms(params)
		layertest.Compare(t, string(modulation)+": terms", []float64{losses.Policy, losses.Value, losses.Concentration}, []float64{want.Policy, want.Value, want.Concentration}, 1e-12)
		for i, p := range net.Params() {
			numeric := make([]float64, p.Size())
			for k := range numeric {
				slope := func(h float64) float64 {
					moved := slices.Clone(params)
					moved[i] = slices.Clone(params[i])
					moved[i][k] += h
					up := terms(moved).Total(c)
					moved[i][k] -= 2 * h
					return (up - terms(moved).Total(c)) / (2 * h)
				}
				numeric[k] = (4*slope(1e-4) - slope(2e-4)) / 3
			}
			layertest.Compare(t, string(modulation)+": gradient of "+p.Name, grads[i], numeric, 1e-6)
			if slices.Max(numeric) == 0 && slices.Min(numeric) == 0 {
				t.Errorf("%s: %s has no gradient", modulation, p.Name)
			}
		}
	}
}

// A pupil has as many lives as a generation, each in a maze of its own, and what it
// takes from them does not depend on the number of cores.
func TestPupil(t *testing.T) {
	s := task.Presets[0].Own
	s.Population, s.Mazes, s.Hidden, s.Batch = 6, 2, 4, 5
	learn := func(threads, updates int) (*pupil, []study.Point) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		p, err := newPupil(s, 4, 3)
		if err != nil {
			t.Fatal(err)
		}
		var points []study.Point
		for range updates {
			point, err := p.Update()
			if err != nil {
				t.Fatal(err)
			}
			points = append(points, point)
		}
		return p, points
	}
	a, one := learn(1, 2)
	b, two := learn(2, 2)
	if !reflect.DeepEqual(one, two) || !reflect.DeepEqual(a.values, b.values) {
		t.Errorf("on one core %v, on two %v", one, two)
	}
	if norm := one[1].Norm; !(norm > 0) || one[0].Loss == one[1].Loss {
		t.Errorf("points %v", one)
	}
	// With a batch of all lives the first generation is that of one rule.
	s.Batch = 100
	p, err := newPupil(s, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	fitness, steps := 0.0, 0
	agent := p.config.NewLife()
	for i := range 12 {
		w := world{maze: s.mazes().New(rng.New(3, fmt.Sprintf("generation/0/maze/%d", i))), draws: rng.New(3, fmt.Sprintf("generation/0/life/%d", i))}
		agent.Begin(p.config.NewGenome(p.genotype().Tensors), w.draws)
		scores, _ := w.live(agent, Intact)
		fitness += scores.Fitness() / 12
		steps += w.steps
	}
	point, err := p.Update()
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(point.Value-fitness) > 1e-9 || p.history.Steps != float64(steps) {
		t.Errorf("fitness %v in %v steps, want %v in %d", point.Value, p.history.Steps, fitness, steps)
	}
	// What a life may ask for at most, all may.
	s.ClipNorm = 1e-4
	if p, err = newPupil(s, 4, 3); err != nil {
		t.Fatal(err)
	}
	if point, err = p.Update(); err != nil || !(point.Norm > 1e-5 && point.Norm <= 1e-4*1.0001) {
		t.Errorf("clipped, the norm is %v, %v", point.Norm, err)
	}
	// Its rule is the genotype of a decomposed one, without the value's readout.
	if g := p.genotype(); g.Config.Model != "decomposed" || len(g.Tensors[0]) != outputs*s.Hidden || len(g.Tensors[1]) != outputs || len(p.values[1]) != outputs+1 {
		t.Errorf("a genotype of %+v", g.Config)
	}
}

// In one maze, always the same, a rule learns the way.
func TestPupilLearns(t *testing.T) {
	s := task.Presets[0].Own
	s.Population, s.Mazes, s.Hidden, s.Batch, s.LR = 8, 1, 4, 8, 0.01
	p, err := newPupil(s, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	mazes := slices.Repeat(s.ofGeneration(0, 1, 3), 8)
	var first, last float64
	for i := range 60 {
		p.generation = i
		fitness, _, _, err := p.learn(mazes, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = fitness / 8
		}
		if i >= 50 {
			last += fitness / 80
		}
	}
	if !(first < -0.3 && last > first+0.5) {
		t.Errorf("fitness %.3f at the beginning, %.3f at the end", first, last)
	}
}

func TestBadGradient(t *testing.T) {
	for _, set := range []string{"batch=0", "window=0", "window=1601", "lr=0", "clip_norm=-1", "gamma=1.1", "value_coef=-1", "concentration_coef=-1"} {
		badSetting(t, set)
	}
}
