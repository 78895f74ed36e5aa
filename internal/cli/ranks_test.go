package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/mpi"
)

// A command that cannot be several processes is none, and --ranks is no way around.
func TestRanks(t *testing.T) {
	for name, c := range map[string]struct {
		launched string
		args     []string
		says     string // nothing: it goes on
	}{
		"alone":           {"", []string{"one"}, ""},
		"launched":        {"2", []string{"one"}, "2"},
		"launched as one": {"1", []string{"one"}, ""},
		"told":            {"", []string{"several", "--ranks", "2"}, "2"},
		"told nonsense":   {"", []string{"several", "--ranks", "x"}, "--ranks"},
	} {
		t.Setenv("OMPI_COMM_WORLD_SIZE", c.launched)
		ran := false
		root := &cobra.Command{Use: "eval"}
		for _, use := range []string{"one", "several"} {
			root.AddCommand(&cobra.Command{Use: use, RunE: func(*cobra.Command, []string) error { ran = true; return nil }})
		}
		Ranked(root.Commands()[1])
		Ranks(root, "eval")
		var out, errs bytes.Buffer
		err := Execute(t.Context(), root, c.args, &out, &errs)
		if _, usage := errors.AsType[*UsageError](err); usage != (c.says != "") || ran == usage {
			t.Errorf("%s: ran %t, error %v", name, ran, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.says) || !mpi.Available && c.says == "2" && !strings.Contains(err.Error(), "-tags mpi -o eval.mpi ./eval")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
