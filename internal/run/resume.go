package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
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

// resumed reads the settings of a run and applies flags. Models and seeds only become
// more.
func (r *Run) resumed(flags settings.Fields) error {
	r.Was, r.Settings = r.Program.Blank(), r.Program.Blank()
	was, is := r.Was.Fields(), r.Settings.Fields()
	if _, err := was.Apply(filepath.Join(r.Dir, runfolder.Record)+": config", []byte(r.Began.Config)); err != nil {
		return err
	}
	path := filepath.Join(r.Dir, ConfigFile)
	text, err := settings.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(r.Began.Config), nil // it is written again
	}
	if err == nil {
		_, err = is.Apply(path, text)
	}
	if err != nil {
		return err
	}
	grown := false
	for _, flag := range flags {
		before := is.Value(flag.Key)
		value, err := joined(flag.Key, before, flag.String())
		if err == nil {
			err = is.Put(flag.Key, value)
		}
		if err != nil {
			return &cli.UsageError{Err: err}
		}
		grown = grown || is.Value(flag.Key) != before && flag.Free() && !ChangesNothing(flag.Key)
	}
	if grown { // to repeat the run takes this command too
		r.Began.Command += "\n" + r.options.command
	}
	for _, c := range r.changed() {
		if !c.forced {
			return c.refusal
		}
	}
	return nil
}

// change is something that a resumed run has otherwise than it was started with.
type change struct {
	key     string // of a setting; empty: it is what the run learns from
	forced  bool   // it does by --force
	refusal error  // without it
	late    error  // of a run that is finished
	said    string // of it in the record
}

// changed lists what a resumed run has otherwise than it was started with.
func (r *Run) changed() (all []change) {
	for _, f := range r.Facts {
		was, hint := r.Began.Facts[f.Key], "restore it, or start a new run"
		if f.Is == was {
			continue
		}
		if f.Forced {
			hint = "restore it, add --force, or start a new run"
		}
		c := change{forced: f.Forced, said: fmt.Sprintf("%s became another one (SHA-256 %.12s..., before %.12s...)", f.What, f.Is, was)}
		c.refusal = fmt.Errorf("%s is not the one that %s was started with (SHA-256 %.12s..., not %.12s...): %s", f.What, r.Dir, f.Is, was, hint)
		c.late = fmt.Errorf("%s; the run in %s is finished: restore it, or start a new run", c.said, r.Dir)
		all = append(all, c)
	}
	for _, f := range r.Settings.Fields().Changes(r.Was.Fields()) {
		is, was, hint := f.Is.Shown(), f.Was.Shown(), "start a new run"
		if f.Is.Forced() {
			hint = "add --force or start a new run"
		}
		c := change{key: f.Is.Key, forced: f.Is.Forced(), said: fmt.Sprintf("%s became %s (before %s)", f.Is.Key, is, was)}
		c.refusal = badfile.New(filepath.Join(r.Dir, ConfigFile), c.key, "is %s, but the run was started with %s; put that back, or %s", is, was, hint)
		if r.options.flags.Changed(f.Is.Flag()) {
			c.refusal = cli.Usagef("--%s %s: the run was started with %s, and goes on with that; for another %s", f.Is.Flag(), is, was, hint)
		}
		c.late = cli.Usagef("--%s %s: the run in %s is finished, with %s; want more --%s to train on, or a new run", f.Is.Flag(), is, r.Dir, was, strings.Join(r.Longer, " or --"))
		all = append(all, c)
	}
	return all
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
		more, bad := settings.Seeds(given)
		if err = cmp.Or(err, bad); err != nil {
			return "", err
		}
		all := union(had, more)
		if len(all) == len(had) {
			return was, nil
		}
		return settings.SeedsText(all), nil
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
func (r *Run) continues() error {
	changes, force := r.changed(), r.options.force
	for _, c := range changes {
		if c.key == "" && !(c.forced && force) {
			return c.refusal
		}
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
	longer := finished && r.End(r.Settings).Steps > r.End(r.Was).Steps
	by := "--force"
	if !force {
		by = "--" + strings.Join(r.Longer, " or --")
	}
	for _, c := range changes {
		switch {
		case finished && (c.key == "" || !longer):
			return c.late
		case !force && !(longer && slices.Contains(r.Longer, c.key)):
			return c.refusal
		}
		r.Began.Forced = append(r.Began.Forced, fmt.Sprintf("By %s, after %d of %d trainings were finished, %s.", by, len(kept), len(r.Jobs), c.said))
	}
	if len(changes) > 0 {
		if r.Began.Kept = kept; finished {
			r.Began.Kept = nil
		}
	}
	err := r.examine()
	done := len(r.Jobs) - len(r.left())
	if err != nil || done == len(r.Jobs) && len(changes) == 0 {
		return err // it only shows its results again
	}
	if r.locked != nil {
		return r.locked
	}
	if len(changes) > 0 {
		r.Began.Config = string(r.Settings.Fields().YAML())
		r.Began.Facts = r.facts()
	}
	if note := r.Began.restart(cli.Version, r.System, done, len(r.Jobs)); note != "" {
		if strings.Contains(note, otherBits) {
			r.Warnf("%s", note)
		} else {
			r.Log.Printf("%s", note)
		}
	}
	return r.keep(r.Dir)
}

// examine holds the trainings that a resumed run has against what is asked of it
// now, before anything is written: each must be of this run, and none further than
// it is to go. It fills in the results of those that are at their end.
func (r *Run) examine() error {
	for _, j := range r.Jobs {
		res, final, err := r.result(j, r.Settings)
		var at Done
		if j.Result = nil; final {
			j.Result, at = res, res.Done
		} else if err == nil {
			at, err = r.progress(j)
		}
		if err != nil {
			return fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
		}
		if total := r.End(r.Settings).Steps; at.Steps > total && !r.forces() {
			return cli.Usagef("%s %d: %s, seed %d, has had %d: want at least as many, or a new run", r.Program.Unit, total, j.Model, j.Seed, at.Steps)
		}
	}
	return nil
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
	seeds, _ := settings.Seeds(r.Was.Fields().Value("seeds"))
	named := func(model string) bool { return label(model) == j.Model }
	return slices.Contains(seeds, j.Seed) && slices.ContainsFunc(settings.ParseList(r.Was.Fields().Value("models")), named)
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
