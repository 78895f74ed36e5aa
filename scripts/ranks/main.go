// Command ranks shows that an evolution on several processes is the same run as on
// one, and survives their deaths. It builds eval with -tags mpi, lets a small
// evolution run to its end in one process, and then again: on one, two and three
// ranks in turn, each time killed (SIGKILL) at a random generation, sometimes all
// processes at once and sometimes a single rank, and resumed on the next number of
// ranks. What is left must be what the first run left, byte for byte, but for the
// times; and where a single rank was killed the run must have ended with a line that
// names it.
//
//	go run ./scripts/ranks -n 50
//
// It needs Open MPI (on Debian: apt-get install openmpi-bin libopenmpi-dev), cgo and
// Linux, whose /proc it finds the processes in.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/rng"
)

func main() { cli.Main("ranks", run) }

// lab is where the runs are.
type lab struct {
	dir, eval   string
	kills       int
	seed        uint64
	generations int
	moments     *rng.Stream
	log         io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	l := &lab{log: stdout}
	c := &cobra.Command{
		Use: "ranks", Short: "kill an evolution on several ranks at random moments, resume it on others, and compare",
		RunE: func(*cobra.Command, []string) error { return l.run(ctx) },
	}
	c.Flags().IntVarP(&l.kills, "kills", "n", 50, "times to kill")
	c.Flags().Uint64Var(&l.seed, "seed", 1, "seed of the moments")
	c.Flags().IntVar(&l.generations, "generations", 150, "of a run")
	return cli.Execute(ctx, c, args, stdout, stderr)
}

func (l *lab) run(ctx context.Context) (err error) {
	if _, err := exec.LookPath("mpirun"); err != nil {
		return fmt.Errorf("%w; want Open MPI (Debian: apt-get install openmpi-bin libopenmpi-dev)", err)
	}
	if l.dir, err = os.MkdirTemp("", "ranks"); err != nil {
		return err
	}
	defer os.RemoveAll(l.dir)
	l.eval, l.moments = filepath.Join(l.dir, "eval"), rng.New(l.seed, "moments")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "mpi", "-o", l.eval, "./eval")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build -tags mpi: %w: %s", err, out)
	}
	whole := filepath.Join(l.dir, "whole")
	if out, err := l.command(ctx, 1, whole, false).CombinedOutput(); err != nil {
		return fmt.Errorf("the uninterrupted run: %w: %s", err, out)
	}
	want, err := product(whole)
	if err != nil {
		return err
	}
	for killed, runs := 0, 0; killed < l.kills; runs++ {
		dir := filepath.Join(l.dir, fmt.Sprintf("run%d", runs))
		n, err := l.trial(ctx, dir, min(l.kills-killed, 25))
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("a run ended before it could be killed; want more --generations")
		}
		killed += n
		got, err := product(dir)
		if err != nil {
			return err
		}
		if len(want) == 0 || len(got) != len(want) {
			return fmt.Errorf("%d files after %d kills, want %d", len(got), n, len(want))
		}
		for name, b := range want {
			if !bytes.Equal(got[name], b) {
				return fmt.Errorf("%s is not what the uninterrupted run left, after %d kills", name, n)
			}
		}
		fmt.Fprintf(l.log, "run %d: killed %d times, the same bits in %d files (%d kills of %d)\n", runs+1, n, len(got), killed, l.kills)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// command is a run, or the resumption of one, on so many ranks.
func (l *lab) command(ctx context.Context, ranks int, dir string, resume bool) *exec.Cmd {
	args := []string{l.eval, "evolve", "--quiet", "--threads", "1"}
	if resume {
		args = append(args, "--resume", dir)
	} else {
		args = append(args, "--out", dir, "--models", "decomposed,rnn", "--hidden", "6", "--population", "10", "--mazes", "2",
			"--episodes", strconv.Itoa(l.generations), "--checkpoint-every", "2", "--validate-every", "20", "--validation-mazes", "16", "--test-episodes", "32")
	}
	if ranks > 1 {
		args = append([]string{"mpirun", "--allow-run-as-root", "--oversubscribe", "-n", strconv.Itoa(ranks)}, append(args, "--ranks", strconv.Itoa(ranks))...)
	}
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.WaitDelay = 10 * time.Second
	return c
}

// trial lets a run go to its end, killed at most so many times, and returns how
// often it was.
func (l *lab) trial(ctx context.Context, dir string, most int) (killed int, err error) {
	for leg := 0; ; leg++ {
		if err := ctx.Err(); err != nil {
			return killed, err
		}
		ranks := leg%3 + 1
		_, err := os.Stat(filepath.Join(dir, "run.json"))
		c := l.command(ctx, ranks, dir, err == nil)
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		if err := c.Start(); err != nil {
			return killed, err
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		goal := generation(dir) + 1 + l.moments.IntN(l.generations/8)
		victim := l.moments.IntN(2*ranks) - ranks // negative: all
		for killed == most || generation(dir) < goal {
			select {
			case err := <-ended:
				if err != nil {
					return killed, fmt.Errorf("leg %d on %d ranks: %w: %s", leg, ranks, err, said.String())
				}
				return killed, nil
			case <-time.After(5 * time.Millisecond):
			}
		}
		time.Sleep(time.Duration(l.moments.IntN(20)) * time.Millisecond)
		victims, err := l.processes(c.Process.Pid, ranks, victim)
		if err != nil {
			return killed, err
		}
		for _, p := range victims {
			p.Kill() // it may have ended by itself
		}
		if err := <-ended; err == nil {
			return killed, nil // it was at its end
		}
		killed++
		if line := fmt.Sprintf("process rank %d with PID", victim); victim >= 0 && ranks > 1 && len(victims) == 1 && !strings.Contains(said.String(), line) {
			return killed, fmt.Errorf("leg %d: rank %d of %d was killed, and no line names it: %s", leg, victim, ranks, said.String())
		}
	}
}

// generation is how far the trainings of a run have come, in all, by their newest
// checkpoints.
func generation(dir string) (sum int) {
	paths, err := filepath.Glob(filepath.Join(dir, "*/checkpoints/step-*"))
	if err != nil {
		return 0
	}
	newest := map[string]int{}
	for _, path := range paths {
		if n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "step-")); err == nil {
			newest[filepath.Dir(path)] = max(newest[filepath.Dir(path)], n)
		}
	}
	for _, n := range newest {
		sum += n
	}
	return sum
}

// processes are those to kill: the launcher and all ranks, or rank victim alone if
// it has begun.
func (l *lab) processes(launcher, ranks, victim int) (all []*os.Process, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	add := func(pid int) {
		if p, err := os.FindProcess(pid); err == nil {
			all = append(all, p)
		}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		if err != nil || exe != l.eval {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if victim < 0 || ranks == 1 || err == nil && bytes.Contains(append([]byte{0}, env...), fmt.Appendf(nil, "\x00OMPI_COMM_WORLD_RANK=%d\x00", victim)) {
			add(pid)
		}
	}
	if victim < 0 || len(all) == 0 {
		add(launcher)
	}
	return all, nil
}

// times are the numbers that no two runs have in common.
var times = regexp.MustCompile(`"(seconds|episodes_per_s)": ?[^,}\n]*`)

// product is what the trainings of a run have made, without times.
func product(dir string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, pattern := range []string{"metrics.jsonl", "*/result.json", "*/genotype/*", "*/checkpoints/*/tensors.safetensors"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return nil, err
			}
			all[name] = times.ReplaceAll(b, []byte(`"$1":0`))
		}
	}
	return all, nil
}
