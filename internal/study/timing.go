package study

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/stats"
)

// Timing is how fast a model of a task learns, as --time --json prints it.
type Timing struct {
	Task        string  `json:"task"`
	Model       string  `json:"model"`
	Params      int     `json:"params"`
	Threads     int     `json:"threads"`
	Updates     int     `json:"updates"`
	MsMedian    float64 `json:"ms_per_update_median"`
	MsMin       float64 `json:"ms_per_update_min"`
	UpdatesPerS float64 `json:"updates_per_s"` // from the median
}

// timing adds the flag that times training updates of new models with the first seed,
// an update to warm up not counted. It writes no files.
func (t *Task[S]) timing(c *cobra.Command, compose func() (run.Settings, error)) {
	flags, train := c.Flags(), c.RunE
	updates := flags.Int("time", 0, "time so many training `updates` of each model, and do nothing else")
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case !flags.Changed("time"):
			return train(c, args)
		case *updates < 1:
			return cli.Usagef("--time %d: want at least 1", *updates)
		case flags.Changed("resume") || flags.Changed("out"):
			return cli.Usagef("--time keeps nothing: want it without --resume and --out")
		}
		s, err := compose()
		if err != nil {
			return err
		}
		return t.time(c.Context(), s.(*values[S]), *updates, flags.Changed("json"), c.OutOrStdout())
	}
}

func (t *Task[S]) time(ctx context.Context, v *values[S], updates int, asJSON bool, stdout io.Writer) error {
	arms, err := t.arms(v)
	if err != nil {
		return err
	}
	seeds, err := settings.Seeds(v.Seeds)
	if err != nil {
		return err
	}
	for _, arm := range arms {
		ms, err := arm.measure(ctx, seeds[0], updates)
		if errors.Is(err, context.Canceled) {
			return &cli.ErrInterrupted{Message: "Stopped; --time keeps nothing."}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arm.Model, err)
		}
		r := Timing{
			Task: t.Name, Model: arm.Model, Params: arm.Params, Threads: runtime.GOMAXPROCS(0), Updates: updates,
			MsMedian: stats.Median(ms), MsMin: slices.Min(ms), UpdatesPerS: 1000 / stats.Median(ms),
		}
		if asJSON {
			err = json.NewEncoder(stdout).Encode(r)
		} else {
			_, err = fmt.Fprintf(stdout, "%-12s %12s parameters, %d cores: %.4g ms an update (least %.4g), %.4g updates/s\n",
				r.Model, Thousands(r.Params), r.Threads, r.MsMedian, r.MsMin, r.UpdatesPerS)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// measure returns how many milliseconds each of some updates takes.
func (a *Arm) measure(ctx context.Context, seed uint64, updates int) (ms []float64, err error) {
	learner, err := a.New(seed)
	for i := 0; i <= updates && err == nil; i++ {
		began := time.Now()
		if _, err = learner.Update(); i > 0 {
			ms = append(ms, time.Since(began).Seconds()*1000)
		}
		err = cmp.Or(err, ctx.Err())
	}
	return ms, err
}
