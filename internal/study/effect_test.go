package study

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// A setting that changes nothing in any model of the run is named, quiet or not, and
// nothing else is.
func TestNoEffect(t *testing.T) {
	const diverge = "eval: diverge 1000 has no effect: only model eager uses it\n"
	const rate = "eval: lr 0.5 has no effect: the sizes above 20 have a rate of their own\n"
	for _, c := range []struct{ args, want string }{
		{"--models steady,still --diverge 1000", diverge},
		{"--models steady,eager --diverge 1000", ""},
		{"--models steady --diverge 0", ""}, // the preset's
		{"--models steady --lr 0.5", ""},
		{"--models steady --lr 0.5 --size 21 --diverge 1000", rate + diverge},
		{"--models steady --lr 0.05 --size 21", ""},
		{"--models steady --average-from 2", "eval: average_from 2 has no effect: optimizer adam averages nothing\n"},
		{"--models steady --average-from 2 --optimizer asgd", ""},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"guess", "--quiet", "--episodes", "2", "--out", filepath.Join(t.TempDir(), "run")}, strings.Fields(c.args)...)
		if err := cli.Execute(t.Context(), stubCommand(), args, &out, &errs); err != nil {
			t.Fatal(err)
		}
		if errs.String() != c.want {
			t.Errorf("%s: %q, want %q", c.args, errs.String(), c.want)
		}
	}
}
