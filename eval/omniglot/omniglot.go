// Package omniglot is the eval task of learning characters [1, section 4.4]: a
// network is shown one drawing each of a few handwritten characters that it has
// never seen, with their labels, and then has to say which of them another drawing
// is. A plastic last layer learns them in its traces as they are shown.
//
//	[1] Miconi, Clune and Stanley, Differentiable plasticity, ICML 2018, arXiv:1804.02464.
package omniglot

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/study"
)

// settings are those of the task alone.
type settings struct {
	Data     string `yaml:"data" help:"characters: omniglot or omniglot-small, as scripts/download fetched them, or a folder of their zips; none takes the first that is there; a resumed run may say where they are now" resume:"may change"`
	Ways     int    `yaml:"ways" help:"characters of an episode" compare:"same"`
	Shots    int    `yaml:"shots" help:"drawings of each that are shown with their label" compare:"same"`
	Features int    `yaml:"features" help:"channels of each of the four convolutions"`
	Batch    int    `yaml:"batch" help:"episodes of an update"`

	LR         float64 `yaml:"lr" help:"learning rate of Adam"`
	Decay      float64 `yaml:"decay" help:"factor by which the learning rate falls"`
	DecayEvery int     `yaml:"decay_every" help:"updates after which it falls each time; 0 leaves it as it is"`
	Alpha      float64 `yaml:"alpha" help:"plasticity coefficients of a new network: up to so much"`
	Eta        float64 `yaml:"eta" help:"plasticity rate of a new network"`
}

// The models.
const (
	plastic = "plastic"
	fixed   = "fixed"
)

// splitSeed chooses the held-out characters, the same ones for every seed.
const splitSeed = 1

var task = study.Task[settings]{
	Name:  "omniglot",
	Title: "Learning characters from one example",
	Short: "Learn handwritten characters from one drawing each",
	Long: `Show a network one drawing (--shots) of each of five characters (--ways) with its
label, then another drawing of one of them: it has to give the label. Every episode
has other characters, each turned by some quarters, and those of the test are in no
training episode. Convolutions make features of a drawing; a plastic layer binds
them to the labels in its Hebbian traces. The same network without plasticity is the
control, which can only guess.

The accuracy is the share of right answers; of one seed, accuracy_low and
accuracy_high are the ends of its 95% confidence interval over the test episodes
(Wilson's); seen_accuracy is the share on new episodes of the characters trained on.
Each update takes --batch episodes; --episodes counts updates. Fetch the characters
with scripts/download omniglot, or the smaller set of 242 with scripts/download
omniglot-small.`,
	Example: `  # in minutes
  go run ./eval omniglot

  # the paper's network, rates and number of episodes
  go run ./eval omniglot --preset paper

  # 20 characters, five drawings of each
  go run ./eval omniglot --ways 20 --shots 5`,
	Unit:   "updates",
	Metric: study.Metric{Name: "accuracy", Label: "share of right answers", Higher: true, Percent: true},
	About: []string{
		"An episode shows a network a few handwritten characters, each with its label, and then another drawing of one of them without it. The network has to give the label. The people who drew a character all drew it differently, and the label means nothing beyond the episode.",
		"Four convolutions make features of each drawing. The last layer has a neuron for each label, which the label clamps to 1 while it is shown, so that by Oja’s rule the neuron’s traces take up the features of its drawing. The features are trained, over the episodes, for that to work with any characters: those of the test, with all their drawings, occur in no training episode.",
		"Which characters are held out is fixed: intervals, over the test episodes of one seed (accuracy low to accuracy high: 95%, Wilson’s) or over seeds, speak of these characters and not of others. Seen accuracy is that in new episodes of the characters trained on.",
	},
	Models: []study.Kind{
		{Name: plastic, About: "convolutions and a plastic layer"},
		{Name: fixed, About: "the same without plasticity, the control"},
	},
	Presets: []study.Preset[settings]{
		{Name: "quick", About: "5 characters, one drawing of each: minutes",
			Common: study.Common{Episodes: 30_000, Tests: 1000, LogEvery: 500},
			Own:    settings{Ways: 5, Shots: 1, Features: 64, Batch: 1, LR: 1e-4, Decay: 1, Alpha: 1, Eta: 0.5}},
		{Name: "paper", About: "the same with the paper's rates and its 5,000,000 episodes: arXiv:1804.02464, section 4.4",
			Common: study.Common{Episodes: 5_000_000, Tests: 1000, LogEvery: 10_000},
			Own:    settings{Ways: 5, Shots: 1, Features: 64, Batch: 1, LR: 3e-5, Decay: 0.666, DecayEvery: 1_000_000, Alpha: 1, Eta: 0.5}},
	},
	Columns: []study.Column{
		{Name: "accuracy_low", About: "the lower end of its 95% confidence interval over the test episodes (Wilson’s)"},
		{Name: "accuracy_high", About: "the upper end"},
		{Name: "seen_accuracy", About: "the share in as many new episodes of the characters trained on"},
	},
	Uses: study.Uses{"alpha": {plastic}, "eta": {plastic}},
	Idle: func(common *study.Common, s *settings, key string) string {
		switch {
		case key == "decay" && s.DecayEvery == 0:
			return "decay_every 0 leaves the learning rate as it is"
		case key == "decay_every" && s.Decay == 1:
			return "decay 1 leaves the learning rate as it is"
		case (key == "decay" || key == "decay_every") && s.DecayEvery >= common.Episodes:
			return fmt.Sprintf("the learning rate would first fall after %s of %d", progress.Count(s.DecayEvery, "update"), common.Episodes)
		}
		return ""
	},
	Arms: arms,
	Yardstick: func(s *settings) string {
		return fmt.Sprintf("Guessing is right in %.3g%% of the episodes, which have %d characters each.", 100/float64(s.Ways), s.Ways)
	},
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

// arms returns the models asked for.
func arms(common *study.Common, s *settings) ([]study.Arm, error) {
	if err := s.validate(); err != nil {
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
	if n := min(len(train), len(test)); n < s.Ways {
		return nil, fmt.Errorf("%s has %s to train with and %d to test with; want at least the %d of an episode", set.Dir, progress.Count(len(train), "character"), len(test), s.Ways)
	}
	sum := omniglot.Digest(train, test)
	var all []study.Arm
	for _, name := range common.Models {
		n, err := params(name, s)
		if err != nil {
			return nil, err
		}
		all = append(all, study.Arm{
			Model: name, Params: n, Control: name == fixed, Data: sum,
			About:  progress.Count(s.Features, "feature"),
			Source: fmt.Sprintf("%s: %s characters to train with, %s held out", set.Name, progress.Thousands(len(train)), progress.Thousands(len(test))),
			New: func(seed uint64) (study.Learner, error) {
				return newLearner(name, s, train, test, seed, common.Tests)
			},
		})
	}
	return all, nil
}

// validate reports the first setting that cannot be.
func (s *settings) validate() error {
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"ways", s.Ways, 2, 1000}, {"shots", s.Shots, 1, omniglot.Drawings - 1}, {"features", s.Features, 1, 4096},
		{"batch", s.Batch, 1, 4096}, {"decay_every", s.DecayEvery, 0, 1 << 30},
	} {
		if n.value < n.lo || n.value > n.hi {
			return cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	if !(s.LR > 0 && s.LR <= 1) {
		return cli.Usagef("lr %v: want a number above 0 and up to 1", s.LR)
	}
	if !(s.Decay > 0 && s.Decay <= 1) {
		return cli.Usagef("decay %v: want a number above 0 and up to 1, which changes nothing", s.Decay)
	}
	if !(s.Alpha >= 0 && s.Alpha <= 100) {
		return cli.Usagef("alpha %v: want a number from 0 to 100", s.Alpha)
	}
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return cli.Usagef("eta %v: want a number from 0 to 1", s.Eta)
	}
	return nil
}
