package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/optim"
)

// stubSettings are those of a task whose models guess the signs of a few hidden
// numbers from noisy glimpses of them.
type stubSettings struct {
	Size    int     `yaml:"size" help:"numbers to guess"`
	LR      float64 `yaml:"lr" help:"learning rate"`
	Delay   string  `yaml:"delay" help:"time that an update takes" resume:"may change"`
	Diverge int     `yaml:"diverge" help:"episode of the model eager that gives a NaN; 0 for none"`
	Fail    bool    `yaml:"fail" help:"the model still fails" resume:"may change"`
}

// guesser is a model of the stub task. The control does not learn.
type guesser struct {
	*trained.Weights
	seed         uint64
	target, w, g []float32
	glimpses     *rng.Stream
	settings     *stubSettings
	tests        int
	still        bool
	diverge      int
	episode      int
}

func newGuesser(model string, seed uint64, common *Common, s *stubSettings) *guesser {
	l := &guesser{Weights: trained.NewWeights(s.LR, 1), seed: seed, settings: s, tests: common.Tests, still: model == "still"}
	if model == "eager" {
		l.diverge, l.LR = s.Diverge, 2*s.LR
	}
	values, grads := l.Add("", []lstm.Param{{Name: "w", Shape: []int{s.Size}, Lo: -1, Hi: 1}}, rng.New(seed, "init"))
	l.w, l.g = values[0], grads[0]
	l.glimpses = l.Stream(seed, "glimpses")
	r := rng.New(seed, "target")
	for range s.Size {
		l.target = append(l.target, float32(r.NormFloat64()))
	}
	return l
}

func (l *guesser) wrong() float64 {
	n := 0
	for i, w := range l.w {
		if w*l.target[i] <= 0 {
			n++
		}
	}
	return float64(n) / float64(len(l.w))
}

func (l *guesser) Update() (Point, error) {
	if d, err := time.ParseDuration(l.settings.Delay); err == nil {
		time.Sleep(d)
	}
	if l.settings.Fail && l.still {
		return Point{}, errors.New("no will to learn")
	}
	p := Point{Value: l.wrong()}
	for i := range l.w {
		l.g[i] = l.w[i] - l.target[i] - float32(l.glimpses.NormFloat64())
		p.Loss += float64(l.g[i]) * float64(l.g[i])
	}
	l.episode++
	if l.diverge > 0 && l.episode >= l.diverge {
		l.g[0] = float32(math.NaN())
	}
	var err error
	if l.still {
		p.Norm, err = optim.GlobalNorm(l.Params)
	} else {
		p.Norm, err = l.Step()
	}
	return p, err
}

// Keep writes how many episodes there have been.
func (l *guesser) Keep(dir string) error {
	return os.WriteFile(filepath.Join(dir, "kept"), fmt.Append(nil, l.episode), 0o666)
}

func (l *guesser) Test(ctx context.Context, progress func(int)) (*Outcome, error) {
	for i := range l.tests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		progress(i + 1)
	}
	return &Outcome{
		Value:  l.wrong(),
		Extra:  []Measure{{Name: "first_weight", Value: float64(l.w[0])}, {Name: "nothing", Value: math.NaN(), Key: true}},
		Series: []Series{{Name: "guesses", Values: []float64{1.5, math.NaN()}}},
		Pictures: []Picture{
			{Title: "A square", Caption: "It is black.", File: "square.svg", Image: []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>`)},
			{Title: "The weights", Caption: "In turn.", X: "number", Y: "weight", Curves: []Curve{
				{Name: "w", X: []float64{0, 1, 2}, Y: []float64{float64(l.w[0]), math.NaN(), 1}}, {Name: "seen", X: []float64{0, 1, 2}, Y: []float64{0, -1, 1}, Events: true}}},
		},
	}, nil
}

var stubTask = Task[stubSettings]{
	Name: "guess", Title: "Guessing signs", Short: "Guess signs", Long: "Guess the signs of numbers.", Example: "  go run ./eval guess",
	About: []string{"Numbers are hidden; a model sees them <noisily> & guesses."}, Unit: "episodes", Columns: []Column{{Name: "first_weight", About: "the weight that comes first"}},
	Metric: Metric{Name: "error_rate", Label: "signs guessed wrong", Percent: true},
	Goal:   &Goal{Value: 0.05, Window: 10, Hold: 20},
	Models: []Kind{{"steady", "learns"}, {"eager", "learns twice as fast"}, {"still", "does not learn"}},
	Presets: []Preset[stubSettings]{
		{"quick", "a moment", Common{Episodes: 60, Tests: 3, LogEvery: 5}, stubSettings{Size: 8, LR: 0.05}},
		{"paper", "longer", Common{Episodes: 600, Models: []string{"steady", "still"}}, stubSettings{Size: 80, LR: 0.01}},
	},
	Uses: Uses{"diverge": {"eager"}, "delay": {"steady", "eager", "still"}},
	Idle: func(c *Common, s *stubSettings, key string) string {
		if key == "lr" && s.Size > 20 {
			return "the sizes above 20 have a rate of their own"
		}
		return ""
	},
	Arms: func(c *Common, s *stubSettings) ([]Arm, error) {
		if s.Size < 1 {
			return nil, cli.Usagef("size %d: want at least 1", s.Size)
		}
		var arms []Arm
		for _, m := range c.Models {
			arms = append(arms, Arm{Model: m, About: "a few weights", Params: s.Size, Control: m == "still", Source: "signs: as many as there are",
				New: func(seed uint64) (Learner, error) { return newGuesser(m, seed, c, s), nil }})
		}
		return arms, nil
	},
}

func stubCommand() *cobra.Command {
	root := &cobra.Command{Use: "eval"}
	root.AddCommand(Command(stubTask))
	return root
}
