// Package atomicdir writes a folder of files so that whoever opens it, after
// whatever crash, finds all of it or nothing new: the files are staged in a
// folder beside the target, each is synced, the stage is synced, one rename puts
// it in place, and the parent is synced.
//
// A folder that is there already is replaced by exchanging the two, so that a
// whole one stands under the name at every moment. Where the system cannot
// exchange (anything but Linux), the old folder is moved aside first, and Sweep
// moves it back if the program dies between the two renames.
//
// One process at a time may write a given folder; a run's lock sees to that.
package atomicdir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Leftovers of a killed writer of the folder X are called .X followed by one of these.
const (
	stagedSuffix = ".engram-new"
	asideSuffix  = ".engram-old"
)

// Content is one file of the folder. Write is called once, after the files
// before it were written and synced.
type Content struct {
	Name  string
	Write func(io.Writer) error
}

// Bytes is a file that holds b.
func Bytes(name string, b []byte) Content {
	return Content{name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}}
}

// Write puts a folder with exactly these files at dir, whose parent must exist.
// After an error a whole folder stands there still: the one from before, or the
// new one if only the last sync or the removal of the old one failed.
func Write(fsys FS, dir string, files []Content) error {
	dir = filepath.Clean(dir)
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s: is a file; want a folder, or nothing, in its place", dir)
	}
	if err := sweep(fsys, dir); err != nil {
		return err
	}
	staged := hidden(dir, stagedSuffix)
	if err := stage(fsys, staged, files); err != nil {
		fsys.RemoveAll(staged) // best effort: the next writer sweeps what stays
		return err
	}
	old, err := replace(fsys, staged, dir)
	if err != nil {
		fsys.RemoveAll(staged)
		return err
	}
	// The old folder goes only when the new name is durable: a crash in between
	// must not find the old name with nothing in it.
	if err := fsys.SyncDir(filepath.Dir(dir)); err != nil || old == "" {
		return err
	}
	return fsys.RemoveAll(old)
}

func stage(fsys FS, staged string, files []Content) error {
	if err := fsys.Mkdir(staged); err != nil {
		return err
	}
	for _, f := range files {
		if err := WriteFile(fsys, filepath.Join(staged, f.Name), f.Write); err != nil {
			return err
		}
	}
	return fsys.SyncDir(staged)
}

// WriteFile makes the file path, which must not exist, and forces what write
// writes to the disk. After an error part of it may stand there.
func WriteFile(fsys FS, path string, write func(io.Writer) error) error {
	f, err := fsys.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(whole{f}, 1<<16)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == io.ErrShortWrite { // the one error of writing that names no file
		err = &fs.PathError{Op: "write", Path: path, Err: err}
	}
	if err == nil {
		err = f.Sync()
	}
	// The close is what some file systems report a failed write with, so its
	// error counts; after another error that one is the cause.
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// whole makes an error of a write that is short without one. bufio does so for what
// it has buffered, but goes on after a short write of more than its buffer.
type whole struct{ io.Writer }

func (w whole) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}

// replace puts staged in the place of dir and returns where the folder that was
// there before is now; empty if there was none.
func replace(fsys FS, staged, dir string) (old string, err error) {
	if !exists(dir) {
		return "", fsys.Rename(staged, dir)
	}
	if err = fsys.Exchange(staged, dir); err == nil {
		return staged, nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return "", err
	}
	aside := hidden(dir, asideSuffix)
	if err = fsys.Rename(dir, aside); err != nil {
		return "", err
	}
	if err = fsys.Rename(staged, dir); err != nil {
		// Should the way back fail too, the next sweep takes it.
		return "", errors.Join(err, fsys.Rename(aside, dir))
	}
	return aside, nil
}

// Remove deletes the folder dir; killed halfway, it leaves something to be
// swept under another name, never part of a folder under its own.
func Remove(fsys FS, dir string) error {
	if err := sweep(fsys, dir); err != nil {
		return err
	}
	staged := hidden(dir, stagedSuffix)
	if err := fsys.Rename(dir, staged); err != nil {
		return err
	}
	return fsys.RemoveAll(staged)
}

// Sweep clears parent of what killed writers left in it, and moves back a folder
// that one had moved aside. A missing parent has nothing to sweep. Nobody may be
// writing a folder of parent meanwhile.
func Sweep(fsys FS, parent string) error {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		for _, suffix := range []string{stagedSuffix, asideSuffix} {
			name, ok := strings.CutSuffix(e.Name(), suffix)
			if !ok || len(name) < 2 || name[0] != '.' || !e.IsDir() {
				continue
			}
			if err := sweep(fsys, filepath.Join(parent, name[1:])); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweep clears what a killed writer of dir left.
func sweep(fsys FS, dir string) error {
	staged, aside := hidden(dir, stagedSuffix), hidden(dir, asideSuffix)
	if exists(aside) && !exists(dir) {
		if err := fsys.Rename(aside, dir); err != nil {
			return err
		}
	}
	for _, path := range []string{staged, aside} {
		if exists(path) {
			if err := fsys.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func hidden(dir, suffix string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+suffix)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
