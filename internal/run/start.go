package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/internal/settings"
)

// compose builds the settings of a new run: preset, --config, --set, flags. They are
// not validated yet.
func (r *Run) compose(flags settings.Fields) (err error) {
	p, o := r.Program, r.options
	var file []byte
	if o.config != "" {
		if file, err = settings.ReadFile(o.config); err != nil {
			return fmt.Errorf("--config: %w", err)
		}
	}
	// The preset comes first, but what follows may name it, or what it follows from.
	named := p.Blank()
	fields := named.Fields()
	keys, err := fields.Apply(o.config, file)
	for _, setting := range o.settings {
		key, bad := fields.Set(setting)
		if bad != nil {
			bad = fmt.Errorf("--set: %w", bad)
		}
		err = cmp.Or(err, bad)
		keys = append(keys, key)
	}
	for _, flag := range flags {
		err = cmp.Or(err, fields.Put(flag.Key, flag.String()))
		keys = append(keys, flag.Key)
	}
	if err != nil {
		return &cli.UsageError{Err: err}
	}
	name, why := named.Fields().Value("preset"), ""
	if name == "" {
		name = p.Presets[0].Name
		if p.Choose != nil {
			name, why = p.Choose(named)
		}
	}
	if why != "" {
		r.Notes = append(r.Notes, why)
	}
	if r.Settings, err = Named(p.Presets, name); err != nil {
		return err
	}
	r.Given = map[string]bool{}
	for _, key := range keys {
		r.Given[key] = true
		err = cmp.Or(err, r.Settings.Fields().Put(key, named.Fields().Value(key)))
	}
	return cmp.Or(err, r.Settings.Fields().Put("preset", name))
}

// plan makes the plan of the run under its settings, and limits the threads to theirs.
func (r *Run) plan() (err error) {
	if r.Seeds, err = Check(r.Settings); err != nil {
		return err
	}
	if err := cli.SetThreads(r.Settings.Running().Threads); err != nil {
		return err
	}
	return r.Program.Prepare(r)
}

// prepare works out what to run and checks that it fits together. After an error
// it has written nothing of its own. The run's folder is the run's alone until its
// lock is released.
func (r *Run) prepare(flags settings.Fields) (err error) {
	defer func() {
		if err != nil && r.lock != nil {
			err = errors.Join(err, r.lock.Release())
		}
	}()
	if r.options.force && !r.Resumed {
		return cli.Usagef("--force goes with --resume: a new run has nothing to insist on")
	}
	begin := r.compose
	if r.Resumed {
		if err := r.reopen(); err != nil {
			return err
		}
		begin = r.resumed
	}
	if err := begin(flags); err != nil {
		return err
	}
	if err := r.plan(); err != nil {
		return err
	}
	for _, a := range r.Arms {
		for _, seed := range r.Seeds {
			r.Jobs = append(r.Jobs, &Job{Arm: a, Seed: seed})
		}
	}
	if r.Resumed {
		return r.continues()
	}
	if r.Dir == "" {
		r.Dir = runfolder.Unused(r.Name)
	}
	r.Began = Record{
		Format: Format, Program: r.Program.Name, Command: r.options.command, Version: cli.Version,
		Config: string(r.Settings.Fields().YAML()), Facts: r.facts(), System: r.System,
	}
	if err := r.create(); err != nil {
		return err
	}
	r.lock, err = runlock.Acquire(r.Dir)
	return err
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
		if j.Result != nil && j.Result.Status == "" && r.End(r.Settings).Cut(j.Result.Done) {
			r.Log.Printf("%s has had its %s: raise --max-time to go on", j.Name(), r.Settings.Fields().Value("max_time"))
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
	r.introduce(ctx)
	err := r.Learn(ctx)
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

// introduce says what there is to know before the run begins or goes on.
func (r *Run) introduce(ctx context.Context) {
	for _, note := range r.Notes {
		r.Log.Printf("%s", note)
	}
	for _, w := range slices.Concat(r.WithoutEffect(), r.Warnings) {
		r.Warnf("%s", w)
	}
	r.Log.Printf("%s", r.Title)
	for _, a := range r.Arms {
		r.Log.Printf("  %-12s %s", a.Model, a.About)
	}
	for _, line := range append(r.About, "Run folder "+r.Dir) {
		r.Log.Printf("%s", line)
	}
	if r.Quiet || r.Resumed {
		return
	}
	if seconds := r.estimate(ctx); seconds > 0 {
		r.Log.Printf("This will take about %s on %s", progress.Rounded(seconds), progress.Count(runtime.GOMAXPROCS(0), "core"))
	}
}

// over reports whether a resumed run is at its end already, and reported: it is
// shown again, and nothing changes.
func (r *Run) over() bool {
	if !r.Resumed || r.Incomplete() != "" {
		return false
	}
	for _, name := range ReportFiles {
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
			back = back || !j.Result.Ended() && r.Settings.Running().OnNaN == Stop
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
