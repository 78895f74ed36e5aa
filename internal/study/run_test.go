package study

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/tensorboard"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out, errs := succeed(t, "--out", dir, "--seeds", "3", "--json")
	all := objects(t, out)
	if len(all) != 9 {
		t.Fatalf("%d objects, want one for each of 3 models and 3 seeds: %s", len(all), out)
	}
	controls := map[any]any{}
	for _, o := range all {
		if o["model"] == "still" {
			controls[o["seed"]] = o["value"]
		}
	}
	for i, o := range all {
		model, seed := []string{"steady", "eager", "still"}[i/3], float64(i%3+1)
		if o["task"] != "guess" || o["model"] != model || o["seed"] != seed || o["params"] != 8.0 || o["episodes"] != 60.0 || o["metric"] != "error_rate" {
			t.Errorf("%v", o)
		}
		if o["control"] != controls[seed] || o["control"] == nil || o["is_control"] != (model == "still") {
			t.Errorf("control %v, want %v, the value of still", o["control"], controls[seed])
		}
		if v := o["value"].(float64); model != "still" && v > 0.25 || v < 0 || v > 1 {
			t.Errorf("%s, seed %v: %v signs wrong", model, seed, v)
		}
		if extra := o["extra"].(map[string]any); extra["first_weight"] == nil || extra["nothing"] != nil {
			t.Errorf("extra %v", extra)
		}
		if v, ok := o["nothing"]; !ok || v != nil || fmt.Sprint(o["guesses"]) != "[1.5 <nil>]" || o["first_weight"] != nil {
			t.Errorf("the task's own keys: %v", o)
		}
		if kept := read(t, dir, fmt.Sprintf("%s-seed%v/kept", model, seed)); kept != "60" {
			t.Errorf("kept %q, want what is there after the last episode", kept)
		}
	}
	if strings.Contains(errs, "\r") || !strings.Contains(errs, "steady seed 1  after 60 episodes") || !strings.Contains(errs, "\nData signs: as many as there are\n") {
		t.Errorf("stderr %q", errs)
	}
	metrics := read(t, dir, metricsFile)
	if n := strings.Count(metrics, "\n"); n != 9*60/5 {
		t.Errorf("%d lines of metrics", n)
	}
	if !strings.Contains(metrics, `"lr":0.1,`) {
		t.Error("eager has another learning rate than twice that of steady")
	}
	first, _, _ := strings.Cut(metrics, "\n")
	for _, want := range []string{`"model":"steady","seed":1,"episode":5,"metric":"error_rate","value":0.`, `"loss":`, `"grad_norm":`, `"lr":0.05,`, `"seconds":`, `"episodes_per_s":`} {
		if !strings.Contains(first, want) {
			t.Errorf("no %s in %s", want, first)
		}
	}
	for _, name := range []string{configFile, "run.json", "report.html", "report.md", "report.json", "eager-seed2/result.json", "eager-seed2/square.svg", "eager-seed2/checkpoints/step-00000060/manifest.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if config := read(t, dir, configFile); !strings.Contains(config, "\nseeds: \"3\" #") && !strings.Contains(config, "\nseeds: 3 #") || !strings.Contains(config, "\nsize: 8 # numbers to guess\n") {
		t.Errorf("%s", config)
	}
	var values struct {
		Models []struct {
			Seeds []struct{ Figures []struct{ File string } }
		}
	}
	must(t, json.Unmarshal([]byte(read(t, dir, "report.json")), &values))
	for _, m := range values.Models {
		for _, s := range m.Seeds {
			if file := s.Figures[0].File; !strings.HasPrefix(read(t, dir, file), "<svg") {
				t.Errorf("no picture in %s", file)
			}
		}
	}
	page := read(t, dir, "report.html")
	for _, want := range []string{"Guessing signs", "Data: signs: as many as there are.", "&lt;noisily&gt; &amp; guesses", "data:image/svg&#43;xml;base64,", "<code>go run ./eval guess --seeds 3</code>", "still (control)", "class=\"band", "median"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in report.html", want)
		}
	}
}

// The same seed gives the same bits, with one thread or two, alone or among
// others. (Whether a learner shares its work between cores in the same way is for
// the learner's own tests.)
func TestDeterministic(t *testing.T) {
	a, b, c := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // --threads only lowers it
	for threads, dir := range map[int]string{2: a, 1: b} {
		runtime.GOMAXPROCS(2)
		succeed(t, "--out", dir, "--seeds", "2", "--threads", strconv.Itoa(threads))
		if n := runtime.GOMAXPROCS(0); n != threads {
			t.Errorf("%d threads, want %d", n, threads)
		}
	}
	pa, pb := product(t, a), product(t, b)
	for _, p := range []map[string]string{pa, pb} {
		delete(p, "report.json") // it has the configuration
	}
	same(t, pa, pb)
	succeed(t, "--out", c, "--seeds", "2,", "--models", "eager")
	for _, file := range []string{"eager-seed2/checkpoints/step-00000060/tensors.safetensors", "eager-seed2/result.json"} {
		if pa[file] != product(t, c)[file] || pa[file] == "" {
			t.Errorf("%s differs where the model runs alone", file)
		}
	}
	if pa["eager-seed1/"+resultFile] == pa["eager-seed2/"+resultFile] {
		t.Error("two seeds give the same")
	}
}

func TestTable(t *testing.T) {
	out, _ := succeed(t, "--out", filepath.Join(t.TempDir(), "run"), "--seeds", "3")
	for _, want := range []string{"model", "error rate", "learned at", "first weight", "still (control)", "not within 60", "Guessing signs: "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, r := range out {
		if r > 126 {
			t.Errorf("%q in a terminal's table", r)
		}
	}
}

// A training may end by reaching its goal, or by the time it has taken.
func TestEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "goal")
	out, errs := succeed(t, "--out", dir, "--episodes", "2000", "--stop-at-goal", "--max-time", "1h", "--models", "steady", "--json")
	o := objects(t, out)[0]
	at := o["learned_at"].(float64)
	if o["episodes"].(float64) != at+20 || at < 10 || at > 1000 {
		t.Errorf("%v: want the end 20 episodes after the goal", o)
	}
	if strings.Contains(errs, "max_time") {
		t.Errorf("ended by its goal: %q", errs)
	}
	// To go on beyond it does not change when that was.
	out, _ = succeed(t, "--resume", dir, "--stop-at-goal=false", "--json")
	if o := objects(t, out)[0]; o["episodes"] != 2000.0 || o["learned_at"] != at {
		t.Errorf("%v after 2,000 episodes: want it learned at %v still", o, at)
	}
	dir = filepath.Join(t.TempDir(), "time")
	out, errs = succeed(t, "--out", dir, "--episodes", "100000", "--max-time", "60ms", "--delay", "2ms", "--models", "still", "--json")
	// A sleep of 2 ms is never shorter: at most 30 of them fit, however slow the machine.
	o = objects(t, out)[0]
	if n, seconds := o["episodes"].(float64), o["seconds"].(float64); n < 1 || n > 30 || seconds < 0.06 {
		t.Errorf("%v episodes of 2 ms in %v s, with a bound of 60 ms", n, seconds)
	}
	if !strings.Contains(errs, " (ended by max_time 60ms)\n") {
		t.Errorf("not told that the time has ended it: %q", errs)
	}
	const had = "still seed 1 has had its 60ms: raise --max-time to go on\n"
	if again, errs := succeed(t, "--resume", dir, "--json"); again != out || !strings.Contains(errs, had) {
		t.Errorf("resumed: no %q in %q", had, errs)
	}
	if _, errs := succeed(t, "--resume", dir, "--max-time", "500ms"); strings.Contains(errs, "has had its") {
		t.Errorf("with more time: %q", errs)
	}
}

// A model that diverges is reported and leaves the others alone.
func TestDiverges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out, _, err := guess("--out", dir, "--diverge", "7", "--json")
	if err == nil || !strings.Contains(err.Error(), "eager, seed 1: diverged at episode 7: the gradient of w is NaN") {
		t.Fatal(err)
	}
	all := objects(t, out)
	if len(all) != 3 || all[1]["value"] != nil || !strings.Contains(fmt.Sprint(all[1]["status"]), "diverged") || all[0]["value"] == nil || all[2]["value"] == nil {
		t.Errorf("%s", out)
	}
	if !strings.Contains(read(t, dir, "report.html"), "eager, seed 1, which diverged at episode 7") {
		t.Error("the report does not tell")
	}
	if again, _, err := guess("--resume", dir, "--json"); err == nil || again != out {
		t.Errorf("resumed: %v %s", err, again)
	}
	if !strings.HasSuffix(err.Error(), "; the report has the rest; to go on from the last checkpoint at half the rate: go run ./eval guess --resume "+dir+" --on-nan rollback") {
		t.Errorf("no advice in %q", err)
	}
}

// What a task counts is called by its name.
func TestUnit(t *testing.T) {
	updates := stubTask
	updates.Unit = "updates"
	var errs bytes.Buffer
	args := []string{"--out", filepath.Join(t.TempDir(), "run"), "--models", "steady,eager", "--episodes", "2000", "--diverge", "7"}
	err := cli.Execute(context.Background(), Command(updates), args, io.Discard, &errs)
	if err == nil || !strings.Contains(err.Error(), "eager, seed 1: diverged at update 7: ") {
		t.Error(err)
	}
	if !strings.Contains(errs.String(), "learned at update ") || strings.Contains(errs.String(), "episode ") {
		t.Errorf("%s", &errs)
	}
}

func TestUsage(t *testing.T) {
	full := t.TempDir()
	must(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o666))
	for args, want := range map[string]string{
		"--models steady,lazy":       `"lazy": want some of steady, eager, still`,
		"--models steady,steady":     "given twice",
		"--models ,":                 "models: none",
		"--seeds 0":                  "seeds",
		"--episodes 0":               "episodes 0: want 1 to",
		"--test-episodes -1":         "test_episodes -1",
		"--log-every 0":              "log_every 0",
		"--max-time long":            `max_time "long"`,
		"--max-time -3s":             "max_time",
		"--checkpoint-every x":       `checkpoint_every "x"`,
		"--preset slow":              `preset "slow": want one of quick, paper`,
		"--size 0":                   "size 0: want at least 1",
		"--set sise=3":               `no key "sise"`,
		"--episodes many":            `episodes "many": want a whole number`,
		"--set episodes=many":        `episodes "many": want a whole number`,
		"--threads -1":               "threads -1: want 0 to",
		"--out " + full:              "not empty",
		"--resume=":                  `--resume "": want a path, or no --resume`,
		"--out=":                     `--out ""`,
		"--config=":                  `--config ""`,
		"--resume r --out o":         "no --out",
		"--resume r --set episodes=": "no --out, --config or --set",
		"--bogus":                    "--bogus",
		"stray":                      "stray",
	} {
		t.Run(args, func(t *testing.T) {
			t.Chdir(t.TempDir())
			out, _, err := guess(strings.Fields(args)...)
			if _, usage := errors.AsType[*cli.UsageError](err); !usage || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want a usage error with %q", err, want)
			}
			if entries, _ := os.ReadDir("."); len(entries) > 0 || out != "" {
				t.Errorf("it left %v and wrote %q", entries, out)
			}
		})
	}
}

func TestPresetsAndConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	out, _ := succeed(t, "--list-presets")
	if !strings.Contains(out, "quick") || !strings.Contains(out, "paper") || strings.Count(out, "\n") != 2 {
		t.Errorf("%q", out)
	}
	out, _ = succeed(t, "--list-presets", "--json")
	if all := objects(t, out); len(all) != 2 || all[0]["name"] != "quick" || all[1]["about"] != "longer" {
		t.Errorf("%s", out)
	}
	must(t, os.WriteFile("mine.yaml", []byte("preset: paper\nepisodes: 30\nsize: 5\n"), 0o666))
	succeed(t, "--config", "mine.yaml", "--set", "size=6", "--episodes", "20")
	config := read(t, "runs/guess-paper-1", configFile)
	for _, want := range []string{"preset: paper ", "models: [steady, still] ", "episodes: 20 ", "size: 6 ", "lr: 0.01 "} {
		if !strings.Contains(config, want) {
			t.Errorf("no %q in\n%s", want, config)
		}
	}
	help, _ := succeed(t, "--help")
	for _, want := range []string{"quick, paper (default quick)", "steady (learns)", "(default quick 60, paper 600)", "--size", "Ctrl-C", "go run ./eval guess"} {
		if !strings.Contains(help, want) {
			t.Errorf("no %q in\n%s", want, help)
		}
	}
}

// Each training has an event file of its lines where that is asked for, be it when the
// run has ended.
func TestTensorBoard(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "asked"), filepath.Join(t.TempDir(), "later")}
	succeed(t, "--out", dirs[0], "--tensorboard")
	succeed(t, "--out", dirs[1])
	if found, err := filepath.Glob(filepath.Join(dirs[1], "*", tensorboard.File)); err != nil || len(found) > 0 {
		t.Errorf("%v, %v, where none was asked for", found, err)
	}
	succeed(t, "--resume", dirs[1], "--tensorboard")
	for _, dir := range dirs {
		for _, model := range []string{"steady", "eager", "still"} {
			var lines [][]byte
			for line := range strings.Lines(read(t, dir, metricsFile)) {
				if strings.HasPrefix(line, `{"model":"`+model+`"`) {
					lines = append(lines, []byte(line))
				}
			}
			was := read(t, dir, model+"-seed1", tensorboard.File)
			w, err := tensorboard.Open(filepath.Join(dir, model+"-seed1", tensorboard.File), lines)
			must(t, err)
			must(t, w.Close())
			if is := read(t, dir, model+"-seed1", tensorboard.File); is != was || len(lines) == 0 {
				t.Errorf("%s: the events are not those of its %d lines", model, len(lines))
			}
		}
	}
}
