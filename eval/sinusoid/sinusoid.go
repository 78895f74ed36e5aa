// Package sinusoid is the eval task of learning a sine wave from a few points [1]:
// what is learned slowly, over many waves, is how to learn one fast. The slow
// parameters' gradient comes from the contrastive rule or from a method that it is
// held against.
//
//	[1] Zucchet et al., A contrastive rule for meta-learning, NeurIPS 2022,
//	    arXiv:2104.01677; the task is that of Finn, Abbeel and Levine, MAML, 2017.
package sinusoid

import (
	"fmt"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/meta"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
)

// settings are those of the task alone.
type settings struct {
	Shots       int     `yaml:"shots" help:"points that a wave is learned from" compare:"same"`
	Evaluation  int     `yaml:"evaluation" help:"points that it is measured on" compare:"same"`
	AmplitudeLo float64 `yaml:"amplitude_lo" help:"smallest amplitude" compare:"same"`
	AmplitudeHi float64 `yaml:"amplitude_hi" help:"largest amplitude" compare:"same"`
	MetaBatch   int     `yaml:"meta_batch" help:"waves an update"`
	Hidden      int     `yaml:"hidden" help:"neurons of each of the two hidden layers"`

	Estimate string  `yaml:"estimate" help:"of the contrastive rule: forward, symmetric, second-order or matched"`
	Beta     float64 `yaml:"beta" help:"strength of the nudge"`
	Pull     float64 `yaml:"pull" help:"strength that a weight is drawn to its slow value with, times the number of weights"`
	LR       float64 `yaml:"lr" help:"learning rate of the slow parameters, by Adam"`
	Free     int     `yaml:"free" help:"steps of the free phase, by Adam"`
	Nudged   int     `yaml:"nudged" help:"steps of the nudged phase"`
	Rate     float64 `yaml:"rate" help:"learning rate of both phases"`

	ImplicitPull float64 `yaml:"implicit_pull" help:"strength that a weight is drawn to its slow value with for implicit, times the number of weights"`
	ImplicitLR   float64 `yaml:"implicit_lr" help:"learning rate of its slow parameters"`
	Solver       int     `yaml:"solver_steps" help:"its steps of conjugate gradients"`
	Damping      float64 `yaml:"damping" help:"what these add to every curvature"`
	Gauss        bool    `yaml:"gauss_newton" help:"take the net for linear in the curvature, which then has no downward side"`

	ModulatoryRate float64 `yaml:"modulatory_rate" help:"learning rate of both phases for modulatory"`
	ModulatoryBeta float64 `yaml:"modulatory_beta" help:"strength of the nudge for modulatory"`

	InnerSteps int     `yaml:"inner_steps" help:"steps of gradient descent of maml and first-order"`
	InnerRate  float64 `yaml:"inner_rate" help:"their learning rate"`
	OuterRate  float64 `yaml:"outer_rate" help:"learning rate of their slow parameters, by Adam"`

	Spiking       int     `yaml:"spiking" help:"spiking neurons"`
	SpikingPull   float64 `yaml:"spiking_pull" help:"strength that a spiking net's weight is drawn to its slow value with"`
	SpikingRate   float64 `yaml:"spiking_rate" help:"learning rate of the free phase, by Adam; the nudged one has three times that"`
	SpikingNudged int     `yaml:"spiking_nudged" help:"steps of the nudged phase"`
	SpikingLR     float64 `yaml:"spiking_lr" help:"learning rate of the slow parameters"`

	Plastic       int     `yaml:"plastic" help:"neurons of the plastic layer"`
	PlasticPull   float64 `yaml:"plastic_pull" help:"strength that its coefficients and rates are drawn to their slow values with, before the first update"`
	PlasticFree   int     `yaml:"plastic_free" help:"steps of the free phase, in which they learn, by Adam"`
	PlasticNudged int     `yaml:"plastic_nudged" help:"steps of the nudged phase"`
	PlasticRate   float64 `yaml:"plastic_rate" help:"learning rate of both"`
	PlasticLR     float64 `yaml:"plastic_lr" help:"learning rate of the slow parameters"`
}

// The models.
const (
	contrastive = "contrastive"
	implicit    = "implicit"
	maml        = "maml"
	firstOrder  = "first-order"
	modulatory  = "modulatory"
	spikingName = "spiking"
	plastic     = "plastic"
	plasticBPTT = "plastic-bptt"
	random      = "random"
)

var paper = settings{
	Shots: 10, Evaluation: 10, AmplitudeLo: .1, AmplitudeHi: 5, MetaBatch: 25, Hidden: 40,
	Estimate: "matched", Beta: 1, Pull: 10, LR: .01, Free: 500, Nudged: 250, Rate: .01,
	ImplicitPull: 1000, ImplicitLR: .01, Solver: 100, Damping: .01, Gauss: true,
	ModulatoryRate: .01, ModulatoryBeta: .1,
	InnerSteps: 10, InnerRate: .01, OuterRate: .001,
	Spiking: 100, SpikingPull: .001, SpikingRate: .001, SpikingNudged: 100, SpikingLR: .003,
	Plastic: 32, PlasticPull: .01, PlasticFree: 10, PlasticNudged: 5, PlasticRate: .01, PlasticLR: .01,
}

// quick learns from fewer waves an update.
var quick = func() settings {
	s := paper
	s.MetaBatch, s.Free, s.Nudged, s.Solver = 10, 200, 100, 50
	return s
}()

var task = study.Task[settings]{
	Name:  "sinusoid",
	Title: "Learning to learn a sine wave",
	Short: "Learn sine waves from a few points, ever better: meta-learning by the contrastive rule",
	Long: `Learn a sine wave of unknown amplitude and phase from ten points of it, and be
measured on others. Over many waves the slow parameters learn where a net should
start from and be drawn to, so that ten points suffice. Their gradient comes from
learning each wave twice, the second time nudged towards the evaluation
(contrastive), or from a method that this is held against. The metric is the mean
squared error on held-out waves after learning.`,
	Example: `  # in minutes: the contrastive rule, the implicit gradient, MAML and no meta-learning
  go run ./eval sinusoid
  # a recurrent net of spiking neurons that learns by e-prop
  go run ./eval sinusoid --models spiking --episodes 100
  # 1,000 updates of 25 waves, all models
  go run ./eval sinusoid --preset paper --seeds 3`,
	Unit:   "updates",
	Metric: study.Metric{Name: "mse", Label: "mean squared error on new waves after learning from ten points"},
	About: []string{
		"A wave is learned from ten of its points, and measured on ten others. One that starts from random weights fits the ten points and little else. What makes learning work is learned over thousands of waves: the slow value of each weight, where it starts from and is drawn to (complex synapse), or the weights themselves, while learning changes gains, biases and the readout alone (modulatory).",
		"contrastive learns each wave in a free phase and goes on in a nudged one, in which the evaluation error counts a little too; the difference of two partial derivatives is the slow parameters' gradient. implicit solves a linear system with the curvature at the end of learning; maml goes back through ten steps of learning; random has no slow learning.",
		"plastic is an LSTM with Hebbian traces that reads the ten points and is then asked for others. Its coefficients and rates learn a wave as the others' weights do, by the contrastive rule; those of plastic-bptt stay as back-propagation through what it reads has made them.",
	},
	Columns: []study.Column{
		{Name: "reading_mse", About: "error of a plastic layer that reads the points alone: its coefficients and rates stay at their slow values"},
		{Name: "learned_mse", About: "its error when they learn in a free phase as well"},
		{Name: "free_gradient", About: "size of the gradient at the end of the free phase"},
		{Name: "nudged_gradient", About: "likewise of the nudged phase"},
		{Name: "drowned", About: "share of tasks whose nudge moved the weights by less than three times what the free phase had left to do: the estimate means little there"},
	},
	Models: []study.Kind{
		{Name: contrastive, About: "slow value of each weight, by the contrastive rule"},
		{Name: implicit, About: "the same by the implicit gradient (conjugate gradients)"},
		{Name: maml, About: "start of each weight, back through all steps of learning"},
		{Name: firstOrder, About: "the same without curvature"},
		{Name: modulatory, About: "slow weights under fast gains and biases, by the contrastive rule"},
		{Name: spikingName, About: "recurrent spiking net with e-prop inside, by the contrastive rule"},
		{Name: plastic, About: "plastic LSTM that reads the points, and whose coefficients and rates learn; by the contrastive rule"},
		{Name: plasticBPTT, About: "the same layer, which reads and does not learn; by back-propagation through what it reads"},
		{Name: random, About: "no slow learning: the control"},
	},
	Presets: []study.Preset[settings]{
		{Name: "quick", About: "300 updates of 10 waves: minutes",
			Common: study.Common{Models: []string{contrastive, implicit, maml, random}, Episodes: 300, Tests: 100, LogEvery: 5}, Own: quick},
		{Name: "paper", About: "1,000 updates of 25 waves: arXiv:2104.01677",
			Common: study.Common{Models: []string{contrastive, implicit, maml, firstOrder, modulatory, random}, Episodes: 1000, Tests: 100, LogEvery: 5}, Own: paper},
	},
	Uses: study.Uses{
		"hidden":     {contrastive, implicit, maml, firstOrder, modulatory, random},
		"meta_batch": {contrastive, implicit, maml, firstOrder, modulatory, spikingName, plastic, plasticBPTT},
		"estimate":   {contrastive, modulatory, spikingName, plastic}, "beta": {contrastive, spikingName, plastic},
		"pull": {contrastive}, "lr": {contrastive, modulatory},
		"implicit_pull": {implicit}, "implicit_lr": {implicit},
		"free": {contrastive, implicit, modulatory, spikingName, random}, "nudged": {contrastive, modulatory},
		"rate": {contrastive, implicit, random}, "solver_steps": {implicit}, "damping": {implicit}, "gauss_newton": {implicit},
		"modulatory_rate": {modulatory}, "modulatory_beta": {modulatory},
		"inner_steps": {maml, firstOrder}, "inner_rate": {maml, firstOrder}, "outer_rate": {maml, firstOrder},
		"spiking": {spikingName}, "spiking_pull": {spikingName}, "spiking_rate": {spikingName},
		"spiking_nudged": {spikingName}, "spiking_lr": {spikingName},
		"plastic": {plastic, plasticBPTT}, "plastic_pull": {plastic, plasticBPTT}, "plastic_free": {plastic, plasticBPTT},
		"plastic_nudged": {plastic}, "plastic_rate": {plastic, plasticBPTT}, "plastic_lr": {plastic, plasticBPTT},
	},
	Arms: arms,
	Yardstick: func(s *settings) string {
		lo, hi := s.AmplitudeLo, s.AmplitudeHi
		return fmt.Sprintf("Always answering 0 has an error of about %.2g; a perfect memory of waves has none.", (lo*lo+lo*hi+hi*hi)/6)
	},
}

// Command returns the command of the task.
func Command() *cobra.Command { return study.Command(task) }

func arms(common *study.Common, s *settings) ([]study.Arm, error) {
	estimate, err := s.validate()
	if err != nil {
		return nil, err
	}
	var all []study.Arm
	for _, name := range common.Models {
		a := study.Arm{Model: name, About: progress.Count(s.Hidden, "neuron") + " in each of two layers", Control: name == random}
		switch name {
		case spikingName:
			a.About = progress.Count(s.Spiking, "spiking neuron")
		case plastic, plasticBPTT:
			a.About = progress.Count(s.Plastic, "plastic neuron")
		}
		a.Params = len(s.start(name, 1))
		a.New = func(seed uint64) (study.Learner, error) { return s.learner(name, estimate, seed, common.Tests), nil }
		all = append(all, a)
	}
	return all, nil
}

// start draws the slow parameters of a model.
func (s *settings) start(name string, seed uint64) []float32 {
	r := rng.New(seed, "init")
	switch name {
	case plastic, plasticBPTT:
		return s.readerStart(r)
	case spikingName:
		net := newSpiking(s.Spiking)
		w := make([]float32, net.Len())
		net.Init(r.NormFloat64, w)
		return w
	default:
		net := &contrast.MLP[float32]{Sizes: s.sizes(), Modulated: name == modulatory}
		body, rest := net.Len()
		w := make([]float32, body+rest)
		net.Init(r.NormFloat64, w[:body], w[body:])
		return w
	}
}

// learner returns a model before its first update.
func (s *settings) learner(name string, estimate contrast.Estimate, seed uint64, tests int) *meta.Learner {
	lr := s.LR
	switch name {
	case maml, firstOrder:
		lr = s.OuterRate
	case implicit:
		lr = s.ImplicitLR
	case spikingName:
		lr = s.SpikingLR
	case plastic, plasticBPTT:
		lr = s.PlasticLR
	}
	l := meta.New(s.start(name, seed), lr, seed)
	l.Batch, l.Tests = s.MetaBatch, tests
	free, nudged := adam(s.Free, s.Rate), adam(s.Nudged, s.Rate)
	l.Draw = func(r *rand.Rand) meta.Task { return s.synapse(r, s.Pull, false) }
	switch name {
	case contrastive:
		l.Method = &contrast.Rule[float32]{Beta: s.Beta, Estimate: estimate, Free: free, Nudged: nudged}
	case implicit:
		l.Method = &contrast.Implicit[float32]{Free: free, Steps: s.Solver, Damping: s.Damping}
		l.Draw = func(r *rand.Rand) meta.Task { return s.synapse(r, s.ImplicitPull, s.Gauss) }
	case maml, firstOrder:
		l.Method = &contrast.Unrolled[float32]{Steps: s.InnerSteps, Rate: s.InnerRate, Through: s.InnerSteps, FirstOrder: name == firstOrder}
		l.Draw = s.plain
	case modulatory:
		l.Method = &contrast.Rule[float32]{Beta: s.ModulatoryBeta, Estimate: estimate, Free: adam(s.Free, s.ModulatoryRate), Nudged: adam(s.Nudged, s.ModulatoryRate)}
		l.Draw = s.modulatory
	case spikingName:
		l.Method = &contrast.Rule[float32]{Beta: s.Beta, Estimate: estimate, Free: adam(s.Free, s.SpikingRate), Nudged: adam(s.SpikingNudged, 3*s.SpikingRate)}
		l.Draw = s.spiking
	case plastic:
		l.Method = &contrast.Rule[float32]{Beta: s.Beta, Estimate: estimate, Free: adam(s.PlasticFree, s.PlasticRate), Nudged: adam(s.PlasticNudged, s.PlasticRate)}
		l.Draw = s.reading
	case plasticBPTT:
		l.Method = &contrast.Unrolled[float32]{}
		l.Draw = s.reading
	case random:
		l.Adapt = &contrast.Rule[float32]{Free: free}
		l.Draw = s.plain
	}
	l.Show = func() ([]study.Picture, []study.Measure, error) { return s.show(name, l) }
	return l
}

// adam is a phase of Adam.
func adam(steps int, rate float64) contrast.Phase[float32] {
	return contrast.Phase[float32]{Steps: steps, Optimizer: func() contrast.Optimizer[float32] { return &contrast.Adam[float32]{Rate: rate} }}
}

// validate reports the first setting that cannot be.
func (s *settings) validate() (contrast.Estimate, error) {
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"shots", s.Shots, 1, 10000}, {"evaluation", s.Evaluation, 1, 10000}, {"meta_batch", s.MetaBatch, 1, 10000},
		{"hidden", s.Hidden, 1, 10000}, {"free", s.Free, 0, 1e6}, {"nudged", s.Nudged, 1, 1e6}, {"solver_steps", s.Solver, 1, 1e5},
		{"plastic", s.Plastic, 1, 10000}, {"plastic_free", s.PlasticFree, 0, 1e6}, {"plastic_nudged", s.PlasticNudged, 1, 1e6},
		{"inner_steps", s.InnerSteps, 1, 1e5}, {"spiking", s.Spiking, 1, 10000}, {"spiking_nudged", s.SpikingNudged, 1, 1e6},
	} {
		if n.value < n.lo || n.value > n.hi {
			return 0, cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	for _, n := range []struct {
		key   string
		value float64
	}{
		{"beta", s.Beta}, {"lr", s.LR}, {"rate", s.Rate}, {"modulatory_rate", s.ModulatoryRate}, {"modulatory_beta", s.ModulatoryBeta},
		{"inner_rate", s.InnerRate}, {"outer_rate", s.OuterRate}, {"spiking_rate", s.SpikingRate}, {"spiking_lr", s.SpikingLR},
		{"plastic_pull", s.PlasticPull}, {"plastic_rate", s.PlasticRate}, {"plastic_lr", s.PlasticLR},
		{"implicit_lr", s.ImplicitLR}, {"amplitude_hi", s.AmplitudeHi},
	} {
		if !(n.value > 0) {
			return 0, cli.Usagef("%s %v: want a number above 0", n.key, n.value)
		}
	}
	for _, n := range []struct {
		key   string
		value float64
	}{{"pull", s.Pull}, {"implicit_pull", s.ImplicitPull}, {"spiking_pull", s.SpikingPull}, {"damping", s.Damping}} {
		if !(n.value >= 0) {
			return 0, cli.Usagef("%s %v: want a number of at least 0", n.key, n.value)
		}
	}
	if !(s.AmplitudeLo >= 0) || s.AmplitudeLo > s.AmplitudeHi {
		return 0, cli.Usagef("amplitude_lo %v: want 0 to amplitude_hi, which is %v", s.AmplitudeLo, s.AmplitudeHi)
	}
	e, err := contrast.ParseEstimate(s.Estimate)
	if err != nil {
		return 0, &cli.UsageError{Err: err}
	}
	return e, nil
}
