package compare

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
)

// Joined is the report of several runs: of language models, or of a learning task.
type Joined interface {
	Write(dir string) error
	JSON() ([]byte, error)
}

// Join makes one report of several runs, which is to lie in the folder out. The models are held against the one called
// reference, or if that is empty against the LSTM or the task's control, of the first
// run that has one. command is what the report says it was made by.
func Join(runs []*Run, reference, command, out string) (Joined, error) {
	if err := name(runs); err != nil {
		return nil, err
	}
	for _, r := range runs[1:] {
		if why := runs[0].unlike(r); why != "" {
			return nil, fmt.Errorf("%s and %s cannot be compared: %s", runs[0].Dir, r.Dir, why)
		}
	}
	models, notes := pool(runs)
	for _, r := range runs {
		for _, note := range r.notes() {
			notes = append(notes, r.name+": "+note)
		}
	}
	if reference != "" && !slices.ContainsFunc(models, func(p *pooled) bool { return p.name == reference }) {
		var names []string
		for _, p := range models {
			names = append(names, p.name)
		}
		return nil, cli.Usagef("--against %s: no model of these runs; want one of %s", reference, strings.Join(names, "; "))
	}
	if runs[0].Report != nil {
		return joinReports(runs, models, reference, command, notes), nil
	}
	return joinStudies(runs, models, reference, command, out, notes)
}

// name gives each run the last part of its folder's name, or all of it where that is
// another's too.
func name(runs []*Run) error {
	for i, r := range runs {
		r.name = filepath.Base(r.Dir)
		for j, other := range runs {
			if i != j && other.Dir == r.Dir {
				return cli.Usagef("%s is named twice; want each run once", r.Dir)
			}
			if i != j && filepath.Base(other.Dir) == r.name {
				r.name = r.Dir
				break
			}
		}
	}
	return nil
}

func (r *Run) notes() []string {
	if r.Report != nil {
		return r.Report.Notes
	}
	return r.Study.Notes
}

// unlike says in what two runs differ so that their figures do not compare.
func (r *Run) unlike(other *Run) string {
	differ := func(what string, was, is any) string {
		return fmt.Sprintf("%s is %v in the one and %v in the other", what, was, is)
	}
	program := func(r *Run) string {
		if r.Study != nil {
			return "the task " + r.Study.Task
		}
		return "language models"
	}
	if a, b := program(r), program(other); a != b {
		return "the one is of " + a + ", the other of " + b
	}
	texts := ""
	if r.Report != nil && r.Report.Data != other.Report.Data {
		texts = fmt.Sprintf(" (%s and %s)", r.Report.Data, other.Report.Data)
	}
	for _, key := range slices.Sorted(maps.Keys(r.facts)) {
		if is, ok := other.facts[key]; ok && is != r.facts[key] {
			return fmt.Sprintf("their %s differs%s; want runs of the same data and vocabulary", key, texts)
		}
	}
	if r.Study == nil {
		a, b := r.Report.Dataset, other.Report.Dataset
		switch {
		case a.SourceHash != b.SourceHash:
			return "their train text differs" + texts + "; want runs of the same data and vocabulary"
		case a.Vocab != b.Vocab:
			return differ("the size of the vocabulary", a.Vocab, b.Vocab)
		case a != b:
			return "their texts differ" + texts + "; want runs of the same data and vocabulary"
		}
		return ""
	}
	a, b := r.Study.Metric, other.Study.Metric
	if a.On, b.On = "", ""; a != b { // which earlier versions did not say
		return differ("what is measured", a.Name, b.Name)
	}
	is := map[string]string{}
	for _, c := range other.Study.Conditions {
		is[c.Key] = c.Value
	}
	for _, c := range r.Study.Conditions {
		if value, ok := is[c.Key]; ok && value != c.Value {
			return differ(c.Key, c.Value, value) + ", which makes it another task; want runs under the same conditions"
		}
	}
	return ""
}

func joinReports(runs []*Run, models []*pooled, reference, command string, notes []string) *report.Report {
	first := runs[0].Report
	rep := &report.Report{
		Command: command, Version: cli.Version, Data: first.Data, Unknown: first.Unknown, Dataset: first.Dataset,
		Reference: reference, Preset: first.Preset, Precision: first.Precision, Budget: first.Budget, System: first.System,
	}
	for _, r := range runs[1:] {
		rep.Preset = common(rep.Preset, r.Report.Preset)
		rep.Precision = common(rep.Precision, r.Report.Precision)
		rep.Budget = common(rep.Budget, r.Report.Budget)
		rep.System = common(rep.System, r.Report.System)
	}
	for _, r := range runs {
		rep.Config += document(r.Dir, r.Report.Command, r.Report.Config)
	}
	rep.Notes = append(notes, elsewhere(rep.System)...)
	for _, p := range models {
		if rep.Reference == "" && p.label == "lstm" {
			rep.Reference = p.name
		}
		a := p.arms[0]
		arm := a.run.Report.Arms[a.at]
		arm.Model, arm.Seeds = p.name, nil
		for _, a := range p.arms {
			arm.Seeds = append(arm.Seeds, a.run.Report.Arms[a.at].Seeds...)
		}
		arm.Seeds = once(arm.Seeds, func(s *report.Seed) (uint64, bool) { return s.Seed, s.Finished() })
		rep.Arms = append(rep.Arms, arm)
	}
	if rep.Reference == "lstm" {
		rep.Reference = "" // as in any report
	}
	return rep
}

func joinStudies(runs []*Run, models []*pooled, reference, command, out string, notes []string) (*report.Study, error) {
	first := runs[0].Study
	rep := *first
	rep.Command, rep.Version, rep.Config, rep.Models, rep.Pairs = command, cli.Version, "", nil, nil
	for _, r := range runs[1:] {
		rep.Preset = common(rep.Preset, r.Study.Preset)
		rep.System = common(rep.System, r.Study.System)
		rep.Metric.On = cmp.Or(rep.Metric.On, r.Study.Metric.On)
		if g := r.Study.Goal; g == nil || rep.Goal == nil || *g != *rep.Goal {
			rep.Goal = nil
		}
	}
	for _, r := range runs {
		rep.Config += document(r.Dir, r.Study.Command, r.Study.Config)
	}
	rep.Notes = append(notes, elsewhere(rep.System)...)
	controlled := false
	for _, p := range models {
		a := p.arms[0]
		model := a.run.Study.Models[a.at]
		model.Model, model.Seeds = p.name, nil
		model.Control = !controlled && (reference == p.name || reference == "" && a.control)
		controlled = controlled || model.Control
		for _, a := range p.arms {
			for _, s := range a.run.Study.Models[a.at].Seeds {
				var err error
				if s.Figures, err = a.figures(s.Seed, out); err != nil {
					return nil, err
				}
				model.Seeds = append(model.Seeds, s)
			}
		}
		model.Seeds = once(model.Seeds, func(s *report.StudySeed) (uint64, bool) { return s.Seed, s.Finished() })
		rep.Models = append(rep.Models, model)
	}
	return &rep, nil
}

// figures are those of what a training has come to, for a report in the folder out: report.json
// has their names, and result.json has all of them. A run that was kept without its
// trainings has none.
func (a *arm) figures(seed uint64, out string) ([]report.Figure, error) {
	res, err := run.ReadResult(a.run.Dir, a.label, seed)
	if err != nil || res == nil || !res.Ended() {
		return nil, err
	}
	dir := run.JobDir(a.run.Dir, a.label, seed)
	var had struct {
		Pictures []report.Figure `json:"pictures"`
	}
	if err := report.Decode(res.Outcome, &had); err != nil {
		return nil, badfile.New(filepath.Join(dir, run.ResultFile), "outcome", "%v; want what a learning task has written", err)
	}
	for i := range had.Pictures {
		if err := had.Pictures[i].Load(dir, out); err != nil {
			return nil, fmt.Errorf("%w; want the folder of the run with all that is in it", err)
		}
	}
	return had.Pictures, nil
}

// common is a value that runs share; nothing where they do not.
func common[T comparable](a, b T) T {
	if a != b {
		var nothing T
		return nothing
	}
	return a
}

// document is the configuration of a run as one of several in a YAML file.
func document(dir, command, config string) string {
	return fmt.Sprintf("--- # %s: %s\n%s", dir, strings.ReplaceAll(command, "\n", "; "), config)
}

// elsewhere has a note if the runs do not share a machine and a version.
func elsewhere(s report.System) []string {
	if s != (report.System{}) {
		return nil
	}
	return []string{"The runs were not all made by the same build on the same number of cores of one machine: their speeds do not compare."}
}

// once leaves one training a seed, one that finished if there is one, in their order.
func once[S any](all []S, is func(*S) (seed uint64, finished bool)) []S {
	key := func(s *S) (uint64, int) {
		seed, finished := is(s)
		if finished {
			return seed, 0
		}
		return seed, 1
	}
	slices.SortStableFunc(all, func(a, b S) int {
		seedA, lastA := key(&a)
		seedB, lastB := key(&b)
		return cmp.Or(cmp.Compare(seedA, seedB), cmp.Compare(lastA, lastB))
	})
	return slices.CompactFunc(all, func(a, b S) bool {
		seedA, _ := is(&a)
		seedB, _ := is(&b)
		return seedA == seedB
	})
}

// WriteTable writes the comparison of the models for a terminal, and what there is to
// say of the joining.
func WriteTable(j Joined, w io.Writer) (err error) {
	var notes []string
	switch r := j.(type) {
	case *report.Report:
		err, notes = r.WriteTable(w), r.Notes
	case *report.Study:
		err, notes = r.WriteTable(w), r.Notes
	}
	for _, note := range notes {
		progress.Say(w, "%s", note)
	}
	return err
}
