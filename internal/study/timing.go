package study

import (
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
func (t *Task[S]) timing(c *cobra.Command) func(func() (run.Settings, error)) (bool, error) {
	updates := c.Flags().Int("time", 0, "time so many training `updates` of each model, and do nothing else")
	return func(compose func() (run.Settings, error)) (bool, error) {
		flags := c.Flags()
		if !flags.Changed("time") {
			return false, nil
		}
		if *updates < 1 {
			return true, cli.Usagef("--time %d: want at least 1", *updates)
		}
		if flags.Changed("resume") || flags.Changed("out") {
			return true, cli.Usagef("--time keeps nothing: want it without --resume and --out")
		}
		s, err := compose()
		if err != nil {
			return true, err
		}
		return true, t.time(c.Context(), s.(*values[S]), *updates, flags.Changed("json"), c.OutOrStdout())
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
		r := Timing{Task: t.Name, Model: arm.Model, Params: arm.Params, Threads: runtime.GOMAXPROCS(0), Updates: updates}
		if err := r.measure(ctx, arm, seeds[0]); errors.Is(err, context.Canceled) {
			return &cli.ErrInterrupted{Message: "Stopped; --time keeps nothing."}
		} else if err != nil {
			return fmt.Errorf("%s: %w", arm.Model, err)
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

func (r *Timing) measure(ctx context.Context, arm Arm, seed uint64) error {
	learner, err := arm.New(seed)
	if err != nil {
		return err
	}
	var ms []float64
	for i := range r.Updates + 1 {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		if _, err := learner.Update(); err != nil {
			return err
		}
		if i > 0 {
			ms = append(ms, time.Since(began).Seconds()*1000)
		}
	}
	r.MsMedian, r.MsMin = stats.Median(ms), slices.Min(ms)
	r.UpdatesPerS = 1000 / r.MsMedian
	return nil
}
