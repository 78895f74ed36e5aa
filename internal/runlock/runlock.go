// Package runlock keeps two processes from working in the same run folder: the
// second would write over the first one's checkpoints and metrics.
package runlock

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// File is the file in a run folder that its process holds a lock on. The system
// drops the lock of a process that dies, so a file that is left locks nobody out.
const File = ".lock"

// A Lock is held until Release.
type Lock struct{ held *flock.Flock }

// HeldError says that another process works in the folder.
type HeldError struct {
	Dir     string
	Process string // its number; empty if that is not known
}

func (e *HeldError) Error() string {
	by := "another process"
	if e.Process != "" {
		by += " (" + e.Process + ")"
	}
	return fmt.Sprintf("%s: %s is at work in this folder: wait for its end, or stop it first", e.Dir, by)
}

// Acquire locks a run folder, or returns a *HeldError.
func Acquire(dir string) (*Lock, error) {
	path := filepath.Join(dir, File)
	for {
		l := flock.New(path, flock.SetPermissions(0o666))
		ok, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("locking the run folder: %w", err)
		}
		if !ok {
			process, _ := os.ReadFile(path) // best effort: some systems let nobody read a locked file
			return nil, &HeldError{dir, strings.TrimSpace(string(process))}
		}
		if current(l, path) {
			// A help to the reader, no part of the lock: it may fail.
			_ = os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o666)
			return &Lock{l}, nil
		}
		// The process before removed this very file between its opening and its
		// locking here: what is locked is nobody's.
		if err := l.Unlock(); err != nil {
			return nil, err
		}
	}
}

// current reports whether path still names the file that is locked.
func current(l *flock.Flock, path string) bool {
	mine, err := l.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// Release removes the file, where the system lets it go while it is open, and
// drops the lock. Of no lock at all there is nothing to release.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	_ = os.Remove(l.held.Path())
	return l.held.Unlock()
}
