// Package atomicfile replaces single files so that a reader, after whatever
// crash and beside whatever other writer, finds the old content or the new,
// never a part: write beside the target, sync, rename, sync the folder.
//
// github.com/google/renameio does the same, but does not build on Windows and
// does not sync the folder. Folders of files that belong together are
// internal/atomicdir's.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/atomicdir"
)

// partMark is in the name of every unfinished file: .NAME.engram-part-NUMBER.
const partMark = ".engram-part-"

// Write puts what write writes at path, whose folder must exist. After an error
// the file that was there before is still there, and nothing else is; only if the
// last sync, that of the folder, failed, it is the new one. Any number of
// processes may write the same path; the last one wins.
func Write(path string, write func(io.Writer) error) error {
	return WriteTo(atomicdir.OS, path, write)
}

// WriteBytes puts b at path, as Write does.
func WriteBytes(path string, b []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// WriteTo is Write on a file system, which a test may let fail.
func WriteTo(fsys atomicdir.FS, path string, write func(io.Writer) error) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	// No two writers come to the same name, and a chance of 2^-64 is an error.
	part := filepath.Join(dir, fmt.Sprintf(".%s%s%d", name, partMark, rand.Uint64()))
	err := atomicdir.WriteFile(fsys, part, write)
	if err == nil {
		err = fsys.Rename(part, path)
	}
	if err != nil {
		fsys.RemoveAll(part) // best effort: what cannot be removed now is swept later
		return named(err, part, path)
	}
	return fsys.SyncDir(dir)
}

// named lets an error speak of the file that is written instead of its part,
// which is gone.
func named(err error, part, path string) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == part {
		return &fs.PathError{Op: e.Op, Path: path, Err: e.Err}
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok && e.Old == part {
		return &fs.PathError{Op: e.Op, Path: path, Err: e.Err}
	}
	return err
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
