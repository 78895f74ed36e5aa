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
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/modeldir"
)

// unshare runs this command once more where it may mount: in a mount namespace
// of its own, which takes its mounts with it when it ends, and unless it is root
// in a user namespace of its own too. Where that is not allowed it says so.
func unshare(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The flag goes first: after -- it would be train's.
	c := exec.CommandContext(ctx, self, append([]string{"--unshared"}, args...)...)
	c.Stdout, c.Stderr = stdout, stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Geteuid(); uid != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	if err := c.Start(); err != nil {
		notRun(stdout, err)
		return nil
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("--full-disk: %w", err)
	}
	return nil
}

func notRun(stdout io.Writer, err error) {
	fmt.Fprintf(stdout, "NOT RUN: --full-disk mounts file systems of memory, which is not allowed here: %v\n", err)
}

// mountable tries to mount, and says so where that is not allowed.
func mountable(stdout io.Writer) (bool, error) {
	dir, err := os.MkdirTemp("", "engram-mount")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	// What is mounted here is nobody else's to see.
	err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = limits{pages: 1, inodes: 10}.mount(dir, 0)
	}
	if err != nil {
		notRun(stdout, err)
		return false, nil
	}
	return true, unix.Unmount(dir, 0)
}

// limits are how much fits on a file system.
type limits struct{ pages, inodes int }

const pageSize = 4096

// ample is more than any run here needs.
var ample = limits{pages: 1 << 14, inodes: 1 << 14}

func (l limits) mount(dir string, flags uintptr) error {
	return unix.Mount("tmpfs", dir, "tmpfs", flags, fmt.Sprintf("size=%d,nr_inodes=%d", l.pages*pageSize, l.inodes))
}

// used is what the files under dir take, dir itself included.
func used(dir string) (l limits, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && !e.IsDir() {
			l.pages += int(info.Size()+pageSize-1) / pageSize
		}
		l.inodes++
		return err
	})
	return l, err
}

// full is a trial on a disk that is too small: in every second trial for the
// bytes, in the others for the files. The sizes go from nothing to a little
// more than a run leaves, in squares, for a run begins with its smallest files. On a full disk the run fails, and once more when
// it goes on; a little more room takes it a little further; with room for all of
// it, it must come to its end as if nothing had been.
func (l *lab) full(ctx context.Context, t *trial) error {
	needs, err := used(filepath.Join(l.dir, "reference-"+t.method.name+"-1", disk))
	if err != nil {
		return err
	}
	at, room := filepath.Join(t.dir, disk), ample
	share := float64(t.number+1) / float64(t.of)
	share *= 1.1 * share
	grow := func(by float64) {
		if t.number%2 == 0 {
			room.pages = max(1, int(by*share*float64(needs.pages)))
		} else {
			room.inodes = max(2, int(by*share*float64(needs.inodes)))
		}
	}
	if err := os.MkdirAll(at, 0o777); err != nil {
		return err
	}
	grow(1)
	if err := room.mount(at, 0); err != nil {
		return err
	}
	// At once or, where the system still has a file of an ended process open, when it lets
	// go of it; with this process at the latest.
	defer unix.Unmount(at, unix.MNT_DETACH)
	newest := -1
	for i, by := range []float64{1, 1, 1.15} {
		if grow(by); i > 0 {
			if err := room.mount(at, unix.MS_REMOUNT); err != nil {
				return err
			}
		}
		said, err := finish(l.next(ctx, t))
		if err != nil {
			err = t.stopped(said, err)
		} else if said != "" {
			err = errors.New(said)
		} else {
			break
		}
		if err == nil {
			newest, err = t.whole(newest)
		}
		if err != nil {
			return fmt.Errorf("%s on %d pages and %d files, %d of 3: %w", t.method.name, room.pages, room.inodes, i+1, err)
		}
	}
	if err := ample.mount(at, unix.MS_REMOUNT); err != nil {
		return err
	}
	if err := l.end(ctx, t); err != nil {
		return fmt.Errorf("%s on %d pages and %d files: %w", t.method.name, room.pages, room.inodes, err)
	}
	return nil
}

// stopped checks that a run ended because the disk is full and said so in one
// line that names a file.
func (t *trial) stopped(said string, err error) error {
	exit, exited := errors.AsType[*exec.ExitError](err)
	if !exited || exit.ExitCode() != 1 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, t.method.program()+": ") ||
		!strings.Contains(said, "no space left on device") || !strings.Contains(said, disk+"/") {
		return fmt.Errorf("%w and %q; want exit status 1 and one line that names what had no space left on the device", err, said)
	}
	t.fills++
	t.place()
	return nil
}

// whole checks that everything that stands under its own name can be read, and
// that no checkpoint is gone without a newer one; it returns the newest step.
func (t *trial) whole(before int) (newest int, err error) {
	newest = -1
	if left, err := os.ReadDir(filepath.Join(t.dir, disk)); err != nil || len(left) > 0 && !t.exists(runFolder) {
		return 0, fmt.Errorf("there is no run, but %v is left, %w", left, err)
	}
	jobs, err := filepath.Glob(filepath.Join(t.dir, runFolder, "*-seed*"))
	if err != nil {
		return 0, err
	}
	for i, job := range jobs {
		for _, name := range []string{"last", "best"} {
			if _, err := modeldir.Load(filepath.Join(job, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return 0, err
			}
		}
		steps, err := filepath.Glob(filepath.Join(job, "checkpoints", "step-*"))
		if err != nil {
			return 0, err
		}
		for _, step := range steps {
			s, err := checkpoint.Read(step)
			if err != nil {
				return 0, err
			}
			newest = max(newest, s.Step+i*1e6)
		}
	}
	if newest < before {
		return 0, fmt.Errorf("the newest checkpoint is of step %d; %d was there before", newest, before)
	}
	return newest, nil
}
