package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/runlock"
)

// reopen takes hold of a run's folder and reads what it was started as.
func (p *plan) reopen(o options) (record, error) {
	if o.out != "" || o.config != "" || len(o.settings) > 0 {
		return record{}, cli.Usagef("--resume goes on with the run's own settings: want no --out, --config or --set beside it")
	}
	p.dir = o.resume
	was, err := readRecord(p.dir)
	if err != nil {
		return was, err
	}
	p.lock, err = runlock.Acquire(p.dir)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		p.locked, err = err, nil // a finished run can be shown all the same
	}
	return was, err
}

// resumed reads the settings of a run, which may change only where that changes
// nothing of the outcome, or, by --force, where a checkpoint still fits.
func resumed(o options, began record, flags []recipe.Field) (settings, error) {
	s := settings{recipe: recipe.Defaults()}
	was := recipe.Defaults()
	if _, err := was.Apply(filepath.Join(o.resume, recordFile)+": config", []byte(began.Config)); err != nil {
		return s, err
	}
	path := filepath.Join(o.resume, configFile)
	text, err := recipe.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(began.Config), nil // it is written again
	}
	if err != nil {
		return s, err
	}
	if _, err := s.recipe.Apply(path, text); err != nil {
		return s, err
	}
	for _, c := range s.recipe.Changes(&was) {
		if c.Is.Forced() && o.force {
			continue
		}
		refusal := badfile.New(path, c.Is.Key, "is %s, but the run was started with %s; put that back, or %s", c.Is, c.Was, instead(c.Is))
		if !c.Is.Forced() {
			return s, refusal
		}
		s.unforced = append(s.unforced, change{c.Is.Key, refusal})
	}
	for _, flag := range flags {
		f, err := s.recipe.Field(flag.Key)
		if err != nil {
			return s, err
		}
		if !f.Free() && f.String() != flag.String() && (!f.Forced() || !o.force) {
			refusal := cli.Usagef("--%s %s: the run was started with %s, and goes on with that; for another %s", f.Flag(), flag, f, instead(f))
			if !f.Forced() {
				return s, refusal
			}
			s.unforced = append(s.unforced, change{f.Key, refusal})
		}
		if err := f.Set(flag.String()); err != nil {
			return s, &cli.UsageError{Err: err}
		}
	}
	return s, nil
}

// instead is what to do about a setting that is not the run's.
func instead(f recipe.Field) string {
	if f.Forced() {
		return "add --force or start a new run"
	}
	return "start a new run"
}

// change is a setting that is not what the run was started with, and why that does
// not do without --force.
type change struct {
	key     string
	refusal error
}

// continues holds a resumed run against what it was started as. What is not the
// same is an error, unless it is forced; then it is kept in the record. A finished
// run may become longer without force, and nothing else.
func (p *plan) continues(was record, unforced []change) error {
	now := p.began
	p.began = was
	done, all := p.done()
	finished := done == all
	var changes []string
	for _, f := range []struct {
		what   string
		is     string
		was    *string
		forced bool
	}{
		{"the train text of " + p.recipe.Data, now.Train, &p.began.Train, true},
		{"the valid text of " + p.recipe.Data, now.Valid, &p.began.Valid, true},
		{"the test text of " + p.recipe.Data, now.Test, &p.began.Test, true},
		{"the vocabulary", now.Vocabulary, &p.began.Vocabulary, false},
	} {
		if f.is == *f.was {
			continue
		}
		may := f.forced && !finished
		if !p.force || !may {
			hint := "restore it, or start a new run"
			if may {
				hint = "restore it, add --force, or start a new run"
			}
			return fmt.Errorf("%s is not the one that %s was started with (SHA-256 %.12s..., not %.12s...): %s", f.what, p.dir, f.is, *f.was, hint)
		}
		changes = append(changes, fmt.Sprintf("%s became another one (SHA-256 %.12s..., before %.12s...)", f.what, f.is, *f.was))
		*f.was = f.is
	}
	before := recipe.Defaults()
	if _, err := before.Apply(filepath.Join(p.dir, recordFile)+": config", []byte(was.Config)); err != nil {
		return err
	}
	settings := p.recipe.Changes(&before)
	if finished && len(settings) > 0 && p.recipe.TotalSteps(p.windows) <= before.TotalSteps(p.windows) {
		c := settings[0]
		return cli.Usagef("--%s %s: the run in %s is finished, with %s; want more --epochs or --steps to train on, a new run, or --init from one of its models", c.Is.Flag(), c.Is, p.dir, c.Was)
	}
	for _, c := range unforced {
		if !finished || c.key != "epochs" && c.key != "steps" {
			return c.refusal
		}
	}
	for _, c := range settings {
		changes = append(changes, fmt.Sprintf("%s became %s (before %s)", c.Is.Key, c.Is, c.Was))
	}
	if finished && len(changes) > 0 {
		info, err := os.Stat(filepath.Join(p.dir, metricsFile))
		if err != nil {
			return err
		}
		p.began.MetricsFrom = info.Size()
	}
	return p.keep(changes, done, all)
}

// keep writes what has changed into the run's folder: what is forced or longer, the
// kernels that compute, and settings that may change.
func (p *plan) keep(changed []string, done, all int) error {
	if done == all && len(changed) == 0 {
		return nil
	}
	if p.locked != nil {
		return p.locked
	}
	when := fmt.Sprintf("after %d of %d trainings were finished", done, all)
	by := "By --force, "
	if !p.force {
		by = "By --epochs or --steps, "
	}
	for _, c := range changed {
		p.began.Forced = append(p.began.Forced, fmt.Sprintf("%s%s, %s.", by, when, c))
	}
	was, is := p.began.System.Kernel, p.kernels()
	if was != is {
		note := fmt.Sprintf("Gone on with kernels for %s (before: %s), %s: the bits are not those of an uninterrupted run", is, was, when)
		progress.Say(p.stderr, "train: %s", note)
		p.began.Notes, p.began.System.Kernel = append(p.began.Notes, note+"."), is
	}
	config := p.recipe.YAML()
	// The settings first: until the record agrees with them, they are changes again.
	if err := p.write(configFile, config); err != nil || len(changed) == 0 && was == is {
		return err
	}
	if len(changed) > 0 {
		p.began.Config = string(config)
	}
	encoded, err := json.MarshalIndent(p.began, "", " ")
	if err != nil {
		return err
	}
	return p.write(recordFile, append(encoded, '\n'))
}

// done counts the trainings of the run that are finished, and all of them.
func (p *plan) done() (done, all int) {
	for _, a := range p.arms {
		for _, seed := range p.seeds {
			if res, err := p.result(a, seed); res != nil && err == nil {
				done++
			}
		}
	}
	return done, len(p.arms) * len(p.seeds)
}

// write replaces a file of the run's folder.
func (p *plan) write(name string, text []byte) error {
	return atomicfile.Write(filepath.Join(p.dir, name), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
