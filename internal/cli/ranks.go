package cli

import (
	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/mpi"
)

// ranked marks the commands that several processes can take part in.
const ranked = "ranks"

// Ranked marks a command as one that several processes, started by mpirun or srun,
// can take part in.
func Ranked(c *cobra.Command) {
	if c.Annotations == nil {
		c.Annotations = map[string]string{}
	}
	c.Annotations[ranked] = "yes"
}

// Ranks gives the command, and those under it, the flag --ranks, and keeps those
// that cannot work as several processes from doing the same thing several times.
// name is its package: "eval".
func Ranks(root *cobra.Command, name string) {
	asked := root.PersistentFlags().Int("ranks", 0, "assert that mpirun or srun has started so many `processes` (builds with -tags mpi)")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		build := "go build -tags mpi -o " + name + ".mpi ./" + name
		err := mpi.Check(c.CommandPath(), build, c.Annotations[ranked] != "", c.Flags().Changed("ranks"), *asked, mpi.Launched())
		if err != nil {
			return &UsageError{Err: err}
		}
		return nil
	}
}
