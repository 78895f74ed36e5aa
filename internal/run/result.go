package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
)

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

func (r *Run) identity(j *Job) identity {
	id := identity{Program: r.Program.Name, Model: j.Model, Seed: j.Seed, Facts: map[string]string{}, Settings: map[string]string{}}
	for _, f := range slices.Concat(j.Facts, r.Facts) {
		id.Facts[f.Key] = f.Is
	}
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
	type difference struct {
		name, is, was string
		forced        bool
	}
	all := []difference{
		{"program", is.Program, was.Program, false},
		{"name", is.Model, was.Model, false},
		{"seed", fmt.Sprint(is.Seed), fmt.Sprint(was.Seed), false},
	}
	for _, f := range slices.Concat(j.Facts, r.Facts) {
		all = append(all, difference{f.Key, f.Is, was.Facts[f.Key], f.Forced})
	}
	for _, f := range j.Settings {
		if value, ok := was.Settings[f.Key]; ok && !f.Free() {
			all = append(all, difference{f.Key, f.String(), value, f.Forced()})
		}
	}
	for _, d := range all {
		switch {
		case d.is == d.was:
		case d.forced && force:
			changed = true
		default:
			return false, fmt.Errorf("its %s is %s, not %s", d.name, d.was, d.is)
		}
	}
	return changed, nil
}

// readResult returns the result in the folder of a model and seed; nil if there is
// none.
func readResult(dir string) (*Result, error) {
	path := filepath.Join(dir, ResultFile)
	b, err := regular.Read(path, maxResult)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var res Result
	if err := strictjson.Decode(path, b, &res); err != nil {
		return nil, fmt.Errorf("%w; remove it to have it made again from the last checkpoint", err)
	}
	return &res, nil
}

// Decode fills what the learner's Finish has returned.
func (r *Result) Decode(dir string, outcome any) error {
	path := filepath.Join(dir, ResultFile)
	if err := strictjson.Decode(path, r.Outcome, outcome); err != nil {
		return fmt.Errorf("%w; remove it to have it made again from the last checkpoint", err)
	}
	return nil
}

func (r *Result) write(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, ResultFile), append(b, '\n'))
}

// Ended reports whether the training came to its end, be it to a useful model or not.
func (r *Result) Ended() bool { return r.Outcome != nil }

// result returns what a training has come to when it ended last, and whether that
// is its end under settings s. The result is nil if it has not ended yet.
func (r *Run) result(j *Job, s Settings) (res *Result, final bool, err error) {
	dir := r.JobDir(j)
	res, err = readResult(dir)
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
	return res, r.Reached(s, res.Done), nil
}

// finished fills in the results of the trainings that are at their end already, and
// counts them.
func (r *Run) finished() (done int, err error) {
	for _, j := range r.Jobs {
		res, final, err := r.result(j, r.Settings)
		if err != nil {
			return 0, fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
		}
		if j.Result = nil; final {
			j.Result = res
			done++
		}
	}
	return done, nil
}
