package study

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
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
	r.Title = fmt.Sprintf("%s, preset %s: %s a model and seed", t.Title, v.Preset, progress.Count(v.Episodes, t.one()))
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

// report makes the report of the trainings that have ended.
func (t *Task[S]) report(r *run.Run, _ bool) (run.Report, error) {
	v := r.Settings.(*values[S])
	rep := &report.Study{
		Command: t.recipe(v, r.Preset().Fields()), Version: r.Began.Version, Task: t.Name, Preset: v.Preset,
		Title: t.Title, About: t.About, Unit: t.Unit, System: r.Began.System,
		Metric: t.Metric, Columns: t.Columns, Goal: t.Goal,
		Config: string(v.Fields().YAML()), Notes: r.Remarks(),
	}
	if t.Yardstick != nil {
		rep.Yardstick = t.Yardstick(&v.own)
	}
	if source := r.Arms[0].Of.(*Arm).Source; source != "" {
		rep.About = append(slices.Clip(rep.About), "Data: "+source+".")
	}
	for _, f := range v.Fields() {
		if f.Condition() {
			rep.Conditions = append(rep.Conditions, report.Condition{Key: f.Key, Value: f.String()})
		}
	}
	lines, err := run.Metrics[line](r)
	if err != nil {
		return nil, err
	}
	for _, j := range r.Jobs {
		own := lines[j]
		if j.Result == nil && len(own) == 0 {
			continue
		}
		s, err := seed(j, r.JobDir(j), own)
		if err != nil {
			return nil, err
		}
		for _, l := range own {
			if l.Event == "" && l.Episode <= s.Episodes { // a training may have gone on since this result
				s.Curve = append(s.Curve, report.StudyPoint{Episode: l.Episode, Value: l.Value, Loss: l.Loss, GradNorm: l.GradNorm})
			}
		}
		if n := len(rep.Models); n == 0 || rep.Models[n-1].Model != j.Model {
			a := j.Of.(*Arm)
			rep.Models = append(rep.Models, report.StudyArm{Model: a.Model, About: a.About, Params: a.Params, Control: a.Control})
		}
		m := &rep.Models[len(rep.Models)-1]
		m.Seeds = append(m.Seeds, s)
	}
	return rep, nil
}

// seed is what a report says of a training, whose images are in dir. One under way is as
// far as its last line of metrics.
func seed(j *run.Job, dir string, lines []line) (report.StudySeed, error) {
	s := report.StudySeed{Seed: j.Seed, Value: math.NaN()}
	if j.Result == nil {
		last := lines[len(lines)-1]
		s.Episodes, s.Seconds, s.Status = last.Episode, last.Seconds, report.UnderWay
		return s, nil
	}
	at := j.Result.Done
	s.Episodes, s.Seconds, s.LearnedAt, s.Status = at.Steps, at.Seconds, at.Solved, j.Result.Status
	if !j.Result.Ended() {
		return s, nil
	}
	var out Outcome
	if err := report.Decode(j.Result.Outcome, &out); err != nil {
		return s, badfile.New(filepath.Join(dir, run.ResultFile), "outcome", "%v; remove it to have it made again from the last checkpoint", err)
	}
	s.Value, s.Extra, s.Series, s.Figures = out.Value, out.Extra, out.Series, out.Pictures
	for i := range s.Figures {
		if err := s.Figures[i].Load(dir, filepath.Dir(dir)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// recipe is what makes the whole run anew where there is nothing but the source:
// the data, and one command with all settings that are not the preset's. The run
// itself may have come from several commands and a configuration file.
func (t *Task[S]) recipe(v *values[S], preset settings.Fields) string {
	fetch, args := "", []string(nil)
	for i, f := range v.Fields() {
		if set, ok := registry.Find(f.String()); ok && f.Key == "data" {
			fetch = set.Fetch() + "\n"
		}
		switch {
		case f.Key == "preset" && f.String() != t.Presets[0].Name:
		case f.String() == preset[i].String(), run.ChangesNothing(f.Key) && f.Key != "data":
			continue
		}
		if f.IsBool() {
			args = append(args, "--"+f.Flag()+"="+f.String())
		} else {
			args = append(args, "--"+f.Flag(), f.String())
		}
	}
	return fetch + t.invocation() + cli.Quoted(args)
}
