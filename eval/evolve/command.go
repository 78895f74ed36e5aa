package evolve

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/mpi"
	"github.com/engram-lm/engram/internal/study"
)

// Command returns the command of the task.
func Command() *cobra.Command {
	crew := &fleet{}
	c := study.Command(newTask(crew))
	cli.Ranked(c)
	var o testOptions
	f := c.Flags()
	f.StringVar(&o.dir, "test", "", "score a saved genotype `folder` (--size, --density, --mazes; 9, 0.3 and 2048 if not given) and do nothing else")
	f.BoolVar(&crew.restart, "restart", false, "with --resume, begin anew around each population's mean: sigma as at the start, variances of 0.64 to 1")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "generations" { // what an episode is here
			name = "episodes"
		}
		return pflag.NormalizedName(name)
	})
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if crew.restart && !f.Changed("resume") {
			return cli.Usagef("--restart begins anew around what a run has come to; want it with --resume")
		}
		return crew.run(c, func() error {
			if f.Changed("test") {
				return o.run(c)
			}
			return run(c, args)
		})
	}
	return c
}

// run joins the other processes, if there are any, and lets rank 0 do the work.
func (f *fleet) run(c *cobra.Command, work func() error) (err error) {
	if mpi.Launched() == 1 {
		return work()
	}
	if f.world, err = mpi.Start(); err != nil {
		return err
	}
	if rank := f.world.Rank(); rank > 0 {
		if err := f.follow(c.Flags().Lookup("threads").Value.String()); err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "eval: rank %d: %v\n", rank, err)
			f.world.Abort() // or the others would wait for ever
		}
		return f.world.Close()
	}
	return errors.Join(work(), f.release(), f.world.Close())
}
