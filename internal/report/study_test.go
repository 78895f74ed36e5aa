package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/stats"
)

// study is one with three models under three seeds, one of which diverged.
func study() *Study {
	s := &Study{
		Command: "go run ./eval maze", Version: "1", Task: "maze", Preset: "quick", Title: "Finding rewards",
		Metric: Metric{Name: "mean_reward", Label: "reward of an episode", Higher: true},
		About:  []string{"A maze."}, Unit: "updates", Goal: &Goal{Value: 3, Window: 50, Hold: 50}, Config: "a: 1\n",
		Columns: []Column{{"steps_to_goal", "how many steps it takes"}}, Yardstick: "At random one earns 0.",
	}
	for i, model := range []string{"plastic", "retroactive", "rnn"} {
		a := StudyArm{Model: model, About: "100 neurons", Params: 22000 + i, Control: model == "rnn"}
		for seed := range 3 {
			n := 400
			run := StudySeed{Seed: uint64(seed + 1), Value: 5 - 2*float64(i) + 0.1*float64(seed), Episodes: n, Seconds: 50}
			for e := 10; e <= n; e += 10 {
				run.Curve = append(run.Curve, StudyPoint{Episode: e, Value: float64(e)/100 + float64(seed), Loss: 1})
			}
			a.Seeds = append(a.Seeds, run)
		}
		s.Models = append(s.Models, a)
	}
	s.Models[0].Seeds[0].LearnedAt, s.Models[0].Seeds[2].LearnedAt = 120, 250
	s.Models[0].Seeds[1].Extra = []Measure{{Name: "steps_to_goal", Value: 17}}
	s.Models[0].Seeds[0].Figures = []Figure{
		{Title: "An episode", Caption: "The agent moves.", File: "plastic-seed1/episode.gif", Image: []byte("GIF89a"), Width: 300},
		{Title: "Modulation", X: "step", Curves: []Curve{{"M", []float64{0, 1, 2}, []float64{0, math.NaN(), 1}, false}, {"reward", []float64{0, 2}, []float64{0, 1}, false}}},
	}
	bad := &s.Models[1].Seeds[2]
	bad.Value, bad.Status, bad.Episodes = math.NaN(), "diverged at episode 7: the gradient of w is NaN", 6
	bad.Curve = nil
	return s
}

func written(t *testing.T, s *Study) (page, markdown string, values map[string]any) {
	t.Helper()
	dir := t.TempDir()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := json.Unmarshal(read("report.json"), &values); err != nil {
		t.Fatal(err)
	}
	return string(read("report.html")), string(read("report.md")), values
}

func TestStudy(t *testing.T) {
	page, markdown, values := written(t, study())
	text := visible(t, page)
	for _, want := range []string{
		"Finding rewards: 5.10 ± 0.25 with plastic, 1.10 ± 0.25 with the control, rnn.",
		"Left out of the means: retroactive, seed 3, which diverged at episode 7", "2 of 3", "rnn (control)", "100 neurons", "22,002",
		"250 (2 of 3)", "not within 400", "mean over the last 50 of them came to lie above 3 and then stayed there for 50 more", "steps to goal", "While learning, over updates: reward of an episode. Lines are medians over seeds", "An episode", "The agent moves.",
		"At random one earns 0.", "Steps to goal: how many steps it takes.", "go run ./eval maze", "the least there is", "above 3",
	} {
		if !strings.Contains(text, strings.ReplaceAll(want, " ± ", "\u00a0±\u00a0")) && !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if n := strings.Count(page, `class="band`); n != 2*2*3 {
		t.Errorf("%d bands, want one for each of 3 models in 2 widths of 2 charts", n)
	}
	if !strings.Contains(page, `src="data:image/gif;base64,R0lGODlh"`) || !strings.Contains(page, `width="300"`) {
		t.Error("the page does not have the image")
	}
	if strings.Contains(strings.ReplaceAll(text, "of w is NaN", ""), "NaN") {
		t.Error("the page shows a NaN")
	}
	if !strings.Contains(markdown, "![An episode](plastic-seed1/episode.gif)") || !strings.Contains(markdown, "| rnn (control) |") {
		t.Errorf("%s", markdown)
	}
	models := values["models"].([]any)
	retro := models[1].(map[string]any)
	if retro["value"].(map[string]any)["mean"] != 3.05 || retro["seeds"].([]any)[2].(map[string]any)["value"] != nil || values["task"] != "maze" {
		t.Errorf("%v", retro)
	}
	if p := models[0].(map[string]any)["p"]; !(math.Abs(p.(float64)-0.1) <= 1e-9) {
		t.Errorf("p %v, want 0.1, the least of three against three", p)
	}
	if models[2].(map[string]any)["p"] != nil {
		t.Error("the control is compared with itself")
	}
}

// Whatever is missing, there is a page, well-formed and without a NaN.
func TestStudyWithoutMuch(t *testing.T) {
	single := study()
	single.Goal = nil
	single.Models = single.Models[:1]
	single.Models[0].Seeds = single.Models[0].Seeds[1:2]
	none := study()
	for i := range none.Models {
		for j := range none.Models[i].Seeds {
			s := &none.Models[i].Seeds[j]
			s.Value, s.Curve, s.Status, s.Seconds = math.NaN(), nil, "stopped", 0
		}
	}
	for name, s := range map[string]*Study{
		"empty": {Unit: "episodes", Metric: Metric{Name: "mse", Label: "error"}}, "single": single, "none finished": none,
	} {
		page, _, _ := written(t, s)
		if text := visible(t, page); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s: the page shows a NaN or an Inf", name)
		}
		var out bytes.Buffer
		if err := s.WriteTable(&out); err != nil || out.Len() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStudyEscapes(t *testing.T) {
	const evil = `</title><script>alert("1")</script>&'|` + "`*_"
	s := study()
	s.Command, s.Title, s.Config, s.About, s.Metric.Label = evil, evil, evil, []string{evil}, evil
	s.Models[0].Model, s.Models[0].About, s.Models[1].Seeds[2].Status = evil, evil, evil
	f := s.Models[0].Seeds[0].Figures
	f[0].Title, f[0].Caption, f[1].Curves[0].Name = evil, evil, evil
	page, _, _ := written(t, s)
	if strings.Contains(page, "<script") || !strings.Contains(visible(t, page), evil) {
		t.Error("text is not escaped")
	}
	s.Models[0].Seeds[0].Figures[0].File = "episode.html"
	if err := s.Write(t.TempDir()); err == nil || !strings.Contains(err.Error(), "want a .png, a .gif or an .svg") {
		t.Errorf("a picture of HTML: %v", err)
	}
}

// Curves of very different lengths share a logarithmic axis.
func TestStudyEdges(t *testing.T) {
	s := study()
	measured := func() [][][]xy { return s.trainings(func(p StudyPoint) float64 { return p.Value }) }
	ends, geometric := edges(slices.Concat(measured()...))
	if geometric || ends[len(ends)-1] != 400 || len(ends) != 40 {
		t.Errorf("%v %v", ends, geometric)
	}
	c := binned(ends, measured()[0])
	if !(math.Abs(c.X[3]-40)+math.Abs(c.Y[3]-1.4)+math.Abs(c.Lower[3]-0.9)+math.Abs(c.Upper[3]-1.9) <= 1e-9) {
		t.Errorf("at %v the median is %v of %v to %v", c.X[3], c.Y[3], c.Lower[3], c.Upper[3])
	}
	last := &s.Models[2].Seeds[0]
	for e := 500; e <= 40000; e += 500 {
		last.Curve = append(last.Curve, StudyPoint{Episode: e, Value: 2})
	}
	ends, geometric = edges(slices.Concat(measured()...))
	if !geometric || ends[0] != 10 || ends[len(ends)-1] < 40000 || len(ends) > curvePoints+2 {
		t.Errorf("%v %v", ends, geometric)
	}
	c = binned(ends, measured()[2])
	if at := len(c.X) - 1; c.X[at] != ends[len(ends)-1] || c.Y[at] != 2 {
		t.Errorf("the long curve ends at %v with %v", c.X[at], c.Y[at])
	}
}

// What has nothing to learn has no speed of learning.
func TestStudyRate(t *testing.T) {
	s := study()
	for i := range s.Models[2].Seeds {
		for j := range s.Models[2].Seeds[i].Curve {
			p := &s.Models[2].Seeds[i].Curve[j]
			p.Value, p.Loss, p.GradNorm = math.NaN(), math.NaN(), math.NaN()
		}
	}
	table := s.compare(ascii)
	at := slices.IndexFunc(table.Columns, func(c column) bool { return c.Head == "updates/s" })
	if got := table.Columns[at].Cells; !slices.Equal(got, []string{"8", "8", "-"}) {
		t.Errorf("updates/s are %q", got)
	}
	// What is slow is not at a stand beside what is fast.
	s = study()
	for i := range s.Models[0].Seeds {
		s.Models[0].Seeds[i].Seconds *= 100_000
	}
	if got := s.compare(ascii).Columns[at].Cells; !slices.Equal(got, []string{"8e-05", "8.00", "8.00"}) {
		t.Errorf("updates/s are %q", got)
	}
}

func TestShare(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0%", 0.5: "50.0%", 0.0123: "1.2%", 0.00321: "0.32%", 0.000123: "0.012%", math.NaN(): "–", -0.5: "−50.0%"} {
		if got := typographic.share(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	percent := Metric{Percent: true}
	if got := percent.interval(ascii, stats.Interval{Mean: 0.0123, CI95: 0.0005}); got != "1.2% +- 0.050%" {
		t.Errorf("%s", got)
	}
}

// A share is written as one, and what is about one training has no mean over
// several.
func TestStudyMeasures(t *testing.T) {
	s := study()
	extra := func(seed int) []Measure {
		return []Measure{{Name: "accuracy_low", Value: 0.758, Percent: true, Single: true}, {Name: "chance", Value: 0.2 + 0.01*float64(seed), Percent: true}, {Name: "ratio", Value: 0.3}}
	}
	row := func() string {
		var cells []string
		for _, c := range s.compare(ascii).Columns {
			cells = append(cells, c.Head+" "+c.Cells[0])
		}
		return strings.Join(cells, "; ")
	}
	for i := range s.Models[0].Seeds {
		s.Models[0].Seeds[i].Extra = extra(i)
	}
	s.Columns = []Column{{"accuracy_low", "the least"}, {"ratio", "of two"}, {"chance", "of guessing"}}
	if got := row(); strings.Contains(got, "accuracy low") || !strings.Contains(got, "ratio 0.300; chance 21.0% +- 2.5%;") {
		t.Errorf("three seeds: %s", got)
	}
	if note := s.tableNote(); strings.Contains(note, "the least") || !strings.Contains(note, " Ratio: of two. Chance: of guessing.") {
		t.Errorf("three seeds: %s", note)
	}
	for i := range s.Models {
		s.Models[i].Seeds = s.Models[i].Seeds[:1]
	}
	if got := row(); !strings.Contains(got, "accuracy low 75.8%; ratio 0.300; chance 20.0%;") {
		t.Errorf("one seed: %s", got)
	}
	if s.Columns = s.Columns[:2]; strings.Contains(row(), "chance") {
		t.Errorf("a measure without a column: %s", row())
	}
}

// The median over seeds is as exact as what they tell: a training that ended
// without having learned may have been about to.
func TestLearned(t *testing.T) {
	for _, c := range []struct {
		want            string
		episodes, learn []int
	}{
		{"120", []int{400}, []int{120}},
		{"150", []int{400, 400}, []int{120, 180}},
		{"not within 400", []int{400}, []int{0}},
		{"not within 40", []int{40, 50}, []int{0, 0}},
		{"250 (2 of 3)", []int{400, 400, 400}, []int{120, 0, 250}},
		{"120 to 250 (2 of 3)", []int{400, 100, 400}, []int{120, 0, 250}},
		{"more than 350 (1 of 3)", []int{400, 400, 500}, []int{120, 0, 0}},
		{"more than 100 (1 of 3)", []int{150, 100, 1000}, []int{0, 70, 0}}, // not the longest's 950
		{"more than 235 (1 of 2)", []int{400, 400}, []int{120, 0}},
	} {
		s := &Study{Goal: &Goal{Hold: 50}}
		a := &StudyArm{Seeds: []StudySeed{{Status: "diverged", Episodes: 7}}}
		if got := s.learned(ascii, a); got != "-" {
			t.Errorf("none finished: %s", got)
		}
		for i := range c.episodes {
			a.Seeds = append(a.Seeds, StudySeed{Episodes: c.episodes[i], LearnedAt: c.learn[i]})
		}
		if got := s.learned(ascii, a); got != c.want {
			t.Errorf("after %v, learned at %v: %s, want %s", c.episodes, c.learn, got, c.want)
		}
	}
}

// A model that was stopped early does not look as if it had been faster.
func TestUndecided(t *testing.T) {
	s := &Study{Title: "Patterns", Unit: "episodes", Goal: &Goal{Value: 0.01, Window: 100, Hold: 1000}, Metric: Metric{Name: "error_rate", Label: "bits wrong", Percent: true}}
	for _, a := range []struct {
		model              string
		episodes, learned1 int
	}{{"plastic", 122_205, 121_205}, {"rnn-large", 20_393, 0}, {"lstm", 31_000, 30_000}, {"rnn", 500_000, 0}} {
		s.Models = append(s.Models, StudyArm{Model: a.model, Seeds: []StudySeed{{Seed: 1, Episodes: a.episodes, LearnedAt: a.learned1}}})
	}
	var out bytes.Buffer
	if err := s.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not within 20,393", "not within 500,000",
		"\nThe model rnn-large was stopped after 20,393 episodes and had not learned by then; plastic learned at 121,205 and lstm learned at 30,000. These runs do not say which needs fewer.\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "These runs do not say"); n != 1 {
		t.Errorf("%d sentences of what is undecided: rnn is slower than both, and plastic than lstm", n)
	}
	s.Models[1].Seeds = append(s.Models[1].Seeds, StudySeed{Seed: 2, Episodes: 18_000})
	if got := s.undecided(); len(got) != 1 || !strings.HasPrefix(got[0], "The model rnn-large was stopped after 18,000 to 20,393 episodes") {
		t.Errorf("%q", got)
	}
}

// Every model is tested against every other, where there are three with seeds
// enough, and the reader learns how little so few can show.
func TestStudyPairs(t *testing.T) {
	s := study() // plastic and rnn have three seeds that finished, retroactive two
	page, markdown, values := written(t, s)
	text := strings.ReplaceAll(visible(t, page), "\u00a0", " ")
	for _, want := range []string{"Each model against each other", "The smallest p that 3 seeds against 2 can give is 0.200. The smallest p that 3 seeds against 3 can give is 0.100. Corrected that is 0.300: so few"} {
		if !strings.Contains(text, want) || !strings.Contains(markdown, want) {
			t.Errorf("no %q on the page or in Markdown:\n%s", want, markdown)
		}
	}
	if !strings.Contains(strings.Join(strings.Fields(markdown), " "), "| plastic | rnn | 0.100 | 0.300 |") {
		t.Errorf("%s", markdown)
	}
	pairs := values["pairs"].([]any)
	want := map[string]any{"better": "retroactive", "other": "rnn", "p": 0.2, "p_least": 0.2, "p_holm": 0.4, "seeds": []any{2.0, 3.0}}
	if len(pairs) != 3 {
		t.Fatalf("%v: want three pairs", pairs)
	}
	for key, v := range want {
		if got := pairs[2].(map[string]any)[key]; fmt.Sprintf("%.6v", got) != fmt.Sprintf("%.6v", v) {
			t.Errorf("%s %v, want %v", key, got, v)
		}
	}

	s.Models[1].Seeds = s.Models[1].Seeds[:1]
	if page, markdown, values = written(t, s); strings.Contains(page+markdown, "Each model against") || values["pairs"] != nil {
		t.Error("two models with several seeds: the table has their test already")
	}

	// Four against four is where significance begins; among six pairs it does not.
	many := &Study{Metric: Metric{Name: "mse"}}
	for i := range 4 {
		a := StudyArm{Model: string(rune('a' + 3 - i))}
		for seed := range 4 {
			a.Seeds = append(a.Seeds, StudySeed{Value: float64(10*i + seed)})
		}
		many.Models = append(many.Models, a)
	}
	many.Summarise()
	if p := many.Pairs[0]; len(many.Pairs) != 6 || p.Better != "d" || p.Other != "c" || math.Abs(p.P-2./70) > 1e-12 || math.Abs(p.P-p.Least) > 1e-12 || math.Abs(p.Holm-12./70) > 1e-12 {
		t.Errorf("%+v", many.Pairs)
	}
	if note := many.pairsNote(); strings.Count(note, "The smallest p that 4 seeds against 4 can give is 0.029.") != 1 || !strings.Contains(note, "Corrected that is 0.171") {
		t.Error(note)
	}
}
