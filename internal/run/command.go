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
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/stats"
)

// options are the flags that are not settings.
type options struct {
	out, resume, config             string
	settings                        []string
	json, quiet, force, listPresets bool
	time                            int
	command                         string // as it was given
	flags                           *pflag.FlagSet
}

// Cobra returns the program's command.
func (p *Program) Cobra() *cobra.Command {
	var o options
	given := p.Blank() // flags are parsed into it, and applied over the preset later
	fields := given.Fields()
	c := &cobra.Command{Use: p.Name, Short: p.Short, Long: p.Long, Example: p.Example}
	o.flags = c.Flags()
	p.register(&o, fields)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.listPresets {
			return p.listPresets(c.OutOrStdout(), o.json)
		}
		if err := cli.NamedPaths(o.flags, append([]string{"out", "resume", "config"}, p.Paths...)...); err != nil {
			return err
		}
		o.command = p.Invocation + cli.Given(o.flags)
		r := &Run{Program: p, Dir: o.out, Resumed: o.resume != "", Quiet: o.quiet, Log: progress.NewLog(c.ErrOrStderr(), o.quiet), options: &o}
		changed := slices.DeleteFunc(slices.Clone(fields), func(f settings.Field) bool { return !o.flags.Changed(f.Flag()) })
		if o.flags.Changed("time") {
			return r.time(c.Context(), changed, c.OutOrStdout())
		}
		if err := r.prepare(changed); err != nil {
			return err
		}
		return errors.Join(r.run(c.Context(), c.OutOrStdout(), o.json), r.lock.Release())
	}
	return c
}

func (p *Program) register(o *options, fields settings.Fields) {
	f := o.flags
	f.SortFlags = false
	for _, field := range fields {
		help := field.Help
		if field.Choice != "" {
			help += ": " + field.Choice
		}
		flag := f.VarPF(field, field.Flag(), "", help+p.defaults(field.Key))
		flag.DefValue = "" // it is the preset's, and in the help text
		if field.IsBool() {
			flag.NoOptDefVal = "true"
		}
	}
	f.StringVar(&o.out, "out", "", "`folder` of the run, new or empty (default runs/NAME-N)")
	f.StringVar(&o.resume, "resume", "", "`folder` of a run to go on with, also with more models, seeds or "+p.Unit)
	f.BoolVar(&o.force, "force", false, "with --resume: go on with other settings or texts where a checkpoint still fits; what is finished stays, and the report says so")
	f.StringVar(&o.config, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	f.StringArrayVar(&o.settings, "set", nil, "a setting `key=value`; may be repeated")
	f.BoolVar(&o.json, "json", false, "print the results as JSON, one object a model and seed; with --list-presets one a preset")
	f.BoolVar(&o.quiet, "quiet", false, "no progress: results on stdout, warnings and errors on stderr")
	f.BoolVar(&o.listPresets, "list-presets", false, "list the presets")
	f.IntVar(&o.time, "time", 0, "time so many training `updates` of each model, and do nothing else")
}

// defaults says what the presets set a key to; nothing where it is off, or where the
// presets and the data decide each other.
func (p *Program) defaults(key string) string {
	if key == "preset" && p.Choose == nil {
		return " (default " + p.Presets[0].Name + ")"
	}
	if p.Choose != nil && (key == "preset" || key == "data") {
		return ""
	}
	var values, named []string
	for _, preset := range p.Presets {
		v := preset.Settings().Fields().Value(key)
		values, named = append(values, v), append(named, preset.Name+" "+v)
	}
	if same := slices.Compact(values); len(same) == 1 {
		if slices.Contains([]string{"", "0", "false"}, same[0]) {
			return ""
		}
		return " (default " + same[0] + ")"
	}
	return " (default " + strings.Join(named, ", ") + ")"
}

func (p *Program) listPresets(w io.Writer, asJSON bool) error {
	for _, preset := range p.Presets {
		var err error
		if asJSON {
			err = json.NewEncoder(w).Encode(preset)
		} else {
			_, err = fmt.Fprintf(w, "%-12s  %s\n", preset.Name, preset.About)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

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
			_, err = fmt.Fprintf(stdout, "%-12s %12s parameters, %s: %.4g ms an update (least %.4g), %.4g updates/s\n",
				t.Model, progress.Thousands(t.Params), progress.Count(t.Threads, "core"), t.MsMedian, t.MsMin, t.UpdatesPerS)
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
