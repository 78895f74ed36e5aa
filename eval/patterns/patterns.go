// Package patterns is the eval task of remembering patterns [1, section 4.1]: a
// network is shown a few patterns of random bits that it has never seen, then one
// of them with half of its bits missing, and has to fill them in. Its trained
// weights cannot know the patterns; what changes within the episode must.
//
//	[1] Miconi, Clune and Stanley, Differentiable plasticity, ICML 2018, arXiv:1804.02464.
package patterns

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/study"
)

// settings are those of the task alone.
type settings struct {
	Patterns int `yaml:"patterns" help:"patterns of an episode" compare:"same"`
	Bits     int `yaml:"bits" help:"bits of a pattern, an even number: half are +1, half -1" compare:"same"`
	Cycles   int `yaml:"cycles" help:"times that each pattern is shown" compare:"same"`
	Show     int `yaml:"show" help:"steps that a pattern is shown for" compare:"same"`
	Delay    int `yaml:"delay" help:"empty steps after each showing" compare:"same"`
	Recall   int `yaml:"recall" help:"steps that the incomplete pattern is shown for; the last one's output counts" compare:"same"`

	LR         float64 `yaml:"lr" help:"learning rate of Adam for plastic and rnn"`
	LRLarge    float64 `yaml:"lr_large" help:"learning rate of Adam for rnn-large and lstm"`
	Extra      int     `yaml:"extra" help:"neurons of rnn-large beside those of plastic"`
	LSTMHidden int     `yaml:"lstm_hidden" help:"hidden neurons of lstm"`
}

// The models.
const (
	plastic  = "plastic"
	rnn      = "rnn"
	rnnLarge = "rnn-large"
	lstmName = "lstm"
)

// quick is an episode that a plastic network learns within seconds.
var quick = settings{
	Patterns: 2, Bits: 100, Cycles: 2, Show: 3, Delay: 1, Recall: 3,
	LR: 3e-4, LRLarge: 3e-5, Extra: 2000, LSTMHidden: 2000,
}

// small is the paper's episode for comparing networks with one another.
var small = settings{
	Patterns: 2, Bits: 50, Cycles: 1, Show: 3, Delay: 1, Recall: 3,
	LR: 3e-4, LRLarge: 3e-5, Extra: 2000, LSTMHidden: 2000,
}

// large is the paper's own task.
var large = settings{
	Patterns: 5, Bits: 1000, Cycles: 2, Show: 6, Delay: 4, Recall: 6,
	LR: 3e-4, LRLarge: 3e-5, Extra: 2000, LSTMHidden: 2000,
}

var task = study.Task[settings]{
	Name:  "patterns",
	Title: "Remembering patterns",
	Short: "Remember patterns of bits seen once, and complete them",
	Long: `Show a network a few random patterns of bits, then one of them with half of its
bits zeroed: it has to give the missing ones. Every episode has new patterns, so
only what the network keeps within the episode can help. A plastic network keeps
them in its Hebbian traces; the same network without plasticity is the control.

The error is the share of the zeroed bits that come back with the wrong sign;
guessing gets half of them wrong.`,
	Example: `  # in a minute: 2 patterns of 100 bits, with and without plasticity
  go run ./eval patterns

  # the paper's 5 patterns of 1,000 bits
  go run ./eval patterns --preset paper --seeds 3

  # how many episodes until the error stays under 1%: plastic, a larger RNN, an LSTM
  go run ./eval patterns --preset comparison --seeds 3`,
	Unit:   "episodes",
	Metric: study.Metric{Name: "error_rate", Label: "share of the zeroed bits that come back with the wrong sign", Percent: true},
	Goal:   &study.Goal{Value: 0.01, Window: 100, Hold: 1000},
	About: []string{
		"An episode shows a network a few patterns of random bits, one after the other, with empty steps between. Then it shows one of them once more, half of its bits zeroed. The network has to complete it: its outputs at the last step should have the signs of the missing bits.",
		"The patterns of an episode occur in no other. A network that computes with fixed weights alone can only carry them along in its activity; a plastic one has a Hebbian trace on each connection, which takes the pattern up as it is shown. How fast each trace counts, and with what sign, is trained over the episodes.",
	},
	Models: []study.Kind{
		{Name: plastic, About: "tanh neurons with plastic connections"},
		{Name: rnn, About: "the same without plasticity: the control"},
		{Name: rnnLarge, About: "rnn with extra neurons: the control where rnn does not run"},
		{Name: lstmName, About: "a standard LSTM with a linear readout"},
	},
	Presets: []study.Preset[settings]{
		{Name: "quick", About: "2 patterns of 100 bits, plastic against rnn: a minute",
			Common: study.Common{Models: []string{plastic, rnn}, Episodes: 4000, Tests: 500, LogEvery: 20}, Own: quick},
		{Name: "paper", About: "5 patterns of 1,000 bits, 1,001 neurons: arXiv:1804.02464, section 4.1",
			Common: study.Common{Models: []string{plastic, rnn}, Episodes: 2000, Tests: 100, LogEvery: 10}, Own: large},
		{Name: "comparison", About: "2 patterns of 50 bits until the error stays under 1%, 20 minutes a model and seed at most: section 4.2",
			Common: study.Common{Models: []string{plastic, rnnLarge, lstmName}, Episodes: 5_000_000, Tests: 200, LogEvery: 20,
				StopAtGoal: true, MaxTime: "20m"}, Own: small},
	},
	Uses: study.Uses{"lr": {plastic, rnn}, "lr_large": {rnnLarge, lstmName}, "extra": {rnnLarge}, "lstm_hidden": {lstmName}},
	Arms: arms,
	Yardstick: func(*settings) string {
		return "Guessing gets half of the zeroed bits wrong, 50%; a perfect memory gets none."
	},
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

// arms returns the models asked for.
func arms(common *study.Common, s *settings) ([]study.Arm, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	control := rnn
	if !slices.Contains(common.Models, rnn) {
		control = rnnLarge
	}
	var all []study.Arm
	for _, name := range common.Models {
		m, err := build(name, s)
		if err != nil {
			return nil, err
		}
		about := progress.Count(m.layer.HiddenSize(), "neuron")
		all = append(all, study.Arm{
			Model: name, About: about, Params: m.params(), Control: name == control,
			New: func(seed uint64) (study.Learner, error) { return newLearner(name, s, seed, common.Tests) },
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
		{"patterns", s.Patterns, 1, 1000}, {"bits", s.Bits, 2, 10000}, {"cycles", s.Cycles, 1, 1000},
		{"show", s.Show, 1, 1000}, {"delay", s.Delay, 0, 1000}, {"recall", s.Recall, 1, 1000},
		{"extra", s.Extra, 0, 20000}, {"lstm_hidden", s.LSTMHidden, 1, 20000},
	} {
		if n.value < n.lo || n.value > n.hi {
			return cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	if s.Bits%2 != 0 {
		return cli.Usagef("bits %d: want an even number, for half of them are +1", s.Bits)
	}
	if !(s.LR > 0) {
		return cli.Usagef("lr %v: want a number above 0", s.LR)
	}
	if !(s.LRLarge > 0) {
		return cli.Usagef("lr_large %v: want a number above 0", s.LRLarge)
	}
	return nil
}
