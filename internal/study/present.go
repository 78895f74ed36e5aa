package study

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

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

// keep puts the pictures of an outcome into dir, and returns what result.json keeps.
func keep(dir string, out *Outcome) (json.RawMessage, error) {
	for _, p := range out.Pictures {
		if p.File == "" {
			continue
		}
		if err := atomicfile.WriteBytes(filepath.Join(dir, p.File), p.Image); err != nil {
			return nil, err
		}
	}
	return report.Encode(out)
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
		if f.Key == "data" {
			if set, ok := registry.Find(f.String()); ok {
				fetch = set.Fetch() + "\n"
			}
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
