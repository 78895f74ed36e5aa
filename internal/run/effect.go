package run

import (
	"fmt"

	"github.com/engram-lm/engram/internal/settings"
)

// WithoutEffect names, a clause each, the settings that are asked for, not as in the
// preset, and that change nothing in any model of the run. Idle are the models: each
// says in a clause why a setting changes nothing in it, "" where it does.
func WithoutEffect(is, preset settings.Fields, asked func(key string) bool, idle []func(key string) string) (clauses []string) {
	for _, f := range is {
		was, err := preset.Find(f.Key)
		if err != nil || was.String() == f.String() || !asked(f.Key) {
			continue
		}
		why := ""
		for _, model := range idle {
			if why = model(f.Key); why == "" {
				break
			}
		}
		if why != "" {
			clauses = append(clauses, fmt.Sprintf("%s %s has no effect: %s", f.Key, f, why))
		}
	}
	return clauses
}
