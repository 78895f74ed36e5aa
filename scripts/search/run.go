package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/runlock"
)

// launcher trains a job to its end, or until the context is cancelled. Trials run
// on this machine; a launcher that hands them to a cluster's queue takes its place.
type launcher interface {
	launch(ctx context.Context, j job, config string) error
}

// local runs train as a process of this machine.
type local struct{ root, train string }

func (l local) launch(ctx context.Context, j job, config string) error {
	dir := j.dir(l.root)
	args := []string{"--config", config, "--out", dir}
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
		args = []string{"--resume", dir}
	}
	log, err := os.OpenFile(filepath.Join(l.root, "logs", j.String()+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, l.train, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it saves, and ends
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		// A training that diverged has reported so, and counts.
		if _, reported := readScore(dir); !reported {
			return fmt.Errorf("%s: %w; see %s", j, err, log.Name())
		}
	}
	return nil
}

const sweepFile = "sweep.yaml"

// run goes through all the rounds of a sweep, as far as they have not been.
func run(ctx context.Context, file, dir string, parallel int, stdout io.Writer) error {
	s, text, err := readSweep(file)
	if err != nil {
		return err
	}
	if parallel != 0 {
		s.Parallel = parallel
	}
	if s.Parallel < 1 {
		return cli.Usagef("--parallel %d: want at least 1", s.Parallel)
	}
	if err := open(dir, s, text); err != nil {
		return err
	}
	lock, err := runlock.Acquire(dir)
	if err != nil {
		return err
	}
	train := filepath.Join(dir, "train")
	if err := build(ctx, train); err != nil {
		return errors.Join(err, lock.Release())
	}
	revision, err := builtFrom(train)
	if err == nil {
		fmt.Fprintf(stdout, "Sweep %s, trained by %s\n", dir, revision)
		err = errors.Join(runAll(ctx, s, dir, local{dir, train}, stdout), lock.Release())
	}
	if errors.Is(err, context.Canceled) {
		return &cli.ErrInterrupted{Message: "Stopped and saved. To go on: scripts/sweep run" + cli.Quoted([]string{file, "--out", dir})}
	}
	return err
}

// open makes the sweep's folder, or holds the sweep against the one that it has.
func open(dir string, s *sweep, text []byte) error {
	copied := filepath.Join(dir, sweepFile)
	was, _, err := readSweep(copied)
	if err == nil {
		was.Parallel = s.Parallel
		if !reflect.DeepEqual(was, s) {
			return cli.Usagef("--out %s: holds another sweep: want the file as it is in %s (parallel may change), or another folder", dir, copied)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{"trials", "logs", "configs"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			return err
		}
	}
	return atomicfile.WriteBytes(copied, text)
}

// runAll keeps as many jobs running as the sweep asks for until none is left. A
// job that fails takes no other with it; its error comes at the end.
func runAll(ctx context.Context, s *sweep, dir string, l launcher, stdout io.Writer) error {
	type end struct {
		job job
		err error
	}
	ends, running := make(chan end), map[string]bool{}
	var failed error
	tried := map[string]bool{}
	for {
		st, err := readState(s, dir)
		if err != nil {
			failed, ctx = errors.Join(failed, err), cancelled(ctx)
		}
		if ctx.Err() == nil {
			for _, j := range st.jobs() {
				if len(running) >= s.Parallel || tried[j.String()] {
					continue
				}
				config, err := configure(s, j, dir)
				if err != nil {
					return errors.Join(failed, err)
				}
				running[j.String()], tried[j.String()] = true, true
				go func() { ends <- end{j, l.launch(ctx, j, config)} }()
			}
		}
		if len(running) == 0 {
			return errors.Join(failed, ctx.Err())
		}
		e := <-ends
		delete(running, e.job.String())
		switch {
		case e.err == nil:
			ppl, _ := readScore(e.job.dir(dir))
			fmt.Fprintf(stdout, "%-24s valid ppl %.2f\n", e.job, ppl)
		case !errors.Is(e.err, context.Canceled):
			failed = errors.Join(failed, e.err)
		}
	}
}

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// configure writes what a job trains with.
func configure(s *sweep, j job, dir string) (path string, err error) {
	r, err := s.recipe(j.arm, j.trial, j.round)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "configs", j.String()+".yaml")
	return path, atomicfile.WriteBytes(path, r.Fields().YAML())
}

// readState looks at what has finished.
func readState(s *sweep, dir string) (*state, error) {
	st := &state{s, map[string]float64{}}
	entries, err := os.ReadDir(filepath.Join(dir, "trials"))
	if err != nil {
		return st, err
	}
	for _, e := range entries {
		if ppl, ok := readScore(filepath.Join(dir, "trials", e.Name())); ok {
			st.scores[e.Name()] = ppl
		}
	}
	return st, nil
}
