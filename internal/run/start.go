package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/internal/settings"
)

// compose builds the settings of a new run: preset, --config, --set, flags. They are
// not validated yet. given are the keys that something other than the preset has set.
func (p *Program) compose(o *options, flags settings.Fields) (s Settings, given map[string]bool, notes []string, err error) {
	var file []byte
	if o.config != "" {
		if file, err = settings.ReadFile(o.config); err != nil {
			return nil, nil, nil, fmt.Errorf("--config: %w", err)
		}
	}
	given = map[string]bool{}
	apply := func(fs settings.Fields) error {
		keys, err := fs.Apply(o.config, file)
		if err != nil {
			return &cli.UsageError{Err: err}
		}
		for _, setting := range o.settings {
			key, err := fs.Set(setting)
			if err != nil {
				return cli.Usagef("--set: %w", err)
			}
			keys = append(keys, key)
		}
		for _, flag := range flags {
			f, err := fs.Find(flag.Key)
			if err == nil {
				err = f.Set(flag.String())
			}
			if err != nil {
				return &cli.UsageError{Err: err}
			}
			keys = append(keys, flag.Key)
		}
		for _, key := range keys {
			given[key] = true
		}
		return nil
	}
	// The preset comes first, but what follows may name it, or what it follows from.
	named := p.Blank()
	if err := apply(named.Fields()); err != nil {
		return nil, nil, nil, err
	}
	name := named.Common().Preset
	if name == "" {
		name = p.Presets[0].Name
		if p.Choose != nil {
			var why string
			if name, why = p.Choose(named); why != "" {
				notes = append(notes, why)
			}
		}
	}
	if s, err = p.preset(name); err != nil {
		return nil, nil, nil, err
	}
	if err := apply(s.Fields()); err != nil {
		return nil, nil, nil, err
	}
	f, err := s.Fields().Find("preset")
	if err == nil {
		err = f.Set(name)
	}
	if p.Adjust != nil {
		notes = append(notes, p.Adjust(s, given)...)
	}
	return s, given, notes, err
}

// preset returns the settings of a preset.
func (p *Program) preset(name string) (Settings, error) {
	var names []string
	for _, preset := range p.Presets {
		if preset.Name == name {
			return preset.Settings(), nil
		}
		names = append(names, preset.Name)
	}
	return nil, cli.Usagef("preset %q%s: want one of %s", name, nearest.DidYouMean(name, "", names), strings.Join(names, ", "))
}

// prepare works out what to run and checks that it fits together. After an error
// it has written nothing of its own. The run's folder is the run's alone until its
// lock is released.
func (p *Program) prepare(o *options, flags settings.Fields, stderr io.Writer) (_ *Run, err error) {
	r := &Run{Program: p, Dir: o.out, Resumed: o.resume != "", Quiet: o.quiet, Log: progress.NewLog(stderr, o.quiet), options: o}
	defer func() {
		if err != nil && r.lock != nil {
			err = errors.Join(err, r.lock.Release())
		}
	}()
	if o.force && !r.Resumed {
		return nil, cli.Usagef("--force goes with --resume: a new run has nothing to insist on")
	}
	var unforced []change
	if r.Resumed {
		if err := r.reopen(); err != nil {
			return nil, err
		}
		unforced, err = r.resumed(flags)
	} else {
		r.Settings, r.Given, r.Notes, err = p.compose(o, flags)
	}
	if err != nil {
		return nil, err
	}
	if err := p.Prepare(r); err != nil {
		return nil, err
	}
	if r.Resumed {
		return r, r.continues(unforced)
	}
	if r.Dir == "" {
		r.Dir = runfolder.Unused(r.Name)
	}
	r.Began = Record{
		Format: Format, Program: p.Name, Command: o.command, Version: cli.Version,
		Config: string(r.Settings.Fields().YAML()), Facts: map[string]string{}, System: r.System,
	}
	for _, f := range r.Facts {
		r.Began.Facts[f.Key] = f.Is
	}
	if err := r.create(); err != nil {
		return nil, err
	}
	r.lock, err = runlock.Acquire(r.Dir)
	return r, err
}

// run takes all trainings to their end and reports.
func (r *Run) run(ctx context.Context, stdout io.Writer, asJSON bool) error {
	print := func(rep Report) error {
		switch {
		case asJSON:
			return errors.Join(rep.WriteJSON(stdout), r.failures())
		case slices.ContainsFunc(r.Jobs, func(j *Job) bool { return j.Result.Ended() }):
			return errors.Join(rep.WriteTable(stdout), r.failures())
		}
		return r.failures() // without numbers for a table
	}
	for _, j := range r.Jobs {
		if j.Result != nil && r.Ended != nil {
			if why := r.Ended(j); why != "" {
				r.Log.Printf("%s", why)
			}
		}
	}
	if err := r.chartEnded(); err != nil {
		return err
	}
	page := filepath.Join(r.Dir, ReportPage)
	if r.over() {
		rep, err := r.Program.Report(r, true)
		if err != nil {
			return err
		}
		r.Log.Printf("The run in %s is finished; nothing is left to do. Report: %s", r.Dir, page)
		return print(rep)
	}
	if r.locked != nil {
		return r.locked
	}
	for _, note := range r.Notes {
		r.Log.Printf("%s", note)
	}
	for _, w := range r.Warnings {
		r.Warnf("%s", w)
	}
	r.Introduce(r)
	err := r.learn(ctx)
	if errors.Is(err, ErrStopped) || errors.Is(err, context.Canceled) {
		if _, err := r.publish(); err != nil {
			return err
		}
		r.Log.Printf("Report of what there is: %s", page)
		return &cli.ErrInterrupted{Message: "Stopped and saved. To go on: " + r.Hint()}
	}
	if err != nil {
		return fmt.Errorf("%w; to go on: %s", err, r.Hint())
	}
	rep, err := r.publish()
	if err != nil {
		return err
	}
	failed := print(rep)
	r.Log.Printf("\nReport: %s", page)
	return failed
}

// over reports whether a resumed run is at its end already, and reported: it is
// shown again, and nothing changes.
func (r *Run) over() bool {
	if !r.Resumed || r.Incomplete() != "" {
		return false
	}
	for _, name := range reportFiles {
		b, err := os.ReadFile(filepath.Join(r.Dir, name))
		if err != nil || bytes.Contains(b, []byte(incomplete)) {
			return false
		}
	}
	return true
}

// failures is an error if trainings came to no model.
func (r *Run) failures() error {
	var failed []string
	back := false
	for _, j := range r.Jobs {
		if j.Result.Status != "" {
			failed = append(failed, fmt.Sprintf("%s, seed %d: %s", j.Model, j.Seed, j.Result.Status))
			back = back || !j.Result.Ended() && r.Settings.Common().OnNaN == Stop
		}
	}
	if failed == nil {
		return nil
	}
	advice := ""
	if len(failed) < len(r.Jobs) {
		advice = "; the report has the rest"
	}
	if back {
		advice += "; to go on from the last checkpoint at half the rate: " + r.Hint() + " --on-nan " + Rollback
	}
	return errors.New(strings.Join(failed, "; ") + advice)
}
