package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
)

// Arms with names and settings of their own: their folders, metrics, models and
// reports go by the name, and the run goes on to the same bits.
func TestArms(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	flags := tiny("--models", "lstm,still,slow=modulated:rule=decay:alpha=neuron:lr=0.1", "--start", "published", "--out", dir)
	succeed(t, flags...)
	want := product(t, dir)
	var arms, models []string
	for _, a := range decode(t, read(t, dir, "report.json"))["arms"].([]any) {
		arm := a.(map[string]any)
		arms = append(arms, arm["model"].(string)+" "+arm["kind"].(string))
	}
	for line := range strings.Lines(read(t, dir, metricsFile)) {
		models = append(models, decode(t, line)["model"].(string))
	}
	if want := "lstm lstm, still modulated, slow modulated"; strings.Join(arms, ", ") != want {
		t.Errorf("arms %s, want %s", strings.Join(arms, ", "), want)
	}
	if got := slices.Compact(models); !slices.Equal(got, []string{"lstm", "still", "slow"}) {
		t.Errorf("metrics of %s", got)
	}
	still, err := modeldir.Load(filepath.Join(dir, "still-seed1", "best"))
	must(t, err)
	slow, err := modeldir.Load(filepath.Join(dir, "slow-seed1", "best"))
	must(t, err)
	if p := slow.Config.Plasticity; slow.Config.Model != "modulated" || p.Rule != "decay" || p.Alpha != "neuron" || still.Config.Plasticity.Rule != "clip" {
		t.Errorf("slow is %+v", p)
	}
	if slices.ContainsFunc(still.Tensors["layers.0.alpha"], func(v float32) bool { return v != 0 }) {
		t.Error("the control arm has plasticity")
	}
	must(t, os.RemoveAll(filepath.Join(dir, "slow-seed1", resultFile)))
	must(t, os.RemoveAll(filepath.Join(dir, "report.json")))
	succeed(t, "--resume", dir)
	same(t, want, product(t, dir))
	// What an arm is belongs to what the run is.
	fail(t, cli.Usage, []string{"--models", "start a new run"}, "--resume", dir, "--models", "lstm,still,slow=modulated:rule=decay:alpha=neuron:lr=0.2")
}

// A model to start from may go on as a named arm of its kind.
func TestArmFromAModel(t *testing.T) {
	t.Parallel()
	model, dir := folder("modulated-neuron-neuron-hidden-clip", "model"), filepath.Join(t.TempDir(), "run")
	config, err := modeldir.LoadConfig(model)
	must(t, err)
	from := func(models string) []string {
		return []string{"--init", model, "--data", folder("modulated-neuron-neuron-hidden-clip", "corpus"), "--batch", "2", "--steps", "2", "--models", models, "--out", dir}
	}
	fail(t, cli.Usage, []string{"--models plastic contradicts --init"}, from("plastic")...)
	fail(t, cli.Usage, []string{"contradicts --init", "leave out its clip"}, from("late="+config.Model+":clip=77")...)
	fail(t, cli.Usage, []string{"--models"}, from("late="+config.Model+","+config.Model)...)
	succeed(t, from("late="+config.Model+":hold_alpha=true")...)
	m, err := modeldir.Load(filepath.Join(dir, "late-seed1", "last"))
	must(t, err)
	if slices.ContainsFunc(m.Tensors["layers.0.alpha"], func(v float32) bool { return v != 0 }) {
		t.Error("coefficients of the model to start from were not held at 0")
	}
}
