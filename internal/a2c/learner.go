package a2c

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/optim"
)

// Settings are what all agents have to be told, each a key of config.yaml and a
// flag.
type Settings struct {
	Hidden int `yaml:"hidden" help:"neurons of the modulated agents; the others get as many as match their parameters"`
	Batch  int `yaml:"batch" help:"episodes that make up an update"`

	LR       float64 `yaml:"lr" help:"learning rate of Adam"`
	Eps      float64 `yaml:"adam_eps" help:"what Adam adds to the root of the second moment"`
	ClipNorm float64 `yaml:"clip_norm" help:"bound of the gradient's norm; 0 does not clip"`

	Gamma             float64 `yaml:"gamma" help:"discount of the reward a step later"`
	ValueCoef         float64 `yaml:"value_coef" help:"weight of the squared error of the value"`
	ConcentrationCoef float64 `yaml:"concentration_coef" help:"weight of the sum of squared probabilities, against sure policies"`

	Eta       float64 `yaml:"eta" help:"rate of the traces of a new plastic agent, of the eligibility traces of a retroactive one"`
	TraceClip float64 `yaml:"trace_clip" help:"bound of the Hebbian traces"`
}

// Validate reports the first setting with which nothing can be learned.
func (s *Settings) Validate() error {
	for _, n := range []struct {
		key   string
		value int
	}{{"hidden", s.Hidden}, {"batch", s.Batch}} {
		if n.value < 1 || n.value > 1<<14 {
			return fmt.Errorf("%s %d: want 1 to %d", n.key, n.value, 1<<14)
		}
	}
	for _, x := range []struct {
		key      string
		value    float64
		positive bool
	}{
		{"lr", s.LR, true}, {"adam_eps", s.Eps, true}, {"clip_norm", s.ClipNorm, false},
		{"value_coef", s.ValueCoef, false}, {"concentration_coef", s.ConcentrationCoef, false},
		{"trace_clip", s.TraceClip, true},
	} {
		if x.value < 0 || x.positive && x.value == 0 {
			want := "0 or more"
			if x.positive {
				want = "more than 0"
			}
			return fmt.Errorf("%s %v: want %s", x.key, x.value, want)
		}
	}
	if !(s.Gamma >= 0 && s.Gamma <= 1) {
		return fmt.Errorf("gamma %v: want 0 to 1", s.Gamma)
	}
	if !(s.Eta >= 0 && s.Eta <= 1) {
		return fmt.Errorf("eta %v: want 0 to 1", s.Eta)
	}
	return nil
}

// A Task is what the agents are to learn.
type Task struct {
	// NewEnv returns an environment of batch streams, each drawing from a random
	// stream of its own, NAME/b of seed.
	NewEnv func(batch int, seed uint64, name string) (Env, error)
	// Watch returns a witness of the held-out episodes in env.
	Watch func(env Env) Witness
}

// A Witness watches an agent on held-out episodes, and says what is worth saying
// beside the mean reward.
type Witness interface {
	// See is called at the start of each batch of episodes, with t = 0 and no
	// rewards, and after each step t = 1 to T with what it was worth [B].
	See(batch, t int, rewards []float32)
	// Report returns measures over all that was seen, and pictures of the first
	// episode of the first batch, through which M(t) was modulation [T] (nil
	// without a neuromodulator).
	Report(modulation []float64) ([]study.Measure, []study.Picture)
}

// Arms returns the agents of the models, each of them matched to the modulated
// one.
func (t Task) Arms(models []string, tests int, s Settings) ([]study.Arm, error) {
	if err := s.Validate(); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	env, err := t.NewEnv(1, 0, "environment")
	if err != nil {
		return nil, err
	}
	var arms []study.Arm
	for _, kind := range models {
		layer, err := Matched(kind, env.Inputs(), env.Actions(), s.Hidden, s.TraceClip)
		if err != nil {
			return nil, err
		}
		arms = append(arms, study.Arm{
			Model: kind, About: progress.Count(layer.HiddenSize(), "neuron"), Params: ParamCount(layer, env.Actions()),
			Control: kind == "rnn",
			New: func(seed uint64) (study.Learner, error) {
				return newLearner(t, s, kind, layer, tests, seed)
			},
		})
	}
	return arms, nil
}

// recent is how many updates the mean reward of the end of training is over, at
// the most.
const recent = 1000

// learner is one agent learning under one seed.
type learner struct {
	*trained.Weights
	task          Task
	settings      Settings
	seed          uint64
	tests         int
	env           Env
	agent         *Agent[float32]
	sampling      []*rng.Stream
	params, grads [][]float32

	obs, rewards []float32
	actions      []int

	updates int
	last    []float64 // mean rewards of the last recent updates; update u is at u % recent
}

func newLearner(task Task, s Settings, kind string, layer lstm.Layer, tests int, seed uint64) (*learner, error) {
	env, err := task.NewEnv(s.Batch, seed, "environment")
	if err != nil {
		return nil, err
	}
	l := &learner{
		Weights: trained.NewWeights(s.LR, s.ClipNorm), task: task, settings: s, seed: seed, tests: tests, env: env,
		agent:    NewAgent[float32](layer, env.Actions(), s.Batch, env.Steps()),
		sampling: sources(s.Batch, seed, "sampling"),
		obs:      make([]float32, s.Batch*env.Inputs()), rewards: make([]float32, s.Batch), actions: make([]int, s.Batch),
		last: make([]float64, recent),
	}
	adam := optim.NewAdam(0)
	adam.Eps = s.Eps
	l.Use(adam)
	params := Params(layer, env.Actions())
	initial(kind, layer, params, s.Eta)
	l.params, l.grads = l.Add("", params, rng.New(seed, "init"))
	for b, stream := range env.Streams() {
		l.Streams[fmt.Sprintf("environment/%d", b)] = stream
		l.Streams[fmt.Sprintf("sampling/%d", b)] = l.sampling[b]
	}
	return l, nil
}

// sources returns a random stream for each of batch streams.
func sources(batch int, seed uint64, name string) []*rng.Stream {
	all := make([]*rng.Stream, batch)
	for b := range all {
		all[b] = rng.New(seed, fmt.Sprintf("%s/%d", name, b))
	}
	return all
}

// play takes the agent through a batch of episodes, calls see as a Witness is
// called, and returns the mean reward of an episode.
func (l *learner) play(env Env, sampling []*rng.Stream, see func(t int, rewards []float32)) float64 {
	env.Reset(l.obs)
	l.agent.Begin(l.params)
	see(0, nil)
	sum := 0.0
	for t := range env.Steps() {
		Sample(l.agent.Act(l.obs), sampling, l.actions)
		env.Step(l.actions, l.obs, l.rewards)
		l.agent.Took(l.actions, l.rewards)
		for _, r := range l.rewards {
			sum += float64(r)
		}
		see(t+1, l.rewards)
	}
	return sum / float64(len(l.actions))
}

// Update takes a batch of episodes and an optimiser step. The point's value is the
// mean reward of an episode.
func (l *learner) Update() (study.Point, error) {
	reward := l.play(l.env, l.sampling, func(int, []float32) {})
	c := Loss{Gamma: l.settings.Gamma, ValueCoef: l.settings.ValueCoef, ConcentrationCoef: l.settings.ConcentrationCoef}
	losses := l.agent.Backward(c, l.grads)
	norm, err := l.Step()
	l.last[l.updates%recent] = reward
	l.updates++
	return study.Point{Loss: losses.Total(c), Value: reward, Norm: norm}, err
}

// Test plays held-out episodes, which are the same whenever it is called, in whole
// batches of at least as many as were asked for.
func (l *learner) Test(ctx context.Context, progress func(done int)) (*study.Outcome, error) {
	batch := l.settings.Batch
	env, err := l.task.NewEnv(batch, l.seed, "held-out environment")
	if err != nil {
		return nil, err
	}
	sampling := sources(batch, l.seed, "held-out sampling")
	witness := l.task.Watch(env)
	batches := (l.tests + batch - 1) / batch
	out, modulation := &study.Outcome{}, []float64(nil)
	for i := range batches {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out.Value += l.play(env, sampling, func(t int, rewards []float32) { witness.See(i, t, rewards) }) / float64(batches)
		if m := l.agent.Modulation(); i == 0 && m != nil {
			for t := range env.Steps() {
				modulation = append(modulation, float64(m[t*batch]))
			}
		}
		progress(min((i+1)*batch, l.tests))
	}
	out.Extra = []study.Measure{{Name: "train_mean_reward", Value: l.recently()}}
	extra, pictures := witness.Report(modulation)
	out.Extra, out.Pictures = append(out.Extra, extra...), pictures
	return out, nil
}

// recently returns the mean reward over the last 1,000 updates, or over the last
// tenth of them where that is less.
func (l *learner) recently() float64 {
	n := min((l.updates+9)/10, recent)
	sum := 0.0
	for u := l.updates - n; u < l.updates; u++ {
		sum += l.last[u%recent]
	}
	return sum / float64(n)
}

// The blob of the learner's own: the number of updates, then last.
const updatesBlob = "updates"

// Snapshot returns all that Restore needs to go on to the same bits. Episodes are
// whole between updates, so an environment is its random streams.
func (l *learner) Snapshot() (*checkpoint.Snapshot, error) {
	s, err := l.Weights.Snapshot()
	if err != nil {
		return nil, err
	}
	blob := binary.LittleEndian.AppendUint64(nil, uint64(l.updates))
	for _, r := range l.last {
		blob = binary.LittleEndian.AppendUint64(blob, math.Float64bits(r))
	}
	s.Blobs[updatesBlob] = blob
	return s, nil
}

// Restore takes over what Snapshot gave.
func (l *learner) Restore(s *checkpoint.Snapshot) error {
	blob := s.Blobs[updatesBlob]
	if want := 8 * (1 + len(l.last)); len(blob) != want {
		return fmt.Errorf("blob %s has %d bytes; want %d", updatesBlob, len(blob), want)
	}
	l.updates = int(binary.LittleEndian.Uint64(blob))
	for i := range l.last {
		l.last[i] = math.Float64frombits(binary.LittleEndian.Uint64(blob[8*(i+1):]))
	}
	return l.Weights.Restore(s)
}
