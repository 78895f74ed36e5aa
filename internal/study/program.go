package study

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/run"
)

// one is the singular of what the task counts.
func (t *Task[S]) one() string { return strings.TrimSuffix(t.Unit, "s") }

// invocation is how the task is started, without flags.
func (t *Task[S]) invocation() string { return "go run ./eval " + t.Name }

// Command returns the command of a task.
func Command[S any](t Task[S]) *cobra.Command {
	p := &run.Program{
		Name: t.Name, Invocation: t.invocation(), Speaker: "eval", Unit: t.Unit,
		Blank:   func() run.Settings { return t.values("", Common{}, *new(S)) },
		Prepare: t.prepare, Report: t.report,
		Command: run.Command{
			Use: t.Name, Short: t.Short, Example: t.Example,
			Long: t.Long + `

A run has a folder with its configuration, its metrics, its checkpoints and a
report (report.html, report.md, report.json); Ctrl-C saves and says how to go on.
Values come from the preset, then --config, then --set, then flags.`,
			Extra: t.timing,
		},
	}
	for _, preset := range t.Presets {
		p.Presets = append(p.Presets, run.Preset{Name: preset.Name, About: preset.About, Settings: func() run.Settings {
			return t.values(preset.Name, preset.Common, preset.Own)
		}})
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

// arms checks settings and returns the models.
func (t *Task[S]) arms(v *values[S]) ([]Arm, error) {
	if err := v.validate(t.Models); err != nil {
		return nil, err
	}
	return t.Arms(&v.Common, &v.own)
}

// prepare makes the plan of a run.
func (t *Task[S]) prepare(r *run.Run) error {
	v := r.Settings.(*values[S])
	end, err := v.limits()
	if err != nil {
		return err
	}
	arms, err := t.arms(v)
	if err != nil {
		return err
	}
	r.System, r.Name = machine.This(), t.Name+"-"+v.Preset
	for i := range arms {
		a := &arms[i]
		for _, seed := range r.Seeds {
			r.Jobs = append(r.Jobs, &run.Job{
				Model: a.Model, Seed: seed, Settings: v.Fields(), Of: a,
				Facts: []run.Fact{{Key: "number of parameters", Is: fmt.Sprint(a.Params)}, {Key: "data (SHA-256)", Is: a.Data}},
				New:   func(h *run.Host) (run.Learner, error) { return newPupil(v, end, a, h) },
			})
		}
		r.Idle = append(r.Idle, func(key string) string { return t.NoEffect(&v.Common, &v.own, a.Model, key) })
	}
	r.Longer, r.AtMost = []string{"episodes"}, end.stopAtGoal
	r.Total = func(s run.Settings) int { return s.(*values[S]).Episodes }
	r.Reached = func(s run.Settings, at run.Done) bool {
		l, err := s.(*values[S]).limits()
		return err == nil && l.reached(at)
	}
	r.Limit = func(at run.Done) (float64, bool) { return end.time.Seconds() - at.Seconds, end.time > 0 }
	r.Ended = func(j *run.Job) string {
		if j.Result.Status != "" || !end.cut(j.Result.Done) {
			return ""
		}
		return fmt.Sprintf("%s has had its %s: raise --max-time to go on", j.Name(), v.MaxTime)
	}
	r.Introduce = t.introduce
	return nil
}

// introduce says what is about to be done.
func (t *Task[S]) introduce(r *run.Run) {
	v := r.Settings.(*values[S])
	r.Log.Printf("%s, preset %s: %s %s a model and seed", t.Title, v.Preset, Thousands(v.Episodes), t.Unit)
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
