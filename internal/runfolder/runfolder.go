// Package runfolder makes the folder of a run, whole with what the run is started
// from or not at all.
package runfolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/cli"
)

// Record is the file that says what a run was started as; a folder with it in it
// is a run's.
const Record = "run.json"

// Unused returns the first of runs/NAME-1, runs/NAME-2, ... that is not there.
func Unused(name string) string {
	for n := 1; ; n++ {
		dir := filepath.Join("runs", fmt.Sprintf("%s-%d", name, n))
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return dir
		}
	}
}

// Create makes the folder dir, which must be missing or empty. What is to be in it
// is written by stage into a folder beside it that does not exist yet and takes
// its place at the end. Errors speak of dir as the value of --out.
func Create(dir string, stage func(dir string) error) error {
	dir = filepath.Clean(dir) // the parent of new/ is that of new
	target := dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		target = real
	}
	if entries, err := os.ReadDir(target); err == nil && len(entries) > 0 {
		if _, err := os.Lstat(filepath.Join(target, Record)); err == nil {
			return cli.Usagef("--out: %s holds a run: want a new folder, or --resume %s to go on with it", dir, dir)
		}
		return cli.Usagef("--out: %s is not empty: want a new or an empty folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--out: %w; want a new or an empty folder", err)
	}
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := sweepStages(target); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	staged := filepath.Join(parent, stagePrefix(target)+strconv.Itoa(os.Getpid()))
	if err := stage(staged); err != nil {
		return errors.Join(err, os.RemoveAll(staged))
	}
	// An empty folder makes way; one that another process has filled meanwhile
	// stays, and the rename fails.
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("--out: %w; want a new folder", err), os.RemoveAll(staged))
	}
	if err := os.Rename(staged, target); err != nil {
		return errors.Join(fmt.Errorf("--out: %w", err), os.RemoveAll(staged))
	}
	return atomicdir.OS.SyncDir(parent)
}
