package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/internal/settings"
)

// reopen takes hold of a run's folder and reads what it was started as.
func (r *Run) reopen() (err error) {
	o := r.options
	if o.out != "" || o.config != "" || len(o.settings) > 0 {
		return cli.Usagef("--resume goes on with the run's own settings: want no --out, --config or --set beside it")
	}
	r.Dir = o.resume
	if _, err = r.Program.readRecord(r.Dir); err != nil {
		return err
	}
	r.lock, err = runlock.Acquire(r.Dir)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		r.locked, err = err, nil // a finished run can be shown all the same
	}
	if err == nil {
		r.Began, err = r.Program.readRecord(r.Dir) // another process may have had it until now
	}
	return err
}

// change is a setting that is not what the run was started with, and why that does
// not do without --force.
type change struct {
	key     string
	refusal error
}

// resumed reads the settings of a run and changes what flags change: those that may
// change, and by --force those under which a checkpoint still fits. Models and seeds
// only become more.
func (r *Run) resumed(flags settings.Fields) (unforced []change, err error) {
	r.Was, r.Settings = r.Program.Blank(), r.Program.Blank()
	was, is := r.Was.Fields(), r.Settings.Fields()
	if _, err := was.Apply(filepath.Join(r.Dir, runfolder.Record)+": config", []byte(r.Began.Config)); err != nil {
		return nil, err
	}
	path := filepath.Join(r.Dir, ConfigFile)
	text, err := settings.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(r.Began.Config), nil // it is written again
	}
	if err == nil {
		_, err = is.Apply(path, text)
	}
	changed := func(f settings.Field, refusal error) {
		switch {
		case err != nil || f.Forced() && r.options.force:
		case f.Forced():
			unforced = append(unforced, change{f.Key, refusal})
		default:
			err = refusal
		}
	}
	for _, c := range is.Changes(was) {
		changed(c.Is, badfile.New(path, c.Is.Key, "is %s, but the run was started with %s; put that back, or %s", c.Is, c.Was, instead(c.Is)))
	}
	grown := false
	for _, flag := range flags {
		f, unknown := is.Find(flag.Key)
		if err = cmp.Or(err, unknown); err != nil {
			return nil, err
		}
		before := f.String()
		if !f.Free() && before != flag.String() {
			changed(f, cli.Usagef("--%s %s: the run was started with %s, and goes on with that; for another %s", f.Flag(), flag, f, instead(f)))
		}
		value, bad := joined(f.Key, before, flag.String())
		if bad == nil {
			bad = f.Set(value)
		}
		if bad != nil {
			return nil, cmp.Or(err, error(&cli.UsageError{Err: bad}))
		}
		grown = grown || f.String() != before && f.Free() && !ChangesNothing(f.Key)
	}
	if grown { // to repeat the run takes this command too
		r.Began.Command += "\n" + r.options.command
	}
	return unforced, err
}

// instead is what to do about a setting that is not the run's.
func instead(f settings.Field) string {
	if f.Forced() {
		return "add --force or start a new run"
	}
	return "start a new run"
}

// ChangesNothing reports whether a setting has no part in what comes out of a run.
func ChangesNothing(key string) bool {
	return slices.Contains([]string{"threads", "parallel", "checkpoint_every", "keep_checkpoints", "on_nan", "rollbacks", "data"}, key)
}

// joined returns a setting of a run with what a flag gives: of models and seeds
// those the run has, and then the flag's others in their order.
func joined(key, was, given string) (string, error) {
	switch key {
	case "models":
		had := settings.ParseList(was)
		all := union(had, settings.ParseList(given))
		for _, more := range all[len(had):] {
			if i := slices.IndexFunc(had, func(m string) bool { return label(m) == label(more) }); i >= 0 {
				return "", fmt.Errorf("--models %s: the run was started with %s, and goes on with that; for another give it another label, or start a new run", more, had[i])
			}
		}
		return settings.List(all).String(), nil
	case "seeds":
		had, err := settings.Seeds(was)
		if err != nil {
			return "", err
		}
		more, err := settings.Seeds(given)
		if err != nil {
			return "", err
		}
		all := union(had, more)
		if len(all) == len(had) {
			return was, nil
		}
		count := strconv.Itoa(len(all))
		if first, err := settings.Seeds(count); err == nil && slices.Equal(first, all) {
			return count, nil
		}
		return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(all), "[]")), ","), nil
	}
	return given, nil
}

// union returns a and after it what of b is not in it.
func union[T comparable](a, b []T) []T {
	return append(slices.Clip(a), slices.DeleteFunc(slices.Clone(b), func(v T) bool { return slices.Contains(a, v) })...)
}

// forces reports whether other settings have been insisted on: now, or before, when
// the process may have been killed before a checkpoint followed.
func (r *Run) forces() bool {
	return r.options != nil && r.options.force || len(r.Began.Forced) > 0
}

// continues holds a resumed run against what it was started as. What is not the
// same is an error, unless it is forced; then it is kept in the record. A finished
// run may become longer without force, and nothing else.
func (r *Run) continues(unforced []change) error {
	changes, err := r.changedFacts()
	if err != nil {
		return err
	}
	finished, kept := true, []string(nil) // as what the run was started
	for _, j := range r.Jobs {
		if !r.had(j) {
			continue
		}
		res, final, err := r.result(j, r.Was)
		if err != nil {
			return fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
		}
		if final && res.Ended() {
			kept = append(kept, filepath.Base(r.JobDir(j)))
		} else {
			finished = false
		}
	}
	other := r.Settings.Fields().Changes(r.Was.Fields())
	if finished && len(changes) > 0 {
		return fmt.Errorf("%s; the run in %s is finished: restore it, or start a new run", changes[0], r.Dir)
	}
	if finished && len(other) > 0 && r.End(r.Settings).Steps <= r.End(r.Was).Steps {
		c := other[0]
		return cli.Usagef("--%s %s: the run in %s is finished, with %s; want more --%s to train on, or a new run", c.Is.Flag(), c.Is, r.Dir, c.Was, strings.Join(r.Longer, " or --"))
	}
	for _, c := range unforced {
		if !finished || !slices.Contains(r.Longer, c.key) {
			return c.refusal
		}
	}
	for _, c := range other {
		changes = append(changes, fmt.Sprintf("%s became %s (before %s)", c.Is.Key, c.Is, c.Was))
	}
	if len(changes) > 0 {
		if r.Began.Kept = kept; finished {
			r.Began.Kept = nil
		}
	}
	by := "By --force, "
	if !r.options.force {
		by = "By --" + strings.Join(r.Longer, " or --") + ", "
	}
	when := fmt.Sprintf("after %d of %d trainings were finished", len(kept), len(r.Jobs))
	for _, c := range changes {
		r.Began.Forced = append(r.Began.Forced, fmt.Sprintf("%s%s, %s.", by, when, c))
	}
	done, err := r.examine()
	if err != nil || done == len(r.Jobs) && len(changes) == 0 {
		return err // it only shows its results again
	}
	if r.locked != nil {
		return r.locked
	}
	if len(changes) > 0 {
		r.Began.Config = string(r.Settings.Fields().YAML())
	}
	if note := r.Began.restart(cli.Version, r.System, done, len(r.Jobs)); note != "" {
		if strings.Contains(note, otherBits) {
			r.Warnf("%s", note)
		} else {
			r.Log.Printf("%s", note)
		}
	}
	return r.keep()
}

// changedFacts says in what the run learns from something else than at its start;
// what may not change, or only by force, is an error.
func (r *Run) changedFacts() (changes []string, err error) {
	for _, f := range r.Facts {
		was := r.Began.Facts[f.Key]
		if f.Is == was {
			continue
		}
		if !f.Forced || !r.options.force {
			hint := "restore it, or start a new run"
			if f.Forced {
				hint = "restore it, add --force, or start a new run"
			}
			return nil, fmt.Errorf("%s is not the one that %s was started with (SHA-256 %.12s..., not %.12s...): %s", f.What, r.Dir, f.Is, was, hint)
		}
		changes = append(changes, fmt.Sprintf("%s became another one (SHA-256 %.12s..., before %.12s...)", f.What, f.Is, was))
		r.Began.Facts[f.Key] = f.Is
	}
	return changes, nil
}

// examine holds the trainings that a resumed run has against what is asked of it
// now, before anything is written: each must be of this run, and none further than
// it is to go. It fills in the results of those that are at their end, and counts them.
func (r *Run) examine() (done int, err error) {
	for _, j := range r.Jobs {
		res, final, err := r.result(j, r.Settings)
		var at Done
		if j.Result = nil; final {
			j.Result, at = res, res.Done
			done++
		} else if err == nil {
			at, err = r.progress(j)
		}
		if err != nil {
			return 0, fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
		}
		if total := r.End(r.Settings).Steps; at.Steps > total && !r.forces() {
			return 0, cli.Usagef("%s %d: %s, seed %d, has had %d: want at least as many, or a new run", r.Program.Unit, total, j.Model, j.Seed, at.Steps)
		}
	}
	return done, nil
}

// progress returns how far the checkpoints of a training are.
func (r *Run) progress(j *Job) (at Done, err error) {
	s, path, _, err := checkpoint.Latest(filepath.Join(r.JobDir(j), checkpoints))
	if err != nil || s == nil {
		return at, err
	}
	m, _, err := r.meta(j, s, path)
	return m.Done, err
}

// had reports whether a training was part of the run before it grew.
func (r *Run) had(j *Job) bool {
	seeds, err := settings.Seeds(value(r.Was, "seeds"))
	if err != nil || !slices.Contains(seeds, j.Seed) {
		return false
	}
	return slices.ContainsFunc(settings.ParseList(value(r.Was, "models")), func(model string) bool {
		return label(model) == j.Model
	})
}

// label is what a run calls a model that is given as [LABEL=]KIND[:KEY=VALUE]...
func label(model string) string {
	name, _, _ := strings.Cut(model, ":")
	name, _, _ = strings.Cut(name, "=")
	return name
}

// otherBits is what a run on another kind of processor comes to.
const otherBits = ": the bits are not those of an uninterrupted run"

// restart notes what the program and the machine are by now, where that is not
// what the record has, after done of all trainings. How many cores there are changes
// nothing.
func (r *Record) restart(version string, now machine.System, done, all int) (note string) {
	was := r.System
	var changes []string
	for _, f := range []struct{ what, is, was string }{
		{"Engram", version, r.Version},
		{"Go", now.Go, was.Go},
		{"system", now.OS + "/" + now.Arch, was.OS + "/" + was.Arch},
		{"processor", now.CPU, was.CPU},
		{"kernels for", now.Kernel, was.Kernel},
	} {
		if f.is != f.was {
			changes = append(changes, fmt.Sprintf("%s %s (before: %s)", f.what, f.is, f.was))
		}
	}
	if changes == nil {
		return ""
	}
	note = fmt.Sprintf("Gone on with %s, after %d of %d trainings were finished", strings.Join(changes, ", "), done, all)
	if now.Arch != was.Arch || now.Kernel != was.Kernel {
		note += otherBits
	}
	r.Version, r.System, r.Notes = version, now, append(r.Notes, note+".")
	return note
}
