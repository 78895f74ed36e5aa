package study

import (
	"fmt"
	"time"

	"github.com/engram-lm/engram/internal/progress"
)

func (j *job) name() string { return fmt.Sprintf("%s seed %d", j.arm.Model, j.seed) }

// draw begins a bar on a terminal.
func (j *job) draw(what string, total int, unit string) {
	j.bar.Clear()
	j.bar = progress.New(j.run.stderr, j.run.quiet, j.name()+what, total, unit)
}

// sayEvery is how long a training may go on without a word.
const sayEvery = time.Minute

// logged shows a line of metrics: beside the bar, and as a line of its own for each
// tenth of the training and each minute.
func (j *job) logged(l line) {
	value := ""
	if l.Value != nil {
		value = fmt.Sprintf("%s %s", l.Metric, j.run.task.metric.format(*l.Value))
	} else if l.Loss != nil {
		value = fmt.Sprintf("loss %.4g", *l.Loss)
	}
	j.bar.Describe(j.name() + ", " + value)
	tenth := max(1, j.run.end.episodes/10)
	if l.Episode/tenth == (l.Episode-j.run.common.LogEvery)/tenth && time.Since(j.said) < sayEvery {
		return
	}
	j.said = time.Now()
	j.bar.Clear()
	j.run.say("%s  %s of %s %s  %s  %.3g/s  %s", j.name(), thousands(l.Episode), thousands(j.run.end.episodes), j.run.task.unit,
		value, l.EpisodesPerS, rounded(l.Seconds))
}

// tell says what came out.
func (j *job) tell(r *result) {
	j.bar.Clear()
	if r.Status != "" {
		j.run.say("%s  %s", j.name(), r.Status)
		return
	}
	more := ""
	if r.SolvedAt > 0 {
		more = fmt.Sprintf(", learned at episode %s", thousands(r.SolvedAt))
	}
	if r.cut(j.run.end) {
		more += fmt.Sprintf(" (ended by max_time %s)", j.run.common.MaxTime)
	}
	j.run.say("%s  after %s %s in %s: %s %s%s", j.name(), thousands(r.Episodes), j.run.task.unit, rounded(r.Seconds),
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
	return d.Round(time.Minute).String()
}
