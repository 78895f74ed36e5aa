package recipe

import (
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
)

// Field is one value of a recipe.
type Field = settings.Field

// List is a comma-separated list.
type List = settings.List

// Fields returns the values of r in their order; setting one changes r.
func (r *Recipe) Fields() settings.Fields { return settings.Of(r) }

// Common returns what the runner takes from the recipe.
func (r *Recipe) Common() run.Common {
	return run.Common{
		Preset: r.Preset, Seeds: r.Seeds, Threads: r.Threads, Parallel: r.Parallel,
		CheckpointEvery: r.CheckpointEvery, KeepCheckpoints: r.KeepCheckpoints, OnNaN: r.OnNaN, Rollbacks: r.Rollbacks, TensorBoard: r.TensorBoard,
	}
}

// Field returns the value with a key.
func (r *Recipe) Field(key string) (Field, error) { return r.Fields().Find(key) }

// Set applies a setting key=value, whose key may be written as a flag is, and
// returns the key.
func (r *Recipe) Set(setting string) (key string, err error) { return r.Fields().Set(setting) }

// Apply sets what the YAML text of a file sets; see settings.Fields.Apply.
func (r *Recipe) Apply(file string, text []byte) (keys []string, err error) {
	return r.Fields().Apply(file, text)
}

// YAML returns the recipe as a file with a comment for each key.
func (r *Recipe) YAML() []byte { return r.Fields().YAML() }

// ReadFile returns the text of a configuration file.
func ReadFile(path string) ([]byte, error) { return settings.ReadFile(path) }

// Changes lists the fields of r that are not as in was, but for those that may
// change whenever a run is resumed.
func (r *Recipe) Changes(was *Recipe) []settings.Change { return r.Fields().Changes(was.Fields()) }
