package study

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/internal/report"
)

// report makes the report of the results [arm][seed], of which those that there are
// not yet are nil.
func (r *run) report(results [][]*result) (*report.Study, error) {
	t := r.task
	command, err := r.recipe()
	if err != nil {
		return nil, err
	}
	rep := &report.Study{
		Command: command, Version: r.began.Version, Task: t.name, Preset: r.common.Preset,
		Title: t.title, About: t.about, Unit: t.unit, System: r.began.System,
		Metric: report.Metric{Name: t.metric.Name, Label: t.metric.Label, Higher: t.metric.Higher, Percent: t.metric.Percent},
		Config: string(t.fields(r.common, r.own).YAML()), Yardstick: t.yardstick(r.own), Notes: r.began.Notes,
	}
	if source := r.source(); source != "" {
		rep.About = append(slices.Clip(rep.About), "Data: "+source+".")
	}
	for _, c := range t.columns {
		rep.Columns = append(rep.Columns, report.Column(c))
	}
	if g := t.goal; g != nil {
		rep.Goal = &report.Goal{Value: g.Value, Window: g.Window, Hold: g.Hold}
	}
	curves, err := readCurves(filepath.Join(r.dir, metricsFile))
	if err != nil {
		return nil, err
	}
	for i, a := range r.arms {
		arm := report.StudyArm{Model: a.Model, About: a.About, Params: a.Params, Control: a.Control}
		for j, seed := range r.seeds {
			if results[i][j] == nil {
				continue
			}
			s, err := results[i][j].seed(seed, r.jobDir(a.Model, seed))
			if err != nil {
				return nil, err
			}
			for _, p := range curves[trainee{a.Model, seed}] {
				if p.Episode <= s.Episodes { // a training may have gone on since this result
					s.Curve = append(s.Curve, p)
				}
			}
			arm.Seeds = append(arm.Seeds, s)
		}
		if len(arm.Seeds) > 0 {
			rep.Models = append(rep.Models, arm)
		}
	}
	return rep, nil
}

// source says what the models learn from, where that is data.
func (r *run) source() string { return r.arms[0].Source }

// seed is what a report says of the result, whose images are in dir.
func (r *result) seed(seed uint64, dir string) (report.StudySeed, error) {
	s := report.StudySeed{
		Seed: seed, Value: orNaN(r.Value), Episodes: r.Episodes, Seconds: r.Seconds,
		LearnedAt: r.SolvedAt, Status: r.Status,
	}
	for _, m := range r.Extra {
		s.Extra = append(s.Extra, report.Measure{Name: m.Name, Value: orNaN(m.Value), Percent: m.Percent, Single: m.Single})
	}
	for _, p := range r.Pictures {
		f := report.Figure{Title: p.Title, Caption: p.Caption, Width: p.Width, X: p.X, Y: p.Y}
		for _, c := range p.Curves {
			f.Lines = append(f.Lines, report.Figured{Name: c.Name, X: numbers(c.X), Y: numbers(c.Y), Events: c.Events})
		}
		if p.File != "" {
			var err error
			name := filepath.Base(p.File)
			if f.Image, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				return s, err
			}
			f.File = path.Join(filepath.Base(dir), name)
		}
		s.Figures = append(s.Figures, f)
	}
	return s, nil
}

func numbers(x []*float64) []float64 {
	all := make([]float64, len(x))
	for i, v := range x {
		all[i] = orNaN(v)
	}
	return all
}

// trainee is a model under a seed.
type trainee struct {
	model string
	seed  uint64
}

// readCurves returns the learning curves of a metrics file.
func readCurves(path string) (map[trainee][]report.StudyPoint, error) {
	curves := map[trainee][]report.StudyPoint{}
	_, err := eachLine(path, func(_ []byte, l line) {
		who := trainee{l.Model, l.Seed}
		curves[who] = append(curves[who], report.StudyPoint{Episode: l.Episode, Value: orNaN(l.Value), Loss: orNaN(l.Loss)})
	})
	return curves, err
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

// writeJSON prints one object a model and seed, each on a line.
func (r *run) writeJSON(w io.Writer, results [][]*result) error {
	control := make([]*float64, len(r.seeds))
	for i, a := range r.arms {
		if a.Control {
			for j := range r.seeds {
				control[j] = results[i][j].Value
			}
		}
	}
	out := json.NewEncoder(w)
	for i, a := range r.arms {
		for j, seed := range r.seeds {
			res := results[i][j]
			o := object{
				Task: r.task.name, Model: a.Model, Seed: seed, Params: a.Params, Episodes: res.Episodes,
				Metric: r.task.metric.Name, Value: res.Value, Control: control[j],
				IsControl: a.Control, Seconds: res.Seconds, Status: res.Status,
			}
			if r.task.goal != nil && res.SolvedAt > 0 {
				o.LearnedAt = &res.SolvedAt
			}
			for _, m := range res.Extra {
				if o.Extra == nil {
					o.Extra = map[string]*float64{}
				}
				o.Extra[m.Name] = m.Value
				if m.Key {
					o.own = append(o.own, ownKey{m.Name, m.Value})
				}
			}
			for _, s := range res.Series {
				o.own = append(o.own, ownKey{s.Name, s.Values})
			}
			if err := out.Encode(o); err != nil {
				return err
			}
		}
	}
	return nil
}
