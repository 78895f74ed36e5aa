// Package images is the eval task of completing images [1, section 4.3]: a network
// is shown a few natural images that it has never seen, then one of them with half
// of it erased, and has to draw the missing half. A plastic network keeps the
// images in the traces of its connections.
//
//	[1] Miconi, Clune and Stanley, Differentiable plasticity, ICML 2018, arXiv:1804.02464.
package images

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/data/cifar"
	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/study"
)

// settings are those of the task alone.
type settings struct {
	Data   string `yaml:"data" help:"images: cifar-10 or cifar-10-sample, as scripts/download fetched them, or a folder of their batches; none takes the first that is there; a resumed run may say where they are now" resume:"may change"`
	Side   int    `yaml:"side" help:"height and width that the images are shrunk to: 32 leaves them, 16 or 8" compare:"same"`
	Images int    `yaml:"images" help:"images of an episode" compare:"same"`
	Cycles int    `yaml:"cycles" help:"times that each image is shown" compare:"same"`
	Show   int    `yaml:"show" help:"steps that an image is shown for" compare:"same"`
	Delay  int    `yaml:"delay" help:"empty steps after each showing" compare:"same"`
	Recall int    `yaml:"recall" help:"steps that half of an image is shown for; the last one's output counts" compare:"same"`

	LR float64 `yaml:"lr" help:"learning rate of Adam"`
}

// The models.
const (
	plastic = "plastic"
	rnn     = "rnn"
)

var task = study.Task[settings]{
	Name:  "images",
	Title: "Completing images",
	Short: "Remember images seen once, and complete them",
	Long: `Show a network a few images of CIFAR-10 in grey, then the upper or the lower half
of one of them: it has to draw the other half. Every episode has other images, and
the test's are of no training episode. Each pixel is a neuron, clamped to it while
the image is shown. A plastic network keeps the images in its Hebbian traces; the
same network without plasticity is the control.

The error is the mean square over the erased half, of pixels from -1 to 1;
mean_fill_mse is that of filling in the image's mean instead. Fetch the images with
scripts/download cifar-10.`,
	Example: `  # in minutes, on images shrunk to 16x16
  go run ./eval images

  # the paper's 1,025 neurons on whole images
  go run ./eval images --preset paper`,
	Unit:   "episodes",
	Metric: study.Metric{Name: "mse", Label: "mean squared error of the erased half’s pixels, which range from −1 to 1"},
	About: []string{
		"An episode shows a network a few images, one after the other, several times, with empty steps between. A neuron stands for each pixel and is clamped to it while the image is there. Then half of one image is shown, the upper or the lower one, and the neurons of the other half have to draw what is missing.",
		"The images are CIFAR-10's in grey, shifted to zero mean and scaled to a greatest absolute value of 1. Those of the test occur in no training episode, so nothing that the fixed weights have learned knows them: what is drawn comes from traces that grew within the episode. Mean fill stands for filling the half with the image’s mean; the control, which remembers nothing, can still go by the visible half.",
	},
	Models: []study.Kind{
		{Name: plastic, About: "tanh neurons with plastic connections"},
		{Name: rnn, About: "the same without plasticity, the control"},
	},
	Presets: []study.Preset[settings]{
		{Name: "quick", About: "3 images of 16x16 pixels, shown 3 times for 5 steps: minutes",
			Common: study.Common{Episodes: 4000, Tests: 100, LogEvery: 20},
			Own:    settings{Side: 16, Images: 3, Cycles: 3, Show: 5, Delay: 2, Recall: 3, LR: 3e-4}},
		{Name: "paper", About: "3 images of 32x32 pixels, 1,025 neurons: arXiv:1804.02464, section 4.3",
			Common: study.Common{Episodes: 3000, Tests: 100, LogEvery: 10},
			Own:    settings{Side: 32, Images: 3, Cycles: 3, Show: 20, Delay: 2, Recall: 3, LR: 1e-4}},
	},
	Columns: []study.Column{
		{Name: "mean_fill_mse", About: "the error, in the same episodes, of filling the erased half with the image’s mean"},
		{Name: "of_mean_fill", About: "the model’s error as a share of that"},
	},
	Arms: arms,
	Yardstick: func(*settings) string {
		return "Filling the erased half with the image’s mean instead comes to the error in the column mean fill mse; 0 is the image itself."
	},
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

// arms returns the models asked for.
func arms(common *study.Common, s *settings) ([]study.Arm, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	set, err := cifar.Open(s.Data, "")
	if unknown, ok := errors.AsType[*registry.NotFoundError](err); ok {
		return nil, cli.Usagef("--data: %w", unknown)
	}
	if err != nil {
		return nil, err
	}
	if s.Data == "" {
		s.Data = set.Name // the run stays with it when a better one is fetched
	}
	train, test := &gallery{set.Train, s.Side}, &gallery{set.Test, s.Side}
	if n := min(train.len(), test.len()); n < s.Images {
		return nil, fmt.Errorf("%s has %s to train with and %d to test with; want at least the %d of an episode", set.Dir, progress.Count(train.len(), "image"), test.len(), s.Images)
	}
	sum := train.sum(test)
	var all []study.Arm
	for _, name := range common.Models {
		layer, err := build(name, s)
		if err != nil {
			return nil, err
		}
		all = append(all, study.Arm{
			Model: name, Params: params(layer), Control: name == rnn, Data: sum,
			About:  progress.Count(layer.HiddenSize(), "neuron"),
			Source: fmt.Sprintf("%s: %s images to train with, %s held out", set.Name, progress.Thousands(train.len()), progress.Thousands(test.len())),
			New: func(seed uint64) (study.Learner, error) {
				return newLearner(layer, s, train, test, seed, common.Tests), nil
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
		{"images", s.Images, 1, 100}, {"cycles", s.Cycles, 1, 1000}, {"show", s.Show, 1, 1000},
		{"delay", s.Delay, 0, 1000}, {"recall", s.Recall, 1, 1000},
	} {
		if n.value < n.lo || n.value > n.hi {
			return cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	if s.Side < 2 || cifar.Side%s.Side != 0 || s.Side%2 != 0 {
		return cli.Usagef("side %d: want 32, 16, 8, 4 or 2", s.Side)
	}
	if !(s.LR > 0) {
		return cli.Usagef("lr %v: want a number above 0", s.LR)
	}
	return nil
}
