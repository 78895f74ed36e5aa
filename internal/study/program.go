package study

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// task is a Task whose own settings are behind any: a pointer to its S.
type task struct {
	name, title, unit string
	about             []string
	metric            Metric
	columns           []Column
	goal              *Goal
	kinds             []Kind
	presets           []run.Preset
	blank             func() any // settings to parse into
	make              func(*Common, any) ([]Arm, error)
	idle              func(common *Common, own any, model, key string) string
	yardstick         func(any) string
}

func (t *Task[S]) task() *task {
	plain := &task{
		name: t.Name, title: t.Title, unit: t.Unit, about: t.About, metric: t.Metric, columns: t.Columns, goal: t.Goal, kinds: t.Models,
		blank: func() any { return new(S) },
		make:  func(c *Common, own any) ([]Arm, error) { return t.Arms(c, own.(*S)) },
	}
	plain.idle = func(common *Common, own any, model, key string) string {
		return t.NoEffect(common, own.(*S), model, key)
	}
	plain.yardstick = func(own any) string {
		if t.Yardstick == nil {
			return ""
		}
		return t.Yardstick(own.(*S))
	}
	for _, p := range t.Presets {
		plain.presets = append(plain.presets, run.Preset{Name: p.Name, About: p.About, Settings: func() run.Settings {
			common, own := p.Common.withDefaults(p.Name, t.Models), p.Own
			return &values{plain, &common, &own}
		}})
	}
	return plain
}

// one is the singular of what the task counts.
func (t *task) one() string { return strings.TrimSuffix(t.unit, "s") }

// invocation is how the task is started, without flags.
func (t *task) invocation() string { return "go run ./eval " + t.name }

// Command returns the command of a task.
func Command[S any](t Task[S]) *cobra.Command {
	plain := t.task()
	p := &run.Program{
		Name: t.Name, Invocation: plain.invocation(), Speaker: "eval", Unit: t.Unit, Presets: plain.presets,
		Blank:   func() run.Settings { return &values{plain, new(Common), plain.blank()} },
		Prepare: plain.prepare, Report: plain.reported,
		Command: run.Command{
			Use: t.Name, Short: t.Short, Example: t.Example,
			Long: t.Long + `

A run has a folder with its configuration, its metrics, its checkpoints and a
report (report.html, report.md, report.json); Ctrl-C saves and says how to go on.
Values come from the preset, then --config, then --set, then flags.`,
			Help: plain.help, Extra: plain.timing,
		},
	}
	c := p.Cobra()
	if t.Unit != "episodes" { // such as updates, of several episodes each
		c.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
			if name == t.Unit {
				name = "episodes"
			}
			return pflag.NormalizedName(name)
		})
	}
	return c
}

// help says what a setting is, in the unit that the task counts in, and what there
// is to choose from.
func (t *task) help(f settings.Field) string {
	help := f.Help
	switch {
	case f.Key == "preset":
		var all []string
		for _, p := range t.presets {
			all = append(all, p.Name)
		}
		help += ": " + strings.Join(all, ", ")
	case f.Key == "models":
		var all []string
		for _, k := range t.kinds {
			all = append(all, fmt.Sprintf("%s (%s)", k.Name, k.About))
		}
		help += ": " + strings.Join(all, ", ")
	case t.unit == "episodes":
	case f.Key == "episodes":
		help = fmt.Sprintf("training %s, an optimiser step each, of several episodes; --%[1]s is the same; a resumed run may have more", t.unit)
	case f.Key == "log_every" || f.Key == "checkpoint_every":
		help = strings.ReplaceAll(help, "episodes", t.unit)
	}
	return help
}

// arms checks settings, limits the threads to theirs and returns the models.
func (t *task) arms(v *values) ([]Arm, error) {
	if err := v.common.validate(t.kinds); err != nil {
		return nil, err
	}
	if err := cli.SetThreads(v.common.Threads); err != nil {
		return nil, err
	}
	return t.make(v.common, v.own)
}

// prepare makes the plan of a run.
func (t *task) prepare(r *run.Run) error {
	v := r.Settings.(*values)
	arms, err := t.arms(v)
	if err != nil {
		return err
	}
	seeds, err := settings.Seeds(v.common.Seeds)
	if err != nil {
		return err
	}
	end, err := v.common.limits()
	if err != nil {
		return err
	}
	r.Seeds, r.System, r.Name = seeds, machine.This(), t.name+"-"+v.common.Preset
	for i := range arms {
		a := &arms[i]
		for _, seed := range seeds {
			r.Jobs = append(r.Jobs, &run.Job{
				Model: a.Model, Seed: seed, Settings: v.Fields(), Of: a,
				Facts: []run.Fact{{Key: "number of parameters", Is: fmt.Sprint(a.Params)}, {Key: "data (SHA-256)", Is: a.Data}},
				New:   func(h *run.Host) (run.Learner, error) { return newPupil(t, v, end, a, seed, h) },
			})
		}
	}
	r.Longer, r.AtMost = []string{"episodes"}, end.stopAtGoal
	r.Total = func(s run.Settings) int { return s.(*values).common.Episodes }
	r.Reached = func(s run.Settings, at run.Done) bool {
		l, err := s.(*values).common.limits()
		return err == nil && l.reached(at)
	}
	r.Limit = func(at run.Done) (float64, bool) { return end.time.Seconds() - at.Seconds, end.time > 0 }
	r.Ended = func(j *run.Job) string {
		if j.Result.Status != "" || !end.cut(j.Result.Done) {
			return ""
		}
		return fmt.Sprintf("%s has had its %s: raise --max-time to go on", j.Name(), v.common.MaxTime)
	}
	if !r.Resumed {
		r.Warnings = t.withoutEffect(v)
	}
	r.Introduce = t.introduce
	return nil
}

// introduce says what is about to be done.
func (t *task) introduce(r *run.Run) {
	c := r.Settings.(*values).common
	r.Log.Printf("%s, preset %s: %s %s a model and seed", t.title, c.Preset, Thousands(c.Episodes), t.unit)
	var last *Arm
	for _, j := range r.Jobs {
		a := j.Of.(*Arm)
		if a == last {
			continue
		}
		last = a
		note := a.About
		if a.Control {
			note += " (the control)"
		}
		r.Log.Printf("  %-12s %12s parameters  %s", a.Model, Thousands(a.Params), note)
	}
	if last.Source != "" {
		r.Log.Printf("Data %s", last.Source)
	}
	r.Log.Printf("Run folder %s", r.Dir)
}
