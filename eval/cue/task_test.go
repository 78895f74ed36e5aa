package cue

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// The paper's 200 modulated neurons with 27 inputs and 2 actions have 27*200 + 200
// weights of the inputs, 2*200^2 of the connections, 201 of the modulator and
// 3*201 of the heads; each other network is the smallest one with no fewer. The
// comparison's have 64 neurons, under the same rules.
func TestSizes(t *testing.T) {
	type size struct {
		about  string
		params int
	}
	for name, sizes := range map[string][]size{
		"paper":      {{"200 neurons", 86404}, {"200 neurons", 86405}, {"201 neurons", 87037}, {"279 neurons", 86493}, {"134 neurons", 87237}},
		"comparison": {{"64 neurons", 10244}, {"64 neurons", 10245}, {"65 neurons", 10469}, {"87 neurons", 10269}, {"39 neurons", 10572}},
	} {
		i := slices.IndexFunc(task.Presets, func(p study.Preset[Settings]) bool { return p.Name == name })
		preset := task.Presets[i]
		if preset.Own.rules() != Paper() {
			t.Errorf("preset %s has the rules %+v, want the paper's", name, preset.Own.rules())
		}
		preset.Common.Models = []string{"modulated", "retroactive", "plastic", "rnn", "lstm"}
		arms, err := task.Arms(&preset.Common, &preset.Own)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range sizes {
			if arms[i].About != want.about || arms[i].Params != want.params || arms[i].Control != (arms[i].Model == "rnn") {
				t.Errorf("%s, %s: %s, %d parameters, control %t; want %s, %d", name, arms[i].Model, arms[i].About, arms[i].Params, arms[i].Control, want.about, want.params)
			}
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, set := range []string{"cues=1", "cues=1001", "cue_bits=0", "cue_bits=1001", "steps=0", "steps=10001", "hidden=0", "lr=0", "trace_clip=-1", "gamma=2", "eta=2"} {
		_, err := run(t, "--set", set, "--out", filepath.Join(t.TempDir(), "run"))
		if _, ok := errors.AsType[*cli.UsageError](err); !ok {
			t.Errorf("%s gives %v, want a usage error", set, err)
		}
		if key, _, _ := strings.Cut(set, "="); err != nil && !strings.Contains(err.Error(), key) {
			t.Errorf("%s gives %q, which does not name the key", set, err)
		}
	}
}

// run runs the command of the task, small.
func run(t *testing.T, args ...string) ([]map[string]any, error) {
	t.Helper()
	var out, errs bytes.Buffer
	all := append(args, "--json", "--quiet")
	if err := cli.Execute(t.Context(), Command(), all, &out, &errs); err != nil {
		return nil, err
	}
	var objects []map[string]any
	for line := range strings.Lines(out.String()) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v in %s", err, out.String())
		}
		delete(o, "seconds")
		objects = append(objects, o)
	}
	return objects, nil
}

// A run that is resumed ends with the same numbers as one that is not.
func TestRunAndResume(t *testing.T) {
	small := []string{"--models", "rnn,modulated", "--hidden", "8", "--batch", "4", "--test-episodes", "8"}
	folder := func() string { return filepath.Join(t.TempDir(), "run") }
	whole, err := run(t, append(small, "--episodes", "4", "--out", folder())...)
	if err != nil {
		t.Fatal(err)
	}
	dir := folder()
	if _, err := run(t, append(small, "--episodes", "2", "--out", dir)...); err != nil {
		t.Fatal(err)
	}
	resumed, err := run(t, "--resume", dir, "--episodes", "4")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(resumed, whole) {
		t.Errorf("resumed: %v\nat once: %v", resumed, whole)
	}
	for i, model := range []string{"rnn", "modulated"} {
		o := whole[i]
		if o["task"] != "cue" || o["model"] != model || o["seed"] != 1. || o["episodes"] != 4. || o["metric"] != "mean_reward" || o["control"] != whole[0]["value"] || o["params"] == nil {
			t.Errorf("%v", o)
		}
	}
}

// Two episodes of which the rewards are given: four answers, of which three are
// right, two of the three late.
func TestWitness(t *testing.T) {
	e := newEnv(t, Rules{Cues: 2, Bits: 4, Steps: 8}, 2, 1)
	e.Reset(make([]float32, 2*e.Inputs()))
	w := &witness{env: e}
	w.See(0, 0, nil)
	rewards := map[int][]float32{3: {1, 0}, 4: {0, -1}, 5: {1, 0}, 8: {0, 1}}
	for step := 1; step <= 8; step++ {
		r := rewards[step]
		if r == nil {
			r = []float32{0, 0}
		}
		w.See(0, step, r)
	}
	measures, pictures := w.Report(nil)
	if want := []study.Measure{{Name: "right_answers", Value: 0.75, Percent: true}, {Name: "right_answers_late", Value: 1, Percent: true}}; !reflect.DeepEqual(measures, want) {
		t.Errorf("%v, want %v", measures, want)
	}
	if pictures != nil {
		t.Error("a picture of no neuromodulator")
	}
	m := []float64{.1, .2, .3, .4, .5, .6, .7, .8}
	_, pictures = w.Report(m)
	curves := pictures[0].Curves
	if !reflect.DeepEqual(curves[0].Y, m) || !reflect.DeepEqual(curves[1].Y, []float64{0, 0, 0, 1, 0, 1, 0, 0}) {
		t.Errorf("curves %v", curves)
	}
	for _, c := range curves {
		if len(c.X) != 8 || len(c.Y) != 8 || c.X[7] != 7 {
			t.Errorf("%s has steps %v and values %v", c.Name, c.X, c.Y)
		}
	}
	if v := share(0, 0); !math.IsNaN(v) {
		t.Errorf("a share of no answers is %v", v)
	}
}

// The report says what an agent may earn under the run's own rules.
func TestYardstick(t *testing.T) {
	own := quick()
	if got, want := task.Yardstick(&own), "An agent that answers at random earns 0 an episode; one that knows the target from the start 13.2."; got != want {
		t.Errorf("%s", got)
	}
	own.Steps = 120
	if got := task.Yardstick(&own); strings.Contains(got, "13.2") {
		t.Errorf("in twice the steps: %s", got)
	}
}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, "--hidden", "8", "--batch", "4", "--episodes", "20", "--test-episodes", "8")
}
