// Package compare joins the reports of several runs into one: the models of all of
// them in one table, under the statistics of an ordinary report.
//
// Runs compare if they learned from the same texts with the same vocabulary, or are of
// the same learning task under the same conditions. A model that several of them have
// under the same settings is one model, and its seeds are pooled; under other settings
// it stands in the table once a run, and is called after it.
package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
)

// Run is the folder of a run, as far as runs are compared.
type Run struct {
	Dir    string
	Report *report.Report // of language models; nil for a learning task
	Study  *report.Study  // of a learning task; nil for language models

	name  string            // in the joined report
	facts map[string]string // what it learned from, by the names of run.json
	arms  []*arm
}

// arm is a model of a run.
type arm struct {
	run      *Run
	at       int // in the run's report
	label    string
	kind     string // of a language model, or the sizes of a task's
	params   int
	control  bool
	seeds    map[uint64]float64 // what each that finished has come to
	settings map[string]string  // of its trainings, else of the run; nil if they are not known
}

// Open reads the run in a folder. Of a run that is not at its end it is what has ended,
// and curves of the rest.
func Open(dir string) (*Run, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder; want that of a run, with all that is in it", dir)
	}
	r := &Run{Dir: filepath.Clean(dir), facts: map[string]string{}}
	record, err := run.ReadRecord(dir, "only runs of this format compare")
	known := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	r.Report, r.Study, err = report.Read(filepath.Join(dir, "report.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && known:
		return nil, fmt.Errorf("%s has no report yet: none of its trainings has come to the end of an epoch, or to a checkpoint; to go on with it: %s", dir, goOn(record.Program, dir))
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is not the folder of a run: it has no report.json; want folders that train or a learning task has made", dir)
	case err != nil:
		return nil, err
	}
	maps.Copy(r.facts, record.Facts)
	return r, r.survey()
}

func goOn(program, dir string) string {
	args := cli.Quoted([]string{"--resume", dir})
	if program == "train" {
		return "go run ./train" + args
	}
	return "go run ./eval " + program + args
}

// survey lists the models of the run with what their trainings were made under.
func (r *Run) survey() error {
	config, program := "", ""
	if r.Report != nil {
		config, program = r.Report.Config, "train"
		for i := range r.Report.Arms {
			a := &r.Report.Arms[i]
			is := &arm{run: r, at: i, label: a.Model, kind: a.Kind, params: a.Params, seeds: map[uint64]float64{}}
			for _, s := range a.Seeds {
				if s.Finished() {
					is.seeds[s.Seed] = s.TestPPL
				}
			}
			r.arms = append(r.arms, is)
		}
	} else {
		config, program = r.Study.Config, r.Study.Task
		for i := range r.Study.Models {
			a := &r.Study.Models[i]
			is := &arm{run: r, at: i, label: a.Model, kind: a.About, params: a.Params, control: a.Control, seeds: map[uint64]float64{}}
			for _, s := range a.Seeds {
				if s.Finished() {
					is.seeds[s.Seed] = s.Value
				}
			}
			r.arms = append(r.arms, is)
		}
	}
	length, err := lengths(filepath.Join(r.Dir, "report.json"), config)
	if err != nil {
		return err
	}
	for _, a := range r.arms {
		for _, seed := range slices.Sorted(maps.Keys(a.seeds)) {
			res, err := run.ReadResult(r.Dir, a.label, seed)
			if err != nil {
				return err
			}
			if res == nil || res.Identity.Program != program {
				continue // kept without its trainings
			}
			a.settings = a.counting(res.Identity.Settings)
			maps.Copy(a.settings, length)
			if data := res.Identity.Facts[dataFact]; data != "" {
				r.facts[dataFact] = data
			}
			break
		}
		if a.settings == nil {
			a.settings = a.configured(config, length)
		}
	}
	return nil
}

// dataFact is what a learning task calls the data that it learns from.
const dataFact = "data (SHA-256)"
