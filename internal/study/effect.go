package study

import (
	"fmt"
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
	if t.Idle == nil {
		return ""
	}
	return t.Idle(common, own, key)
}

// warn tells of settings without effect.
func (r *run) warn() error {
	idle, err := r.idle()
	for _, clause := range idle {
		r.log.Warnf("eval: %s", clause)
	}
	return err
}

// idle names, a clause each, the settings that are not the preset's and that change
// nothing in any model of the run.
func (r *run) idle() (clauses []string, err error) {
	common, own, err := r.task.preset(r.common.Preset)
	if err != nil {
		return nil, err
	}
	preset := r.task.fields(common, own)
	for _, f := range r.task.fields(r.common, r.own) {
		was, err := preset.Find(f.Key)
		if err != nil {
			return nil, err
		}
		if was.String() == f.String() {
			continue
		}
		why := ""
		for _, model := range r.common.Models {
			if why = r.task.idle(r.common, r.own, model, f.Key); why == "" {
				break
			}
		}
		if why != "" {
			clauses = append(clauses, fmt.Sprintf("%s %s has no effect: %s", f.Key, f, why))
		}
	}
	return clauses, nil
}
