package maze

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/a2c"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/study"
)

// Settings are what the task has to be told.
type Settings struct {
	Size        int     `yaml:"size" help:"cells of the maze's side, the outer wall included; odd" compare:"same"`
	Steps       int     `yaml:"steps" help:"steps of an episode" compare:"same"`
	Reward      float64 `yaml:"reward" help:"what reaching the reward's place is worth" compare:"same"`
	WallPenalty float64 `yaml:"wall_penalty" help:"what walking into a wall costs" compare:"same"`
	a2c.Settings
}

func (s *Settings) rules() Rules {
	return Rules{Size: s.Size, Steps: s.Steps, Reward: s.Reward, WallPenalty: s.WallPenalty}
}

func settings(r Rules, agents a2c.Settings) Settings {
	return Settings{Size: r.Size, Steps: r.Steps, Reward: r.Reward, WallPenalty: r.WallPenalty, Settings: agents}
}

// published are the agents of Backpropamine's maze.
var published = a2c.Settings{
	Hidden: 100, Batch: 30, LR: 1e-4, Eps: 1e-4, ClipNorm: 4,
	Gamma: 0.9, ValueCoef: 0.1, ConcentrationCoef: 0.03, Eta: 0.01, TraceClip: 1,
}

// small returns the published agents, smaller and faster to learn.
func small() a2c.Settings {
	s := published
	s.Hidden, s.LR, s.Eta = 50, 1e-3, 0.1
	return s
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

var task = study.Task[Settings]{
	Name:  "maze",
	Title: "Finding back to a hidden reward",
	Short: "Explore a maze, find an invisible reward, and return to it",
	Long: `Train agents on the grid maze of the two papers: each episode hides a reward in
one of the free cells; reaching it is worth 10 and puts the agent at a random
place, from where it should go straight back. A random agent earns 7.7 an episode
of 200 steps in the 9x9 maze, one that knows the place from the start 324.

Each update takes a batch of parallel episodes; --episodes counts updates, as the
papers do. All agents have as many parameters as the modulated one, or a few more.`,
	Example: `  go run ./eval maze
  go run ./eval maze --preset paper --seeds 4 --updates 20000 --models rnn,plastic,modulated,retroactive --out runs/maze
  go run ./eval maze --resume runs/maze --updates 40000`,
	About: []string{
		"Each episode hides a reward in a random free cell of the maze. The agent sees the 3x3 cells around itself, its last action and the last reward, not where it is or where the reward is. When it has found the reward, it is put at a random place, and should now go straight back.",
		"Every corridor looks the same, so an agent must explore, remember within the episode where the reward was, and work out from the walls where it has been put.",
	},
	Unit:   "updates",
	Metric: study.Metric{Name: "mean_reward", Label: "mean reward of an episode", Higher: true},
	Columns: []study.Column{
		{Name: "train_mean_reward", About: "that in training, over the last 1,000 updates, or their last tenth where they are fewer than 10,000"},
		{Name: "found", About: "how often the reward is found in an episode"},
		{Name: "steps_to_first", About: "how many steps that takes the first time, all of the episode’s where it is never found"},
		{Name: "steps_to_return", About: "how many from being put elsewhere until the reward is found again: few if the agent knows the way"},
	},
	Models: a2c.Kinds,
	Uses:   a2c.Uses,
	Presets: []study.Preset[Settings]{
		{
			Name: "quick", About: "a 5x5 maze with 4 pillars, 100 steps: minutes",
			Common: study.Common{Episodes: 1000, Tests: 300, LogEvery: 20},
			Own:    settings(Rules{Size: 7, Steps: 100, Reward: 10}, small()),
		},
		{
			Name: "paper", About: "Backpropamine's 9x9 maze, sizes and settings: days",
			Common: study.Common{Episodes: 200_000, Seeds: "9", Tests: 3000, LogEvery: 100},
			Own:    settings(Backpropamine(), published),
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
			Watch: func(env a2c.Env) a2c.Witness { return newWitness(env.(*Env)) },
		}
		return t.Arms(common.Models, common.Tests, own.Settings)
	},
	Yardstick: func(own *Settings) string {
		random, knowing, ok := own.rules().yardsticks()
		if !ok {
			return ""
		}
		return fmt.Sprintf("An agent that acts at random earns %.1f an episode; one that knows the place of the reward from the start %.1f.", random, knowing)
	},
}
