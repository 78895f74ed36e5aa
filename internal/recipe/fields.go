package recipe

import "github.com/engram-lm/engram/internal/settings"

// Field is one value of a recipe.
type Field = settings.Field

// List is a comma-separated list.
type List = settings.List

// Fields returns the values of r in their order; setting one changes r.
func (r *Recipe) Fields() []Field { return r.fields() }

func (r *Recipe) fields() settings.Fields { return settings.Of(r) }

// Field returns the value with a key.
func (r *Recipe) Field(key string) (Field, error) { return r.fields().Find(key) }

// Set applies a setting key=value, whose key may be written as a flag is, and
// returns the key.
func (r *Recipe) Set(setting string) (key string, err error) { return r.fields().Set(setting) }

// Apply sets what the YAML text of a file sets; see settings.Fields.Apply.
func (r *Recipe) Apply(file string, text []byte) (keys []string, err error) {
	return r.fields().Apply(file, text)
}

// YAML returns the recipe as a file with a comment for each key.
func (r *Recipe) YAML() []byte { return r.fields().YAML() }

// ReadFile returns the text of a configuration file.
func ReadFile(path string) ([]byte, error) { return settings.ReadFile(path) }

// Changes lists the fields of r that are not as in was, but for those that may
// change whenever a run is resumed.
func (r *Recipe) Changes(was *Recipe) []settings.Change { return r.fields().Changes(was.fields()) }
