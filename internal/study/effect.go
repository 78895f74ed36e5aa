package study

import (
	"cmp"
	"slices"
	"strings"
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
	if key == "average_from" {
		if why := t.NoEffect(common, own, model, "optimizer"); why != "" || common.Optimizer == "asgd" {
			return why
		}
		return "optimizer " + cmp.Or(common.Optimizer, adam) + " averages nothing"
	}
	if t.Idle == nil {
		return ""
	}
	return t.Idle(common, own, key)
}
