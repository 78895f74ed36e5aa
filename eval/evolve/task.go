package evolve

import (
	"fmt"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/es"
	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/study"
)

// Settings are what the task has to be told.
type Settings struct {
	Size    int     `yaml:"size" help:"cells of the mazes' side, the outer wall included; odd" compare:"same"`
	Density float64 `yaml:"density" help:"share of the cells inside the outer wall that may be wall" compare:"same"`
	Mazes   int     `yaml:"mazes" help:"mazes that each member of a generation lives in, new ones each time; with --test, how many to score on"`

	Hidden     int    `yaml:"hidden" help:"hidden neurons"`
	Modulation string `yaml:"modulation" help:"of the plastic models: none, before or after"`
	Birth      string `yaml:"birth" help:"plastic weights of a new life: zero, or normal as the paper's text has them"`

	Population   int     `yaml:"population" help:"members of a generation; half of them are parents of the next"`
	Sigma        float64 `yaml:"sigma" help:"step size of the strategy at the start"`
	CovRate      float64 `yaml:"cov_rate" help:"rate at which the variances follow the parents"`
	SettledBound bool    `yaml:"settled_bound" help:"the bound of the path's length as in the literature of CMA-ES, not as published"`

	ValidateEvery int `yaml:"validate_every" help:"generations between validations; 0 for none"`
	Validation    int `yaml:"validation_mazes" help:"mazes of a validation"`

	Gradient
}

func (s *Settings) mazes() Mazes { return Mazes{Size: s.Size, Density: s.Density} }

// config is that of a model under the settings.
func (s *Settings) config(model string) genotype.Config {
	c := genotype.Config{Format: genotype.Format, Model: model, Hidden: s.Hidden, Inputs: inputs, Outputs: outputs, Modulation: s.Modulation, Birth: s.Birth}
	if !c.Plastic() {
		c.Modulation, c.Birth = "none", "zero"
	}
	return c
}

func (s *Settings) strategy(c genotype.Config) es.Options {
	return es.Options{Pool: s.Population, Sigma: s.Sigma, Rate: s.CovRate, Segments: c.Segments(), SettledBound: s.SettledBound}
}

// Validate reports the first setting with which nothing can evolve.
func (s *Settings) Validate() error {
	if err := s.mazes().Validate(); err != nil {
		return err
	}
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"mazes", s.Mazes, 1, 1 << 16}, {"hidden", s.Hidden, 1, 512}, {"population", s.Population, 4, 1 << 16},
		{"validate_every", s.ValidateEvery, 0, 1 << 30}, {"validation_mazes", s.Validation, 1, 1 << 16},
	} {
		if n.value < n.lo || n.value > n.hi {
			return fmt.Errorf("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	switch s.Modulation {
	case "none", "before", "after":
	default:
		return fmt.Errorf("modulation %q: want none, before or after", s.Modulation)
	}
	if s.Birth != "zero" && s.Birth != "normal" {
		return fmt.Errorf("birth %q: want zero or normal", s.Birth)
	}
	if !(s.Sigma >= 1e-6 && s.Sigma <= 1) {
		return fmt.Errorf("sigma %v: want 1e-06 to 1", s.Sigma)
	}
	if !(s.CovRate > 0 && s.CovRate <= 1) {
		return fmt.Errorf("cov_rate %v: want more than 0, at most 1", s.CovRate)
	}
	return s.Gradient.validate()
}

// Which models use a setting: plastic are those whose weights are born anew in each
// life, evolving those that are members of a population, trained the one that is not.
var (
	plastic    = []string{"decomposed", "full", "retroactive", "gradient"}
	evolving   = genotype.Models
	byGradient = []string{"gradient"}
)

// gradient are the settings of the gradient in all presets.
var gradient = Gradient{Batch: 16, Window: 50, LR: 5e-3, ClipNorm: 0.3, Gamma: 0.98, ValueCoef: 0.5, ConcentrationCoef: 0.03}

// task is the task in one process.
var task = newTask(nil)

// newTask is the task of a fleet; nil stands for one process.
func newTask(f *fleet) study.Task[Settings] {
	return study.Task[Settings]{
		Name:  "evolve",
		Title: "Evolving a rule that learns a maze within a life",
		Short: "Evolve plasticity rules whose networks learn a maze within a life",
		Long: `Evolve networks that are born without knowledge into a maze and run it eight
times. The weights of the plastic ones are born anew in each life; what evolves is
the rule that changes them (decomposed: some 8 numbers a neuron; full: 4 a
connection; retroactive: an eligibility trace). Of rnn and lstm the weights
themselves evolve, and only their state can learn within a life. gradient is the
decomposed rule again, trained by back-propagation through its lives, of which it
has as many (advantage actor-critic).

--episodes counts generations of the evolution strategy. Each training keeps its
rule, the population's mean, as a genotype folder, MODEL-seedN/genotype, which --test scores
on other mazes.`,
		Example: `  go run ./eval evolve
  go run ./eval evolve --preset paper --models decomposed --out runs/evolve
  go run ./eval evolve --resume runs/evolve --episodes 30000
  go run ./eval evolve --test runs/evolve/decomposed-seed1/genotype --size 15 --density 0.35 --json`,
		About: []string{
			"An agent is born into a maze that it has never seen and runs it eight times from the same start to the same goal. It sees the 3x3 cells around it and its last action. A step costs 0.01 and the goal is worth 1; a rollout ends there or after 200 steps, with a score of −2. What a life learns is how much better its last rollouts are than its first.",
			"Weights and state are carried from one rollout to the next. Fitness is the weighted mean of the rollouts’ scores, in which the first two do not count and the last counts most.",
		},
		Unit:   "generations",
		Metric: study.Metric{Name: "fitness", Label: "fitness, the weighted mean of a life’s scores", Higher: true},
		Columns: []study.Column{
			{Name: "rollout_1", About: "mean score of a life’s first rollout"},
			{Name: "rollouts_6_8", About: "of its last three"},
			{Name: "gain", About: "the one less the other: what a life gains by living"},
			{Name: "reached", About: "how often the last rollout comes to the goal"},
			{Name: "gain_weights_reset", About: "the gain with the weights put back to birth at each rollout"},
			{Name: "gain_no_plasticity", About: "the gain with plasticity off"},
			{Name: "gain_hidden_reset", About: "the gain with the hidden state put to zero at each rollout"},
			{Name: "steps", About: "steps in mazes that learning took"},
		},
		Models: []study.Kind{
			{Name: "decomposed", About: "plastic weights, the rule an outer product of vectors"},
			{Name: "full", About: "plastic weights, a rule per connection"},
			{Name: "retroactive", About: "plastic recurrent weights with an eligibility trace"},
			{Name: "rnn", About: "evolved weights"},
			{Name: "lstm", About: "evolved weights"},
			{Name: "gradient", About: "the decomposed rule, trained by the gradient of its lives"},
		},
		Presets: []study.Preset[Settings]{
			{
				Name: "quick", About: "7x7 mazes, 16 neurons, 64 members: minutes",
				Common: study.Common{Episodes: 300, Models: []string{"decomposed", "lstm", "rnn"}, Tests: 512, LogEvery: 5},
				Own: Settings{
					Size: 7, Density: 0.30, Mazes: 4, Hidden: 16, Modulation: "after", Birth: "zero",
					Population: 64, Sigma: 0.05, CovRate: 0.05, ValidateEvery: 20, Validation: 256, Gradient: gradient,
				},
			},
			{
				Name: "comparison", About: "9x9 mazes, 32 neurons, 160 members: an hour or more a model",
				Common: study.Common{Episodes: 3000, Models: []string{"decomposed", "lstm", "rnn"}, Tests: 2048, LogEvery: 10},
				Own: Settings{
					Size: 9, Density: 0.30, Mazes: 8, Hidden: 32, Modulation: "after", Birth: "zero",
					Population: 160, Sigma: 0.02, CovRate: 0.02, ValidateEvery: 50, Validation: 1024, Gradient: gradient,
				},
			},
			{
				Name: "paper", About: "9x9 mazes, 64 neurons, 360 members: hours to days a model",
				Common: study.Common{Episodes: 15_000, Models: genotype.Models, Tests: 2048, LogEvery: 10},
				Own: Settings{
					Size: 9, Density: 0.30, Mazes: 12, Hidden: 64, Modulation: "after", Birth: "zero",
					Population: 360, Sigma: 0.01, CovRate: 0.02, ValidateEvery: 100, Validation: 1024, Gradient: gradient,
				},
			},
		},
		Uses: study.Uses{
			"modulation": plastic, "birth": plastic,
			"optimizer": byGradient, "sigma": evolving, "cov_rate": evolving, "settled_bound": evolving,
			"batch": byGradient, "window": byGradient, "lr": byGradient, "clip_norm": byGradient, "gamma": byGradient, "value_coef": byGradient, "concentration_coef": byGradient,
		},
		Idle: func(_ *study.Common, own *Settings, key string) string {
			if key == "validation_mazes" && own.ValidateEvery == 0 {
				return "validate_every 0 validates nothing"
			}
			return ""
		},
		Arms: func(common *study.Common, own *Settings) ([]study.Arm, error) {
			if err := own.Validate(); err != nil {
				return nil, &cli.UsageError{Err: err}
			}
			if !f.alone() {
				common.Parallel = 1 // the processes go through one training after the other
			}
			var arms []study.Arm
			for _, model := range common.Models {
				tests := common.Tests
				arm := study.Arm{Model: model, About: progress.Count(own.Hidden, "neuron"), Control: model == "lstm"}
				if model == "gradient" {
					c := own.config("decomposed")
					arm.Params = c.ParamCount() + own.Hidden + 1 // what the value is read by
					arm.New = func(seed uint64) (study.Learner, error) { return newPupil(*own, tests, seed) }
				} else {
					c := own.config(model)
					arm.Params = c.ParamCount()
					arm.New = func(seed uint64) (study.Learner, error) { return newLearner(f, *own, model, tests, seed) }
				}
				arms = append(arms, arm)
			}
			return arms, nil
		},
		Yardstick: func(own *Settings) string {
			return "An agent that acts at random scores the same in every rollout; the lines of the charts show it, and what shortest paths would score."
		},
	}
}
