package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/runlock"
)

// tally counts what a trial met: how often it was killed, and where.
type tally struct {
	kills, unborn, early, inSave, late, fills int
}

func (t *tally) add(u tally) {
	t.kills += u.kills
	t.unborn += u.unborn
	t.early += u.early
	t.inSave += u.inSave
	t.late += u.late
	t.fills += u.fills
}

func (t tally) String() string {
	if t.fills > 0 {
		return fmt.Sprintf("stopped %s by a full disk (%d before the run's folder stood, %d before a checkpoint, %d with all trained)",
			progress.Count(t.fills, "time"), t.unborn, t.early, t.late)
	}
	return fmt.Sprintf("killed %s (%d before the run's folder stood, %d before a checkpoint, %d amid a save, %d with all trained)",
		progress.Count(t.kills, "time"), t.unborn, t.early, t.inSave, t.late)
}

// maxKills is how often a run is killed at most before it may end.
const maxKills = 5

// killed is a trial: killed once at least, every second time once more.
func (l *lab) killed(ctx context.Context, t *trial) error {
	if err := os.MkdirAll(filepath.Join(t.dir, disk), 0o777); err != nil {
		return err
	}
	for t.kills == 0 || t.kills < maxKills && t.random.IntN(2) == 0 {
		// Any moment of a whole run, start and report included.
		moment := time.Duration(t.random.Float64() * float64(l.took[t.method.name]))
		// A save is short and would be met rarely: every other kill waits for the next.
		amid := t.random.IntN(2) == 0
		dead, err := kill(l.next(ctx, t), func(ended <-chan struct{}) {
			wait(moment, ended)
			for amid && !t.saving() && !closed(ended) {
				time.Sleep(50 * time.Microsecond)
			}
		})
		if err != nil {
			return fmt.Errorf("after %s: %w", progress.Count(t.kills, "kill"), err)
		}
		if dead {
			t.count()
			continue
		}
		if t.kills > 0 {
			break // it came to its end before its moment
		}
		// One that was not killed at all says nothing: once more, from nothing.
		if err := errors.Join(os.RemoveAll(t.dir), os.MkdirAll(filepath.Join(t.dir, disk), 0o777)); err != nil {
			return err
		}
	}
	if err := l.end(ctx, t); err != nil {
		return fmt.Errorf("%s, killed %s: %w", t.method.name, progress.Count(t.kills, "time"), err)
	}
	return nil
}

// kill starts a command, lets until wait for the moment, or for the command's
// end, and kills it. What ends before that must end well; neither may have
// anything to say.
func kill(c *exec.Cmd, until func(ended <-chan struct{})) (dead bool, err error) {
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		return false, err
	}
	ended := make(chan struct{})
	go func() {
		err = c.Wait()
		close(ended)
	}()
	until(ended)
	killErr := c.Process.Kill()
	<-ended
	if said.Len() > 0 {
		return false, fmt.Errorf("the run said %s", oneLine(said.String()))
	}
	// What fails by itself says why, so it was the kill.
	if _, failed := errors.AsType[*exec.ExitError](err); failed && killErr == nil {
		return true, nil
	}
	return false, err
}

// wait waits, but not beyond the end.
func wait(d time.Duration, ended <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ended:
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// saving reports whether something unfinished is to be seen: hidden as it is, and not
// the run's lock, which is there all the time.
func (t *trial) saving() bool {
	for _, pattern := range []string{"", "run", "run/*", "run/*/checkpoints"} {
		found, err := filepath.Glob(filepath.Join(t.dir, disk, filepath.FromSlash(pattern), ".*"))
		if err == nil && slices.ContainsFunc(found, func(path string) bool { return filepath.Base(path) != runlock.File }) {
			return true
		}
	}
	return false
}

// count notes where the kill has met the run.
func (t *trial) count() {
	t.kills++
	if t.saving() {
		t.inSave++
	}
	t.place()
}

// place notes how far the run has come.
func (t *trial) place() {
	checkpoints, results := 0, 0
	// An error leaves the counts low, and nothing but the summary depends on them.
	_ = filepath.WalkDir(filepath.Join(t.dir, runFolder), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if strings.HasPrefix(e.Name(), "step-") {
			checkpoints++
		}
		if e.Name() == "result.json" {
			results++
		}
		return nil
	})
	switch {
	case !t.exists(runFolder):
		t.unborn++
	case checkpoints == 0:
		t.early++
	case results == t.trainings:
		t.late++
	}
}
