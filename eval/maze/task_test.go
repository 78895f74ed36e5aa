package maze

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/gif"
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

// The published sizes; the LSTM is matched by the same rule.
func TestPaperSizes(t *testing.T) {
	preset := task.Presets[1]
	preset.Common.Models = []string{"modulated", "retroactive", "plastic", "rnn", "lstm"}
	arms, err := task.Arms(&preset.Common, &preset.Own)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		about  string
		params int
	}{
		{"100 neurons", 22406}, {"100 neurons", 22407}, {"101 neurons", 22731}, {"139 neurons", 22523}, {"66 neurons", 22511},
	} {
		if arms[i].About != want.about || arms[i].Params != want.params || arms[i].Control != (arms[i].Model == "rnn") {
			t.Errorf("%s: %s, %d parameters, control %t; want %s, %d", arms[i].Model, arms[i].About, arms[i].Params, arms[i].Control, want.about, want.params)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, set := range []string{"size=8", "size=103", "steps=10001", "steps=0", "wall_penalty=-1", "reward=0", "batch=0", "clip_norm=-1"} {
		_, err := run(t, "--set", set, "--out", filepath.Join(t.TempDir(), "run"))
		if _, ok := errors.AsType[*cli.UsageError](err); !ok {
			t.Errorf("%s gives %v, want a usage error", set, err)
		}
		if key, _, _ := strings.Cut(set, "="); err != nil && !strings.Contains(err.Error(), key) {
			t.Errorf("%s gives %q, which does not name the key", set, err)
		}
	}
}

// run runs the command of the task.
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
	small := []string{"--models", "rnn,retroactive", "--hidden", "8", "--batch", "4", "--steps", "40", "--test-episodes", "8"}
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
	for i, model := range []string{"rnn", "retroactive"} {
		o := whole[i]
		if o["task"] != "maze" || o["model"] != model || o["seed"] != 1. || o["episodes"] != 4. || o["metric"] != "mean_reward" || o["control"] != whole[0]["value"] || o["params"] == nil {
			t.Errorf("%v", o)
		}
	}
}

// Three episodes with given rewards: the first stream finds the reward at steps 4, 6
// and 9, the second one at step 7, the third one never, which takes it all 10.
func TestWitness(t *testing.T) {
	e := newEnv(t, Rules{Size: 5, Steps: 10, Reward: 10}, 3, 1)
	e.Reset(make([]float32, 3*inputs))
	w := newWitness(e)
	if mean := w.first.mean(); !math.IsNaN(mean) {
		t.Errorf("the mean of no steps is %v", mean)
	}
	rewards := map[int][]float32{4: {10, -0.1, 0}, 6: {10, 0, 0}, 7: {0, 10, -0.1}, 9: {9.9, 0, 0}}
	w.See(0, 0, nil)
	for step := 1; step <= 10; step++ {
		r := rewards[step]
		if r == nil {
			r = []float32{0, 0, 0}
		}
		w.See(0, step, r)
	}
	m := make([]float64, 10)
	measures, pictures := w.Report(m)
	want := []study.Measure{{Name: "found", Value: 4. / 3}, {Name: "steps_to_first", Value: 7}, {Name: "steps_to_return", Value: 2.5}}
	if !reflect.DeepEqual(measures, want) {
		t.Errorf("%v, want %v", measures, want)
	}
	for _, m := range measures {
		if !slices.ContainsFunc(task.Columns, func(c study.Column) bool { return c.Name == m.Name && c.About != "" }) {
			t.Errorf("%s is not explained", m.Name)
		}
	}
	if got := pictures[1].Curves[1].Y; !reflect.DeepEqual(got, []float64{0, 0, 0, 0, 1, 0, 1, 0, 0, 1}) {
		t.Errorf("the reward is found at %v", got)
	}
}

// The film has a frame for each step that the agent acts in, and shows what is
// where.
func TestFilm(t *testing.T) {
	e := newEnv(t, Rules{Size: 5, Steps: 4, Reward: 10}, 1, 1)
	obs, rewards := make([]float32, inputs), make([]float32, 1)
	e.Reset(obs)
	s := &e.streams[0]
	s.goal = 1*5 + 1
	w := newWitness(e)
	w.See(0, 0, nil)
	for i, action := range []int{Up, Left, Right, Right} { // from the centre 2, 2 to the reward at 1, 1
		e.Step([]int{action}, obs, rewards)
		w.See(0, i+1, rewards)
	}
	film, err := gif.DecodeAll(bytes.NewReader(w.film()))
	if err != nil {
		t.Fatal(err)
	}
	if len(film.Image) != 4 {
		t.Fatalf("%d frames, want 4", len(film.Image))
	}
	at := func(frame, row, col int) int {
		return int(film.Image[frame].ColorIndexAt(col*cellSide+cellSide/2, row*cellSide+cellSide/2))
	}
	for _, want := range []struct{ frame, row, col, colour int }{
		{0, 0, 2, wall}, {0, 2, 2, agent}, {0, 1, 1, goal}, {0, 3, 3, floor},
		{1, 1, 2, agent}, {1, 2, 2, trail}, {1, 1, 1, goal},
		{2, w.path[2].cell / 5, w.path[2].cell % 5, agent},
	} {
		if got := at(want.frame, want.row, want.col); got != want.colour {
			t.Errorf("frame %d shows colour %d at %d, %d; want %d", want.frame, got, want.row, want.col, want.colour)
		}
	}
	if w.path[2].reward != 10 || w.path[2].cell == s.goal {
		t.Fatalf("the path is %v", w.path)
	}
	if got := at(2, 1, 1); got != found {
		t.Errorf("the reward's cell has colour %d when it is found, want %d", got, found)
	}
}

// A film stays small, however large the maze and long the episode.
func TestLongFilm(t *testing.T) {
	e := newEnv(t, Rules{Size: 101, Steps: 10_000, Reward: 10}, 1, 1)
	e.Reset(make([]float32, inputs))
	w := newWitness(e)
	for step := range 10_001 {
		w.See(0, step, make([]float32, min(step, 1)))
	}
	film, err := gif.DecodeAll(bytes.NewReader(w.film()))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.path) != 10_000 || len(film.Image) != frames || film.Config.Width != 404 {
		t.Errorf("%d frames of width %d for %d steps, want %d of 404", len(film.Image), film.Config.Width, len(w.path), frames)
	}
}

// The report says what an agent may earn under the run's own rules.
func TestYardstick(t *testing.T) {
	own := task.Presets[0].Own
	if got, want := task.Yardstick(&own), "An agent that acts at random earns 13.8 an episode; one that knows the place of the reward from the start 276.4."; got != want {
		t.Errorf("%s", got)
	}
	own.Size, own.Steps = 101, 10_000
	if got := task.Yardstick(&own); got != "" {
		t.Errorf("rules too large to work it out: %s", got)
	}
}

func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, "--hidden", "8", "--batch", "4", "--steps", "40", "--episodes", "20", "--test-episodes", "8")
}
