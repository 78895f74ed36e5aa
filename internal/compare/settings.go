package compare

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// withoutEffect are the settings that change no bit of what a model with hold_alpha comes
// to: how rates and modulator start and learn, which act on nothing.
var withoutEffect = []string{"start", "eta_start", "fanout_start", "fanout_bias_start", "modulator_start", "rate_lr", "modulator_lr", "thaw"}

// counting are the settings that make a model what it is: without those of the run,
// those whose outcome is among the model's sizes, and those of plasticity in a model
// that has none, or whose plasticity is held at nothing.
func (a *arm) counting(all map[string]string) map[string]string {
	settings := map[string]string{}
	for key, value := range all {
		switch {
		case slices.Contains([]string{"preset", "log_every"}, key):
		case a.run.Report != nil && slices.Contains([]string{"hidden", "embed", "params"}, key):
		case a.run.Report != nil && a.kind == recipe.Kinds[0] && recipe.OfPlasticity(key):
		case all["hold_alpha"] == "true" && slices.Contains(withoutEffect, key):
		default:
			settings[key] = value
		}
	}
	return settings
}

// lengths are the settings of how long a run trains, some of which a task's trainings
// do not keep because they may change.
func lengths(path, config string) (map[string]string, error) {
	var all map[string]any
	if err := yaml.Unmarshal([]byte(config), &all); err != nil {
		return nil, badfile.New(path, "config", "is no YAML (%v)", strings.Join(strings.Fields(err.Error()), " "))
	}
	length := map[string]string{}
	for _, key := range []string{"episodes", "max_time", "stop_at_goal"} {
		if value, ok := all[key]; ok {
			length[key] = fmt.Sprint(value)
		}
	}
	return length, nil
}

// configured are the settings of an arm as its run was set, for one of which no training
// has ended, or that was kept without its trainings; nil if the run's configuration is of
// another version, or one of several runs.
func (a *arm) configured(config string, length map[string]string) map[string]string {
	all := map[string]string{}
	if a.run.Report != nil {
		r := recipe.Defaults()
		keys, err := r.Fields().Apply("config", []byte(config))
		if err != nil {
			return nil
		}
		arms, err := r.Arms()
		at := slices.IndexFunc(arms, func(of recipe.Arm) bool { return of.Label == a.label })
		if err != nil || at < 0 {
			return nil
		}
		for _, f := range arms[at].Recipe.Fields() {
			if slices.Contains(keys, f.Key) || f.Key == "hold_alpha" {
				all[f.Key] = f.String()
			}
		}
	} else {
		var values map[string]any
		d := yaml.NewDecoder(strings.NewReader(config))
		if d.Decode(&values) != nil || d.Decode(new(any)) != io.EOF {
			return nil
		}
		for key, value := range values {
			all[key] = fmt.Sprint(value)
		}
	}
	for _, key := range ofRuns {
		delete(all, key)
	}
	all = a.counting(all)
	maps.Copy(all, length)
	return all
}

// ofRuns are the settings that every run has and that make no model another.
var ofRuns = func() []string {
	keys := []string{"data", "models", "seeds"}
	for _, f := range settings.Of(&run.Common{}) {
		keys = append(keys, f.Key)
	}
	return keys
}()
