// Package atomicfile replaces single files so that a reader, after whatever
// crash and beside whatever other writer, finds the old content or the new,
// never a part: write beside the target, sync, rename, sync the folder.
//
// github.com/google/renameio does the same, but does not build on Windows and
// does not sync the folder. Folders of files that belong together are
// internal/atomicdir's.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/atomicdir"
)

// partMark is in the name of every unfinished file: .NAME.engram-part-NUMBER.
const partMark = ".engram-part-"

// Write puts what write writes at path, whose folder must exist. After an error
// the file that was there before is still there, and nothing else is. Any
// number of processes may write the same path; the last one wins.
func Write(path string, write func(io.Writer) error) (err error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+name+partMark+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// Best effort: what cannot be removed now is swept later.
			f.Close()
			os.Remove(f.Name())
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err = write(buffered); err != nil {
		return err
	}
	if err = buffered.Flush(); err != nil {
		return err
	}
	// CreateTemp makes files that only their owner can read.
	if err = f.Chmod(0o644); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return atomicdir.OS.SyncDir(dir)
}

// Sweep removes what killed writers left in dir: unfinished files untouched for
// longer than any writer works. A missing folder has nothing to sweep.
func Sweep(dir string, age time.Duration) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.Contains(e.Name(), partMark) {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < age {
			continue // gone meanwhile, or somebody's work in progress
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
