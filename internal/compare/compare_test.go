package compare

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
)

// trained is a model of a run that a test makes: the test perplexity, or the value, of
// each seed from first on.
type trained struct {
	label, kind string
	params      int
	first       uint64
	values      []float64
	settings    map[string]string
	pictures    []map[string]any // of each seed
}

var sizes = map[string]int{"lstm": 100, "modulated": 110}

func lm(label string, first uint64, values ...float64) trained {
	return trained{label, label, sizes[label], first, values, map[string]string{"lr": "10", "rule": "clip"}, nil}
}

func (t trained) with(key, value string) trained {
	settings := map[string]string{key: value}
	for k, v := range t.settings {
		if k != key {
			settings[k] = v
		}
	}
	t.settings = settings
	return t
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder makes the folder of a run.
func folder(t *testing.T, program string, facts map[string]string, written interface{ Write(string) error }, models []trained) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), fmt.Sprintf("run%d", runs))
	runs++
	must(t, os.Mkdir(dir, 0o777))
	must(t, written.Write(dir))
	put := func(value any, path ...string) {
		b, err := json.Marshal(value)
		must(t, err)
		name := filepath.Join(append([]string{dir}, path...)...)
		must(t, os.MkdirAll(filepath.Dir(name), 0o777))
		must(t, os.WriteFile(name, b, 0o666))
	}
	put(map[string]any{"format": run.Format, "program": program, "command": "go run", "version": "0.2.0", "config": "", "facts": facts, "system": map[string]any{}}, "run.json")
	for _, m := range models {
		for i := range m.values {
			put(map[string]any{
				"identity": map[string]any{"program": program, "model": m.label, "seed": m.first + uint64(i), "settings": m.settings},
				"done":     map[string]any{"steps": 1, "seconds": 1}, "outcome": map[string]any{"value": m.values[i], "pictures": m.pictures},
			}, fmt.Sprintf("%s-seed%d", m.label, m.first+uint64(i)), "result.json")
		}
	}
	return dir
}

var runs int

// languageModels is a run of train.
func languageModels(t *testing.T, text string, models ...trained) string {
	rep := &report.Report{Command: "go run ./train", Version: "0.2.0", Data: text, Preset: "sample", Config: "lr: 10\n", Dataset: report.Dataset{Vocab: 1000}}
	for _, m := range models {
		a := report.Arm{Model: m.label, Kind: m.kind, Params: m.params}
		for i, v := range m.values {
			a.Seeds = append(a.Seeds, report.Seed{Seed: m.first + uint64(i), ValidPPL: v + 1, TestPPL: v})
		}
		rep.Arms = append(rep.Arms, a)
	}
	return folder(t, "train", map[string]string{"train text": "hash of " + text, "vocabulary": "words of " + text}, rep, models)
}

func join(t *testing.T, reference string, dirs ...string) (Joined, error) {
	t.Helper()
	var all []*Run
	for _, dir := range dirs {
		r, err := Open(dir)
		must(t, err)
		all = append(all, r)
	}
	return Join(all, reference, "go run ./eval compare", t.TempDir())
}

// A run's report cut in two and joined again is the report: the same means, intervals
// and tests.
func TestJoinedIsTheWhole(t *testing.T) {
	lstm, modulated := []float64{104, 105, 106.5, 104.25}, []float64{101, 102.5, 103, 104}
	whole, err := Open(languageModels(t, "sample", lm("lstm", 1, lstm...), lm("modulated", 1, modulated...)))
	must(t, err)
	a := languageModels(t, "sample", lm("lstm", 1, lstm[:2]...), lm("modulated", 1, modulated[:3]...))
	b := languageModels(t, "sample", lm("lstm", 3, lstm[2:]...), lm("modulated", 3, modulated[2:]...)) // seed 3 to the same bits
	joined, err := join(t, "", a, b)
	must(t, err)
	got, want := joined.(*report.Report), whole.Report
	got.Summarise()
	if len(got.Arms) != 2 {
		t.Fatalf("%d models, want 2", len(got.Arms))
	}
	for i, a := range got.Arms {
		w := want.Arms[i]
		if len(a.Seeds) != 4 || a.TestPPL != w.TestPPL || a.ValidPPL != w.ValidPPL || !reflect.DeepEqual(a.Versus, w.Versus) {
			t.Errorf("%s: %d seeds, test %v, valid %v, versus %v; want 4, %v, %v, %v", a.Model, len(a.Seeds), a.TestPPL, a.ValidPPL, a.Versus, w.TestPPL, w.ValidPPL, w.Versus)
		}
	}
	a, b = filepath.Base(a), filepath.Base(b)
	if note := fmt.Sprintf("Seeds come from several runs. lstm: 1, 2 of %s; 3, 4 of %s. modulated: 1, 2, 3 of %s; 4 of %s.", a, b, a, b); strings.Count(strings.Join(got.Notes, "\n"), "Seeds come") != 1 || got.Notes[0] != note {
		t.Errorf("notes %q, want a first one for all models: %s", got.Notes, note)
	}
	if v := got.Arms[1].Versus; v == nil || v.Against != "lstm" || v.Diff != -2.3125 {
		t.Errorf("modulated against the LSTM: %v, want a difference of -2.3125", v)
	}
}

// Models of one label under other settings, or of other bits, stand apart, and the
// notes say why.
func TestToldApart(t *testing.T) {
	base := languageModels(t, "sample", lm("lstm", 1, 104, 105), lm("modulated", 1, 101, 102))
	for what, c := range map[string]struct {
		other trained
		names []string // of the joined models
		note  string
	}{
		"another rate":               {lm("lstm", 3, 99).with("lr", "5"), []string{"lstm (A)", "modulated", "lstm (B)"}, "lstm is told apart by run: lr is 10 in A and 5 in B."},
		"another rate, one seed":     {lm("lstm", 1, 99).with("lr", "5"), []string{"lstm (A)", "modulated", "lstm (B)"}, "lr is 10 in A and 5 in B."},
		"other bits":                 {lm("lstm", 2, 105.5), []string{"lstm (A)", "modulated", "lstm (B)"}, "what seed 2 comes to under the same settings is 105 in A and 105.5 in B."},
		"the same bits":              {lm("lstm", 2, 105, 107).with("lr", "5"), []string{"lstm", "modulated"}, "Seeds come from several runs. lstm: 1, 2 of A; 3 of B."},
		"all to the same bits":       {lm("lstm", 2, 105), []string{"lstm", "modulated"}, "lstm: 1, 2 of A; 2 of B, the same."},
		"another rule of an LSTM":    {lm("lstm", 3, 107).with("rule", "decay"), []string{"lstm", "modulated"}, "3 of B."},
		"another rule":               {lm("modulated", 3, 100).with("rule", "decay"), []string{"lstm", "modulated (A)", "modulated (B)"}, "rule is clip in A and decay in B."},
		"a file of another version":  {lm("lstm", 3, 107).with("depth", "2"), []string{"lstm", "modulated"}, "3 of B."},
		"another size":               {trained{"lstm", "lstm", 90, 3, []float64{99}, map[string]string{}, nil}, []string{"lstm (A)", "modulated", "lstm (B)"}, "its number of parameters is 100 in A and 90 in B."},
		"settings that do not count": {lm("lstm", 3, 107).with("hidden", "12").with("log_every", "1"), []string{"lstm", "modulated"}, "3 of B."},
	} {
		t.Run(what, func(t *testing.T) {
			other := languageModels(t, "sample", c.other)
			joined, err := join(t, "", base, other)
			must(t, err)
			r := joined.(*report.Report)
			names := strings.NewReplacer("(A)", "("+filepath.Base(base)+")", "(B)", "("+filepath.Base(other)+")", " A", " "+filepath.Base(base), " B", " "+filepath.Base(other))
			var got []string
			for _, a := range r.Arms {
				got = append(got, a.Model)
			}
			if want := names.Replace(strings.Join(c.names, ";")); strings.Join(got, ";") != want {
				t.Errorf("models %q, want %s", got, want)
			}
			if all := strings.Join(r.Notes, "\n"); !strings.Contains(all, names.Replace(c.note)) {
				t.Errorf("notes %q, want %q", all, names.Replace(c.note))
			}
			if c.names[0] == "lstm (A)" && r.Reference != got[0] {
				t.Errorf("held against %q, want the first run's LSTM %q", r.Reference, got[0])
			}
		})
	}
}

// A run that was kept without its trainings, or in which none has ended, is set as its
// configuration says: models of other settings stand apart, but for those that act on
// nothing.
func TestToldApartByConfiguration(t *testing.T) {
	kept := func(config string, seed uint64, value float64, labels ...string) string {
		var models []trained
		for _, label := range labels {
			models = append(models, trained{label, "modulated", 110, seed, []float64{value}, nil, nil})
		}
		dir := languageModels(t, "sample", models...)
		for _, m := range models {
			must(t, os.RemoveAll(run.JobDir(dir, m.label, seed)))
		}
		r, _, err := report.Read(filepath.Join(dir, "report.json"))
		must(t, err)
		r.Config = config
		must(t, r.Write(dir))
		return dir
	}
	models := []string{"modulated", "still", "slow"}
	a := kept("models: [modulated, still, slow=modulated:lr=3]\nlr: 10\nstart: small\nthreads: 1\n", 1, 100, models...)
	for config, want := range map[string]string{
		"models: [slow=modulated:lr=3, modulated, still]\nlr: 10\nstart: small\nthreads: 2\nl2: 0.1\n": "modulated;still;slow",
		"models: [modulated, still, slow=modulated:lr=3]\nlr: 10\nstart: published\n":                  "modulated (A);still;slow (A);modulated (B);slow (B)",
		"models: [modulated, still, slow=modulated:lr=3]\nlr: 5\nstart: small\n":                       "modulated (A);still (A);slow;modulated (B);still (B)",
		"models: [modulated, still, slow=modulated:lr=4]\nlr: 10\nstart: small\n":                      "modulated;still;slow (A);slow (B)",
		"a key of another version: 1\n": "modulated;still;slow",
	} {
		b := kept(config, 2, 101, models...)
		joined, err := join(t, "", a, b)
		must(t, err)
		var got []string
		for _, arm := range joined.(*report.Report).Arms {
			got = append(got, strings.NewReplacer(filepath.Base(a), "A", filepath.Base(b), "B").Replace(arm.Model))
		}
		if strings.Join(got, ";") != want {
			t.Errorf("%q beside %s: models %q, want %s", config, "lr 10, start small", got, want)
		}
	}

	under := func(config string, seed uint64) string {
		dir := task(t, "cue", "2", trained{label: "rnn", first: seed, values: []float64{1}, settings: map[string]string{}})
		must(t, os.RemoveAll(run.JobDir(dir, "rnn", seed)))
		_, s, err := report.Read(filepath.Join(dir, "report.json"))
		must(t, err)
		s.Config = config
		must(t, s.Write(dir))
		return dir
	}
	first := under("lr: 0.1\nthreads: 1\nepisodes: 10\n", 1)
	for config, want := range map[string]int{
		"lr: 0.1\nthreads: 2\nepisodes: 10\n":          1,
		"lr: 0.2\nthreads: 1\nepisodes: 10\n":          2,
		"lr: 0.1\nthreads: 1\nepisodes: 20\n":          2,
		"--- # one\nlr: 0.2\n--- # another\nlr: 0.3\n": 1,
	} {
		joined, err := join(t, "", first, under(config, 2))
		must(t, err)
		if got := len(joined.(*report.Study).Models); got != want {
			t.Errorf("a task set %q: %d models, want %d", config, got, want)
		}
	}
}

// What cannot be compared is refused by the names of the runs and of what differs.
func TestRefused(t *testing.T) {
	sample := languageModels(t, "sample", lm("lstm", 1, 104))
	ptb := languageModels(t, "ptb", lm("lstm", 1, 104))
	cue := task(t, "cue", "2", trained{label: "lstm", first: 1, values: []float64{1}, settings: map[string]string{}})
	for what, c := range map[string]struct {
		dirs  []string
		words []string
	}{
		"another text":         {[]string{sample, ptb}, []string{sample, ptb, "their train text differs (sample and ptb)"}},
		"a task and models":    {[]string{sample, cue}, []string{sample, cue, "the one is of language models, the other of the task cue"}},
		"two tasks":            {[]string{cue, task(t, "maze", "2")}, []string{"the task cue", "the task maze"}},
		"other conditions":     {[]string{cue, task(t, "cue", "4")}, []string{"cues is 2 in the one and 4 in the other, which makes it another task"}},
		"one run, named twice": {[]string{sample, sample}, []string{sample + " is named twice"}},
	} {
		_, err := join(t, "", c.dirs...)
		for _, word := range c.words {
			if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want one line with %q", what, err, word)
			}
		}
	}
	words := languageModels(t, "sample", lm("lstm", 1, 104))
	text, err := os.ReadFile(filepath.Join(words, "run.json"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(words, "run.json"), []byte(strings.ReplaceAll(string(text), "words of sample", "fewer words")), 0o666))
	if _, err := join(t, "", sample, words); err == nil || !strings.Contains(err.Error(), "their vocabulary differs") {
		t.Errorf("another vocabulary: %v, want it refused", err)
	}
	if _, err := join(t, "gru", sample, languageModels(t, "sample", lm("lstm", 2, 105))); err == nil || !strings.Contains(err.Error(), "want one of lstm") {
		t.Errorf("against a model that is not there: %v, want the models named", err)
	}
}

// task is a run of a learning task under a condition.
func task(t *testing.T, name, cues string, models ...trained) string {
	s := &report.Study{Task: name, Title: "A task", Unit: "episodes", Metric: report.Metric{Name: "reward", Label: "mean reward", Higher: true},
		Config: "episodes: 10\n", Conditions: []report.Condition{{Key: "cues", Value: cues}}}
	for i, m := range models {
		a := report.StudyArm{Model: m.label, Params: 10, Control: i == 0}
		for i, v := range m.values {
			a.Seeds = append(a.Seeds, report.StudySeed{Seed: m.first + uint64(i), Value: v, Episodes: 10, Seconds: 1})
		}
		s.Models = append(s.Models, a)
	}
	return folder(t, name, map[string]string{}, s, models)
}

// Runs of a learning task are joined too, and the first run's control is the control.
func TestTasks(t *testing.T) {
	of := func(label, lr string, first uint64, values ...float64) trained {
		return trained{label: label, first: first, values: values, settings: map[string]string{"lr": lr}}
	}
	a := task(t, "cue", "2", of("lstm", "1", 1, 1, 2), of("plastic", "1", 1, 3, 4))
	b := task(t, "cue", "2", of("lstm", "2", 1, 1.5, 2.5), of("plastic", "1", 3, 5))
	_, later, err := report.Read(filepath.Join(b, "report.json"))
	must(t, err)
	later.Metric.On = "what earlier versions did not say"
	must(t, later.Write(b))
	joined, err := join(t, "", a, b)
	must(t, err)
	s := joined.(*report.Study)
	s.Summarise()
	if s.Metric != later.Metric {
		t.Errorf("measured is %+v, want %+v", s.Metric, later.Metric)
	}
	if len(s.Models) != 3 || !s.Models[0].Control || s.Models[2].Control {
		t.Fatalf("models %v, want the first run's lstm as the control, plastic, the other lstm", s.Models)
	}
	if p := s.Models[1]; p.Model != "plastic" || len(p.Seeds) != 3 || p.Value.Mean != 4 {
		t.Errorf("plastic %v, want 3 seeds with a mean of 4", p)
	}
	joined, err = join(t, "plastic", a, b)
	must(t, err)
	if s := joined.(*report.Study); s.Models[0].Control || !s.Models[1].Control {
		t.Error("the model that was asked for is not the control")
	}
}

// The pictures of a task's trainings are in the joined report as they are in those of the
// runs: images by their paths from its folder, curves drawn.
func TestPictures(t *testing.T) {
	run := func(label string, pictures ...map[string]any) string {
		dir := task(t, "cue", "2", trained{label: label, first: 1, values: []float64{1}, settings: map[string]string{}, pictures: pictures})
		must(t, os.WriteFile(filepath.Join(dir, label+"-seed1", "seen.png"), []byte("of "+label), 0o666))
		return dir
	}
	image := map[string]any{"title": "What is seen", "caption": "Dots.", "file": "seen.png"}
	curve := func(y ...any) map[string]any {
		return map[string]any{"title": "Modulation", "curves": []any{map[string]any{"name": "M(t)", "x": []int{0, 1, 2}, "y": y}}}
	}
	out := filepath.Join(t.TempDir(), "deep", "joined")
	must(t, os.MkdirAll(out, 0o777))
	written := func(dirs ...string) (page, markdown string, err error) {
		var all []*Run
		for _, dir := range dirs {
			r, err := Open(dir)
			must(t, err)
			all = append(all, r)
		}
		joined, err := Join(all, "", "go run ./eval compare", out)
		if err == nil {
			err = joined.Write(out)
		}
		if err != nil {
			return "", "", err
		}
		html, err := os.ReadFile(filepath.Join(out, "report.html"))
		must(t, err)
		text, err := os.ReadFile(filepath.Join(out, "report.md"))
		return string(html), string(text), err
	}
	lstm, plastic := run("lstm", image), run("plastic", image, curve(0, nil, 1))
	page, markdown, err := written(lstm, plastic)
	must(t, err)
	for _, label := range []string{"lstm", "plastic"} {
		if data := base64.StdEncoding.EncodeToString([]byte("of " + label)); !strings.Contains(page, "data:image/png;base64,"+data) {
			t.Errorf("the page has no picture of %s", label)
		}
	}
	if !strings.Contains(page, "Modulation") || strings.Count(page, "What is seen") < 2 {
		t.Error("the page lacks the curve, or a picture's title")
	}
	links := regexp.MustCompile(`!\[What is seen\]\(([^)]*)\)`).FindAllStringSubmatch(markdown, -1)
	if len(links) != 2 {
		t.Fatalf("%d pictures in %s", len(links), markdown)
	}
	for i, label := range []string{"lstm", "plastic"} {
		if b, err := os.ReadFile(filepath.Join(out, links[i][1])); err != nil || string(b) != "of "+label {
			t.Errorf("%s: %q, %v", links[i][1], b, err)
		}
	}
	if _, _, err := written(lstm, run("plastic", curve(0, 1))); err == nil || !strings.Contains(err.Error(), `"M(t)" of figure "Modulation" has 3 numbers on the one axis and 2 on the other`) {
		t.Errorf("a curve that is cut: %v", err)
	}
	must(t, os.Remove(filepath.Join(plastic, "plastic-seed1", "seen.png")))
	if _, _, err := written(lstm, plastic); err == nil || !strings.Contains(err.Error(), filepath.Join("plastic-seed1", "seen.png")) {
		t.Errorf("a picture that is gone: %v", err)
	}
}

// A folder that is no run's, or of which nothing has ended, is named with what to do.
func TestOpenRefuses(t *testing.T) {
	begun := languageModels(t, "sample", lm("lstm", 1))
	must(t, os.Remove(filepath.Join(begun, "report.json")))
	damaged := languageModels(t, "sample", lm("lstm", 1, 104))
	must(t, os.WriteFile(filepath.Join(damaged, "report.json"), []byte(`{"arms": [{"model": 3}]}`), 0o666))
	cut := languageModels(t, "sample", lm("lstm", 1, 104))
	must(t, os.Truncate(filepath.Join(cut, "lstm-seed1", "result.json"), 20))
	older := languageModels(t, "sample", lm("lstm", 1, 104))
	must(t, os.WriteFile(filepath.Join(older, "run.json"), []byte(`{"format": "engram-run/1"}`), 0o666))
	for dir, words := range map[string][]string{
		begun:                          {begun, "has no report yet", "go run ./train --resume " + begun},
		t.TempDir():                    {"is not the folder of a run", "report.json"},
		begun + "/x":                   {"is not the folder of a run"},
		filepath.Join(cut, "run.json"): {"is no folder"},
		damaged:                        {filepath.Join(damaged, "report.json"), "want the report of a run"},
		cut:                            {filepath.Join(cut, "lstm-seed1", "result.json")},
		older:                          {filepath.Join(older, "run.json"), "engram-run/1"},
	} {
		_, err := Open(dir)
		for _, word := range words {
			if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want one line with %q", dir, err, word)
			}
		}
	}
}
