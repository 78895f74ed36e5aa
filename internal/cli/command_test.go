package cli

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Flags are written as they were given, in their order, and are those flags again.
func TestGiven(t *testing.T) {
	set := func() *pflag.FlagSet {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.SortFlags = false
		f.StringP("out", "o", "", "")
		f.Bool("json", false, "")
		f.Bool("color", true, "")
		f.StringArray("set", nil, "")
		return f
	}
	for given, want := range map[string]string{
		"":                                  "",
		"--json --out=runs":                 " --json --out runs",
		"--set a=1 -o x --set b=2":          " --set a=1 --set b=2 --out x",
		"--color=false":                     " --color=false",
		"--json=false --color --out=it's":   ` --json=false --color --out 'it'\''s'`,
		"--out=runs --json --json --out=be": " --out be --json",
	} {
		f := set()
		if err := f.Parse(strings.Fields(given)); err != nil {
			t.Fatal(err)
		}
		if got := Given(f); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}
