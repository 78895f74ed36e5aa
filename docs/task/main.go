// Command task is the learning task of docs/tasks.md: keys that stand for a sign each,
// told once, and asked for.
package main

import (
	"context"
	"io"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm"
)

// settings are those of the task alone: each is a key of config.yaml and a flag.
type settings struct {
	Keys int     `yaml:"keys" help:"keys of an episode" compare:"same"`
	LR   float64 `yaml:"lr" help:"learning rate"`
}

// The environment. An episode shows each of K keys once, in random order: a neuron of
// its own, and beside it one with the key's sign, which is drawn anew in every episode;
// then one key alone. Each is there for two steps, with an empty one after it.

// episode returns the input [T, K+1] and the sign that is asked for.
func (s *settings) episode(r *rng.Stream) (x []float32, sign float32) {
	n := s.Keys + 1
	x = make([]float32, 0, s.steps()*n)
	show := func(key int, sign float32) {
		for range 2 {
			at := len(x)
			x = append(x, make([]float32, n)...)
			x[at+key], x[at+s.Keys] = strength, strength*sign
		}
	}
	signs, asked := make([]float32, s.Keys), r.IntN(s.Keys)
	for _, key := range r.Perm(s.Keys) {
		signs[key] = float32(2*r.IntN(2) - 1)
		show(key, signs[key])
		x = append(x, make([]float32, n)...)
	}
	show(asked, 0)
	return x, signs[asked]
}

func (s *settings) steps() int { return 3*s.Keys + 2 }

const strength = 5 // of an input, which takes its tanh neuron to the end

// The models: K+1 tanh neurons that the input goes to directly, with and without plastic
// connections. The last neuron at the last step is the answer.

func layer(model string, s *settings) (lstm.Layer, error) {
	n := s.Keys + 1
	if model == "rnn" {
		return lstm.RNN{In: n, Hidden: n, Feed: lstm.Direct}, nil
	}
	return plasticlstm.NewRNN(n, n, plasticlstm.Options{Rule: plasticlstm.Clip, Rate: plasticlstm.PerLayer, Feed: lstm.Direct})
}

// learner is a model under a seed. Its parameters, optimiser and random streams are
// Weights, which also go in and out of checkpoints.
type learner struct {
	*trained.Weights
	net      *trained.Network
	settings *settings
	episodes *rng.Stream
	seed     uint64
	tests    int
}

func newLearner(model string, s *settings, seed uint64, tests int) (study.Learner, error) {
	l, err := layer(model, s)
	if err != nil {
		return nil, err
	}
	w := trained.NewWeights(s.LR, 1)
	specs := l.Params() // with the ranges that they start in
	for i, p := range specs {
		if p.Role != lstm.Rate {
			specs[i].Lo, specs[i].Hi = -0.1, 0.1
		}
	}
	values, grads := w.Add("layer.", specs, rng.New(seed, "init"))
	return &learner{w, trained.NewNetwork(l, values, grads), s, w.Stream(seed, "episodes"), seed, tests}, nil
}

// answer runs an episode; y [T, K+1] ends in the answer.
func (l *learner) answer(x []float32) (y []float32, err error) { return l.net.Forward(1, x) }

// Update learns from one episode, by the squared error of the answer.
func (l *learner) Update() (study.Point, error) {
	x, sign := l.settings.episode(l.episodes)
	y, err := l.answer(x)
	if err != nil {
		return study.Point{}, err
	}
	off := y[len(y)-1] - sign
	p := study.Point{Loss: float64(off * off), Value: right(y, sign)}
	dy := make([]float32, len(y))
	dy[len(dy)-1] = 2 * off
	l.net.Backward(dy)
	p.Norm, err = l.Step()
	return p, err
}

// The metric: the share of right signs.

func right(y []float32, sign float32) float64 {
	if y[len(y)-1]*sign > 0 {
		return 1
	}
	return 0
}

// Test measures it on episodes that depend on the seed alone.
func (l *learner) Test(ctx context.Context, progress func(done int)) (*study.Outcome, error) {
	r, sum := rng.New(l.seed, "test"), 0.0
	for i := range l.tests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, sign := l.settings.episode(r)
		y, err := l.answer(x)
		if err != nil {
			return nil, err
		}
		sum += right(y, sign)
		progress(i + 1)
	}
	return &study.Outcome{Value: sum / float64(l.tests)}, nil
}

// task is what internal/study makes a command of.
var task = study.Task[settings]{
	Name: "recall", Title: "Recalling signs", Short: "Recall the sign of a key that was told once",
	Long:   "Tell a network a sign for each of some keys, then ask for one of them.",
	About:  []string{"An episode tells a random sign for each key, once, and then asks for that of one. Only what the network keeps within the episode can help."},
	Unit:   "episodes",
	Metric: study.Metric{Name: "accuracy", Label: "share of right signs", Higher: true, Percent: true},
	Models: []study.Kind{{Name: "plastic", About: "tanh neurons with plastic connections"}, {Name: "rnn", About: "the same without: the control"}},
	Presets: []study.Preset[settings]{{Name: "quick", About: "8 keys: seconds",
		Common: study.Common{Episodes: 2000, Tests: 500, LogEvery: 50}, Own: settings{Keys: 8, LR: 0.003}}},
	Arms: func(common *study.Common, s *settings) (arms []study.Arm, err error) {
		if s.Keys < 1 || s.Keys > 1000 || !(s.LR > 0) {
			return nil, cli.Usagef("keys %d, lr %v: want 1 to 1000 keys and a rate above 0", s.Keys, s.LR)
		}
		for _, model := range common.Models {
			l, err := layer(model, s)
			if err != nil {
				return nil, err
			}
			arms = append(arms, study.Arm{
				Model: model, About: progress.Count(l.HiddenSize(), "neuron"), Params: lstm.ParamCount(l), Control: model == "rnn",
				New: func(seed uint64) (study.Learner, error) { return newLearner(model, s, seed, common.Tests) },
			})
		}
		return arms, nil
	},
	Yardstick: func(*settings) string { return "Guessing gets half of them right." },
}

func main() { cli.Main("task", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return cli.Execute(ctx, study.Command(task), args, stdout, stderr)
}
