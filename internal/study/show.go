package study

import (
	"fmt"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/progress"
)

func (j *job) name() string { return fmt.Sprintf("%s seed %d", j.arm.Model, j.seed) }

// draw begins a bar on a terminal.
func (j *job) draw(what string, total int, unit string) {
	j.bar.End()
	j.bar = j.run.log.Begin(j.name()+what, total, unit)
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
func (j *job) inTraining(value, loss *float64) string {
	m := j.run.task.metric
	switch {
	case value != nil:
		return fmt.Sprintf("training %s %s", m.Name, m.format(*value))
	case loss != nil:
		return fmt.Sprintf("training loss %.4g", *loss)
	}
	return "no value"
}

// logged shows a line of metrics beside the bar. For each tenth of the training and
// each minute it writes a line of its own, on all since the one before.
func (j *job) logged(l line) {
	j.bar.Describe(j.name() + ", " + j.inTraining(l.Value, l.Loss))
	tenth := max(1, j.run.end.episodes/10)
	if l.Episode/tenth == (l.Episode-j.run.common.LogEvery)/tenth && time.Since(j.shown.since) < sayEvery {
		return
	}
	s := &j.shown
	perSecond := float64(l.Episode-s.episode) / max(l.Seconds-s.seconds, 1e-9)
	j.run.log.Printf("%s  %s of %s %s  %s  %s  after %s", j.name(), Thousands(l.Episode), Thousands(j.run.end.episodes), j.run.task.unit,
		j.inTraining(s.value.take(), s.loss.take()), progress.Rate(perSecond, ""), rounded(l.Seconds))
	s.since, s.episode, s.seconds = time.Now(), l.Episode, l.Seconds
}

// foretellAfter is how many seconds of training tell how long it will take.
const foretellAfter = 3

// foretell tells the others how far this training is, as soon as its speed is known.
func (j *job) foretell() {
	if trained := j.at.Seconds - j.start.Seconds; trained >= foretellAfter {
		j.all.note(j, j.at, trained/float64(j.at.Episode-j.start.Episode))
	}
}

// expect returns how many seconds a training that is at a position will still take
// if its episodes take so many each, unless it reaches its goal before.
func (l limits) expect(at position, episode float64) float64 {
	seconds := episode * float64(l.episodes-at.Episode)
	if l.time > 0 {
		seconds = min(seconds, l.time.Seconds()-at.Seconds)
	}
	return max(seconds, 0)
}

// atMost is what to say before a time that reaching the goal may shorten.
func (l limits) atMost() string {
	if l.stopAtGoal {
		return "at most "
	}
	return ""
}

// tell says what came out.
func (j *job) tell(r *result) {
	if r.Status != "" {
		j.run.log.Printf("%s  %s", j.name(), r.Status)
		return
	}
	more := ""
	if r.SolvedAt > 0 {
		more = fmt.Sprintf(", learned at %s %s", j.run.task.one(), Thousands(r.SolvedAt))
	}
	if r.cut(j.run.end) {
		more += fmt.Sprintf(" (ended by max_time %s)", j.run.common.MaxTime)
	}
	j.run.log.Printf("%s  after %s %s in %s: %s %s%s", j.name(), Thousands(r.Episodes), j.run.task.unit, rounded(r.Seconds),
		j.run.task.metric.Name, j.run.task.metric.format(orNaN(r.Value)), more)
}

// format writes a value of the metric for a terminal.
func (m Metric) format(v float64) string {
	if m.Percent {
		return fmt.Sprintf("%.2f%%", 100*v)
	}
	return fmt.Sprintf("%.4g", v)
}

// rounded writes a time to two places or so.
func rounded(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
