package recipe

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
	"github.com/engram-lm/engram/internal/settings"
)

// FuzzApply: what a configuration sets is the same when it is written and read
// again; what is wrong with it is an error of one line.
func FuzzApply(f *testing.F) {
	for _, p := range Presets() {
		f.Add(p.Settings().Fields().YAML())
	}
	for _, text := range []string{
		"models: [lstm, plastic]\nseeds: 3 # three\nlr: 2e1\ntie: true\n", "data: &a x\ninit: *a\n", "<<: {lr: 1}\n",
		"lr: !!float 1\n", "? lr\n: 1\n", "data: |\n  a\n  b\n", "lr: [[[[", "%YAML 1.1\n---\nlr: 1\n...\n", "data: \"\\x00\\u2028\"\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Recipe
		var keys []string
		var err error
		membound.Check(t, len(text), membound.Tree, func() { keys, err = r.Fields().Apply("f", text) })
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") || !strings.HasPrefix(err.Error(), "f: ") {
				t.Fatalf("error %v, want a *badfile.Error of one line about f", err)
			}
			return
		}
		for i, key := range keys {
			if _, err := r.Fields().Find(key); err != nil || slices.Contains(keys[:i], key) {
				t.Fatalf("keys %q: %v", keys, err)
			}
		}
		if err := r.Validate(); err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Fatalf("an error of more than one line: %q", err)
		}
		var again Recipe
		written := r.Fields().YAML()
		if _, err := again.Fields().Apply("f", written); err != nil {
			t.Fatalf("written again: %v\n%s", err, written)
		}
		if r.Models == nil { // no list and an empty one are the same
			again.Models = nil
		}
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v\nbecame\n%+v\n%s", r, again, written)
		}
	})
}

// The most wasteful configurations, and those that multiply what they say.
func TestMemoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	for _, c := range []struct{ start, unit, end string }{
		{"lr: [", "0,", "0]"},
		{"lr: ", "[", ""},
		{"", "- ", "a"},
		{"a: ", "{a: ", "x"},
		{"", "? ", ""},
		{"", "# c\na: 1\n", ""},
		{"- ", "# x\n- ", "x"},
		{"[", "a: b,", "]"},
		{"a: &a [x]\nb: [", "*a,", "]"},
		{"data: \"", "\\n", "\""},
		{"models: [", "'',", "a]"},
		{"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + aliases(20) + "lr: 1\n# ", "#", "\n"},
	} {
		text := c.start + strings.Repeat(c.unit, (settings.MaxFile-len(c.start)-len(c.end))/len(c.unit)) + c.end
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		membound.Check(t, len(text), membound.Tree, func() {
			var r Recipe
			b, err := settings.ReadFile(path)
			if err == nil {
				_, err = r.Fields().Apply(path, b)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("%q: %v", c.unit, err)
			}
		})
	}
	var r Recipe
	if _, err := r.Fields().Apply("f", make([]byte, settings.MaxFile+1)); err == nil {
		t.Error("a configuration of more than settings.MaxFile bytes was taken")
	}
}

// aliases is a text of n lists, each of nine times the one before it.
func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		a, z := string(rune('a'+i)), string(rune('a'+i+1))
		if i == 0 {
			a = "a0"
		}
		b.WriteString(z + ": &" + z + " [*" + a + strings.Repeat(",*"+a, 8) + "]\n")
	}
	return b.String()
}
