package studytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/study"
)

// Effects holds what a task says of settings without effect (Task.NoEffect) against
// what they do: under each preset, each model learns for some updates and is tested,
// with the setting and with another value of it, and there must be a difference in
// a loss, in a measure or in a parameter exactly where the task does not say why
// there is none. Small makes a preset's settings such that this takes a moment, and a
// preset that it makes the same as one before is passed over; others has the other
// value of each setting, "" for one that is left out.
func Effects[S any](t *testing.T, task study.Task[S], small func(*study.Common, *S), others map[string]string) {
	t.Helper()
	learn := func(common study.Common, own S, model string) string {
		t.Helper()
		common.Models = settings.List{model}
		arms, err := task.Arms(&common, &own)
		if err != nil {
			t.Fatal(err)
		}
		l, err := arms[0].New(1)
		if err != nil {
			t.Fatal(err)
		}
		var seen strings.Builder
		for range common.Episodes {
			p, err := l.Update()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&seen, p)
		}
		out, err := l.Test(t.Context(), func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&seen, out.Value, out.Extra, out.Series)
		for _, p := range out.Pictures {
			fmt.Fprintln(&seen, p.Curves)
		}
		s, err := l.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&seen, s.Tensors)
		return seen.String()
	}
	had := map[string]bool{}
	for _, p := range task.Presets {
		common, own := p.Common, p.Own
		small(&common, &own)
		keys := settings.Fields(append(settings.Of(&own), field(t, &common, "test_episodes")))
		all := string(keys.YAML())
		if had[all] {
			continue
		}
		had[all] = true
		for _, kind := range task.Models {
			base := learn(common, own, kind.Name)
			for _, f := range keys {
				other, ok := others[f.Key]
				if !ok {
					t.Fatalf("no other value of %s", f.Key)
				}
				if other == "" {
					continue
				}
				was := f.String()
				set(t, f, other)
				why := task.NoEffect(&common, &own, kind.Name, f.Key)
				if same := learn(common, own, kind.Name) == base; same != (why != "") {
					t.Errorf("%s, %s: %s %s or %s: same %t, and the task says %q", p.Name, kind.Name, f.Key, was, other, same, why)
				}
				set(t, f, was)
			}
		}
	}
}

func field(t *testing.T, s any, key string) settings.Field {
	t.Helper()
	f, err := settings.Of(s).Find(key)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func set(t *testing.T, f settings.Field, value string) {
	t.Helper()
	if err := f.Set(value); err != nil {
		t.Fatal(err)
	}
}
