// Package hyper is the eval task of learning how strongly to regularise each
// synapse [1, section 5.1]: a net is trained with an l2 penalty lambda_i phi_i^2 for
// each of its weights, and the lambdas learn from what that does on examples held
// out. Half of the net's inputs and more say nothing, but nobody tells it which.
//
//	[1] Zucchet et al., A contrastive rule for meta-learning, NeurIPS 2022,
//	    arXiv:2104.01677.
package hyper

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
	"github.com/engram-lm/engram/internal/study"
)

// settings are those of the task alone.
type settings struct {
	Inputs   int `yaml:"inputs" help:"inputs of the net" compare:"same"`
	Relevant int `yaml:"relevant" help:"inputs that the labels depend on" compare:"same"`
	Classes  int `yaml:"classes" help:"labels" compare:"same"`
	Teacher  int `yaml:"teacher" help:"hidden neurons of the net that draws the labels" compare:"same"`
	Hidden   int `yaml:"hidden" help:"hidden neurons of the net that learns"`
	Train    int `yaml:"train" help:"examples to learn from" compare:"same"`
	HeldOut  int `yaml:"held_out" help:"examples that the regularisation learns from" compare:"same"`
	Test     int `yaml:"test" help:"examples that neither has seen" compare:"same"`

	Lambda   float64 `yaml:"lambda" help:"strength of every synapse's penalty before the first update"`
	LR       float64 `yaml:"lr" help:"learning rate of the logarithms of the strengths, by Adam"`
	Estimate string  `yaml:"estimate" help:"of the contrastive rule: forward, symmetric, second-order or matched"`
	Beta     float64 `yaml:"beta" help:"strength of the nudge"`
	Free     int     `yaml:"free" help:"steps of the free phase, by Nesterov's momentum of 0.9"`
	Nudged   int     `yaml:"nudged" help:"steps of the nudged phase"`
	Rate     float64 `yaml:"rate" help:"learning rate of both"`
	Solver   int     `yaml:"solver_steps" help:"steps of conjugate gradients"`
	Damping  float64 `yaml:"damping" help:"what they add to every curvature, so that a flat direction is no infinite step"`
	Neumann  int     `yaml:"neumann_terms" help:"terms of the Neumann series"`
	Alpha    float64 `yaml:"neumann_rate" help:"its rate"`
	Through  int     `yaml:"through" help:"last steps of learning that truncated goes back through"`
}

// The models.
const (
	contrastive = "contrastive"
	implicit    = "implicit"
	neumann     = "neumann"
	t1t2        = "t1-t2"
	truncated   = "truncated"
	grid        = "grid"
	fixed       = "fixed"
)

var quick = settings{
	Inputs: 40, Relevant: 10, Classes: 5, Teacher: 10, Hidden: 20, Train: 1000, HeldOut: 1000, Test: 3000,
	Lambda: .03, LR: .1, Estimate: "matched", Beta: .1, Free: 1000, Nudged: 300, Rate: .2,
	Solver: 100, Damping: .01, Neumann: 100, Alpha: .1, Through: 100,
}

var large = func() settings {
	s := quick
	s.Inputs, s.Relevant, s.Classes, s.Hidden, s.Train, s.HeldOut = 100, 20, 10, 64, 2000, 2000
	s.Free, s.Nudged = 2000, 500
	return s
}()

// The shared strengths that grid tries: 1e-5 to 1e-1, in steps of a factor of
// the square root of 10.
const gridPoints = 9

func gridPoint(i int) float64 { return 1e-5 * math.Pow(10, float64(i)/2) }

var task = study.Task[settings]{
	Name:  "hyper",
	Title: "Learning how to regularise",
	Short: "Learn a regularisation strength for each synapse, by the contrastive rule",
	Long: `Train a net with a penalty lambda phi^2 on each of its weights, and learn the
lambdas: thousands of hyper-parameters, by the gradient of the loss on held-out
examples. Three quarters of the inputs say nothing about the labels. The
contrastive rule trains twice, the second time with a nudge towards the held-out
examples; implicit, neumann, t1-t2 and truncated are the methods that it is held
against, grid the best of nine strengths shared by all, fixed the starting value.
The metric is the loss on the held-out examples; test_loss is that on others.`,
	Example: `  go run ./eval hyper
  go run ./eval hyper --models contrastive,implicit,grid --seeds 3
  go run ./eval hyper --preset large`,
	Unit: "updates",
	Metric: study.Metric{Name: "held_out_loss", Label: "loss on the held-out examples, in nats",
		On: "examples that the strengths were chosen by and the weights have not seen"},
	Columns: []study.Column{
		{Name: "test_loss", About: "loss on examples that neither the weights nor the strengths have seen"},
		{Name: "accuracy", About: "share of those that are classified right"},
		{Name: "irrelevant", About: "median strength at inputs that say nothing over that at inputs that do"},
	},
	About: []string{
		"A net learns labels that depend on a few of its inputs. Each weight is drawn to zero by a strength of its own, and these strengths learn: after every training, by the gradient of the loss on held-out examples.",
		"A strength that all weights share has to be a compromise. Per synapse, the strengths can find out which inputs say nothing and switch these off.",
	},
	Models: []study.Kind{
		{Name: contrastive, About: "contrastive rule"},
		{Name: implicit, About: "implicit gradient by conjugate gradients"},
		{Name: neumann, About: "implicit gradient by a Neumann series"},
		{Name: t1t2, About: "implicit gradient without curvature"},
		{Name: truncated, About: "back-propagation through the last steps of learning"},
		{Name: grid, About: "best of nine shared strengths"},
		{Name: fixed, About: "the starting strength: the control"},
	},
	Presets: []study.Preset[settings]{
		{Name: "quick", About: "40 inputs, 20 neurons, 1,000 examples: minutes",
			Common: study.Common{Episodes: 30, Tests: 1, LogEvery: 1}, Own: quick},
		{Name: "large", About: "100 inputs, 64 neurons, 2,000 examples, longer phases",
			Common: study.Common{Episodes: 100, Tests: 1, LogEvery: 1}, Own: large},
	},
	Uses: study.Uses{
		"test_episodes": nil, "lr": {contrastive, implicit, neumann, t1t2, truncated},
		"lambda":   {contrastive, implicit, neumann, t1t2, truncated, fixed},
		"estimate": {contrastive}, "beta": {contrastive}, "nudged": {contrastive}, "solver_steps": {implicit}, "damping": {implicit},
		"neumann_terms": {neumann}, "neumann_rate": {neumann}, "through": {truncated},
	},
	Arms: arms,
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

func arms(common *study.Common, s *settings) ([]study.Arm, error) {
	estimate, err := s.validate()
	if err != nil {
		return nil, err
	}
	body, rest := s.net().Len()
	var all []study.Arm
	for _, name := range common.Models {
		n := body + rest
		switch name {
		case grid:
			n = 1
		case fixed:
			n = 0
		}
		all = append(all, study.Arm{
			Model: name, About: progress.Count(n, "strength"), Params: n, Control: name == fixed,
			New: func(seed uint64) (study.Learner, error) { return s.learner(name, estimate, seed), nil },
		})
	}
	return all, nil
}

// learner returns a model before its first update.
func (s *settings) learner(name string, estimate contrast.Estimate, seed uint64) study.Learner {
	p := s.draw(seed)
	theta := make([]float32, len(p.origin))
	for i := range theta {
		theta[i] = float32(math.Log(s.Lambda))
	}
	l := meta.New(theta, s.LR, seed)
	l.Batch, l.Tests = 1, 1
	l.Draw = func(*rand.Rand) meta.Task { return meta.Task{Energy: p.energy()} }
	free := s.phase(s.Free)
	learn := &contrast.Rule[float32]{Free: free}
	switch name {
	case contrastive:
		l.Method = &contrast.Rule[float32]{Beta: s.Beta, Estimate: estimate, Free: free, Nudged: s.phase(s.Nudged)}
	case implicit:
		l.Method = &contrast.Implicit[float32]{Free: free, Steps: s.Solver, Damping: s.Damping}
	case neumann:
		l.Method = &contrast.Implicit[float32]{Free: free, Solver: contrast.Neumann, Steps: s.Neumann, Rate: s.Alpha}
	case t1t2:
		l.Method = &contrast.Implicit[float32]{Free: free, Solver: contrast.T1T2}
	case truncated:
		l.Method = &contrast.Unrolled[float32]{Steps: s.Free, Rate: s.Rate, Momentum: momentum, Through: s.Through}
	default:
		l.Adapt = learn
	}
	l.Show = func() ([]study.Picture, []study.Measure, error) {
		phi := make([]float32, len(theta))
		learn.Learn(p.energy(), l.Theta, phi)
		return nil, s.measures(p, phi, l.Theta), nil
	}
	if name == grid {
		return &searcher{l, learn, p}
	}
	return l
}

// energy is the net's training with a strength per synapse.
func (p *problem) energy() meta.Energy {
	net := *p.net // with scratch memory of its own
	return &contrast.Synapse[float32]{
		Task: &contrast.Nets[float32]{Net: &net, Train: p.train.set(), Eval: p.held.set()}, Pull: contrast.PullLog, Origin: p.origin,
	}
}

const momentum = 0.9

func (s *settings) phase(steps int) contrast.Phase[float32] {
	return contrast.Phase[float32]{Steps: steps, Optimizer: func() contrast.Optimizer[float32] {
		return &contrast.Descent[float32]{Rate: s.Rate, Momentum: momentum}
	}}
}

// measures are those of examples that nothing has learned from, and of the
// strengths of the first layer.
func (s *settings) measures(p *problem, phi, theta []float32) []study.Measure {
	body, _ := p.net.Len()
	loss := p.net.Loss(phi[:body], phi[body:], p.test.set(), 1, nil, nil)
	right := accuracy(p.net.Forward(phi[:body], phi[body:], p.test.x), p.test.labels)
	var says, silent []float64
	for i := range s.Hidden * s.Inputs {
		if i%s.Inputs < s.Relevant {
			says = append(says, float64(theta[i]))
		} else {
			silent = append(silent, float64(theta[i]))
		}
	}
	return []study.Measure{
		{Name: "test_loss", Value: loss}, {Name: "accuracy", Value: right, Percent: true},
		{Name: "irrelevant", Value: math.Exp(stats.Median(silent) - stats.Median(says))},
	}
}

// searcher tries the shared strengths of the grid, and keeps the one that is best
// on the held-out examples. It has nothing to update.
type searcher struct {
	*meta.Learner
	learn *contrast.Rule[float32]
	p     *problem
}

func (g *searcher) Test(ctx context.Context, progress func(int)) (*study.Outcome, error) {
	best, at := math.Inf(1), 0
	phi := make([]float32, len(g.Theta))
	for i := range gridPoints {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g.set(gridPoint(i))
		if _, out := g.learn.Learn(g.p.energy(), g.Theta, phi); out < best {
			best, at = out, i
		}
	}
	g.set(gridPoint(at))
	out, err := g.Learner.Test(ctx, progress)
	if err == nil {
		out.Extra = append(out.Extra, study.Measure{Name: "strength", Value: gridPoint(at)})
	}
	return out, err
}

func (g *searcher) set(lambda float64) {
	for i := range g.Theta {
		g.Theta[i] = float32(math.Log(lambda))
	}
}

// validate reports the first setting that cannot be.
func (s *settings) validate() (contrast.Estimate, error) {
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"inputs", s.Inputs, 1, 100000}, {"relevant", s.Relevant, 1, s.Inputs}, {"classes", s.Classes, 2, 10000},
		{"teacher", s.Teacher, 1, 10000}, {"hidden", s.Hidden, 1, 100000}, {"train", s.Train, 1, 1e7}, {"held_out", s.HeldOut, 1, 1e7},
		{"test", s.Test, 1, 1e7}, {"free", s.Free, 0, 1e6}, {"nudged", s.Nudged, 1, 1e6}, {"solver_steps", s.Solver, 1, 1e5},
		{"neumann_terms", s.Neumann, 0, 1e6}, {"through", s.Through, 1, 1e6},
	} {
		if n.value < n.lo || n.value > n.hi {
			return 0, cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	for _, n := range []struct {
		key   string
		value float64
	}{{"lambda", s.Lambda}, {"lr", s.LR}, {"beta", s.Beta}, {"rate", s.Rate}, {"neumann_rate", s.Alpha}} {
		if !(n.value > 0) {
			return 0, cli.Usagef("%s %v: want a number above 0", n.key, n.value)
		}
	}
	if !(s.Damping >= 0) {
		return 0, cli.Usagef("damping %v: want a number of at least 0", s.Damping)
	}
	e, err := contrast.ParseEstimate(s.Estimate)
	if err != nil {
		return 0, &cli.UsageError{Err: err}
	}
	return e, nil
}
