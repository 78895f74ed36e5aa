package study

import (
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// Uses are settings that only some models use: the models of each key, none where
// the task has no use for a setting that all tasks have.
type Uses map[string][]string

// NoEffect says in a clause why a setting changes nothing in a model; "" where it
// does.
func (t *Task[S]) NoEffect(common *Common, own *S, model, key string) string {
	if models, ok := t.Uses[key]; ok && !slices.Contains(models, model) {
		switch len(models) {
		case 0:
			return "this task does not use it"
		case 1:
			return "only model " + models[0] + " uses it"
		}
		last := len(models) - 1
		return "only models " + strings.Join(models[:last], ", ") + " and " + models[last] + " use it"
	}
	if strings.HasPrefix(key, "adam_") && common.Optimizer != adam && common.Optimizer != "" {
		return "only optimizer adam uses it"
	}
	if t.Idle == nil {
		return ""
	}
	return t.Idle(common, own, key)
}

// withoutEffect names, a clause each, the settings that are not the preset's and that
// change nothing in any model of the run.
func (t *task) withoutEffect(v *values) []string {
	var idle []func(string) string
	for _, model := range v.common.Models {
		idle = append(idle, func(key string) string { return t.idle(v.common, v.own, model, key) })
	}
	return run.WithoutEffect(v.Fields(), t.preset(v), func(string) bool { return true }, idle)
}

// preset returns the settings of the preset that others come from.
func (t *task) preset(v *values) settings.Fields {
	i := slices.IndexFunc(t.presets, func(p run.Preset) bool { return p.Name == v.common.Preset })
	return t.presets[max(i, 0)].Settings().Fields()
}
