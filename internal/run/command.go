package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
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
		if o.command = p.Invocation + cli.Given(o.flags); p.Args != nil {
			o.command = p.Invocation + cli.Quoted(p.Args)
		}
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
		f, err := preset.Settings().Fields().Find(key)
		if err != nil {
			return ""
		}
		values = append(values, f.String())
		named = append(named, preset.Name+" "+f.String())
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
