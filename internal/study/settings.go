package study

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/lstm/optim"
)

// Common are the settings that every task has, each a key of config.yaml and a
// flag. In a preset the zero value of a setting means its default.
type Common struct {
	Preset   string        `yaml:"preset" help:"where the values come from that nothing else sets"`
	Models   settings.List `yaml:"models" help:"what learns, in this order" resume:"may change"` // default: all
	Seeds    string        `yaml:"seeds" help:"a number N for the seeds 1 to N, or a list such as 2,7 or 7," resume:"may change" default:"1,"`
	Episodes int           `yaml:"episodes" help:"training episodes, an optimiser step each; a resumed run may have more" resume:"may change" range:"1..1073741824"`
	Tests    int           `yaml:"test_episodes" help:"held-out episodes that a trained model is measured on" range:"1..1073741824" default:"100"`

	MaxTime    string `yaml:"max_time" help:"training time that a model and seed may take, such as 20m; 0 sets no bound" resume:"may change" time:"no bound" default:"0"`
	StopAtGoal bool   `yaml:"stop_at_goal" help:"end a model's training as soon as it has learned the task" resume:"may change"`

	Optimizer   string `yaml:"optimizer" help:"what takes the steps: {offered}; the presets' rates are meant for adam" default:"adam"`
	AverageFrom int    `yaml:"average_from" help:"asgd: first episode whose steps are averaged; 0: from half of them on" resume:"by force" range:"0.."`
	LogEvery    int    `yaml:"log_every" help:"episodes between lines of metrics.jsonl, each the mean over them" resume:"by force" range:"1..1073741824" default:"10"`

	run.Common
}

// Offered returns the values that a key is offered; see settings.Offering.
func (c *Common) Offered(key string) []string {
	return map[string][]string{"optimizer": optim.Listed()}[key]
}

// values are the settings of a run of a task: the common ones and its own.
type values[S any] struct {
	Common
	own  S
	task *Task[S]
}

// values returns settings of the task; what is not set of the common ones gets its
// default.
func (t *Task[S]) values(preset string, common Common, own S) *values[S] {
	v := &values[S]{common, own, t}
	if v.Preset = preset; len(v.Models) == 0 {
		for _, k := range t.Models {
			v.Models = append(v.Models, k.Name)
		}
	}
	settings.Of(&v.Common).Fill()
	return v
}

// Fields returns all settings, the common ones first, explained in the unit that the
// task counts in.
func (v *values[S]) Fields() settings.Fields {
	t := v.task
	all := settings.Of(&v.Common, &v.own)
	for i := range all {
		help := &all[i].Help
		switch all[i].Key {
		case "preset":
			all[i].Choice = list(t.Presets, func(p Preset[S]) string { return p.Name })
		case "models":
			all[i].Choice = list(t.Models, func(k Kind) string { return k.Name + " (" + k.About + ")" })
		case "checkpoint_every":
			*help = strings.ReplaceAll(*help, "steps", t.Unit)
		case "average_from":
			*help = strings.ReplaceAll(*help, "episode", t.one())
		case "log_every":
			*help = strings.ReplaceAll(*help, "episodes", t.Unit)
		case "episodes":
			if t.Unit != "episodes" {
				*help = "training " + t.Unit + ", an optimiser step each, of several episodes; --" + t.Unit + " is the same; a resumed run may have more"
			}
		}
	}
	if t.Goal != nil {
		return all
	}
	return slices.DeleteFunc(all, func(f settings.Field) bool { return f.Key == "stop_at_goal" })
}

// list writes what there is to choose from.
func list[T any](from []T, text func(T) string) string {
	var all []string
	for _, t := range from {
		all = append(all, text(t))
	}
	return strings.Join(all, ", ")
}

// adam is the optimiser that learners have where no other is asked for, with
// settings that may be the task's own.
const adam = "adam"

// end is where a training ends.
func (c *Common) end() run.End {
	bound, _ := time.ParseDuration(c.MaxTime) // what is none has been refused
	return run.End{Steps: c.Episodes, Time: bound, Goal: c.StopAtGoal}
}

// averagesFrom is the first episode whose steps averaged SGD averages.
func (c *Common) averagesFrom() int { return cmp.Or(c.AverageFrom, c.Episodes/2+1) }

// validate reports models and averages that cannot be.
func (c *Common) validate(kinds []Kind) error {
	name := func(k Kind) string { return k.Name }
	if len(c.Models) == 0 {
		return cli.Usagef("models: none: want at least one of %s", list(kinds, name))
	}
	for i, m := range c.Models {
		if !slices.ContainsFunc(kinds, func(k Kind) bool { return k.Name == m }) {
			return cli.Usagef("models: %q%s: want some of %s", m, nearest.DidYouMean(m, "", strings.Split(list(kinds, name), ", ")), list(kinds, name))
		}
		if slices.Contains(c.Models[:i], m) {
			return cli.Usagef("models: %s is given twice: want each once", m)
		}
	}
	if from := c.averagesFrom(); c.Optimizer == "asgd" && from > c.Episodes {
		return cli.Usagef("average_from %d: asgd would average nothing by %d, and be plain SGD; want 1 to %[2]d, or optimizer sgd", from, c.Episodes)
	}
	return nil
}

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
