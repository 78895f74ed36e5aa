package cli

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/settings"
)

// Execute runs a cobra command, or the command under it that args name. Whatever
// is wrong with args is a UsageError that says what would be right; nothing but
// --help and --version is printed here.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) error {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	for _, c := range append(root.Commands(), root) {
		c.Version = Version
		c.SetVersionTemplate("engram {{.Name}} {{.Version}}\n")
		if c.Args == nil {
			c.Args = flagsOnly
		}
	}
	if root.HasSubCommands() {
		root.Args, root.RunE = cobra.ArbitraryArgs, noTask
		root.SetHelpCommand(helpCommand(root))
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(append([]string{}, args...)) // never nil, which would mean os.Args
	return root.ExecuteContext(ctx)
}

// helpCommand is cobra's, but for an error where there is no such task.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [TASK]",
		Short: "Say more about a task",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return noTask(root, args)
			}
			c.InitDefaultHelpFlag()
			c.InitDefaultVersionFlag()
			return c.Help()
		},
	}
}

// noTask is what the command does that only leads to others.
func noTask(root *cobra.Command, args []string) error {
	var tasks []string
	for _, c := range root.Commands() {
		if c.Name() != "help" && c.IsAvailableCommand() {
			tasks = append(tasks, c.Name())
		}
	}
	want := strings.Join(tasks, ", ")
	if len(args) == 0 {
		return Usagef("no task named; want one of %s; --help says more", want)
	}
	return Usagef("no task %q%s; want one of %s; --help says more", args[0], nearest.DidYouMean(args[0], "", tasks), want)
}

func flagsOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return Usagef("unexpected argument %q; %s takes flags only; --help shows them", args[0], c.Name())
}

// wants says what a flag's value may be, by the name pflag gives its type.
var wants = map[string]string{
	"int":      "a whole number",
	"uint64":   "a whole number, 0 or above",
	"float64":  "a number",
	"bool":     "true or false",
	"duration": "a duration such as 90s or 10m",
}

// flagError words what pflag says of a flag. A setting is called by its key here too,
// as it is where another setting or a file gives a value that cannot be.
func flagError(c *cobra.Command, err error) error {
	if args := c.Flags().Args(); c.HasSubCommands() && len(args) > 0 { // the flag of a task that is not
		return noTask(c, args)
	}
	if bad, ok := errors.AsType[*settings.ValueError](err); ok {
		return &UsageError{bad}
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if want, ok := wants[bad.GetFlag().Value.Type()]; ok {
			return Usagef("--%s: %q is not valid; want %s", bad.GetFlag().Name, bad.GetValue(), want)
		}
	}
	suggestion := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		suggestion = nearest.DidYouMean(strings.TrimLeft(unknown.GetSpecifiedName(), "-"), "--", names)
	}
	return Usagef("%w%s; %s --help shows the flags", err, suggestion, c.CommandPath())
}

// Given writes the flags that were set as arguments, in their order, as Quoted does.
func Given(flags *pflag.FlagSet) string {
	var args []string
	flags.Visit(func(flag *pflag.Flag) {
		values := []string{flag.Value.String()}
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, v := range values {
			switch flag.NoOptDefVal {
			case "":
				args = append(args, "--"+flag.Name, v)
			case v:
				args = append(args, "--"+flag.Name)
			default:
				args = append(args, "--"+flag.Name+"="+v)
			}
		}
	})
	return Quoted(args)
}

// NamedPaths refuses a path among the flags that is given as nothing. It is most likely
// a variable of a shell that is not set, and to start a new run, because the one to
// resume has no name, is not what was meant.
func NamedPaths(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := flags.Lookup(name); f.Changed && f.Value.String() == "" {
			return Usagef("--%s \"\": want a path, or no --%s", name, name)
		}
	}
	return nil
}

// SetThreads limits how many threads compute at a time: the value of --threads,
// where 0 means all cores. It gives no more than there are.
func SetThreads(n int) error {
	if n < 0 {
		return Usagef("--threads: %d is not valid; want a number of threads, or 0 for all cores", n)
	}
	if n > 0 {
		runtime.GOMAXPROCS(min(n, runtime.GOMAXPROCS(0)))
	}
	return nil
}
