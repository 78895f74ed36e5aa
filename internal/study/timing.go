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

	"github.com/engram-lm/engram/internal/cli"
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

// timeUpdates times training updates of new models with the first seed, an update
// to warm up not counted. It writes no files.
func (t *task) timeUpdates(ctx context.Context, o *options, flags []settings.Field, stdout io.Writer) error {
	if o.time < 1 {
		return cli.Usagef("--time %d: want at least 1", o.time)
	}
	if o.resume != "" || o.out != "" {
		return cli.Usagef("--time keeps nothing: want it without --resume and --out")
	}
	common, own, err := t.compose(o, flags)
	if err != nil {
		return err
	}
	seeds, _, err := common.validate(t.kinds)
	if err != nil {
		return err
	}
	if err := cli.SetThreads(common.Threads); err != nil {
		return err
	}
	arms, err := t.arms(common, own)
	if err != nil {
		return err
	}
	for _, arm := range arms {
		r := Timing{Task: t.name, Model: arm.Model, Params: arm.Params, Threads: runtime.GOMAXPROCS(0), Updates: o.time}
		if err := r.measure(ctx, arm, seeds[0]); errors.Is(err, context.Canceled) {
			return &cli.ErrInterrupted{Message: "Stopped; --time keeps nothing."}
		} else if err != nil {
			return fmt.Errorf("%s: %w", arm.Model, err)
		}
		if o.json {
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
