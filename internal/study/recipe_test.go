package study

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run that came from several commands and a file is made anew by one command,
// which names neither its folder nor the file.
func TestRecipe(t *testing.T) {
	parent := t.TempDir()
	config, grown := filepath.Join(parent, "my.yaml"), filepath.Join(parent, "grown")
	must(t, os.WriteFile(config, []byte("size: 5\n"), 0o666))
	succeed(t, "--config", config, "--set", "lr=0.07", "--out", grown, "--episodes", "37", "--seeds", "1", "--models", "eager", "--threads", "1", "--stop-at-goal", "--json")
	succeed(t, "--resume", grown, "--models", "still")
	out, _ := succeed(t, "--resume", grown, "--episodes", "90", "--seeds", "2", "--models", "still", "--json")

	const want = "go run ./eval guess --models eager,still --seeds 2 --episodes 90 --stop-at-goal=true --size 5 --lr 0.07"
	report := read(t, grown, "report.md")
	if !strings.Contains(report, "\n"+want+"\n") || strings.Contains(report, parent) {
		t.Fatalf("no %q alone in\n%s", want, report)
	}
	t.Chdir(t.TempDir())
	again, _ := succeed(t, append(strings.Fields(want)[4:], "--json")...)
	if got, want := times.ReplaceAllString(again, ""), times.ReplaceAllString(out, ""); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// The recipe begins with fetching the data of a task that has some.
func TestRecipeFetches(t *testing.T) {
	type own struct {
		Data string `yaml:"data" help:"a set"`
	}
	task := &Task[own]{Name: "look", Models: stubTask.Models, Presets: []Preset[own]{{Name: "quick"}}}
	for data, want := range map[string]string{
		"":                "go run ./eval look",
		"omniglot-small":  "scripts/download omniglot-small\ngo run ./eval look --data omniglot-small",
		"cifar-10-sample": "scripts/download cifar-10-sample --from MIRROR\ngo run ./eval look --data cifar-10-sample",
		"my/own":          "go run ./eval look --data my/own",
	} {
		v, preset := task.values("quick", Common{}, own{data}), task.values("quick", Common{}, own{})
		if got := task.recipe(v, preset.Fields()); got != want {
			t.Errorf("%q: %s; want %s", data, got, want)
		}
	}
}
