package study

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/settings"
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

	Threads         int    `yaml:"threads" help:"cores to use; 0 takes all" resume:"may change"`
	Parallel        int    `yaml:"parallel" help:"trainings (a model and a seed each) to run side by side, each on its share of the cores; 0: one a core" resume:"may change"`
	CheckpointEvery string `yaml:"checkpoint_every" help:"episodes (500) or time (2m) between checkpoints; 0 saves at the end only" resume:"may change"` // default: 1m
	LogEvery        int    `yaml:"log_every" help:"episodes between lines of metrics.jsonl, each the mean over them"`                                    // default: 10
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
	}{{&c.Seeds, "1,"}, {&c.MaxTime, "0"}, {&c.CheckpointEvery, "1m"}} {
		if *d.value == "" {
			*d.value = d.want
		}
	}
	if c.Tests == 0 {
		c.Tests = 100
	}
	if c.LogEvery == 0 {
		c.LogEvery = 10
	}
	return c
}

// limits are the settings that say when a training ends, parsed.
type limits struct {
	episodes   int
	time       time.Duration // 0: none
	stopAtGoal bool
}

// validate reports the first value that cannot be, and returns what is parsed.
func (c *Common) validate(kinds []Kind) (seeds []uint64, end limits, err error) {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	if len(c.Models) == 0 {
		return nil, end, cli.Usagef("models: none: want at least one of %s", strings.Join(names, ", "))
	}
	for i, m := range c.Models {
		if !slices.Contains(names, m) {
			return nil, end, cli.Usagef("models: %q%s: want some of %s", m, nearest.DidYouMean(m, "", names), strings.Join(names, ", "))
		}
		if slices.Contains(c.Models[:i], m) {
			return nil, end, cli.Usagef("models: %s is given twice: want each once", m)
		}
	}
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{
		{"episodes", c.Episodes, 1, maxEpisodes}, {"test_episodes", c.Tests, 1, maxEpisodes},
		{"log_every", c.LogEvery, 1, maxEpisodes}, {"threads", c.Threads, 0, maxThreads}, {"parallel", c.Parallel, 0, maxThreads},
	} {
		if n.value < n.lo || n.value > n.hi {
			return nil, end, cli.Usagef("%s %d: want %d to %d", n.key, n.value, n.lo, n.hi)
		}
	}
	end = limits{episodes: c.Episodes, stopAtGoal: c.StopAtGoal}
	if c.MaxTime != "0" {
		if end.time, err = time.ParseDuration(c.MaxTime); err != nil || end.time <= 0 {
			return nil, end, cli.Usagef("max_time %q: want a time such as 90s or 20m, or 0 for no bound", c.MaxTime)
		}
	}
	if _, _, err := settings.Every(c.CheckpointEvery); err != nil {
		return nil, end, cli.Usagef("checkpoint_every %w, or 0 for the end only", err)
	}
	if seeds, err = settings.Seeds(c.Seeds); err != nil {
		return nil, end, &cli.UsageError{Err: err}
	}
	return seeds, end, nil
}

// changesNothing reports whether a setting has no part in what comes out of a run.
func changesNothing(key string) bool {
	return key == "threads" || key == "parallel" || key == "checkpoint_every"
}

// maxEpisodes is how far a checkpoint counts.
const maxEpisodes = 1 << 30

// maxThreads is more cores than a machine has.
const maxThreads = 4096

// fields returns the settings of a run of the task, the common ones first.
func (t *task) fields(common *Common, own any) settings.Fields {
	all := settings.Of(common, own)
	if t.goal != nil {
		return all
	}
	return slices.DeleteFunc(all, func(f settings.Field) bool { return f.Key == "stop_at_goal" })
}

// preset returns the settings of a preset, to be changed at will.
func (t *task) preset(name string) (*Common, any, error) {
	var names []string
	for _, p := range t.presets {
		if p.name == name {
			common, own := p.settings()
			return &common, own, nil
		}
		names = append(names, p.name)
	}
	return nil, nil, cli.Usagef("preset %q%s: want one of %s", name, nearest.DidYouMean(name, "", names), strings.Join(names, ", "))
}

// compose builds the settings of a new run: preset, --config, --set, flags.
func (t *task) compose(o *options, flags []settings.Field) (*Common, any, error) {
	var file []byte
	if o.config != "" {
		var err error
		if file, err = settings.ReadFile(o.config); err != nil {
			return nil, nil, fmt.Errorf("--config: %w", err)
		}
	}
	apply := func(fs settings.Fields) error {
		if _, err := fs.Apply(o.config, file); err != nil {
			return &cli.UsageError{Err: err}
		}
		for _, s := range o.settings {
			if _, err := fs.Set(s); err != nil {
				return cli.Usagef("--set: %w", err)
			}
		}
		for _, flag := range flags {
			f, err := fs.Find(flag.Key)
			if err == nil {
				err = f.Set(flag.String())
			}
			if err != nil {
				return &cli.UsageError{Err: err}
			}
		}
		return nil
	}
	// The preset comes first, but what follows may name it.
	named := Common{Preset: t.presets[0].name}
	if err := apply(t.fields(&named, t.blank())); err != nil {
		return nil, nil, err
	}
	common, own, err := t.preset(named.Preset)
	if err != nil {
		return nil, nil, err
	}
	return common, own, apply(t.fields(common, own))
}
