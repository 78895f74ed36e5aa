package evolve

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/studytest"
)

// run runs the command of the task.
func run(t *testing.T, args ...string) ([]map[string]any, error) {
	t.Helper()
	var out, errs bytes.Buffer
	if err := cli.Execute(t.Context(), Command(), append(args, "--json", "--quiet"), &out, &errs); err != nil {
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

// small are the flags of a run of a moment.
var small = []string{"--hidden", "4", "--population", "6", "--mazes", "2", "--test-episodes", "20", "--validate-every", "2", "--validation-mazes", "8"}

func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "run") }

// A run that is resumed ends with the same numbers as one that is not, for every
// model, and leaves a genotype that --test reads.
func TestRunAndResume(t *testing.T) {
	models := []string{"--models", "decomposed,full,retroactive,rnn,lstm,gradient"}
	whole := folder(t)
	want, err := run(t, append(append(models, small...), "--episodes", "5", "--out", whole)...)
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	if _, err := run(t, append(append(models, small...), "--generations", "3", "--out", dir)...); err != nil {
		t.Fatal(err)
	}
	resumed, err := run(t, "--resume", dir, "--episodes", "5")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(resumed, want) {
		t.Errorf("resumed: %v\nat once: %v", resumed, want)
	}
	for i, model := range append(slices.Clip(genotype.Models), "gradient") {
		o := want[i]
		if o["task"] != "evolve" || o["model"] != model || o["seed"] != 1. || o["episodes"] != 5. || o["metric"] != "fitness" || o["params"] == nil || o["control"] != want[4]["value"] {
			t.Errorf("%v", o)
		}
		if r, _ := o["rollouts"].([]any); len(r) != rollouts {
			t.Errorf("%s: rollouts %v", model, o["rollouts"])
		}
		if r, ok := o["reached"].(float64); !ok || r < 0 || r > 1 {
			t.Errorf("%s: reached %v", model, o["reached"])
		}
		kept, err := filepath.Abs(filepath.Join(whole, model+"-seed1", "genotype"))
		if err != nil {
			t.Fatal(err)
		}
		tested, err := run(t, "--test", kept, "--size", "7", "--mazes", "20")
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(tested[0]["rollouts"], o["rollouts"]) || tested[0]["reached"] != o["reached"] || tested[0]["value"] != o["value"] {
			t.Errorf("%s: --test gives %v, the run's own test gave %v", model, tested[0]["rollouts"], o["rollouts"])
		}
	}
}

// A run that is resumed with --restart goes on around its mean with the first step
// size, and says so.
func TestRestart(t *testing.T) {
	if _, err := run(t, "--restart"); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("--restart of nothing gives %v", err)
	}
	s := task.Presets[0].Own
	s.Population, s.Mazes, s.Hidden, s.Validation = 6, 1, 3, 4
	for _, restart := range []bool{false, true} {
		a, err := newLearner(nil, s, "rnn", 4, 7)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := a.Update(); err != nil {
				t.Fatal(err)
			}
		}
		snapshot, err := a.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		b, err := newLearner(&fleet{restart: restart}, s, "rnn", 4, 7)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
		if got := b.strategy.Sigma == s.Sigma; got != restart || !reflect.DeepEqual(b.strategy.Mean, a.strategy.Mean) || b.strategy.Generation != 2 {
			t.Errorf("restart %t: sigma %v, of a run with %v at first and %v then", restart, b.strategy.Sigma, s.Sigma, a.strategy.Sigma)
		}
		b.history.Validations = append(b.history.Validations, b.history.Validations...)
		if got := strings.Contains(b.history.curves(4).Caption, "began anew at generation 2"); got != restart {
			t.Errorf("restart %t: %q", restart, b.history.curves(4).Caption)
		}
	}
}

// The same numbers come out of trainings side by side.
func TestSideBySide(t *testing.T) {
	studytest.SideBySide(t, Command, append([]string{"--models", "decomposed,lstm,gradient", "--episodes", "3"}, small...)...)
}

func TestBadSettings(t *testing.T) {
	for _, set := range []string{"size=8", "size=103", "density=1.5", "mazes=0", "hidden=0", "population=3", "sigma=0", "cov_rate=2", "modulation=simple", "birth=one", "validation_mazes=0"} {
		badSetting(t, set)
	}
}

func badSetting(t *testing.T, set string) {
	t.Helper()
	_, err := run(t, "--set", set, "--out", folder(t))
	if _, ok := errors.AsType[*cli.UsageError](err); !ok {
		t.Errorf("%s gives %v, want a usage error", set, err)
	}
	if key, _, _ := strings.Cut(set, "="); err != nil && !strings.Contains(err.Error(), key) {
		t.Errorf("%s gives %q, which does not name the key", set, err)
	}
}

func TestBadTest(t *testing.T) {
	g := &genotype.Genotype{Config: genotype.Config{Format: genotype.Format, Model: "rnn", Hidden: 2, Inputs: 3, Outputs: 5}}
	for _, n := range g.Config.Segments() {
		g.Tensors = append(g.Tensors, make([]float32, n))
	}
	other := filepath.Join(t.TempDir(), "genotype")
	if err := g.Save(other); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		usage bool
		says  string
	}{
		"other flags": {[]string{"--test", other, "--out", "x"}, true, "--out does not go with --test"},
		"size":        {[]string{"--test", other, "--size", "10"}, true, "size 10"},
		"density":     {[]string{"--test", other, "--density", "2"}, true, "density 2"},
		"mazes":       {[]string{"--test", other, "--mazes", "0"}, true, "mazes 0"},
		"no name":     {[]string{"--test", ""}, true, "--test"},
		"no folder":   {[]string{"--test", filepath.Join(other, "none")}, false, "not a genotype folder"},
		"inputs":      {[]string{"--test", other}, false, "3 inputs"},
	} {
		_, err := run(t, c.args...)
		if _, usage := errors.AsType[*cli.UsageError](err); err == nil || usage != c.usage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want usage %t and %q", name, err, c.usage, c.says)
		}
	}
}

// An update draws new mazes, the same for all members; worth is the mean fitness
// less the penalty; the strategy moves towards what is worth more.
func TestUpdate(t *testing.T) {
	s := task.Presets[0].Own
	s.Population, s.Hidden, s.Mazes = 8, 4, 3
	l, err := newLearner(nil, s, "decomposed", 10, 5)
	if err != nil {
		t.Fatal(err)
	}
	first := fmt.Sprint(*l.mazes()[0])
	l.evaluate(0, 1)
	whole := append([]float64{}, l.worth...)
	sum := make([]float64, len(whole))
	for rank := range 3 { // in three shares, as three processes take them
		l.evaluate(rank, 3)
		for i, v := range l.worth {
			sum[i] += v
		}
	}
	if !reflect.DeepEqual(sum, whole) {
		t.Errorf("members in three shares are worth %v, at once %v", sum, whole)
	}
	var w worker
	z := make([]float64, len(l.strategy.Mean))
	worth, steps := l.member(&w, 5, l.mazes())
	l.strategy.Ask(5, z)
	squares := 0.0
	for _, v := range z {
		squares += v * v / float64(len(z))
	}
	g := l.genotype()
	for i, v := range z {
		w.params[i] = float32(v)
	}
	fitness, want := 0.0, 0
	agent := g.Config.NewLife()
	for i, maze := range l.mazes() {
		agent.Begin(g.Config.NewGenome(g.Config.Split(w.params)), nil)
		life := world{maze: maze, draws: rng.New(5, fmt.Sprintf("generation/0/life/5/%d", i))}
		scores, _ := life.live(agent, Intact)
		fitness += scores.Fitness() / 3
		want += life.steps
	}
	if math.Abs(worth-(fitness-1e-6*math.Sqrt(squares))) > 1e-12 || steps != float64(want) || worth != whole[5] {
		t.Errorf("member 5 is worth %v in %v steps (%v), want %v in %d", worth, steps, whole[5], fitness, want)
	}
	if _, err := l.Update(); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(*l.mazes()[0]) == first {
		t.Error("the next generation has the same maze")
	}
	if l.history.Steps == 0 || len(l.history.Validations) != 1 {
		t.Errorf("history %+v", l.history)
	}
	for i := range l.worth {
		l.worth[i] = math.NaN()
	}
	if _, err := l.tell(); err == nil {
		t.Error("a generation that is worth no number is no error")
	}
}

// Each ablation takes away what it says, and nothing else.
func TestAblations(t *testing.T) {
	g := &genotype.Genotype{Config: task.Presets[0].Own.config("decomposed")}
	r := rng.New(3, "genotype")
	for _, n := range g.Config.Segments() {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(0.3 * r.NormFloat64())
		}
		g.Tensors = append(g.Tensors, x)
	}
	e, err := examine(t.Context(), g, Mazes{7, 0.3}, 64, 1, ablations(g.Config), func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []Ablation{ForgetWeights, ForgetHidden} {
		for i, s := range e.ablated[a].Scores {
			if s[0] != e.intact.Scores[i][0] {
				t.Errorf("%s: the first rollout of life %d scores %v, intact %v", ablationNames[a].label, i, s[0], e.intact.Scores[i][0])
			}
		}
	}
	for a, l := range e.ablated {
		if reflect.DeepEqual(l.Scores, e.intact.Scores) {
			t.Errorf("%s changes nothing", ablationNames[a].label)
		}
	}
	if got := ablations(genotype.Config{Model: "lstm"}); !reflect.DeepEqual(got, []Ablation{ForgetHidden}) {
		t.Errorf("ablations of an LSTM: %v", got)
	}
}

// The film is well-formed and shows the life that the first maze's score is of.
func TestFilm(t *testing.T) {
	s := task.Presets[0].Own
	l, err := newLearner(nil, s, "decomposed", 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.Test(t.Context(), func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	life := out.Pictures[len(out.Pictures)-1]
	d := xml.NewDecoder(bytes.NewReader(life.Image))
	animated := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "animate" {
			animated++
			values, times := 0, 0
			for _, a := range e.Attr {
				switch a.Name.Local {
				case "values":
					values = strings.Count(a.Value, ";") + 1
				case "keyTimes":
					times = strings.Count(a.Value, ";") + 1
				case "href", "src":
					t.Errorf("the film refers to %s", a.Value)
				}
			}
			if values != times || values < 2 || values > maxSteps+1 {
				t.Errorf("%d places at %d times", values, times)
			}
		}
	}
	if animated != 4 {
		t.Errorf("%d animations, want x and y of two agents", animated)
	}
	// The caption has the lengths of the rollouts that were scored.
	e, err := examine(t.Context(), l.genotype(), s.mazes(), 1, 1, nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	steps := 200
	if e.intact.Reached[0][7] {
		steps = int(math.Round((1 - e.intact.Scores[0][7]) / 0.01))
	}
	if !strings.Contains(life.Caption, fmt.Sprintf("%d, of 200 at most", steps)) {
		t.Errorf("caption %q; want %d steps in the last rollout", life.Caption, steps)
	}
	for _, m := range out.Extra {
		if strings.HasPrefix(m.Name, "gain") || m.Name == "reached" || m.Name == "rollout_1" {
			if !hasColumn(m.Name) {
				t.Errorf("%s is not explained", m.Name)
			}
		}
	}
}

func hasColumn(name string) bool {
	for _, c := range task.Columns {
		if c.Name == name && c.About != "" {
			return true
		}
	}
	return false
}

// A snapshot holds every bit of the strategy.
func TestSnapshot(t *testing.T) {
	s := task.Presets[0].Own
	s.Population, s.Mazes, s.ValidateEvery = 6, 1, 0
	a, err := newLearner(nil, s, "rnn", 4, 7)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := a.Update(); err != nil {
			t.Fatal(err)
		}
	}
	a.strategy.PathCov[1] = math.Float64frombits(0xfff4000000000001) // halves that are signalling NaNs
	snapshot, err := a.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newLearner(nil, s, "rnn", 4, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors {
		x, y := *v.of(&a.strategy.State), *v.of(&b.strategy.State)
		for k := range x {
			if math.Float64bits(x[k]) != math.Float64bits(y[k]) {
				t.Errorf("vector %d, element %d: %x became %x", i, k, math.Float64bits(x[k]), math.Float64bits(y[k]))
			}
		}
	}
	if a.strategy.Sigma != b.strategy.Sigma || b.strategy.Generation != 3 || !reflect.DeepEqual(a.history, b.history) {
		t.Errorf("%v %v, %v %v", a.strategy.Sigma, b.strategy.Sigma, a.history, b.history)
	}
	delete(snapshot.Tensors, "variance")
	if b.Restore(snapshot) == nil {
		t.Error("a snapshot without variances is taken")
	}
}

var _ study.Keeper = (*learner)(nil)

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// --test leaves nothing behind.
func TestTestWritesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l, err := newLearner(nil, task.Presets[0].Own, "decomposed", 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Keep("kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "--test", "kept/genotype", "--mazes", "3"); err != nil {
		t.Fatal(err)
	}
	if exists("runs") {
		t.Error("--test makes a run folder")
	}
}
