// Command kill shows that a run survives its death anywhere. It trains small
// models without interruption, and then again and again, each time killed
// (SIGKILL: nothing is saved, nothing tidied) at random moments between the
// start of the process and its last write, and resumed until it ends. Whatever
// such a run leaves must be what the uninterrupted one left, byte for byte, but
// for the speeds; nothing that a killed writer had begun may stay.
//
// Language models and learning tasks take turns, half of the trials each. With flags
// after -- it is language models alone, trained with them; with --task that task of eval
// alone, with them.
//
// With --full-disk nothing is killed: the runs are made on file systems of
// memory that are too small for them in one place after another, and go on
// after those have grown.
//
//	go run ./scripts/kill -n 200
//	go run ./scripts/kill -n 10 --seed 7 -- --models modulated --optimizer sgd
//	go run ./scripts/kill -n 20 --task sinusoid -- --models contrastive --episodes 60 --meta-batch 2
//	go run ./scripts/kill --full-disk -n 60
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/spf13/cobra"
)

func main() { cli.Main("kill", run) }

// options are the flags.
type options struct {
	n, jobs  int
	seed     uint64
	keep     string
	fullDisk bool
	unshared bool     // this process may mount
	task     string   // of eval, or empty
	more     []string // flags for it, or for train
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	cmd := &cobra.Command{
		Use: "kill [flags] [-- FLAGS-OF-THE-RUN]", Short: "kill a run at random moments, resume it, and compare what it leaves with an uninterrupted one",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, more []string) error {
			if o.more = more; o.fullDisk && !o.unshared {
				return unshare(ctx, args, stdout, stderr)
			}
			return o.run(ctx, stdout)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVarP(&o.n, "trials", "n", 200, "runs to make")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the moments")
	f.IntVar(&o.jobs, "jobs", 2, "runs at a time, each on one core")
	f.StringVar(&o.keep, "keep", "", "`folder` to work in, where the runs that failed are kept (default a temporary one)")
	f.StringVar(&o.task, "task", "", "`name` of a learning task of eval to kill alone (default language models and tasks in turn; with flags after --, language models alone)")
	f.BoolVar(&o.fullDisk, "full-disk", false, "fill disks instead of killing (Linux, where mounting is allowed)")
	f.BoolVar(&o.unshared, "unshared", false, "")
	if err := f.MarkHidden("unshared"); err != nil {
		return err
	}
	return cli.Execute(ctx, cmd, args, stdout, stderr)
}

func (o *options) run(ctx context.Context, stdout io.Writer) (err error) {
	if o.n < 1 || o.jobs < 1 {
		return cli.Usagef("-n %d --jobs %d: want at least 1 of both", o.n, o.jobs)
	}
	if o.fullDisk {
		if ok, err := mountable(stdout); !ok || err != nil {
			return err
		}
	}
	l, err := newLab(o.keep, chosen(o.task, o.more))
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(l.dir)
		}
	}()
	if err := l.build(ctx); err != nil {
		return err
	}
	for _, kind := range l.kinds {
		for _, m := range kind {
			if err := l.reference(ctx, m); err != nil {
				return fmt.Errorf("the uninterrupted run of %s: %w", m.name, err)
			}
			fmt.Fprintf(stdout, "An uninterrupted run of %s takes %.2f s\n", m.name, l.took[m.name].Seconds())
		}
	}
	trial := l.killed
	if o.fullDisk {
		trial = l.full
	}
	return o.trials(ctx, stdout, l, trial)
}

// trials runs all trials, some at a time, and sums up. A trial that goes well
// leaves nothing; the folder of one that does not is kept.
func (o *options) trials(ctx context.Context, stdout io.Writer, l *lab, trial func(context.Context, *trial) error) error {
	began := time.Now()
	var (
		mu     sync.Mutex
		group  sync.WaitGroup
		total  tally
		done   int
		failed []error
	)
	numbers := make(chan int)
	for range o.jobs {
		group.Go(func() {
			for i := range numbers {
				t := l.newTrial(i, o.n, o.seed)
				err := trial(ctx, t)
				if err == nil {
					err = os.RemoveAll(t.dir)
				} else {
					err = fmt.Errorf("trial %d: %w; kept in %s", i+1, err, t.dir)
				}
				mu.Lock()
				done++
				total.add(t.tally)
				if err != nil && ctx.Err() == nil {
					failed = append(failed, err)
					fmt.Fprintln(stdout, "FAILED:", err)
				} else if done%20 == 0 {
					fmt.Fprintf(stdout, "%d of %d, %s\n", done, o.n, total)
				}
				mu.Unlock()
			}
		})
	}
	for i := range o.n {
		if ctx.Err() != nil {
			break
		}
		numbers <- i
	}
	close(numbers)
	group.Wait()
	if ctx.Err() != nil {
		return &cli.ErrInterrupted{Message: fmt.Sprintf("Stopped after %d of %d; the folder is %s", done, o.n, l.dir)}
	}
	fmt.Fprintf(stdout, "%d of %d came to the bits of the uninterrupted run: %s, in %.0f s\n",
		o.n-len(failed), o.n, total, time.Since(began).Seconds())
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d trials failed, the first: %w", len(failed), o.n, failed[0])
	}
	return nil
}

// newLab makes the folder to work in, with the corpus in it.
func newLab(keep string, kinds [][]method) (*lab, error) {
	l := &lab{kinds: kinds, want: map[string]contents{}, took: map[string]time.Duration{}}
	var err error
	if keep == "" {
		l.dir, err = os.MkdirTemp("", "engram-kill")
	} else if err = os.Mkdir(keep, 0o777); errors.Is(err, os.ErrExist) {
		err = fmt.Errorf("--keep: %w; want a folder that is not there yet", err)
	}
	if err != nil {
		return nil, err
	}
	if keep != "" {
		if l.dir, err = filepath.Abs(keep); err != nil {
			return nil, err
		}
	}
	return l, writeCorpus(filepath.Join(l.dir, "corpus"))
}
