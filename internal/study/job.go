package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/lstm/optim"
)

// job is one model learning under one seed.
type job struct {
	run   *run
	all   *trainings // it is one of
	arm   *Arm
	seed  uint64
	into  **result // where the result goes
	noted position // the others know of

	learner Learner
	writer  *checkpoint.Writer
	at      position
	bar     *progress.Bar

	everyEpisodes int
	everyTime     time.Duration
	saved         time.Time

	start position // where this sitting began
	shown stretch
}

// position is what a checkpoint keeps of how far a training has come.
type position struct {
	Episode int     `json:"episode"` // taken so far
	Seconds float64 `json:"seconds"` // spent on them
	// Since the last line of metrics.
	Value       mean    `json:"value"`
	Loss        mean    `json:"loss"`
	GradNorm    mean    `json:"grad_norm"`
	LineSeconds float64 `json:"line_seconds"` // Seconds at that line

	Goal tracker `json:"goal"`
}

// meta is what a checkpoint keeps beside what the learner does.
type meta struct {
	Identity identity `json:"identity"`
	Position position `json:"position"`
}

// identity is what must be the same when a training goes on.
type identity struct {
	Task     string `json:"task"`
	Model    string `json:"model"`
	Seed     uint64 `json:"seed"`
	Params   int    `json:"params"`
	Data     string `json:"data,omitempty"`
	Settings string `json:"settings"` // those that may not change
}

const checkpoints = "checkpoints"

// kept is how many checkpoints of a training stay.
const kept = 2

// errStopped says that a checkpoint was saved because the context was cancelled.
var errStopped = errors.New("stopped; a checkpoint is saved")

func (r *run) jobDir(model string, seed uint64) string {
	return filepath.Join(r.dir, fmt.Sprintf("%s-seed%d", model, seed))
}

func (j *job) dir() string { return j.run.jobDir(j.arm.Model, j.seed) }

func (j *job) identity() identity {
	id := identity{Task: j.run.task.name, Model: j.arm.Model, Seed: j.seed, Params: j.arm.Params, Data: j.arm.Data}
	for _, f := range j.run.task.fields(j.run.common, j.run.own) {
		if !f.Free() {
			id.Settings += f.Key + "=" + f.String() + "\n"
		}
	}
	return id
}

// differs says in what the training differs from the one that a file is of.
func (j *job) differs(was identity) error {
	is := j.identity()
	was.Settings = j.run.guarded(was.Settings)
	for _, f := range []struct{ name, is, was string }{
		{"task", is.Task, was.Task},
		{"model", is.Model, was.Model},
		{"seed", fmt.Sprint(is.Seed), fmt.Sprint(was.Seed)},
		{"number of parameters", fmt.Sprint(is.Params), fmt.Sprint(was.Params)},
		{"data (SHA-256)", is.Data, was.Data},
		{"configuration", is.Settings, was.Settings},
	} {
		if f.is != f.was {
			return fmt.Errorf("its %s is %q, not %q", f.name, f.was, f.is)
		}
	}
	return nil
}

// guarded drops the settings that may change by now, though an older version held
// a training to them.
func (r *run) guarded(text string) string {
	fields := r.task.fields(r.common, r.own)
	var kept strings.Builder
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(line, "=")
		if f, err := fields.Find(key); err != nil || !f.Free() {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// learn trains and tests, from where the training is.
func (j *job) learn(ctx context.Context) (*result, error) {
	if err := j.begin(); err != nil {
		return nil, err
	}
	res := &result{Identity: j.identity()}
	j.draw("", j.run.end.episodes, j.run.task.unit)
	j.bar.Set(j.at.Episode)
	defer func() { j.bar.End() }()
	err := j.train(ctx)
	if bad, ok := errors.AsType[*optim.NonFiniteError](err); ok {
		res.Status = fmt.Sprintf("diverged at %s %d: the %s of %s is %v", j.run.task.one(), j.at.Episode+1, bad.What, bad.Tensor, bad.Value)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	res.Episodes, res.Seconds = j.at.Episode, j.at.Seconds
	res.SolvedAt = j.at.Goal.solved(j.run.task.goal, j.at.Episode)
	var out *Outcome
	if res.Status == "" {
		j.draw(", test", j.run.common.Tests, "episodes")
		if out, err = j.learner.Test(ctx, j.bar.Set); err != nil {
			return nil, err
		}
	}
	if err := res.write(j.dir(), out); err != nil {
		return nil, err
	}
	j.tell(res)
	return res, nil
}

// result returns what the training has come to when it ended last; nil if it has
// not.
func (j *job) result() (*result, error) {
	res, err := readResult(j.dir())
	if err != nil || res == nil {
		return nil, err
	}
	if err := j.differs(res.Identity); err != nil {
		return nil, j.foreign(filepath.Join(j.dir(), resultFile), err)
	}
	return res, nil
}

// position returns how far the training was at a checkpoint, read from path.
func (j *job) position(s *checkpoint.Snapshot, path string) (position, error) {
	var m meta
	err := strictjson.Decode(path, s.Meta, &m)
	if err == nil {
		err = j.differs(m.Identity)
	}
	if err != nil {
		return m.Position, j.foreign(path, err)
	}
	return m.Position, nil
}

// begin makes the learner and takes it to its newest checkpoint.
func (j *job) begin() (err error) {
	if j.everyEpisodes, j.everyTime, err = settings.Every(j.run.common.CheckpointEvery); err != nil {
		return err
	}
	if j.learner, err = j.arm.New(j.seed); err != nil {
		return err
	}
	root := filepath.Join(j.dir(), checkpoints)
	if err := os.MkdirAll(root, 0o777); err != nil {
		return err
	}
	s, path, warnings, err := checkpoint.Latest(root)
	for _, w := range warnings {
		j.run.log.Warnf("eval: %v", w)
	}
	if err != nil {
		return err
	}
	j.writer = &checkpoint.Writer{Root: root, Keep: kept, Before: j.all.metrics.sync}
	j.saved = time.Now()
	if s != nil {
		if j.at, err = j.position(s, path); err != nil {
			return err
		}
		if err := j.learner.Restore(s); err != nil {
			return j.foreign(path, err)
		}
		// One that was killed may not have come to it.
		if err := checkpoint.Prune(root, kept, s.Step); err != nil {
			return err
		}
	}
	j.start = j.at
	j.shown = stretch{since: time.Now(), episode: j.at.Episode, seconds: j.at.Seconds}
	return j.all.metrics.drop(j.arm.Model, j.seed, j.at.Episode)
}

// foreign says that a file is not of this training.
func (j *job) foreign(path string, err error) error {
	return fmt.Errorf("%s does not belong to this run: %w; resume with what it was started with, or start a new run", path, err)
}

// train takes episodes to the end, or until ctx is cancelled, and saves.
func (j *job) train(ctx context.Context) error {
	goal := j.run.task.goal
	for !j.run.end.reached(j.at.Episode, j.at.Seconds, j.at.Goal.solved(goal, j.at.Episode)) {
		if ctx.Err() != nil {
			if err := errors.Join(j.save(), j.writer.Wait()); err != nil {
				return err
			}
			return errStopped
		}
		if err := errors.Join(j.update(), j.writer.Failed()); err != nil {
			return errors.Join(err, j.writer.Wait())
		}
		if j.everyEpisodes > 0 && j.at.Episode%j.everyEpisodes == 0 || j.everyTime > 0 && time.Since(j.saved) >= j.everyTime {
			if err := j.save(); err != nil {
				return err
			}
		}
	}
	return errors.Join(j.save(), j.writer.Wait())
}

// update takes one episode and keeps account of it.
func (j *job) update() error {
	begin := time.Now()
	p, err := j.learner.Update()
	if err != nil {
		return err
	}
	at := &j.at
	at.Seconds += time.Since(begin).Seconds()
	at.Episode++
	at.Value.add(p.Value)
	at.Loss.add(p.Loss)
	at.GradNorm.add(p.Norm)
	if goal := j.run.task.goal; goal != nil {
		at.Goal.add(goal, j.run.task.metric.Higher, at.Episode, p.Value)
	}
	j.shown.value.add(p.Value)
	j.shown.loss.add(p.Loss)
	j.foretell()
	if bound := j.run.end.time; bound > 0 {
		j.bar.Limit(bound - time.Duration(at.Seconds*float64(time.Second)))
	}
	j.bar.Set(at.Episode)
	every := j.run.common.LogEvery
	if at.Episode%every != 0 {
		return nil
	}
	l := line{
		Model: j.arm.Model, Seed: j.seed, Episode: at.Episode, Metric: j.run.task.metric.Name,
		Value: at.Value.take(), Loss: at.Loss.take(), GradNorm: at.GradNorm.take(),
		Seconds: at.Seconds, EpisodesPerS: float64(every) / max(at.Seconds-at.LineSeconds, 1e-9),
	}
	at.LineSeconds = at.Seconds
	j.logged(l)
	return j.all.metrics.write(l)
}

// save begins to write a checkpoint, which goes on beside the next episodes; old
// ones are dropped when it is there.
func (j *job) save() error {
	s, err := j.learner.Snapshot()
	if err != nil {
		return err
	}
	s.Step = j.at.Episode
	if s.Meta, err = json.Marshal(meta{j.identity(), j.at}); err != nil {
		return err
	}
	j.saved = time.Now()
	if k, ok := j.learner.(Keeper); ok {
		if err := k.Keep(j.dir()); err != nil {
			return err
		}
	}
	return j.writer.Write(s)
}
