package cue

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/a2c"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/study"
)

// Settings are what the task has to be told.
type Settings struct {
	Cues  int  `yaml:"cues" help:"cues of an episode, half of which a trial shows" compare:"same"`
	Bits  int  `yaml:"cue_bits" help:"bits of a cue" compare:"same"`
	Steps int  `yaml:"steps" help:"steps of an episode" compare:"same"`
	Fixed bool `yaml:"fixed_cues" help:"the same cues in all episodes; only the target changes" compare:"same"`
	a2c.Settings
}

func (s *Settings) rules() Rules {
	return Rules{Cues: s.Cues, Bits: s.Bits, Steps: s.Steps, Fixed: s.Fixed}
}

// settings returns the settings of the published agents under other rules and
// sizes.
func settings(r Rules, hidden int) Settings {
	return Settings{
		Cues: r.Cues, Bits: r.Bits, Steps: r.Steps, Fixed: r.Fixed,
		Settings: a2c.Settings{
			Hidden: hidden, Batch: 30, LR: 1e-4, Eps: 1e-6, ClipNorm: 2,
			Gamma: 0.9, ValueCoef: 0.1, ConcentrationCoef: 0.1, Eta: 0.1, TraceClip: 1,
		},
	}
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

// quick returns a smaller task for smaller agents that learn faster.
func quick() Settings {
	s := settings(Rules{Cues: 2, Bits: 8, Steps: 60}, 64)
	s.LR = 1e-3
	return s
}

// comparison returns the paper's task for smaller agents that learn it sooner. An
// answer has no consequence but its own reward, so a discount of 0 gives it all the
// credit that is due to it and nothing of what later answers earn; and a policy that
// may be sure leaves the plateau sooner.
func comparison() Settings {
	s := settings(Paper(), 64)
	s.LR, s.Gamma, s.ConcentrationCoef, s.ClipNorm = 3e-4, 0, 0.01, 0.5
	return s
}

var task = study.Task[Settings]{
	Name:  "cue",
	Title: "Finding the target cue",
	Short: "Learn from rewards which of a few new cues is the target",
	Long: `Train agents on the cue-reward task of Backpropamine: each episode has a few
random cues, in the paper four, one of them the target, and shows half of them in
each trial. The agent says whether the target was among them; the reward, seen a
step later, is all that tells which cue it is. A random agent earns 0 an episode;
one that knows the target earns 18.2 with the paper's rules, 13.2 with the quick
preset's.

Each update takes a batch of parallel episodes; --episodes counts updates, as the
paper does. All agents have as many parameters as the modulated one, or a few
more.`,
	Example: `  go run ./eval cue

  # under settings that learn the paper's task in an hour or two; then for longer
  go run ./eval cue --preset comparison --out runs/cue
  go run ./eval cue --resume runs/cue --updates 30000`,
	About: []string{
		"Each episode draws a few cues of random bits, of which one is the target. A trial shows half of them among blank steps and then the Go cue; the agent's answer in that step, whether the target was shown, is worth +1 if right and -1 if wrong.",
		"What was a target in one episode is none in the next, so the weights cannot know it: within an episode an agent must bind the reward that it sees to the cues that it saw a few steps before.",
	},
	Unit:   "updates",
	Metric: study.Metric{Name: "mean_reward", Label: "mean reward of an episode", Higher: true},
	Columns: []study.Column{
		{Name: "train_mean_reward", About: "that in training, over the last 1,000 updates, or their last tenth where they are fewer than 10,000"},
		{Name: "right_answers", About: "their share of all answers"},
		{Name: "right_answers_late", About: "that share in the second half of an episode"},
	},
	Models: a2c.Kinds,
	Uses:   a2c.Uses,
	Presets: []study.Preset[Settings]{
		{
			Name: "quick", About: "two cues of 8 bits: minutes",
			Common: study.Common{Episodes: 1500, Tests: 300, LogEvery: 20},
			Own:    quick(),
		},
		{
			Name: "paper", About: "the paper's sizes and settings: days",
			Common: study.Common{Episodes: 200_000, Seeds: "10", Tests: 3000, LogEvery: 100},
			Own:    settings(Paper(), 200),
		},
		{
			Name: "comparison", About: "the paper's task, smaller agents, settings under which it is learned sooner: an hour or two",
			Common: study.Common{Episodes: 20_000, Seeds: "4", Tests: 3000, LogEvery: 100},
			Own:    comparison(),
		},
	},
	Arms: func(common *study.Common, own *Settings) ([]study.Arm, error) {
		rules := own.rules()
		if err := rules.Validate(); err != nil {
			return nil, &cli.UsageError{Err: err}
		}
		t := a2c.Task{
			NewEnv: func(batch int, seed uint64, name string) (a2c.Env, error) {
				return NewEnv(rules, batch, seed, name)
			},
			Watch: func(env a2c.Env) a2c.Witness { return &witness{env: env.(*Env)} },
		}
		return t.Arms(common.Models, common.Tests, own.Settings)
	},
	Yardstick: func(own *Settings) string {
		return fmt.Sprintf("An agent that answers at random earns 0 an episode; one that knows the target from the start %.1f.", own.rules().answers())
	},
}
