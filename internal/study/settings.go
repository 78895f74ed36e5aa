package study

import (
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/lstm/optim"
)

// Common are the settings that every task has, each a key of config.yaml and a
// flag. In a preset the zero value of a setting means its default.
type Common struct {
	Preset   string        `yaml:"preset" help:"where the values come from that nothing else sets"`
	Models   settings.List `yaml:"models" help:"what learns, in this order" resume:"may change"`                                  // default: all
	Seeds    string        `yaml:"seeds" help:"a number N for the seeds 1 to N, or a list such as 2,7 or 7," resume:"may change"` // default: 1,
	Episodes int           `yaml:"episodes" help:"training episodes, an optimiser step each; a resumed run may have more" resume:"may change"`
	Tests    int           `yaml:"test_episodes" help:"held-out episodes that a trained model is measured on"` // default: 100

	MaxTime    string `yaml:"max_time" help:"training time that a model and seed may take, such as 20m; 0 sets no bound" resume:"may change"` // default: 0
	StopAtGoal bool   `yaml:"stop_at_goal" help:"end a model's training as soon as it has learned the task" resume:"may change"`

	Optimizer string `yaml:"optimizer" help:"what takes the steps: {offered}; the presets' rates are meant for adam"` // default: adam

	Threads         int    `yaml:"threads" help:"cores to use; 0 takes all" resume:"may change"`
	Parallel        int    `yaml:"parallel" help:"trainings (a model and a seed each) to run side by side, each on its share of the cores; 0: one a core" resume:"may change"`
	CheckpointEvery string `yaml:"checkpoint_every" help:"episodes (500) or time (2m) between checkpoints; 0 saves at the end only" resume:"may change"` // default: 1m
	KeepCheckpoints int    `yaml:"keep_checkpoints" help:"how many checkpoints of a training stay" resume:"may change"`                                  // default: 2
	LogEvery        int    `yaml:"log_every" help:"episodes between lines of metrics.jsonl, each the mean over them" resume:"by force"`                  // default: 10
	OnNaN           string `yaml:"on_nan" help:"when a number is not finite: stop, or rollback to the last checkpoint and half the rate" resume:"may change"`
	Rollbacks       int    `yaml:"rollbacks" help:"how often a training may roll back before it stops after all" resume:"may change"` // default: 3
	TensorBoard     bool   `yaml:"tensorboard" help:"write event files for TensorBoard into the folder of each training" resume:"may change"`
}

// Offered returns the values that a key is offered; see settings.Offering.
func (c *Common) Offered(key string) []string {
	return map[string][]string{"optimizer": optim.Listed()}[key]
}

// withDefaults fills in what a preset leaves out.
func (c Common) withDefaults(preset string, kinds []Kind) Common {
	c.Preset = preset
	if len(c.Models) == 0 {
		for _, k := range kinds {
			c.Models = append(c.Models, k.Name)
		}
	}
	for _, d := range []struct {
		value *string
		want  string
	}{{&c.Seeds, "1,"}, {&c.MaxTime, "0"}, {&c.CheckpointEvery, "1m"}, {&c.OnNaN, run.Stop}, {&c.Optimizer, adam}} {
		if *d.value == "" {
			*d.value = d.want
		}
	}
	for _, d := range []struct {
		value *int
		want  int
	}{{&c.Tests, 100}, {&c.LogEvery, 10}, {&c.KeepCheckpoints, 2}, {&c.Rollbacks, 3}} {
		if *d.value == 0 {
			*d.value = d.want
		}
	}
	return c
}

// values are the settings of a run of a task: the common ones and its own.
type values struct {
	task   *task
	common *Common
	own    any // a pointer to the task's S
}

// Fields returns all settings, the common ones first.
func (v *values) Fields() settings.Fields {
	all := settings.Of(v.common, v.own)
	if v.task.goal != nil {
		return all
	}
	return slices.DeleteFunc(all, func(f settings.Field) bool { return f.Key == "stop_at_goal" })
}

// Common returns what the runner takes from them.
func (v *values) Common() run.Common {
	c := v.common
	return run.Common{
		Preset: c.Preset, Seeds: c.Seeds, Threads: c.Threads, Parallel: c.Parallel,
		CheckpointEvery: c.CheckpointEvery, KeepCheckpoints: c.KeepCheckpoints, OnNaN: c.OnNaN, Rollbacks: c.Rollbacks, TensorBoard: c.TensorBoard,
	}
}

// adam is the optimiser that learners have where no other is asked for, with
// settings that may be the task's own.
const adam = "adam"

// limits are the settings that say when a training ends, parsed.
type limits struct {
	episodes   int
	time       time.Duration // 0: none
	stopAtGoal bool
}

// limits returns when a training ends.
func (c *Common) limits() (l limits, err error) {
	l = limits{episodes: c.Episodes, stopAtGoal: c.StopAtGoal}
	if c.MaxTime != "0" {
		if l.time, err = time.ParseDuration(c.MaxTime); err != nil || l.time <= 0 {
			return l, cli.Usagef("max_time %q: want a time such as 90s or 20m, or 0 for no bound", c.MaxTime)
		}
	}
	return l, nil
}

// reached reports whether a training that has come so far ends there.
func (l limits) reached(at run.Done) bool {
	return at.Steps >= l.episodes || l.stopAtGoal && at.Solved > 0 || l.time > 0 && at.Seconds >= l.time.Seconds()
}

// cut reports whether it was the bound on its time that ended a training.
func (l limits) cut(at run.Done) bool {
	l.time = 0
	return !l.reached(at)
}

// validate reports the first value that cannot be.
func (c *Common) validate(kinds []Kind) error {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	if len(c.Models) == 0 {
		return cli.Usagef("models: none: want at least one of %s", strings.Join(names, ", "))
	}
	for i, m := range c.Models {
		if !slices.Contains(names, m) {
			return cli.Usagef("models: %q%s: want some of %s", m, nearest.DidYouMean(m, "", names), strings.Join(names, ", "))
		}
		if slices.Contains(c.Models[:i], m) {
			return cli.Usagef("models: %s is given twice: want each once", m)
		}
	}
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"episodes", c.Episodes, 1, maxEpisodes}, {"test_episodes", c.Tests, 1, maxEpisodes},
		{"log_every", c.LogEvery, 1, maxEpisodes}, {"threads", c.Threads, 0, maxThreads}, {"parallel", c.Parallel, 0, maxThreads},
		{"keep_checkpoints", c.KeepCheckpoints, 1, 1000}, {"rollbacks", c.Rollbacks, 0, 50},
	} {
		if n.value < n.lo || n.value > n.hi {
			return cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	if _, err := optim.New(c.Optimizer, optim.Options{}); err != nil {
		return &cli.UsageError{Err: err}
	}
	if c.OnNaN != run.Stop && c.OnNaN != run.Rollback {
		return cli.Usagef("on_nan %q: want %s or %s", c.OnNaN, run.Stop, run.Rollback)
	}
	if _, err := c.limits(); err != nil {
		return err
	}
	if _, _, err := settings.Every(c.CheckpointEvery); err != nil {
		return cli.Usagef("checkpoint_every %w, or 0 for the end only", err)
	}
	if _, err := settings.Seeds(c.Seeds); err != nil {
		return &cli.UsageError{Err: err}
	}
	return nil
}

// maxEpisodes is how far a checkpoint counts.
const maxEpisodes = 1 << 30

// maxThreads is more cores than a machine has.
const maxThreads = 4096

// Thousands writes a count with separators: "10,000".
func Thousands(n int) string { return progress.Thousands(n) }
