package evolve

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/a2c"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

// Gradient are the settings of the decomposed rule that is trained by the gradient
// of its lives instead of being evolved.
type Gradient struct {
	Batch             int     `yaml:"batch" help:"gradient: lives that make up a step of the optimiser"`
	Window            int     `yaml:"window" help:"gradient: steps that it is taken back over; a life's steps are cut into windows of so many"`
	LR                float64 `yaml:"lr" help:"gradient: learning rate of Adam"`
	ClipNorm          float64 `yaml:"clip_norm" help:"gradient: bound of the norm of a life's, the mean over its steps; 0 does not clip"`
	Gamma             float64 `yaml:"gamma" help:"gradient: discount of the reward a step later"`
	ValueCoef         float64 `yaml:"value_coef" help:"gradient: weight of the squared error of the value"`
	ConcentrationCoef float64 `yaml:"concentration_coef" help:"gradient: weight of the sum of squared probabilities, against sure policies"`
}

func (g *Gradient) loss() a2c.Loss {
	return a2c.Loss{Gamma: g.Gamma, ValueCoef: g.ValueCoef, ConcentrationCoef: g.ConcentrationCoef}
}

func (g *Gradient) validate() error {
	for _, n := range []struct {
		key       string
		value, hi int
	}{{"batch", g.Batch, 1 << 16}, {"window", g.Window, rollouts * maxSteps}} {
		if n.value < 1 || n.value > n.hi {
			return fmt.Errorf("%s %d: want 1 to %d", n.key, n.value, n.hi)
		}
	}
	for _, x := range []struct {
		key    string
		value  float64
		lo, hi float64
		want   string
	}{
		{"lr", g.LR, math.SmallestNonzeroFloat64, math.MaxFloat64, "more than 0"},
		{"clip_norm", g.ClipNorm, 0, math.MaxFloat64, "0 or more"},
		{"gamma", g.Gamma, 0, 1, "0 to 1"},
		{"value_coef", g.ValueCoef, 0, math.MaxFloat64, "0 or more"},
		{"concentration_coef", g.ConcentrationCoef, 0, math.MaxFloat64, "0 or more"},
	} {
		if !(x.value >= x.lo && x.value <= x.hi) {
			return fmt.Errorf("%s %v: want %s", x.key, x.value, x.want)
		}
	}
	return nil
}

// Of a network that learns by the gradient there is an output more, the value v of
// advantage actor-critic.
const (
	value = outputs
	width = outputs + 1
)

// lesson is a life that is recorded, and what its loss asks of the rule. The loss
// is that of internal/a2c, summed over the steps, for the policy by which a life's
// actions are drawn,
//
//	pi = q e + (1 - q) s,   s = softmax(o_1 ... o_4), e the action of the largest, q = sigma(2 o_5)
//
// and the rewards of all rollouts, which a return goes through from the life's end
// to its beginning: what is found out in one rollout may be of use in the next.
type lesson[F lstm.Float] struct {
	life    *evolved.Life[F]
	tape    *evolved.Tape[F]
	x       [inputs]F
	o       [width]F
	outputs []F   // [T, width]
	chosen  []int // [T]
	rewards []float64
	do      []F // [T, width]
}

// newLesson returns a lesson of a network of the decomposed rule with width outputs,
// whose gradients go back over window steps.
func newLesson[F lstm.Float](net *evolved.Net, window int) *lesson[F] {
	tape, err := evolved.NewTape[F](net, rollouts*maxSteps)
	if err != nil {
		panic(err) // it is decomposed
	}
	tape.Truncate(window)
	return &lesson[F]{life: evolved.NewLife[F](net), tape: tape, do: make([]F, rollouts*maxSteps*width)}
}

// live lets the genome live in a world and records it.
func (l *lesson[F]) live(g *evolved.Genome[F], w *world) (scores Scores) {
	l.outputs, l.chosen, l.rewards = l.outputs[:0], l.chosen[:0], l.rewards[:0]
	l.life.Begin(g, w.draws)
	l.tape.Begin(l.life)
	for k := range scores {
		var reached bool
		scores[k], reached = w.run(func() int {
			for i, v := range w.observe() {
				l.x[i] = F(v)
			}
			l.tape.Step(l.x[:], l.o[:])
			for i := range w.out {
				w.out[i] = float32(l.o[i])
			}
			action := w.choose()
			l.outputs = append(l.outputs, l.o[:]...)
			l.chosen, l.rewards = append(l.chosen, action), append(l.rewards, -stepCost)
			return action
		})
		if reached {
			l.rewards[len(l.rewards)-1] += goalReward
		}
	}
	return scores
}

// backward adds to grads, as the network's Params lists them, the loss's gradients,
// summed over the life's steps, and returns the terms of the loss, summed likewise.
func (l *lesson[F]) backward(c a2c.Loss, params, grads [][]F) (sum a2c.Losses) {
	earned := 0.0 // R(t)
	for t := len(l.chosen) - 1; t >= 0; t-- {
		earned = l.rewards[t] + c.Gamma*earned
		row := l.outputs[t*width:][:width]
		p, advantage := newPolicy(row), earned-float64(row[value])
		pi, soft := probabilities(p, row)

		var dpi [len(moves)]float64 // the gradient by pi
		same := 0.0
		for k, v := range pi {
			dpi[k] = 2 * c.ConcentrationCoef * v
			same += v * v
		}
		dpi[l.chosen[t]] -= advantage / pi[l.chosen[t]]
		mean := 0.0
		for k, s := range soft {
			mean += s * dpi[k]
		}
		do := l.do[t*width:][:width]
		for k, s := range soft {
			do[k] = F((1 - p.sure) * s * (dpi[k] - mean))
		}
		do[len(moves)] = F(2 * p.sure * (1 - p.sure) * (dpi[p.largest] - mean))
		do[value] = F(-2 * c.ValueCoef * advantage)

		sum.Policy -= math.Log(pi[l.chosen[t]]) * advantage
		sum.Value += advantage * advantage
		sum.Concentration += same
	}
	l.tape.Backward(params, l.do[:len(l.chosen)*width], grads)
	return sum
}
