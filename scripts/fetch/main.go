// Command fetch puts data sets in place; scripts/download builds and runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/engram-lm/engram/data/download"
	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/nearest"
)

// Exit statuses.
const (
	failure     = 1
	usage       = 2
	interrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	code := status(ctx, err)
	stop()
	switch {
	case code == interrupted:
		fmt.Fprintln(os.Stderr, "download: interrupted; nothing unfinished was left behind, run it again")
	case err != nil:
		fmt.Fprintln(os.Stderr, "download:", err)
	}
	os.Exit(code)
}

func status(ctx context.Context, err error) int {
	var wrong *download.UsageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return interrupted
	case errors.As(err, &wrong):
		return usage
	}
	return failure
}

func command() *cobra.Command {
	var list bool
	var opts download.Options
	c := &cobra.Command{
		Use:   "download NAME...",
		Short: "Fetch data sets, verify them, and put them under data/sets/NAME",
		Long: `Fetch data sets, verify them against pinned checksums, and put them under
data/sets/NAME. A set that is there already is verified and left alone, without
touching the network. Whatever fails leaves nothing behind.`,
		Example: `  scripts/download --list
  scripts/download ptb
  scripts/download --from /mnt/mirror ptb omniglot-small
  scripts/download --from https://mirror.example.org/sets wikitext-2`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          func(*cobra.Command, []string) error { return nil }, // checked in RunE, beside --list
		RunE: func(c *cobra.Command, names []string) error {
			if list {
				return printList(c.OutOrStdout(), opts.To)
			}
			return fetchAll(c.Context(), c.OutOrStdout(), names, opts)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "show the data sets and which of them are there")
	c.Flags().StringVar(&opts.From, "from", "", "take the files from a mirror, a folder or an http(s) address laid out as NAME/FILE")
	c.Flags().StringVar(&opts.To, "to", registry.DefaultDir, "the folder of the sets")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &download.UsageError{Problem: err.Error() + "; --help shows the flags"}
	})
	c.CompletionOptions.DisableDefaultCmd = true
	return c
}

// fetchAll looks at every name before it fetches the first.
func fetchAll(ctx context.Context, out io.Writer, names []string, opts download.Options) error {
	if len(names) == 0 {
		return &download.UsageError{Problem: "no data set named; want one or more of " + registry.Names()}
	}
	sets := make([]registry.Set, len(names))
	for i, name := range names {
		set, ok := registry.Find(name)
		if !ok {
			return &download.UsageError{Problem: fmt.Sprintf("no data set %q%s; want one of %s", name, nearest.DidYouMean(name, "", strings.Split(registry.Names(), ", ")), registry.Names())}
		}
		sets[i] = set
	}
	opts.Log = func(line string) { fmt.Fprintln(out, line) }
	if term.IsTerminal(int(os.Stderr.Fd())) {
		opts.Progress = progress
	}
	for _, set := range sets {
		if err := download.Fetch(ctx, set, opts); err != nil {
			return elsewhere(err, set, opts)
		}
	}
	return nil
}

// elsewhere says what to do where the network failed.
func elsewhere(err error, set registry.Set, opts download.Options) error {
	if _, network := errors.AsType[*url.Error](err); !network || opts.From != "" {
		return err
	}
	without := ""
	if set.Text {
		without = "; training works without it, on the embedded sample: go run ./train"
	}
	return fmt.Errorf("%w; --from DIR|URL takes %s from a mirror%s", err, set.Name, without)
}

// progress shows a bar of bytes on standard error, and clears it at the end.
func progress(file string, size int64) io.WriteCloser {
	return progressbar.NewOptions64(size,
		progressbar.OptionSetDescription(file),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}

func printList(out io.Writer, dir string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTO FETCH\tHERE\tWHAT")
	for _, set := range registry.Sets() {
		here := "no"
		if _, err := os.Stat(filepath.Join(dir, set.Name)); err == nil {
			here = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", set.Name, size(set), here, set.About)
	}
	return w.Flush()
}

// size of a set in MB; where that of a file is not known, of its alternative.
func size(set registry.Set) string {
	n, about := set.Size(), ""
	for _, s := range set.Sources {
		if s.Size == 0 && len(s.Instead) > 0 {
			n += s.Instead[0].Size
			about = "about "
		}
	}
	return fmt.Sprintf("%s%.1f MB", about, float64(n)/1e6)
}
