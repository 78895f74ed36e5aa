package study

import "github.com/engram-lm/engram/internal/settings"

// Common are the settings that every task has, each a key of config.yaml and a
// flag.
type Common struct {
	Preset   string        `yaml:"preset" help:"where the values come from that nothing else sets"`
	Models   settings.List `yaml:"models" help:"what learns, one after the other" resume:"may change"`
	Seeds    string        `yaml:"seeds" help:"a number N for the seeds 1 to N, or a list such as 2,7 or 7," resume:"may change"`
	Episodes int           `yaml:"episodes" help:"training episodes, one optimiser step each; a resumed run may have more" resume:"may change"`
	Tests    int           `yaml:"test_episodes" help:"held-out episodes that a trained model is measured on"`

	StopAtGoal bool   `yaml:"stop_at_goal" help:"end a model's training as soon as it has learned the task" resume:"may change"`
	MaxTime    string `yaml:"max_time" help:"training time that a model and seed may take, such as 20m; 0 sets no bound" resume:"may change"`

	Threads         int    `yaml:"threads" help:"cores to use; 0 takes all" resume:"may change"`
	CheckpointEvery string `yaml:"checkpoint_every" help:"episodes (500) or time (2m) between checkpoints; 0 saves at the end only" resume:"may change"`
	LogEvery        int    `yaml:"log_every" help:"episodes between lines of metrics.jsonl, each the mean over them"`
}
