package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/strictjson"
)

// The files of a run folder, beside runfolder.Record.
const (
	ConfigFile  = "config.yaml"
	MetricsFile = "metrics.jsonl"
	ReportPage  = "report.html" // that the user is told of
)

// ReportFiles are the files of a report.
var ReportFiles = []string{"report.json", "report.md", ReportPage}

// Format is the version of the run folder that this program goes on with.
const Format = "engram-run/3"

// Record is run.json: what a run was started as. It goes on only as the same, but
// for the settings that may change and for what it runs on.
type Record struct {
	Format  string            `json:"format"`
	Program string            `json:"program"`
	Command string            `json:"command"`         // and a line for each that made it grow
	Version string            `json:"version"`         // that went on with it last
	Config  string            `json:"config"`          // config.yaml
	Facts   map[string]string `json:"facts,omitempty"` // by their keys
	System  machine.System    `json:"system"`          // on which it went on last
	// Kept are the trainings that had ended when the user insisted on other settings,
	// and stay as they are.
	Kept []string `json:"kept,omitempty"`
	// What has changed since, a sentence each: by the user's wish, and of itself.
	Forced []string `json:"forced,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// ReadRecord returns what the run in a folder was started as, whatever its program. What
// to do with a run of another format is said in a clause.
func ReadRecord(dir, otherwise string) (r Record, err error) {
	path := filepath.Join(dir, runfolder.Record)
	b, err := settings.ReadFile(path)
	if err != nil {
		return r, err
	}
	err = strictjson.DecodeFormat(path, b, Format, otherwise+"; its models load with this version", &r)
	return r, err
}

// readRecord returns the record of a run folder of the program.
func (p *Program) readRecord(dir string) (Record, error) {
	r, err := ReadRecord(dir, "a run goes on with the command and the version that began it")
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is not the folder of a run: %w; want one that %s has made", dir, err, p.Invocation)
	}
	if err == nil && r.Program != p.Name {
		err = badfile.New(filepath.Join(dir, runfolder.Record), "program", "is %q; want %q: go on with the command that began it", r.Program, p.Name)
	}
	return r, err
}

// create makes the run's folder, whole with its configuration or not at all.
func (r *Run) create() error {
	return runfolder.Create(r.Dir, func(dir string) error {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		if err := r.keep(dir); err != nil || r.Stage == nil {
			return err
		}
		return r.Stage(dir)
	})
}

// keep writes the settings and the record into the run's folder, anew where some have
// changed. The settings come first: until the record agrees with them, they are changes
// again.
func (r *Run) keep(dir string) error {
	record, err := json.MarshalIndent(r.Began, "", " ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, ConfigFile), r.Settings.Fields().YAML()); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, runfolder.Record), append(record, '\n'))
}

// ResultFile is in the folder of a model and seed whose training has ended.
const ResultFile = "result.json"

// Result is the content of ResultFile.
type Result struct {
	Identity  identity `json:"identity"`
	Done      Done     `json:"done"`
	Status    string   `json:"status,omitempty"` // empty, or what went wrong: "diverged at episode 12: ..."
	Rollbacks []string `json:"rollbacks,omitempty"`
	// Outcome is the learner's, null where the training diverged within.
	Outcome json.RawMessage `json:"outcome,omitempty"`
}

// maxResult is how large a result may be: most of it are the points of curves.
const maxResult = 16 << 20

// identity is what must be the same when a training goes on.
type identity struct {
	Program  string            `json:"program"`
	Model    string            `json:"model"`
	Seed     uint64            `json:"seed"`
	Facts    map[string]string `json:"facts,omitempty"`
	Settings map[string]string `json:"settings,omitempty"` // those that may not change
}

// facts are those of the run, and more, by their keys.
func (r *Run) facts(more ...Fact) map[string]string {
	is := map[string]string{}
	for _, f := range slices.Concat(more, r.Facts) {
		is[f.Key] = f.Is
	}
	return is
}

func (r *Run) identity(j *Job) identity {
	id := identity{Program: r.Program.Name, Model: j.Model, Seed: j.Seed, Facts: r.facts(j.Facts...), Settings: map[string]string{}}
	for _, f := range j.Settings {
		if !f.Free() {
			id.Settings[f.Key] = f.String()
		}
	}
	return id
}

// differs says in what the training differs from the one that a file is of. A
// difference that the user insists on is no error, but reported as a change. Keys
// that one of the two does not have are of another version, and of no account.
func (r *Run) differs(j *Job, was identity, force bool) (changed bool, err error) {
	is := r.identity(j)
	hold := func(name, is, was string, forced bool) {
		switch {
		case is == was || err != nil:
		case forced && force:
			changed = true
		default:
			err = fmt.Errorf("its %s is %s, not %s", name, was, is)
		}
	}
	hold("program", is.Program, was.Program, false)
	hold("name", is.Model, was.Model, false)
	hold("seed", fmt.Sprint(is.Seed), fmt.Sprint(was.Seed), false)
	for _, f := range slices.Concat(j.Facts, r.Facts) {
		hold(f.Key, f.Is, was.Facts[f.Key], f.Forced)
	}
	for _, f := range j.Settings {
		if value, ok := was.Settings[f.Key]; ok && !f.Free() {
			hold(f.Key, f.String(), value, f.Forced())
		}
	}
	return changed, err
}

// JobDir is the folder of the training of a model under a seed, in that of a run.
func JobDir(dir, model string, seed uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s-seed%d", model, seed))
}

// ReadResult returns what the training of a model under a seed has come to in the run
// in a folder; nil if it has not ended.
func ReadResult(dir, model string, seed uint64) (*Result, error) {
	path := filepath.Join(JobDir(dir, model, seed), ResultFile)
	b, err := regular.Read(path, maxResult)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var res Result
	return &res, anew(strictjson.Decode(path, b, &res))
}

// Decode fills what the learner's Finish has returned.
func (r *Result) Decode(dir string, outcome any) error {
	return anew(strictjson.Decode(filepath.Join(dir, ResultFile), r.Outcome, outcome))
}

// anew says what to do about a result that cannot be read.
func anew(err error) error {
	if err != nil {
		err = fmt.Errorf("%w; remove it to have it made again from the last checkpoint", err)
	}
	return err
}

func (r *Result) write(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, ResultFile), append(b, '\n'))
}

// Ended reports whether the training came to its end, be it to a useful model or not.
func (r *Result) Ended() bool { return r.Outcome != nil }

// result returns what a training has come to when it ended last, and whether that
// is its end under settings s. The result is nil if it has not ended yet.
func (r *Run) result(j *Job, s Settings) (res *Result, final bool, err error) {
	dir := r.JobDir(j)
	res, err = ReadResult(r.Dir, j.Model, j.Seed)
	if err != nil || res == nil {
		return nil, false, err
	}
	changed, err := r.differs(j, res.Identity, true)
	if err != nil {
		return nil, false, foreign(filepath.Join(dir, ResultFile), err)
	}
	switch {
	case slices.Contains(r.Began.Kept, filepath.Base(dir)):
		return res, true, nil
	case !res.Ended(): // else it may end in another way
		return res, !changed && !r.rollsBack(len(res.Rollbacks)), nil
	}
	return res, r.End(s).Reached(res.Done), nil
}
