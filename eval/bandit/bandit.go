// Package bandit is the eval task of the wheel bandit [1, 2]: which of five arms
// pays depends on where a context lies, and how far out the large pay begins is
// unknown. A net that has seen such bandits before, played at random, learns slowly
// how to learn a new one while it plays it.
//
//	[1] Zucchet et al., A contrastive rule for meta-learning, NeurIPS 2022, arXiv:2104.01677.
//	[2] Riquelme, Tucker and Snoek, Deep Bayesian bandits showdown, ICLR 2018, arXiv:1802.09127.
package bandit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/study"
)

// options are the settings of the task alone.
type options struct {
	Deltas    settings.List `yaml:"deltas" help:"radii at which the large pay begins, of the bandits played" compare:"same"`
	Trials    int           `yaml:"trials" help:"trials of each" compare:"same"`
	Hidden    int           `yaml:"hidden" help:"neurons of each of the two hidden layers"`
	Past      int           `yaml:"past" help:"bandits that have been played before"`
	PastTrain int           `yaml:"past_train" help:"their trials to learn from"`
	PastEval  int           `yaml:"past_evaluation" help:"their trials to be measured on"`
	MetaBatch int           `yaml:"meta_batch" help:"of them, how many an update learns"`

	Estimate string  `yaml:"estimate" help:"of the contrastive rule: forward, symmetric, second-order or matched"`
	Beta     float64 `yaml:"beta" help:"strength of the nudge"`
	Pull     float64 `yaml:"pull" help:"strength that a weight is drawn to its slow value with, times the number of weights"`
	LR       float64 `yaml:"lr" help:"learning rate of the slow parameters, by Adam"`
	Free     int     `yaml:"free" help:"steps of the free phase"`
	Nudged   int     `yaml:"nudged" help:"steps of the nudged phase"`

	Optimizer  string  `yaml:"inner_optimizer" help:"of contrastive, in both phases and while playing: adam, descent or nesterov (descent with a momentum of 0.9)"`
	Rate       float64 `yaml:"rate" help:"its learning rate in the free phase and while playing"`
	NudgedRate float64 `yaml:"nudged_rate" help:"its learning rate in the nudged phase"`

	ModulatoryRate float64 `yaml:"modulatory_rate" help:"learning rate of modulatory, in both phases and while playing, by gradient descent"`
	ModulatoryBeta float64 `yaml:"modulatory_beta" help:"strength of its nudge"`

	InnerSteps int     `yaml:"inner_steps" help:"steps of gradient descent of maml"`
	InnerRate  float64 `yaml:"inner_rate" help:"their learning rate, and that while playing"`

	ControlRate float64 `yaml:"control_rate" help:"learning rate of random and neural-linear while playing, by Adam"`

	Every int `yaml:"every" help:"trials between two times of learning"`
	Steps int `yaml:"steps" help:"steps of learning each time"`
	Batch int `yaml:"batch" help:"trials of a step, drawn from all so far"`
}

// The models.
const (
	contrastive = "contrastive"
	modulatory  = "modulatory"
	maml        = "maml"
	linear      = "neural-linear"
	random      = "random"
)

// slow are the models that learn slowly.
var slow = []string{contrastive, modulatory, maml}

var paper = options{
	Deltas: settings.List{"0.5", "0.7", "0.9", "0.95", "0.99"}, Trials: 80000, Hidden: 100,
	Past: 64, PastTrain: 512, PastEval: 50, MetaBatch: 8,
	Estimate: "forward", Beta: .3, Pull: 1000, LR: .03, Free: 250, Nudged: 100,
	Optimizer: "adam", Rate: 1e-4, NudgedRate: .03, ModulatoryRate: 1e-3, ModulatoryBeta: 10,
	InnerSteps: 10, InnerRate: .001, ControlRate: 1e-3,
	Every: 50, Steps: 250, Batch: 512,
}

var quick = func() options {
	o := paper
	o.Deltas, o.Trials = settings.List{"0.5", "0.9"}, 2000
	o.Hidden, o.MetaBatch, o.Free, o.Nudged, o.Steps, o.Batch = 50, 4, 50, 50, 50, 128
	return o
}()

var task = study.Task[options]{
	Name:  "bandit",
	Title: "Learning to play a bandit",
	Short: "Play the wheel bandit, having learned to learn such: meta-learning by the contrastive rule",
	Long: `Play a bandit of five arms. One arm is safe; of the others, the one of the
context's quadrant pays far more, but only where the context lies beyond an unknown
radius. Learn from bandits that have been played before (at random, with other radii)
how to learn such a bandit fast, then play new ones greedily while learning goes on.
The metric is the regret over that of playing at random, as a mean over the radii.`,
	Example: `  go run ./eval bandit
  go run ./eval bandit --models contrastive,random --seeds 3
  go run ./eval bandit --preset paper --set trials=8000`,
	Unit:   "updates",
	Metric: study.Metric{Name: "regret", Label: "regret over that of playing at random", Percent: true},
	About: []string{
		"A context is a point of the unit disc. The safe arm pays 1.2 and the others 1, but beyond a radius delta the arm of the point's quadrant pays 50. The closer delta is to 1, the rarer the points that tell.",
		"The net that plays starts from what is slow in it, which has learned from bandits of other radii what such bandits have in common; random starts from random weights, and neural-linear explores by Thompson sampling instead.",
	},
	Models: []study.Kind{
		{Name: contrastive, About: "slow value of each weight, by the contrastive rule"},
		{Name: modulatory, About: "slow weights under fast gains and biases, likewise"},
		{Name: maml, About: "start of each weight, back through all steps of learning"},
		{Name: linear, About: "Bayesian regression on a trained net's features"},
		{Name: random, About: "no slow learning: the control"},
	},
	Presets: []study.Preset[options]{
		{Name: "quick", About: "2 radii, 2,000 trials, 100 updates: minutes",
			Common: study.Common{Models: []string{contrastive, maml, random}, Episodes: 100, Tests: 1, LogEvery: 2}, Own: quick},
		{Name: "paper", About: "5 radii, 80,000 trials, 800 updates: arXiv:2104.01677; hours",
			Common: study.Common{Episodes: 800, Tests: 1, LogEvery: 5}, Own: paper},
	},
	Uses: study.Uses{
		"test_episodes": nil, "past": slow, "past_train": slow, "past_evaluation": slow, "meta_batch": slow, "lr": slow,
		"estimate": {contrastive, modulatory}, "beta": {contrastive}, "pull": {contrastive},
		"free": {contrastive, modulatory}, "nudged": {contrastive, modulatory},
		"inner_optimizer": {contrastive}, "rate": {contrastive}, "nudged_rate": {contrastive}, "modulatory_rate": {modulatory}, "modulatory_beta": {modulatory},
		"inner_steps": {maml}, "inner_rate": {maml}, "control_rate": {linear, random},
	},
	Arms:      newArms,
	Yardstick: func(*options) string { return "Playing at random is 100%; knowing each bandit's radius is 0%." },
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

func newArms(common *study.Common, o *options) ([]study.Arm, error) {
	estimate, deltas, err := o.validate()
	if err != nil {
		return nil, err
	}
	var all []study.Arm
	for _, name := range common.Models {
		body, rest := o.net(name).Len()
		all = append(all, study.Arm{
			Model: name, About: progress.Count(o.Hidden, "neuron") + " in each of two layers", Params: body + rest, Control: name == random,
			New: func(seed uint64) (study.Learner, error) { return o.learner(name, estimate, deltas, seed), nil },
		})
	}
	return all, nil
}

func (o *options) net(name string) *contrast.MLP[float32] {
	net := &contrast.MLP[float32]{Sizes: []int{2, o.Hidden, o.Hidden, arms}, Act: contrast.ReLU}
	if name == modulatory {
		net.Act, net.Modulated = contrast.Tanh, true
	}
	return net
}

// energy returns a model's energy of sets to learn from and to be measured on, and
// a way to change the first.
func (o *options) energy(name string, train, eval *contrast.Set[float32]) (contrast.Energy[float32], func(*contrast.Set[float32])) {
	net := o.net(name)
	if name == modulatory {
		e := &contrast.Modulatory[float32]{Net: net, Train: train, Eval: eval}
		return e, func(s *contrast.Set[float32]) { e.Train = s }
	}
	nets := &contrast.Nets[float32]{Net: net, Train: train, Eval: eval}
	e := &contrast.Synapse[float32]{Task: nets, Learned: true}
	if name == contrastive {
		e.Strength = o.Pull / float64(nets.Len())
	}
	return e, func(s *contrast.Set[float32]) { nets.Train = s }
}

// learner is a model learning from past bandits.
type learner struct {
	*meta.Learner
	name   string
	deltas []float64
	o      *options
}

func (o *options) learner(name string, estimate contrast.Estimate, deltas []float64, seed uint64) *learner {
	net := o.net(name)
	body, rest := net.Len()
	theta := make([]float32, body+rest)
	net.Init(rng.New(seed, "init").NormFloat64, theta[:body], theta[body:])
	l := &learner{meta.New(theta, o.LR, seed), name, deltas, o}
	l.Batch = o.MetaBatch
	past := make([]*past, o.Past)
	r := rng.New(seed, "past")
	for i := range past {
		past[i] = drawPast(r.Rand, o.PastTrain, o.PastEval)
	}
	l.Draw = func(r *rand.Rand) meta.Task {
		p := past[r.IntN(len(past))]
		e, _ := o.energy(name, p.train.set(), p.eval.set())
		return meta.Task{Energy: e}
	}
	switch name {
	case contrastive:
		l.Method = &contrast.Rule[float32]{
			Beta: o.Beta, Estimate: estimate,
			Free:   contrast.Phase[float32]{Steps: o.Free, Optimizer: o.optimizer(name)},
			Nudged: contrast.Phase[float32]{Steps: o.Nudged, Optimizer: o.chosen(o.NudgedRate)},
		}
	case modulatory:
		l.Method = &contrast.Rule[float32]{
			Beta: o.ModulatoryBeta, Estimate: estimate,
			Free:   contrast.Phase[float32]{Steps: o.Free, Optimizer: o.optimizer(name)},
			Nudged: contrast.Phase[float32]{Steps: o.Nudged, Optimizer: o.optimizer(name)},
		}
	case maml:
		l.Method = &contrast.Unrolled[float32]{Steps: o.InnerSteps, Rate: o.InnerRate, Through: o.InnerSteps}
	}
	return l
}

// optimizer is what a model learns with in the free phase, and while it plays.
func (o *options) optimizer(name string) func() contrast.Optimizer[float32] {
	switch name {
	case contrastive:
		return o.chosen(o.Rate)
	case modulatory:
		return descent(o.ModulatoryRate, 0)
	case maml:
		return descent(o.InnerRate, 0)
	}
	return adam(o.ControlRate)
}

// optimizers are what Optimizer may be.
var optimizers = []string{"adam", "descent", "nesterov"}

// chosen is the optimiser of Optimizer.
func (o *options) chosen(rate float64) func() contrast.Optimizer[float32] {
	switch o.Optimizer {
	case "descent":
		return descent(rate, 0)
	case "nesterov":
		return descent(rate, .9)
	}
	return adam(rate)
}

func adam(rate float64) func() contrast.Optimizer[float32] {
	return func() contrast.Optimizer[float32] { return &contrast.Adam[float32]{Rate: rate} }
}

func descent(rate, momentum float64) func() contrast.Optimizer[float32] {
	return func() contrast.Optimizer[float32] {
		return &contrast.Descent[float32]{Rate: rate, Momentum: momentum}
	}
}

// Update is the learner's; what it comes to is an error of predicted pay, no regret.
func (l *learner) Update() (study.Point, error) {
	p, err := l.Learner.Update()
	p.Value = math.NaN()
	return p, err
}

// Test plays a bandit of each radius.
func (l *learner) Test(ctx context.Context, progress func(int)) (*study.Outcome, error) {
	regrets, errs := make([]float64, len(l.deltas)), make([]error, len(l.deltas))
	kernel.Parallel(len(l.deltas), func(i int) {
		r := rng.New(l.Seed, fmt.Sprint("play ", l.deltas[i]))
		regrets[i], errs[i] = wheel{l.deltas[i]}.play(ctx, r.Rand, l.player(r.Rand), l.o.Trials, l.o.Every)
	})
	out := &study.Outcome{}
	for i, delta := range l.deltas {
		if errs[i] != nil {
			return nil, errs[i]
		}
		out.Value += regrets[i] / float64(len(l.deltas))
		out.Extra = append(out.Extra, study.Measure{Name: "regret_" + strconv.FormatFloat(delta, 'g', -1, 64), Value: regrets[i], Percent: true})
	}
	progress(1)
	return out, nil
}

// player returns what plays a bandit, before its first trial.
func (l *learner) player(r *rand.Rand) player {
	e, train := l.o.energy(l.name, nil, nil)
	fast, _ := e.Len()
	g := &greedy{
		r: r, net: l.o.net(l.name), energy: e, train: train, theta: l.Theta,
		phi: make([]float32, fast), dphi: make([]float32, fast), optimizer: l.o.optimizer(l.name)(), steps: l.o.Steps, batch: l.o.Batch,
	}
	e.Start(l.Theta, g.phi)
	if l.name == linear {
		return &neuralLinear{greedy: g}
	}
	return g
}

// validate reports the first setting that cannot be.
func (o *options) validate() (e contrast.Estimate, deltas []float64, err error) {
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"trials", o.Trials, 1, 1e9}, {"hidden", o.Hidden, 1, 10000}, {"past", o.Past, 1, 1e6}, {"past_train", o.PastTrain, 1, 1e6},
		{"past_evaluation", o.PastEval, 1, 1e6}, {"meta_batch", o.MetaBatch, 1, 1e5}, {"free", o.Free, 0, 1e6}, {"nudged", o.Nudged, 1, 1e6},
		{"inner_steps", o.InnerSteps, 1, 1e5}, {"every", o.Every, 1, 1e9}, {"steps", o.Steps, 0, 1e6}, {"batch", o.Batch, 1, 1e6},
	} {
		if n.value < n.lo || n.value > n.hi {
			return 0, nil, cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	for _, n := range []struct {
		key   string
		value float64
	}{
		{"beta", o.Beta}, {"lr", o.LR}, {"rate", o.Rate}, {"nudged_rate", o.NudgedRate}, {"modulatory_rate", o.ModulatoryRate},
		{"modulatory_beta", o.ModulatoryBeta}, {"inner_rate", o.InnerRate}, {"control_rate", o.ControlRate},
	} {
		if !(n.value > 0) {
			return 0, nil, cli.Usagef("%s %v: want a number above 0", n.key, n.value)
		}
	}
	if !slices.Contains(optimizers, o.Optimizer) {
		return 0, nil, cli.Usagef("inner_optimizer %q: want %s", o.Optimizer, strings.Join(optimizers, ", "))
	}
	if !(o.Pull >= 0) {
		return 0, nil, cli.Usagef("pull %v: want a number of at least 0", o.Pull)
	}
	for _, d := range o.Deltas {
		v, err := strconv.ParseFloat(d, 64)
		if err != nil || !(v >= 0 && v < 1) {
			return 0, nil, cli.Usagef("deltas: %q: want radii from 0 to below 1", d)
		}
		deltas = append(deltas, v)
	}
	if len(deltas) == 0 {
		return 0, nil, cli.Usagef("deltas: none: want radii such as 0.5,0.9")
	}
	if e, err = contrast.ParseEstimate(o.Estimate); err != nil {
		return 0, nil, &cli.UsageError{Err: err}
	}
	return e, deltas, nil
}
