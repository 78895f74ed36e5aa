package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/runlock"
	"github.com/engram-lm/engram/internal/settings"
)

// run is a run of a task: every model under every seed.
type run struct {
	task   *task
	common *Common
	own    any
	seeds  []uint64
	end    limits
	arms   []Arm
	began  record

	dir          string
	lock         *runlock.Lock
	resume, json bool
	log          *progress.Log
}

// prepare works out what to run and checks that it fits together. After an error
// it has written nothing. The run's folder is the run's alone until its lock is
// released.
func (t *task) prepare(o *options, flags []settings.Field, stderr io.Writer) (_ *run, err error) {
	r := &run{task: t, dir: o.out, resume: o.resume != "", json: o.json, log: progress.NewLog(stderr, o.quiet)}
	defer func() {
		if err != nil && r.lock != nil {
			err = errors.Join(err, r.lock.Release())
		}
	}()
	if r.resume {
		r.dir = o.resume
		if r.lock, err = t.reopen(o); err != nil {
			return nil, err
		}
		r.common, r.own, r.began, err = t.resumed(o, flags)
	} else {
		r.common, r.own, err = t.compose(o, flags)
	}
	if err != nil {
		return nil, err
	}
	if r.seeds, r.end, err = r.common.validate(t.kinds); err != nil {
		return nil, err
	}
	if err := cli.SetThreads(r.common.Threads); err != nil {
		return nil, err
	}
	if r.arms, err = t.arms(r.common, r.own); err != nil {
		return nil, err
	}
	if r.resume {
		return r, r.reexamine()
	}
	if err := r.warn(); err != nil {
		return nil, err
	}
	if r.dir == "" {
		r.dir = runfolder.Unused(t.name + "-" + r.common.Preset)
	}
	r.began = record{
		Format: runFormat, Task: t.name, Command: o.command, Version: cli.Version,
		Config: string(t.fields(r.common, r.own).YAML()), System: machine.This(),
	}
	if err := r.create(); err != nil {
		return nil, err
	}
	r.lock, err = runlock.Acquire(r.dir)
	return r, err
}

// reexamine examines a resumed run and, if it can go on, keeps what has changed.
func (r *run) reexamine() error {
	done, err := r.examine()
	if err != nil {
		return err
	}
	if all := len(r.arms) * len(r.seeds); done < all { // else it only shows its results again
		if note := r.began.restart(cli.Version, machine.This(), done, all); note != "" {
			r.log.Printf("%s", note)
		}
	}
	return r.keep()
}

// run lets each model learn under each seed, and reports.
func (r *run) run(ctx context.Context, stdout io.Writer) error {
	r.introduce()
	results, done, err := r.learn(ctx)
	if errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		if done > 0 {
			r.log.Printf("Report of what is finished: %s", r.page())
		}
		return &cli.ErrInterrupted{Message: "Stopped and saved. To go on: " + r.hint()}
	}
	if err != nil {
		return fmt.Errorf("%w; to go on: %s", err, r.hint())
	}
	rep, err := r.publish(results, done)
	if err != nil {
		return err
	}
	if r.json {
		err = r.writeJSON(stdout, results)
	} else {
		err = rep.WriteTable(stdout)
	}
	if err != nil {
		return err
	}
	r.log.Printf("\nReport: %s", r.page())
	return r.failures(results)
}

// page is the report that the user is told of.
func (r *run) page() string { return filepath.Join(r.dir, "report.html") }

// hint is the command that goes on with the run.
func (r *run) hint() string { return r.task.invocation() + cli.Quoted([]string{"--resume", r.dir}) }

// introduce says what is about to be done.
func (r *run) introduce() {
	r.log.Printf("%s, preset %s: %s %s a model and seed", r.task.title, r.common.Preset, Thousands(r.common.Episodes), r.task.unit)
	for _, a := range r.arms {
		note := a.About
		if a.Control {
			note += " (the control)"
		}
		r.log.Printf("  %-12s %12s parameters  %s", a.Model, Thousands(a.Params), note)
	}
	if source := r.source(); source != "" {
		r.log.Printf("Data %s", source)
	}
	r.log.Printf("Run folder %s", r.dir)
}

// failures is an error if a training has diverged.
func (r *run) failures(results [][]*result) error {
	var failed []string
	for i, arm := range results {
		for j, res := range arm {
			if res.Status != "" {
				failed = append(failed, fmt.Sprintf("%s, seed %d, %s", r.arms[i].Model, r.seeds[j], res.Status))
			}
		}
	}
	if failed == nil {
		return nil
	}
	advice := "; the report has the rest"
	if _, err := r.task.fields(r.common, r.own).Find("lr"); err == nil {
		advice += "; what may help is a new run with a lower --lr"
	}
	return errors.New(strings.Join(failed, "; ") + advice)
}

// Thousands writes a count with separators: "10,000".
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
