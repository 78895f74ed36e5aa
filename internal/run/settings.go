package run

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/settings"
)

// Settings are the values of a run: those that every run has, which are a Common, and
// preset, models and seeds; and those of its program.
type Settings interface {
	Fields() settings.Fields
	Running() *Common
}

// Common are the settings that say how a run goes on, whatever it trains. A program's
// settings embed it.
type Common struct {
	Threads         int    `yaml:"threads" help:"cores to use; 0 takes all" resume:"may change" range:"0..4096"`
	Parallel        int    `yaml:"parallel" help:"trainings (a model and a seed each) to run side by side, each on its share of the cores; 0: one a core" resume:"may change" range:"0..4096"`
	CheckpointEvery string `yaml:"checkpoint_every" help:"steps (500) or time (2m) between checkpoints; 0 saves only at the end of an epoch or a training" resume:"may change" every:"the end only" default:"1m"`
	KeepCheckpoints int    `yaml:"keep_checkpoints" help:"how many checkpoints of a training stay" resume:"may change" range:"1..1000" default:"2"`
	OnNaN           string `yaml:"on_nan" help:"when a number is not finite: stop, or rollback to the last checkpoint and half the rate" resume:"may change" default:"stop"`
	Rollbacks       int    `yaml:"rollbacks" help:"how often a training may roll back before it stops after all" resume:"may change" range:"0..50" default:"3"`
	TensorBoard     bool   `yaml:"tensorboard" help:"write event files for TensorBoard into the folder of each training" resume:"may change"`
}

// What Common.OnNaN may be.
const (
	Stop     = "stop"
	Rollback = "rollback"
)

// Running returns what the runner takes from the settings.
func (c *Common) Running() *Common { return c }

// Offered returns the values that a key is offered; see settings.Offering.
func (c *Common) Offered(key string) []string {
	return map[string][]string{"on_nan": {Stop, Rollback}}[key]
}

// Check reports the first of a run's settings that cannot be, and returns the seeds.
func Check(s Settings) ([]uint64, error) {
	err := s.Fields().Check()
	seeds, bad := settings.Seeds(s.Fields().Value("seeds"))
	if err = cmp.Or(err, bad); err != nil {
		return nil, &cli.UsageError{Err: err}
	}
	return seeds, nil
}

// Preset is a named choice of all settings.
type Preset struct {
	Name     string          `json:"name"`
	About    string          `json:"about"`
	Settings func() Settings `json:"-"` // to be changed at will
}

// Named returns the settings of the preset of a name.
func Named(presets []Preset, name string) (Settings, error) {
	var names []string
	for _, p := range presets {
		if p.Name == name {
			return p.Settings(), nil
		}
		names = append(names, p.Name)
	}
	return nil, cli.Usagef("preset %q%s: want one of %s", name, nearest.DidYouMean(name, "", names), strings.Join(names, ", "))
}

// Preset returns the preset that the run's settings come from; the first if theirs is of
// another version.
func (r *Run) Preset() Settings {
	if s, err := Named(r.Program.Presets, r.Settings.Fields().Value("preset")); err == nil {
		return s
	}
	return r.Program.Presets[0].Settings()
}

// WithoutEffect names, a clause each, the settings that are asked for, not as in the
// preset, and that change nothing in any model of the run.
func (r *Run) WithoutEffect() (clauses []string) {
	was := r.Preset().Fields()
	for i, f := range r.Settings.Fields() {
		if !r.Given[f.Key] || was[i].String() == f.String() {
			continue
		}
		why := ""
		for _, a := range r.Arms {
			if why = a.Idle(f.Key); why == "" {
				break
			}
		}
		if why != "" {
			clauses = append(clauses, fmt.Sprintf("%s %s has no effect: %s", f.Key, f, why))
		}
	}
	return clauses
}
