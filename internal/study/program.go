package study

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/progress"
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
		Short: t.Short, Example: t.Example, Long: t.Long + `

A run has a folder with its configuration, its metrics, its checkpoints and a
report (report.html, report.md, report.json); Ctrl-C saves and says how to go on.
Values come from the preset, then --config, then --set, then flags.`,
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

// prepare makes the plan of a run.
func (t *Task[S]) prepare(r *run.Run) error {
	v := r.Settings.(*values[S])
	if err := v.validate(t.Models); err != nil {
		return err
	}
	arms, err := t.Arms(&v.Common, &v.own)
	if err != nil {
		return err
	}
	r.System, r.Name = machine.This(), t.Name+"-"+v.Preset
	r.Title = fmt.Sprintf("%s, preset %s: %s a model and seed", t.Title, v.Preset, Count(v.Episodes, t.one()))
	for i := range arms {
		a := &arms[i]
		about := fmt.Sprintf("%12s parameters  %s", progress.Thousands(a.Params), a.About)
		if a.Control {
			about += " (the control)"
		}
		r.Arms = append(r.Arms, &run.Arm{
			Model: a.Model, About: about, Params: a.Params, Settings: v.Fields(), Of: a,
			Facts: []run.Fact{{Key: "number of parameters", Is: fmt.Sprint(a.Params)}, {Key: "data (SHA-256)", Is: a.Data}},
			Idle:  func(key string) string { return t.NoEffect(&v.Common, &v.own, a.Model, key) },
			New:   func(h *run.Host) (run.Learner, error) { return newPupil(v, a, h) },
		})
	}
	if source := arms[len(arms)-1].Source; source != "" {
		r.About = []string{"Data " + source}
	}
	r.Longer = []string{"episodes"}
	r.End = func(s run.Settings) run.End { return s.(*values[S]).end() }
	return nil
}
