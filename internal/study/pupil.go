package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/lstm/optim"
)

// pupil is a Learner of a task as a run has it.
type pupil[S any] struct {
	*run.Host
	*values[S]
	until   run.End
	learner Learner
	weights descends // the learner, if it is one
	at      position
	drawn   bool // a bar
	shown   stretch
}

// position is what a checkpoint keeps of how far a training is.
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

// descends is a Learner that an optimiser moves, as those are that embed a
// trained.Weights. If it averages the parameters, the averages are tested.
type descends interface {
	Use(optim.Optimizer)
	Rate() float64
	Slow(halvings int)
	Average()
	Averaged(test func() error) error
}

func newPupil[S any](v *values[S], a *Arm, h *run.Host) (run.Learner, error) {
	learner, err := a.New(h.Seed)
	if err != nil {
		return nil, err
	}
	p := &pupil[S]{Host: h, values: v, until: v.end(), learner: learner, shown: stretch{since: time.Now()}}
	if p.weights, _ = learner.(descends); p.weights != nil && v.Optimizer != adam {
		o, err := optim.New(v.Optimizer, optim.Options{})
		if err != nil {
			return nil, err
		}
		p.weights.Use(o)
	}
	return p, nil
}

// Slow sets the learning rate to so many halves of the settings', if the learner has one.
func (p *pupil[S]) Slow(halvings int) bool {
	if p.weights != nil {
		p.weights.Slow(halvings)
	}
	return p.weights != nil
}

// Done tells how far the training is.
func (p *pupil[S]) Done() run.Done {
	return run.Done{Steps: p.at.Episode, Seconds: p.at.Seconds, Solved: p.at.Goal.Solved}
}

// Step takes one episode and keeps account of it.
func (p *pupil[S]) Step(context.Context) (save bool, err error) {
	if !p.drawn {
		p.drawn = true
		p.Draw("", p.Episodes, p.task.Unit)
		p.Bar.Set(p.at.Episode)
	}
	begin := time.Now()
	if p.weights != nil && p.at.Episode+1 >= p.averagesFrom() {
		p.weights.Average()
	}
	point, err := p.learner.Update()
	if bad, ok := errors.AsType[*optim.NonFiniteError](err); ok {
		what := fmt.Errorf("the %s of %s is %v", bad.What, bad.Tensor, bad.Value)
		return false, &run.DivergedError{At: fmt.Sprintf("%s %d", p.task.one(), p.at.Episode+1), What: what}
	}
	if err != nil {
		return false, err
	}
	at := &p.at
	at.Seconds += time.Since(begin).Seconds()
	at.Episode++
	at.Value.add(point.Value)
	at.Loss.add(point.Loss)
	at.GradNorm.add(point.Norm)
	if goal := p.task.Goal; goal != nil {
		at.Goal.add(goal, p.task.Metric.Higher, at.Episode, point.Value)
	}
	p.shown.value.add(point.Value)
	p.shown.loss.add(point.Loss)
	if bound := p.until.Time; bound > 0 {
		p.Bar.Limit(bound - time.Duration(at.Seconds*float64(time.Second)))
	}
	p.Bar.Set(at.Episode)
	if at.Episode%p.LogEvery != 0 {
		return false, nil
	}
	l := line{
		Model: p.Model, Seed: p.Seed, Episode: at.Episode, Metric: p.task.Metric.Name,
		Value: at.Value.take(), Loss: at.Loss.take(), GradNorm: at.GradNorm.take(),
		Seconds: at.Seconds, EpisodesPerS: float64(p.LogEvery) / max(at.Seconds-at.LineSeconds, 1e-9),
	}
	if p.weights != nil && finite(l.GradNorm) { // it has learned
		l.LR = p.weights.Rate()
	}
	at.LineSeconds = at.Seconds
	p.logged(l)
	return false, p.Write(l)
}

// Snapshot is the learner's, and how far it is; with it the learner keeps what it has of
// its own.
func (p *pupil[S]) Snapshot() (*checkpoint.Snapshot, error) {
	s, err := p.learner.Snapshot()
	if k, ok := p.learner.(Keeper); ok && err == nil {
		err = k.Keep(p.Dir)
	}
	if err != nil {
		return nil, err
	}
	s.Meta, err = json.Marshal(p.at)
	return s, err
}

// Restore takes over what Snapshot gave.
func (p *pupil[S]) Restore(s *checkpoint.Snapshot) error {
	if err := strictjson.Decode("its position", s.Meta, &p.at); err != nil {
		return err
	}
	p.shown.episode, p.shown.seconds = p.at.Episode, p.at.Seconds
	return p.learner.Restore(s)
}

// Finish tests the model, and puts the pictures of the outcome into the training's folder.
func (p *pupil[S]) Finish(ctx context.Context) (any, error) {
	p.Draw(", test", p.Tests, "episodes")
	var out *Outcome
	averaged := func(test func() error) error { return test() }
	if p.weights != nil {
		averaged = p.weights.Averaged
	}
	err := averaged(func() (err error) {
		out, err = p.learner.Test(ctx, p.Bar.Set)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, picture := range out.Pictures {
		if picture.File == "" {
			continue
		}
		if err := atomicfile.WriteBytes(filepath.Join(p.Dir, picture.File), picture.Image); err != nil {
			return nil, err
		}
	}
	kept, err := report.Encode(out)
	if err == nil {
		p.tell(out)
	}
	return kept, err
}

// line is a line of metrics.jsonl: means over the episodes since the line before.
// What an episode does not have, such as a value where only a test gives one, is NaN:
// null.
type line struct {
	Model    string  `json:"model"`
	Seed     uint64  `json:"seed"`
	Episode  int     `json:"episode"` // so far
	Metric   string  `json:"metric"`
	Value    float64 `json:"value"`
	Loss     float64 `json:"loss"`
	GradNorm float64 `json:"grad_norm"`    // before the clip
	LR       float64 `json:"lr,omitempty"` // of the last step, where the learner has a rate

	Seconds      float64 `json:"seconds"` // of training, so far
	EpisodesPerS float64 `json:"episodes_per_s"`
	Event        string  `json:"event,omitempty"` // what happened beside the episodes: a rollback
}

func (l line) MarshalJSON() ([]byte, error)     { return report.Encode(l) }
func (l *line) UnmarshalJSON(text []byte) error { return report.Decode(text, l) }

// Event is the line of metrics of what happened beside the episodes.
func (p *pupil[S]) Event(what string) any {
	none := math.NaN()
	return line{Model: p.Model, Seed: p.Seed, Episode: p.at.Episode, Metric: p.task.Metric.Name, Value: none, Loss: none, GradNorm: none, Seconds: p.at.Seconds, Event: what}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// mean is a mean under way, of what is finite.
type mean struct {
	Sum float64 `json:"sum"`
	N   int     `json:"n"`
}

func (m *mean) add(v float64) {
	if finite(v) {
		m.Sum += v
		m.N++
	}
}

// take returns the mean, NaN of nothing, and begins the next.
func (m *mean) take() float64 {
	defer func() { *m = mean{} }()
	return m.Sum / float64(m.N)
}

// sayEvery is how long a training may go on without a word.
const sayEvery = time.Minute

// stretch is the part of a training since the last line of progress.
type stretch struct {
	since       time.Time
	episode     int     // at its beginning
	seconds     float64 // likewise
	value, loss mean
}

// inTraining writes what a model comes to while it learns, which is not what its
// test will give.
func (p *pupil[S]) inTraining(value, loss float64) string {
	m := p.task.Metric
	switch {
	case finite(value):
		return fmt.Sprintf("training %s %s", m.Name, m.Text(value))
	case finite(loss):
		return fmt.Sprintf("training loss %.4g", loss)
	}
	return "no value"
}

// logged shows a line of metrics beside the bar. For each tenth of the training and
// each minute it writes a line of its own, on all since the one before.
func (p *pupil[S]) logged(l line) {
	p.Bar.Describe(p.Name() + ", " + p.inTraining(l.Value, l.Loss))
	if !finite(l.Value) && !finite(l.Loss) && !finite(l.GradNorm) {
		return // there is nothing to learn
	}
	tenth := max(1, p.Episodes/10)
	if l.Episode/tenth == (l.Episode-p.LogEvery)/tenth && time.Since(p.shown.since) < sayEvery {
		return
	}
	s := &p.shown
	perSecond := float64(l.Episode-s.episode) / max(l.Seconds-s.seconds, 1e-9)
	p.Log.Printf("%s  %s of %s %s  %s  %s  after %s", p.Name(), progress.Thousands(l.Episode), progress.Thousands(p.Episodes), p.task.Unit,
		p.inTraining(s.value.take(), s.loss.take()), progress.Rate(perSecond, ""), progress.Rounded(l.Seconds))
	s.since, s.episode, s.seconds = time.Now(), l.Episode, l.Seconds
}

// tell says what came out.
func (p *pupil[S]) tell(out *Outcome) {
	more, at := "", p.Done()
	if at.Solved > 0 {
		more = fmt.Sprintf(", learned at %s %s", p.task.one(), progress.Thousands(at.Solved))
	}
	if p.until.Cut(at) {
		more += fmt.Sprintf(" (ended by max_time %s)", p.MaxTime)
	}
	p.Log.Printf("%s  after %s in %s: %s %s%s", p.Name(), progress.Count(at.Steps, p.task.one()), progress.Rounded(at.Seconds),
		p.task.Metric.Name, p.task.Metric.Text(out.Value), more)
}
