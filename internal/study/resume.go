package study

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/internal/settings"
)

// reopen takes hold of a run's folder.
func (t *task) reopen(o *options) (*runlock.Lock, error) {
	if o.out != "" || o.config != "" || len(o.settings) > 0 {
		return nil, cli.Usagef("--resume goes on with the run's own settings: want no --out, --config or --set beside it")
	}
	if _, err := t.readRecord(o.resume); err != nil {
		return nil, err
	}
	return runlock.Acquire(o.resume)
}

// resumed reads the settings of a run and changes what flags change of those that
// may. Models and seeds only become more.
func (t *task) resumed(o *options, flags []settings.Field) (*Common, any, record, error) {
	fail := func(err error) (*Common, any, record, error) { return nil, nil, record{}, err }
	began, err := t.readRecord(o.resume)
	if err != nil {
		return fail(err)
	}
	was := t.fields(new(Common), t.blank())
	if _, err := was.Apply(filepath.Join(o.resume, runfolder.Record)+": config", []byte(began.Config)); err != nil {
		return fail(err)
	}
	path := filepath.Join(o.resume, configFile)
	text, err := settings.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	common, own := new(Common), t.blank()
	is := t.fields(common, own)
	if _, err := is.Apply(path, text); err != nil {
		return fail(err)
	}
	if changes := is.Changes(was); len(changes) > 0 {
		c := changes[0]
		return fail(badfile.New(path, c.Is.Key, "is %s, but the run was started with %s; put that back, or start a new run", c.Is, c.Was))
	}
	grown := false
	for _, flag := range flags {
		f, err := is.Find(flag.Key)
		if err != nil {
			return fail(err)
		}
		if !f.Free() && f.String() != flag.String() {
			return fail(cli.Usagef("--%s %s: the run was started with %s, and goes on with that; start a new run for another", f.Flag(), flag, f))
		}
		before := f.String()
		value, err := joined(f.Key, before, flag.String())
		if err == nil {
			err = f.Set(value)
		}
		if err != nil {
			return fail(&cli.UsageError{Err: err})
		}
		grown = grown || f.String() != before && !changesNothing(f.Key)
	}
	if grown { // to repeat the run takes this command too
		began.Command += "\n" + o.command
	}
	return common, own, began, nil
}

// joined returns a setting of a run with what a flag gives: of models and seeds
// those the run has, and then the flag's others in their order.
func joined(key, was, given string) (string, error) {
	switch key {
	case "models":
		return settings.List(union(settings.ParseList(was), settings.ParseList(given))).String(), nil
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

// examine holds the trainings that a resumed run has against what is asked of it
// now, before anything is written: each must be of this run, and none further than
// it is to go. It counts those that are at their end.
func (r *run) examine() (done int, err error) {
	for i := range r.arms {
		for _, seed := range r.seeds {
			j := &job{run: r, arm: &r.arms[i], seed: seed}
			episodes, final, err := j.had()
			if err != nil {
				return 0, fmt.Errorf("%s, seed %d: %w", j.arm.Model, seed, err)
			}
			if episodes > r.end.episodes {
				return 0, cli.Usagef("episodes %d: %s, seed %d, has had %d: want at least as many, or a new run", r.end.episodes, j.arm.Model, seed, episodes)
			}
			if final {
				done++
			}
		}
	}
	return done, nil
}

// had returns how many episodes the training has had, and whether it is at its
// end.
func (j *job) had() (episodes int, final bool, err error) {
	res, err := j.result()
	if err != nil {
		return 0, false, err
	}
	if res != nil && res.final(j.run.end) {
		return res.Episodes, true, nil
	}
	s, path, _, err := checkpoint.Latest(filepath.Join(j.dir(), checkpoints))
	if err != nil || s == nil {
		return 0, false, err
	}
	at, err := j.position(s, path)
	return at.Episode, false, err
}

// restart notes what the program and the machine are by now, where that is not
// what the record has, after done of all trainings.
func (r *record) restart(version string, now machine.System, done, all int) (note string) {
	was := r.System
	var changes []string
	for _, f := range []struct{ what, is, was string }{
		{"Engram", version, r.Version},
		{"Go", now.Go, was.Go},
		{"system", now.OS + "/" + now.Arch, was.OS + "/" + was.Arch},
		{"processor", now.CPU, was.CPU},
		{"kernels", now.Kernel, was.Kernel},
		{"threads", strconv.Itoa(now.Threads), strconv.Itoa(was.Threads)},
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
		note += ": the bits are not those of an uninterrupted run"
	}
	r.Version, r.System, r.Notes = version, now, append(r.Notes, note+".")
	return note
}
