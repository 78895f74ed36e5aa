// Package fewshot is the eval task of learning handwritten characters from a few
// drawings by gradient descent on all weights [1, section 5.2]: what is slow, a value
// of each weight where learning starts and that it is drawn to, learns from many
// such tasks, by the contrastive rule or by a method that it is held against.
//
//	[1] Zucchet et al., A contrastive rule for meta-learning, NeurIPS 2022,
//	    arXiv:2104.01677.
package fewshot

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
)

// settings are those of the task alone.
type settings struct {
	Data      string `yaml:"data" help:"characters: omniglot or omniglot-small, as scripts/download fetched them, or a folder of their zips; none takes the first that is there; a resumed run may say where they are now" resume:"may change"`
	Ways      int    `yaml:"ways" help:"characters of a task" compare:"same"`
	Shots     int    `yaml:"shots" help:"drawings of each to learn from" compare:"same"`
	Queries   int    `yaml:"queries" help:"drawings of each to be measured on" compare:"same"`
	Features  int    `yaml:"features" help:"channels of each of the four convolutions"`
	MetaBatch int    `yaml:"meta_batch" help:"tasks an update"`

	Estimate string  `yaml:"estimate" help:"of the contrastive rule: forward, symmetric, second-order or matched"`
	Beta     float64 `yaml:"beta" help:"strength of the nudge"`
	Pull     float64 `yaml:"pull" help:"strength that a weight is drawn to its slow value with"`
	Free     int     `yaml:"free" help:"steps of the free phase, by Nesterov's momentum of 0.9"`
	Nudged   int     `yaml:"nudged" help:"steps of the nudged phase"`
	Rate     float64 `yaml:"rate" help:"learning rate of both"`
	LR       float64 `yaml:"lr" help:"learning rate of the slow parameters, by Adam"`

	Average  int `yaml:"average" help:"updates that the running average of the slow parameters reaches back over"`
	Validate int `yaml:"validate_every" help:"updates between two looks at the validation characters, for which the average is kept that does best there; 0: none"`
}

// The models.
const (
	contrastive = "contrastive"
	firstOrder  = "first-order"
	random      = "random"
)

// splitSeed chooses the held-out characters, the same ones for every seed and as in
// eval/omniglot.
const splitSeed = 1

var paper = settings{
	Ways: 5, Shots: 1, Queries: 15, Features: 64, MetaBatch: 32,
	Estimate: "symmetric", Beta: .1, Pull: .25, Free: 200, Nudged: 100, Rate: .01, LR: .01,
	Average: 100, Validate: 125,
}

var quick = func() settings {
	s := paper
	s.Queries, s.Features, s.MetaBatch = 5, 32, 4
	s.Estimate, s.Free, s.Nudged, s.Rate, s.Validate = "matched", 8, 4, .1, 100
	return s
}()

var task = study.Task[settings]{
	Name:  "fewshot",
	Title: "Learning to learn characters",
	Short: "Learn handwritten characters by a few steps of descent, ever better: meta-learning by the contrastive rule",
	Long: `Learn five characters (--ways) from one drawing each (--shots), by gradient descent
on all weights of a net, and be measured on other drawings of them. Over many such
tasks the slow value of each weight, where learning starts and that it is drawn to,
is learned, by the contrastive rule: each task is learned in a free phase and on in a
nudged one, in which the other drawings count a little. first-order takes the
gradient of the evaluation at the end of learning as that of its start; random has
no slow learning. The characters of the test are in no task of the training.
Fetch them with scripts/download omniglot or omniglot-small.`,
	Example: `  go run ./eval fewshot
  go run ./eval fewshot --models contrastive --ways 20 --shots 5
  go run ./eval fewshot --preset paper`,
	Unit:   "updates",
	Metric: study.Metric{Name: "accuracy", Label: "share of right answers on new characters", Higher: true, Percent: true},
	About: []string{
		"A task is a few characters with a drawing or more of each. A net learns them by gradient descent, as it would learn any problem, and is measured on other drawings. From random weights that works badly. The weights' slow values learn over many tasks what any character needs.",
		"The net normalises what it is given together, drawings to learn from and drawings to classify each by their own mean and variance: those to be classified help one another.",
		"The characters of the test, and those that the slow values are chosen by, are in no training task, with all their drawings. ci95 is half of the 95% interval over the test's tasks.",
	},
	Columns: []study.Column{
		{Name: "ci95", About: "half of the accuracy's 95% interval over the test's tasks"},
		{Name: "drowned", About: "share of tasks whose nudge moved the weights by less than three times what the free phase had left to do"},
	},
	Models: []study.Kind{
		{Name: contrastive, About: "slow value of each weight, by the contrastive rule"},
		{Name: firstOrder, About: "start of each weight, by first-order MAML"},
		{Name: random, About: "no slow learning: the control"},
	},
	Presets: []study.Preset[settings]{
		{Name: "quick", About: "5 characters, one drawing of each, 32 features, 600 updates of 4 tasks: minutes",
			Common: study.Common{Episodes: 600, Tests: 600, LogEvery: 10}, Own: quick},
		{Name: "paper", About: "64 features, 32 tasks an update, 3,750 updates: arXiv:2104.01677; days on two cores",
			Common: study.Common{Episodes: 3750, Tests: 600, LogEvery: 10}, Own: paper},
	},
	Uses: study.Uses{
		"meta_batch": {contrastive, firstOrder}, "lr": {contrastive, firstOrder},
		"average": {contrastive, firstOrder}, "validate_every": {contrastive, firstOrder},
		"estimate": {contrastive}, "beta": {contrastive}, "pull": {contrastive}, "nudged": {contrastive},
	},
	Arms: arms,
	Yardstick: func(s *settings) string {
		return fmt.Sprintf("Guessing is right in %.3g%%.", 100/float64(s.Ways))
	},
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

func arms(common *study.Common, s *settings) ([]study.Arm, error) {
	estimate, err := s.validate()
	if err != nil {
		return nil, err
	}
	set, err := omniglot.Open(s.Data, "")
	if unknown, ok := errors.AsType[*registry.NotFoundError](err); ok {
		return nil, cli.Usagef("--data: %w", unknown)
	}
	if err != nil {
		return nil, err
	}
	if s.Data == "" {
		s.Data = set.Name // the run stays with it when a better one is fetched
	}
	train, test := set.Split(set.HeldOut(), splitSeed)
	rest := omniglot.Set{Characters: train}
	train, validation := rest.Split(len(train)/10, splitSeed)
	if n := min(len(train), len(validation), len(test)); n < s.Ways {
		return nil, fmt.Errorf("%s has %s to train with, %d to choose by and %d to test with; want at least the %d of a task", set.Dir, progress.Count(len(train), "character"), len(validation), len(test), s.Ways)
	}
	net, err := s.network()
	if err != nil {
		return nil, err
	}
	var all []study.Arm
	for _, name := range common.Models {
		all = append(all, study.Arm{
			Model: name, Params: net.Len(), Control: name == random, Data: omniglot.Digest(train, validation, test),
			About:  progress.Count(s.Features, "feature"),
			Source: fmt.Sprintf("%s: %s characters to train with, %s to choose by, %s to test with", set.Name, progress.Thousands(len(train)), progress.Thousands(len(validation)), progress.Thousands(len(test))),
			New: func(seed uint64) (study.Learner, error) {
				return s.learner(name, estimate, train, validation, test, seed, common.Tests), nil
			},
		})
	}
	return all, nil
}

// learner returns a model before its first update.
func (s *settings) learner(name string, estimate contrast.Estimate, train, validation, test []*omniglot.Character, seed uint64, tests int) *meta.Learner {
	net, _ := s.network() // of sizes that are checked
	theta := make([]float32, net.Len())
	net.init(rng.New(seed, "init"), theta)
	l := meta.New(theta, s.LR, seed)
	l.Batch, l.Tests = s.MetaBatch, tests
	l.Draw = func(r *rand.Rand) meta.Task { return s.task(name, r, train) }
	l.DrawTest = func(r *rand.Rand) meta.Task { return s.task(name, r, test) }
	l.Validation = meta.Validation{
		Draw:  func(r *rand.Rand) meta.Task { return s.task(name, r, validation) },
		Every: s.Validate, Tasks: validations, Higher: true, Percent: true, Average: s.Average,
	}
	free := s.phase(s.Free)
	switch name {
	case contrastive:
		l.Method = &contrast.Rule[float32]{Beta: s.Beta, Estimate: estimate, Free: free, Nudged: s.phase(s.Nudged)}
	case firstOrder:
		l.Method = &contrast.Unrolled[float32]{Steps: s.Free, Rate: s.Rate, Momentum: momentum, FirstOrder: true}
	case random:
		l.Adapt = &contrast.Rule[float32]{Free: free}
	}
	return l
}

// validations is on how many tasks slow parameters are looked at.
const validations = 100

const momentum = 0.9

func (s *settings) phase(steps int) contrast.Phase[float32] {
	return contrast.Phase[float32]{Steps: steps, Optimizer: func() contrast.Optimizer[float32] {
		return &contrast.Descent[float32]{Rate: s.Rate, Momentum: momentum}
	}}
}

// task draws an episode for a model.
func (s *settings) task(name string, r *rand.Rand, from []*omniglot.Character) meta.Task {
	net, _ := s.network()
	l := &losses{net, s.draw(r, from)}
	e := &contrast.Synapse[float32]{Task: l, Learned: true}
	if name == contrastive {
		e.Strength = s.Pull
	}
	return meta.Task{Energy: e, Value: func(phi, _ []float32) float64 { return l.accuracy(phi) }}
}

// validate reports the first setting that cannot be.
func (s *settings) validate() (contrast.Estimate, error) {
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"ways", s.Ways, 2, 1000}, {"shots", s.Shots, 1, omniglot.Drawings - 1}, {"queries", s.Queries, 1, omniglot.Drawings - s.Shots},
		{"features", s.Features, 1, 4096}, {"meta_batch", s.MetaBatch, 1, 4096}, {"free", s.Free, 0, 1e6}, {"nudged", s.Nudged, 1, 1e6},
		{"average", s.Average, 1, 1e6}, {"validate_every", s.Validate, 0, 1e9},
	} {
		if n.value < n.lo || n.value > n.hi {
			return 0, cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	for _, n := range []struct {
		key   string
		value float64
	}{{"beta", s.Beta}, {"rate", s.Rate}, {"lr", s.LR}} {
		if !(n.value > 0) {
			return 0, cli.Usagef("%s %v: want a number above 0", n.key, n.value)
		}
	}
	if !(s.Pull >= 0) {
		return 0, cli.Usagef("pull %v: want a number of at least 0", s.Pull)
	}
	e, err := contrast.ParseEstimate(s.Estimate)
	if err != nil {
		return 0, &cli.UsageError{Err: err}
	}
	return e, nil
}
