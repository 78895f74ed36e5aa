package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/strictjson"
)

// Host is what a learner has of the run that it is part of.
type Host struct {
	*Job
	Dir string // MODEL-seedN
	Log *progress.Log
	Bar *progress.Bar // nil, which shows nothing, until Draw

	run *Run
}

// Draw begins a bar on a terminal, in the place of the one before.
func (h *Host) Draw(what string, total int, unit string) {
	h.Bar.End()
	h.Bar = h.Log.Begin(h.Name()+what, total, unit)
}

// Write appends a line to metrics.jsonl, if the run has one. Its model and seed must be
// the job's.
func (h *Host) Write(line any) error {
	if h.run.metrics == nil {
		return nil
	}
	return h.run.metrics.write(h.trainee(), line)
}

// training is a job under way.
type training struct {
	*Host
	learner Learner
	writer  *checkpoint.Writer
	began   Done // where this sitting began

	everySteps int
	everyTime  time.Duration
	saved      time.Time
	savedAll   bool // since the last step

	rollbacks []string // each of them halved the rate
}

// meta is what a checkpoint keeps beside what the learner does.
type meta struct {
	Identity  identity        `json:"identity"`
	Done      Done            `json:"done"`
	Lines     int             `json:"metrics_lines"` // of the training
	Sum       string          `json:"metrics_sha256"`
	Rollbacks []string        `json:"rollbacks,omitempty"`
	Learner   json.RawMessage `json:"learner,omitempty"`
}

const checkpoints = "checkpoints"

// train takes a training from where it is to its end and tests it.
func (r *Run) train(ctx context.Context, j *Job) (*Result, error) {
	h := &Host{Job: j, Dir: r.JobDir(j), Log: r.Log, run: r}
	defer func() { h.Bar.End() }()
	t, err := h.begin()
	if err != nil {
		return nil, err
	}
	res := &Result{Identity: r.identity(j)}
	err = t.toEnd(ctx)
	res.Done, res.Rollbacks = t.learner.Done(), t.rollbacks
	if diverged, ok := errors.AsType[*DivergedError](err); ok {
		res.Status = "diverged at " + diverged.Error()
		r.Log.Printf("%s  %s", j.Name(), res.Status)
		return res, nil
	}
	if err != nil {
		return nil, err
	}
	outcome, err := t.learner.Finish(ctx)
	if err != nil {
		return nil, err
	}
	if flawed, ok := outcome.(interface{ Flaw() string }); ok {
		res.Status = flawed.Flaw()
	}
	res.Outcome, err = json.Marshal(outcome)
	return res, err
}

// begin makes the learner and takes it to its newest checkpoint.
func (h *Host) begin() (*training, error) {
	r, j := h.run, h.Job
	t := &training{Host: h, saved: time.Now()}
	common := r.Settings.Running()
	var err error
	t.everySteps, t.everyTime, _ = settings.Every(common.CheckpointEvery) // what is none has been refused
	if t.learner, err = j.New(h); err != nil {
		return nil, err
	}
	root := filepath.Join(h.Dir, checkpoints)
	if err := os.MkdirAll(root, 0o777); err != nil {
		return nil, err
	}
	// A checkpoint syncs its own folder only: the way to it, and to the metrics
	// beside dir, must outlive a power failure too.
	for _, dir := range []string{h.Dir, r.Dir} {
		if err := atomicdir.OS.SyncDir(dir); err != nil {
			return nil, err
		}
	}
	t.writer = &checkpoint.Writer{Root: root, Keep: common.KeepCheckpoints, Before: r.metrics.sync}
	who := j.trainee()
	s, path, warnings, err := checkpoint.Latest(root)
	for _, w := range warnings {
		r.Warnf("%s", w)
	}
	if err != nil {
		return nil, err
	}
	if s == nil {
		t.began = t.learner.Done()
		return t, r.metrics.rewind(who, 0, "")
	}
	m, changed, err := r.meta(j, s, path)
	if err != nil {
		return nil, err
	}
	t.rollbacks = m.Rollbacks
	t.learner.Slow(len(t.rollbacks))
	s.Meta = m.Learner
	if err := t.learner.Restore(s); err != nil {
		return nil, foreign(path, err)
	}
	if err := r.metrics.rewind(who, m.Lines, m.Sum); err != nil {
		return nil, err
	}
	t.began, t.savedAll = t.learner.Done(), true
	// One that was killed may not have come to it.
	if err := checkpoint.Prune(root, common.KeepCheckpoints, s.Step); err != nil || !changed {
		return t, err
	}
	// From here on there is a checkpoint of what the training is now, so that it
	// need not be forced again.
	return t, errors.Join(t.save(), t.writer.Wait())
}

// toEnd takes steps to the end, or until ctx is cancelled, and saves.
func (t *training) toEnd(ctx context.Context) error {
	stopped := error(nil)
	for stopped == nil && !t.run.End(t.run.Settings).Reached(t.learner.Done()) {
		err := ctx.Err()
		if err == nil {
			err = t.step(ctx)
		}
		if diverged, ok := errors.AsType[*DivergedError](err); ok && t.run.rollsBack(len(t.rollbacks)) && t.learner.Slow(len(t.rollbacks)) {
			err = t.rollBack(diverged)
		}
		switch {
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			stopped = ErrStopped
		case err != nil:
			// Whatever happened, a checkpoint under way is finished first.
			return errors.Join(err, t.writer.Wait())
		}
	}
	if !t.savedAll {
		if err := t.save(); err != nil {
			return err
		}
	}
	return cmp.Or(t.writer.Wait(), stopped)
}

// step takes the learner on and saves where that is due.
func (t *training) step(ctx context.Context) error {
	save, err := t.learner.Step(ctx)
	if err != nil {
		return err
	}
	t.savedAll = false
	if err := t.writer.Failed(); err != nil {
		return err
	}
	at := t.learner.Done()
	t.run.foretell(t.Job, t.began, at)
	due := t.everySteps > 0 && at.Steps%t.everySteps == 0 || t.everyTime > 0 && time.Since(t.saved) >= t.everyTime
	if !save && !due {
		return nil
	}
	if err := t.save(); err != nil || t.run.End(t.run.Settings).Reached(at) {
		return err
	}
	return t.run.report(save)
}

// save begins to write a checkpoint, which goes on beside the next steps; old
// ones are dropped when it is there.
func (t *training) save() error {
	s, err := t.learner.Snapshot()
	if err != nil {
		return err
	}
	at := t.learner.Done()
	s.Step, s.Epoch = at.Steps, at.Epochs
	m := meta{Identity: t.run.identity(t.Job), Done: at, Rollbacks: t.rollbacks, Learner: s.Meta}
	m.Lines, m.Sum = t.run.metrics.count(t.trainee())
	if s.Meta, err = json.Marshal(m); err != nil {
		return err
	}
	t.saved, t.savedAll = time.Now(), true
	return t.writer.Write(s)
}

// rollsBack reports whether a training may roll back after so many times.
func (r *Run) rollsBack(times int) bool {
	c := r.Settings.Running()
	return c.OnNaN == Rollback && times < c.Rollbacks
}

// rollBack goes back to the last checkpoint, or to the start, and halves the
// rate. What it did is a line of the metrics and in the next checkpoint, which
// is written at once: a run that is killed after it does not go through it again.
func (t *training) rollBack(why *DivergedError) error {
	if err := t.writer.Wait(); err != nil {
		return err
	}
	fresh, err := t.begin()
	if err != nil {
		return err
	}
	fresh.rollbacks = t.rollbacks // whatever the checkpoint knows of: their number is bounded
	*t = *fresh
	did := fmt.Sprintf("rollback %d of %d to step %d, at half the rate: %s: %v",
		len(t.rollbacks)+1, t.run.Settings.Running().Rollbacks, t.learner.Done().Steps, why.At, why.What)
	t.rollbacks = append(t.rollbacks, did)
	t.run.Warnf("%s: %s", t.Name(), did)
	t.learner.Slow(len(t.rollbacks))
	if err := t.Write(t.learner.Event(did)); err != nil {
		return err
	}
	return errors.Join(t.save(), t.writer.Wait())
}

// meta returns what a checkpoint of the training, read from path, keeps beside what
// the learner does, and whether it is one from before a change that was insisted on.
func (r *Run) meta(j *Job, s *checkpoint.Snapshot, path string) (m meta, changed bool, err error) {
	if err = strictjson.Decode(path, s.Meta, &m); err == nil {
		changed, err = r.differs(j, m.Identity, r.forces())
	}
	if err != nil {
		err = foreign(path, err)
	}
	return m, changed, err
}

// foreign says that a file is not of this training.
func foreign(path string, err error) error {
	return fmt.Errorf("%s does not belong to this run: %w; resume with what it was started with, or start a new run", path, err)
}
