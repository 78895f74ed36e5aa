package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/stats"
)

// Timing is how fast a model learns, as --time --json prints it.
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

// time times optimiser steps of new models with the first seed, and keeps nothing.
func (r *Run) time(ctx context.Context, flags settings.Fields, stdout io.Writer) error {
	o := r.options
	switch {
	case o.time < 1:
		return cli.Usagef("--time %d: want at least 1", o.time)
	case o.resume != "" || o.out != "":
		return cli.Usagef("--time keeps nothing: want it without --resume and --out")
	}
	if err := r.compose(flags); err != nil {
		return err
	}
	if err := r.plan(); err != nil {
		return err
	}
	for _, a := range r.Arms {
		ms, err := r.measure(ctx, a, o.time)
		if errors.Is(err, context.Canceled) {
			return &cli.ErrInterrupted{Message: "Stopped; --time keeps nothing."}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a.Model, err)
		}
		t := Timing{
			Task: r.Program.Name, Model: a.Model, Params: a.Params, Threads: runtime.GOMAXPROCS(0), Updates: len(ms),
			MsMedian: stats.Median(ms), MsMin: slices.Min(ms), UpdatesPerS: 1000 / stats.Median(ms),
		}
		if o.json {
			err = json.NewEncoder(stdout).Encode(t)
		} else {
			_, err = fmt.Fprintf(stdout, "%-12s %12s parameters, %d cores: %.4g ms an update (least %.4g), %.4g updates/s\n",
				t.Model, progress.Thousands(t.Params), t.Threads, t.MsMedian, t.MsMin, t.UpdatesPerS)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// measure returns how many milliseconds each of some steps of a new model takes, after one
// to warm up. What it writes between them, such as the best model after an epoch, goes.
func (r *Run) measure(ctx context.Context, a *Arm, steps int) (ms []float64, err error) {
	dir, err := os.MkdirTemp("", "engram-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h := &Host{Job: &Job{Arm: a, Seed: r.Seeds[0]}, Dir: dir, Log: progress.NewLog(io.Discard, true), run: r}
	l, err := a.New(h)
	for taken := 0; err == nil && taken <= steps; {
		began := time.Now()
		_, err = l.Step(ctx)
		took := time.Since(began).Seconds() * 1000
		err = cmp.Or(err, ctx.Err())
		switch at := l.Done(); {
		case at.Steps > taken:
			if taken++; taken > 1 {
				ms = append(ms, took)
			}
		case err == nil && r.End(r.Settings).Reached(at):
			return nil, cli.Usagef("the run has %d steps; want fewer to be timed", taken)
		}
	}
	return ms, err
}

// estimate is how many seconds the run will take, from a few steps of each model; 0 where
// that is not asked for, or the run too short for that to pay.
func (r *Run) estimate(ctx context.Context) (seconds float64) {
	steps := r.End(r.Settings).Steps
	if r.Beyond == 0 || steps < 50 {
		return 0
	}
	for _, a := range r.Arms {
		ms, err := r.measure(ctx, a, 2)
		if err != nil {
			return 0
		}
		seconds += slices.Min(ms) / 1000 * float64(steps*len(r.Seeds))
	}
	return seconds * r.Beyond
}
