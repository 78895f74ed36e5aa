package a2c

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
)

// The sizes and parameter counts of Backpropamine's maze agents: 17 inputs, 4
// actions, 100 modulated neurons; the LSTM is matched by the same rule.
func TestMatchedSizes(t *testing.T) {
	for _, want := range []struct {
		kind           string
		hidden, params int
	}{{"modulated", 100, 22406}, {"retroactive", 100, 22407}, {"plastic", 101, 22731}, {"rnn", 139, 22523}, {"lstm", 66, 22511}} {
		l, err := Matched(want.kind, 17, 4, 100, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := ParamCount(l, 4); l.HiddenSize() != want.hidden || got != want.params {
			t.Errorf("%s: %d neurons, %d parameters; want %d, %d", want.kind, l.HiddenSize(), got, want.hidden, want.params)
		}
	}
	if _, err := Matched("gru", 17, 4, 100, 1); err == nil {
		t.Error("model gru is taken")
	}
}

// recall is a small task with a memory: the first observation shows a bit, and
// the action in the third step should be that bit; +1 if it is, else -1.
type recall struct {
	rng  []*rng.Stream
	bits []int
	t    int
}

func newRecall(batch int, seed uint64, name string) (Env, error) {
	return &recall{rng: sources(batch, seed, name), bits: make([]int, batch)}, nil
}

func (e *recall) Inputs() int            { return 2 }
func (e *recall) Actions() int           { return 2 }
func (e *recall) Steps() int             { return 3 }
func (e *recall) Streams() []*rng.Stream { return e.rng }

func (e *recall) Reset(obs []float32) {
	e.t = 0
	clear(obs)
	for b := range e.bits {
		e.bits[b] = e.rng[b].IntN(2)
		obs[2*b+e.bits[b]] = 1
	}
}

func (e *recall) Step(actions []int, obs, rewards []float32) {
	e.t++
	clear(obs)
	clear(rewards)
	for b, a := range actions {
		if e.t == 3 {
			rewards[b] = -1
			if a == e.bits[b] {
				rewards[b] = 1
			}
		}
	}
}

// audience counts what it sees.
type audience struct {
	starts, steps int
	sum           float64
}

func (w *audience) See(batch, t int, rewards []float32) {
	if t == 0 {
		w.starts++
		return
	}
	w.steps++
	for _, r := range rewards {
		w.sum += float64(r)
	}
}

func (w *audience) Report(modulation []float64) ([]study.Measure, []study.Picture) {
	return []study.Measure{{Name: "starts", Value: float64(w.starts)}, {Name: "steps", Value: float64(w.steps)},
		{Name: "sum", Value: w.sum}, {Name: "modulation", Value: float64(len(modulation))}}, nil
}

var small = Settings{
	Hidden: 16, Batch: 10, LR: 1e-2, Eps: 1e-6, ClipNorm: 4, Gamma: 0.9, ValueCoef: 0.1, ConcentrationCoef: 0.03, Eta: 0.125, TraceClip: 1,
}

func newTestLearner(t testing.TB, kind string, seed uint64) study.Learner {
	t.Helper()
	task := Task{NewEnv: newRecall, Watch: func(Env) Witness { return &audience{} }}
	arms, err := task.Arms([]string{kind}, 25, small)
	if err != nil {
		t.Fatal(err)
	}
	l, err := arms[0].New(seed)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func update(t testing.TB, l study.Learner, n int) (points []study.Point) {
	t.Helper()
	for range n {
		p, err := l.Update()
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, p)
	}
	return points
}

func test(t testing.TB, l study.Learner) *study.Outcome {
	t.Helper()
	out, err := l.Test(context.Background(), func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryModelLearnsToRecall(t *testing.T) {
	for _, kind := range Kinds {
		l := newTestLearner(t, kind.Name, 1)
		before := test(t, l).Value
		update(t, l, 300)
		after := test(t, l)
		if !(math.Abs(before) <= 0.6) || !(after.Value >= 0.9) {
			t.Errorf("%s: mean reward %.2f, then %.2f; want about 0, then about 1", kind.Name, before, after.Value)
		}
	}
}

// Held-out episodes come in whole batches, are the same each time, and are not
// those of the training.
func TestHeldOutEpisodes(t *testing.T) {
	for _, kind := range []string{"rnn", "modulated"} {
		a, b := newTestLearner(t, kind, 3), newTestLearner(t, kind, 3)
		update(t, a, 5)
		update(t, b, 5)
		var done []int
		out, err := a.Test(context.Background(), func(n int) { done = append(done, n) })
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(done, []int{10, 20, 25}) {
			t.Errorf("progress %v, want 10, 20, 25", done)
		}
		m := 0.0
		if kind == "modulated" {
			m = 3
		}
		want := []study.Measure{out.Extra[0], {Name: "starts", Value: 3}, {Name: "steps", Value: 9}, {Name: "sum", Value: 30 * out.Value}, {Name: "modulation", Value: m}}
		want[3].Value = out.Extra[3].Value
		if !(math.Abs(want[3].Value-30*out.Value) <= 1e-9) || !reflect.DeepEqual(out.Extra, want) {
			t.Errorf("%s: measures %v, want %v", kind, out.Extra, want)
		}
		if again := test(t, a); !reflect.DeepEqual(again, out) {
			t.Errorf("%s: a second test gives %v, the first gave %v", kind, again, out)
		}
		if !reflect.DeepEqual(update(t, a, 3), update(t, b, 3)) {
			t.Errorf("%s: a test changes the training", kind)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := a.Test(ctx, func(int) {}); err != context.Canceled {
			t.Errorf("a cancelled test gives %v", err)
		}
	}
	e, _ := newRecall(40, 3, "environment")
	h, _ := newRecall(40, 3, "held-out environment")
	e.Reset(make([]float32, 80))
	h.Reset(make([]float32, 80))
	if slices.Equal(e.(*recall).bits, h.(*recall).bits) {
		t.Error("the held-out episodes are those of the training")
	}
}

// The mean reward at the end of the training is over the updates' values.
func TestTrainMeanReward(t *testing.T) {
	l := newTestLearner(t, "rnn", 1)
	points := update(t, l, 30)
	want := (points[27].Value + points[28].Value + points[29].Value) / 3
	if got := test(t, l).Extra[0]; got.Name != "train_mean_reward" || !(math.Abs(got.Value-want) <= 1e-12) {
		t.Errorf("%v, want train_mean_reward %v", got, want)
	}
	for updates, want := range map[int]float64{0: math.NaN(), 1: 0, 11: 9.5, 999: 948.5, 10_000: 9499.5, 20_003: 19_502.5} {
		l := &learner{last: make([]float64, recent)}
		for ; l.updates < updates; l.updates++ {
			l.last[l.updates%recent] = float64(l.updates)
		}
		if got := l.recently(); !(math.Abs(got-want) <= 1e-9) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("after %d updates of rewards 0, 1, 2, ...: %v, want %v", updates, got, want)
		}
	}
}

// A learner restored from a snapshot that went through a checkpoint folder goes on
// to the same bits.
func TestResume(t *testing.T) {
	for _, kind := range Kinds {
		l := newTestLearner(t, kind.Name, 2)
		update(t, l, 4)
		s, err := l.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		s.Step, s.Meta = 4, json.RawMessage("{}")
		path, err := checkpoint.Write(t.TempDir(), s)
		if err != nil {
			t.Fatal(err)
		}
		want := update(t, l, 4)
		read, err := checkpoint.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		again := newTestLearner(t, kind.Name, 2)
		if err := again.Restore(read); err != nil {
			t.Fatal(err)
		}
		if got := update(t, again, 4); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: resumed %v, want %v", kind.Name, got, want)
		}
		if got, want := test(t, again), test(t, l); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: test after resuming %v, want %v", kind.Name, got, want)
		}
		delete(read.Blobs, updatesBlob)
		if err := again.Restore(read); err == nil {
			t.Error("a snapshot without the learner's blob is taken")
		}
	}
}

// A new agent's rates are those of the settings, and training keeps the rate of an
// eligibility trace a rate.
func TestEta(t *testing.T) {
	for kind, name := range map[string]string{"plastic": "eta", "retroactive": "trace_rate"} {
		l := newTestLearner(t, kind, 1).(*learner)
		rate := l.Param(name).Value
		if len(rate) != 1 || rate[0] != float32(small.Eta) {
			t.Errorf("%s of a new %s agent is %v, want %v", name, kind, rate, small.Eta)
		}
		rate[0] = 1.5
		if update(t, l, 1); kind == "retroactive" && rate[0] != 1 {
			t.Errorf("%s of 1.5 is %v after a step, want 1", name, rate)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for i, change := range []func(*Settings){
		func(s *Settings) { s.Hidden = 0 }, func(s *Settings) { s.Batch = 0 }, func(s *Settings) { s.LR = 0 },
		func(s *Settings) { s.Eps = 0 }, func(s *Settings) { s.ClipNorm = -1 }, func(s *Settings) { s.Gamma = 1.1 },
		func(s *Settings) { s.ValueCoef = -1 }, func(s *Settings) { s.ConcentrationCoef = -1 }, func(s *Settings) { s.TraceClip = 0 },
		func(s *Settings) { s.Eta = 1.1 }, func(s *Settings) { s.Eta = math.NaN() },
	} {
		s := small
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("settings %d are taken: %+v", i, s)
		}
	}
	if err := small.Validate(); err != nil {
		t.Error(err)
	}
}
