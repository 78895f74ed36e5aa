package study

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
	"github.com/engram-lm/engram/internal/settings"
)

// task is a Task whose own settings are behind any: a pointer to its S.
type task struct {
	name, title, unit string
	about             []string
	metric            Metric
	columns           []Column
	goal              *Goal
	kinds             []Kind
	presets           []preset
	blank             func() any // settings to parse into
	arms              func(*Common, any) ([]Arm, error)
	idle              func(common *Common, own any, model, key string) string
	yardstick         func(any) string
}

type preset struct {
	name, about string
	settings    func() (Common, any)
}

func (t *Task[S]) task() *task {
	plain := &task{
		name: t.Name, title: t.Title, unit: t.Unit, about: t.About, metric: t.Metric, columns: t.Columns, goal: t.Goal, kinds: t.Models,
		blank: func() any { return new(S) },
		arms:  func(c *Common, own any) ([]Arm, error) { return t.Arms(c, own.(*S)) },
	}
	plain.idle = func(common *Common, own any, model, key string) string {
		return t.NoEffect(common, own.(*S), model, key)
	}
	plain.yardstick = func(own any) string {
		if t.Yardstick == nil {
			return ""
		}
		return t.Yardstick(own.(*S))
	}
	for _, p := range t.Presets {
		plain.presets = append(plain.presets, preset{p.Name, p.About, func() (Common, any) {
			common, own := p.Common.withDefaults(p.Name, t.Models), p.Own
			return common, &own
		}})
	}
	return plain
}

// one is the singular of what the task counts.
func (t *task) one() string { return strings.TrimSuffix(t.unit, "s") }

// options are the flags that are not settings.
type options struct {
	out, resume, config      string
	settings                 []string
	json, quiet, listPresets bool
	time                     int
	command                  string // as it was given
}

// Command returns the command of a task.
func Command[S any](t Task[S]) *cobra.Command {
	plain := t.task()
	var o options
	given, own := new(Common), plain.blank() // flags are parsed into them, and applied over the preset later
	flags := plain.fields(given, own)
	c := &cobra.Command{
		Use: t.Name, Short: t.Short, Example: t.Example,
		Long: t.Long + `

A run has a folder with its configuration, its metrics, its checkpoints and a
report (report.html, report.md, report.json); Ctrl-C saves and says how to go on.
Values come from the preset, then --config, then --set, then flags.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.listPresets {
				return plain.listPresets(c.OutOrStdout(), o.json)
			}
			if err := cli.NamedPaths(c.Flags(), "out", "resume", "config"); err != nil {
				return err
			}
			changed := slices.DeleteFunc(slices.Clone(flags), func(f settings.Field) bool { return !c.Flags().Changed(f.Flag()) })
			if c.Flags().Changed("time") {
				return plain.timeUpdates(c.Context(), &o, changed, c.OutOrStdout())
			}
			o.command = plain.commandLine(c.Flags())
			r, err := plain.prepare(&o, changed, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return errors.Join(r.run(c.Context(), c.OutOrStdout()), r.lock.Release())
		},
	}
	o.register(c.Flags(), plain, flags)
	return c
}

func (o *options) register(f *pflag.FlagSet, t *task, flags settings.Fields) {
	f.SortFlags = false
	if t.unit != "episodes" { // such as updates, of several episodes each
		f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
			if name == t.unit {
				name = "episodes"
			}
			return pflag.NormalizedName(name)
		})
	}
	for _, field := range flags {
		flag := f.VarPF(field, field.Flag(), "", t.help(field)+t.choices(field.Key)+t.defaults(field.Key))
		flag.DefValue = "" // it is the preset's, and in the help text
		if field.IsBool() {
			flag.NoOptDefVal = "true"
		}
	}
	f.StringVar(&o.out, "out", "", "`folder` of the run, new or empty (default runs/"+t.name+"-PRESET-N)")
	f.StringVar(&o.resume, "resume", "", "`folder` of a run to go on with, with more models, seeds or episodes if given")
	f.StringVar(&o.config, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	f.StringArrayVar(&o.settings, "set", nil, "a setting `key=value`; may be repeated")
	f.BoolVar(&o.json, "json", false, "print the results as JSON, one object a model and seed; with --list-presets one a preset")
	f.BoolVar(&o.quiet, "quiet", false, "no progress: results on stdout, warnings and errors on stderr")
	f.IntVar(&o.time, "time", 0, "time so many training `updates` of each model, and do nothing else")
	f.BoolVar(&o.listPresets, "list-presets", false, "list the presets")
}

// help says what a setting is, in the unit that the task counts in.
func (t *task) help(f settings.Field) string {
	switch {
	case t.unit == "episodes":
		return f.Help
	case f.Key == "episodes":
		return fmt.Sprintf("training %s, an optimiser step each, of several episodes; --%[1]s is the same; a resumed run may have more", t.unit)
	case f.Key == "log_every" || f.Key == "checkpoint_every":
		return strings.ReplaceAll(f.Help, "episodes", t.unit)
	}
	return f.Help
}

// choices says what there is to choose from.
func (t *task) choices(key string) string {
	var all []string
	switch key {
	case "preset":
		for _, p := range t.presets {
			all = append(all, p.name)
		}
	case "models":
		for _, k := range t.kinds {
			all = append(all, fmt.Sprintf("%s (%s)", k.Name, k.About))
		}
	default:
		return ""
	}
	return ": " + strings.Join(all, ", ")
}

// defaults says what the presets set a key to; nothing where it is off.
func (t *task) defaults(key string) string {
	if key == "preset" {
		return " (default " + t.presets[0].name + ")"
	}
	var values, named []string
	for _, p := range t.presets {
		common, own := p.settings()
		f, err := t.fields(&common, own).Find(key)
		if err != nil {
			return ""
		}
		values = append(values, f.String())
		named = append(named, p.name+" "+f.String())
	}
	if same := slices.Compact(values); len(same) == 1 {
		if slices.Contains([]string{"", "0", "false"}, same[0]) {
			return ""
		}
		return " (default " + same[0] + ")"
	}
	return " (default " + strings.Join(named, ", ") + ")"
}

func (t *task) listPresets(w io.Writer, asJSON bool) error {
	for _, p := range t.presets {
		var err error
		if asJSON {
			err = json.NewEncoder(w).Encode(struct {
				Name  string `json:"name"`
				About string `json:"about"`
			}{p.name, p.about})
		} else {
			_, err = fmt.Fprintf(w, "%-12s  %s\n", p.name, p.about)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commandLine is the command as it was given, flag by flag.
func (t *task) commandLine(f *pflag.FlagSet) string {
	var args []string
	f.Visit(func(flag *pflag.Flag) {
		switch v := flag.Value.(type) {
		case pflag.SliceValue:
			for _, item := range v.GetSlice() {
				args = append(args, "--"+flag.Name, item)
			}
		default:
			if flag.NoOptDefVal == v.String() {
				args = append(args, "--"+flag.Name)
			} else if flag.NoOptDefVal != "" {
				args = append(args, "--"+flag.Name+"="+v.String())
			} else {
				args = append(args, "--"+flag.Name, v.String())
			}
		}
	})
	return t.invocation() + cli.Quoted(args)
}

// invocation is how the task is started, without flags.
func (t *task) invocation() string { return "go run ./eval " + t.name }
