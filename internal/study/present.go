package study

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// told is the report of a run of a task.
type told[S any] struct {
	*report.Study
	run  *run.Run
	task *Task[S]
}

// report makes the report of the trainings that have ended.
func (t *Task[S]) report(r *run.Run, _ bool) (run.Report, error) {
	v := r.Settings.(*values[S])
	preset, err := r.Preset()
	if err != nil {
		return nil, err
	}
	rep := &report.Study{
		Command: t.recipe(v, preset.Fields()), Version: r.Began.Version, Task: t.Name, Preset: v.Preset,
		Title: t.Title, About: t.About, Unit: t.Unit, System: r.Began.System,
		Metric: t.Metric, Columns: t.Columns, Goal: t.Goal,
		Config: string(v.Fields().YAML()), Notes: slices.Concat(r.Began.Forced, r.Began.Notes),
	}
	if t.Yardstick != nil {
		rep.Yardstick = t.Yardstick(&v.own)
	}
	if source := r.Jobs[0].Of.(*Arm).Source; source != "" {
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
		own := lines[run.Trainee{Model: j.Model, Seed: j.Seed}]
		if j.Result == nil && len(own) == 0 {
			continue
		}
		s, err := seed(j, r.JobDir(j), own)
		if err != nil {
			return nil, err
		}
		for _, l := range own {
			if l.Event == "" && l.Episode <= s.Episodes { // a training may have gone on since this result
				s.Curve = append(s.Curve, report.StudyPoint{Episode: l.Episode, Value: orNaN(l.Value), Loss: orNaN(l.Loss), GradNorm: orNaN(l.GradNorm)})
			}
		}
		if n := len(rep.Models); n == 0 || rep.Models[n-1].Model != j.Model {
			a := j.Of.(*Arm)
			rep.Models = append(rep.Models, report.StudyArm{Model: a.Model, About: a.About, Params: a.Params, Control: a.Control})
		}
		m := &rep.Models[len(rep.Models)-1]
		m.Seeds = append(m.Seeds, s)
	}
	if note := r.Incomplete(); note != "" {
		rep.Notes = append(rep.Notes, note)
	}
	return told[S]{rep, r, t}, nil
}

// outcomeOf is what result.json keeps of a training that has ended.
func outcomeOf(j *run.Job, dir string) (Outcome, error) {
	out := Outcome{Value: math.NaN()}
	if !j.Result.Ended() {
		return out, nil
	}
	if err := report.Decode(j.Result.Outcome, &out); err != nil {
		return out, badfile.New(filepath.Join(dir, run.ResultFile), "outcome", "%v; remove it to have it made again from the last checkpoint", err)
	}
	return out, nil
}

// keep puts the pictures of an outcome into dir, and returns what result.json keeps.
func keep(dir string, out *Outcome) (json.RawMessage, error) {
	for _, p := range out.Pictures {
		if p.File == "" {
			continue
		}
		if err := run.WriteFile(filepath.Join(dir, p.File), p.Image); err != nil {
			return nil, err
		}
	}
	return report.Encode(out)
}

// finite returns nil for what is no finite number: JSON's null.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// orNaN is the number of finite again.
func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// seed is what a report says of a training, whose images are in dir. One under way is as
// far as its last line of metrics.
func seed(j *run.Job, dir string, lines []line) (report.StudySeed, error) {
	if j.Result == nil {
		last := lines[len(lines)-1]
		return report.StudySeed{Seed: j.Seed, Value: math.NaN(), Episodes: last.Episode, Seconds: last.Seconds, Status: report.UnderWay}, nil
	}
	at := j.Result.Done
	out, err := outcomeOf(j, dir)
	s := report.StudySeed{
		Seed: j.Seed, Value: out.Value, Episodes: at.Steps, Seconds: at.Seconds, LearnedAt: at.Solved, Status: j.Result.Status,
		Extra: out.Extra, Figures: out.Pictures,
	}
	for i := range s.Figures {
		f := &s.Figures[i]
		if f.File == "" {
			continue
		}
		name := filepath.Base(f.File)
		f.File = path.Join(filepath.Base(dir), name)
		if f.Image, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return s, err
		}
	}
	return s, err
}

// recipe is what makes the whole run anew where there is nothing but the source:
// the data, and one command with all settings that are not the preset's. The run
// itself may have come from several commands and a configuration file.
func (t *Task[S]) recipe(v *values[S], preset settings.Fields) string {
	fetch, args := "", []string(nil)
	for i, f := range v.Fields() {
		if f.Key == "data" {
			if set, ok := registry.Find(f.String()); ok {
				fetch = "scripts/download " + set.Name
				if slices.ContainsFunc(set.Sources, func(s registry.Source) bool { return s.URL == "" }) {
					fetch += " --from MIRROR"
				}
				fetch += "\n"
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

// object is what --json prints for a model and seed; the first keys are a contract.
type object struct {
	Task     string   `json:"task"`
	Model    string   `json:"model"`
	Seed     uint64   `json:"seed"`
	Params   int      `json:"params"`
	Episodes int      `json:"episodes"` // of training
	Metric   string   `json:"metric"`
	Value    *float64 `json:"value"`   // null: diverged
	Control  *float64 `json:"control"` // the control's value under the same seed; null where it was not run

	IsControl bool    `json:"is_control"`
	Seconds   float64 `json:"seconds"` // of training
	LearnedAt *int    `json:"learned_at,omitempty"`
	Status    string  `json:"status,omitempty"`
	// Extra are the numbers that the task adds, under their own names.
	Extra map[string]*float64 `json:"extra,omitempty"`

	own []ownKey // what the task has a key of its own for
}

type ownKey struct {
	name  string
	value any
}

// MarshalJSON puts the task's own keys at the end.
func (o object) MarshalJSON() ([]byte, error) {
	type plain object
	b, err := json.Marshal(plain(o))
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	for _, k := range o.own {
		value, err := json.Marshal(k.value)
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(b, ",%q:%s", k.name, value)
	}
	return append(b, '}'), nil
}

// WriteJSON prints one object a model and seed, each on a line.
func (t told[S]) WriteJSON(w io.Writer) error {
	control, outcomes := map[uint64]*float64{}, map[*run.Job]Outcome{}
	for _, j := range t.run.Jobs {
		out, err := outcomeOf(j, t.run.JobDir(j))
		if err != nil {
			return err
		}
		outcomes[j] = out
		if j.Of.(*Arm).Control {
			control[j.Seed] = finite(out.Value)
		}
	}
	all := json.NewEncoder(w)
	for _, j := range t.run.Jobs {
		a, out, at := j.Of.(*Arm), outcomes[j], j.Result.Done
		o := object{
			Task: t.task.Name, Model: a.Model, Seed: j.Seed, Params: a.Params, Episodes: at.Steps,
			Metric: t.task.Metric.Name, Value: finite(out.Value), Control: control[j.Seed],
			IsControl: a.Control, Seconds: at.Seconds, Status: j.Result.Status,
		}
		if t.task.Goal != nil && at.Solved > 0 {
			o.LearnedAt = &at.Solved
		}
		for _, m := range out.Extra {
			if o.Extra == nil {
				o.Extra = map[string]*float64{}
			}
			o.Extra[m.Name] = finite(m.Value)
			if m.Key {
				o.own = append(o.own, ownKey{m.Name, finite(m.Value)})
			}
		}
		for _, s := range out.Series {
			values := make([]*float64, len(s.Values))
			for i, v := range s.Values {
				values[i] = finite(v)
			}
			o.own = append(o.own, ownKey{s.Name, values})
		}
		if err := all.Encode(o); err != nil {
			return err
		}
	}
	return nil
}
