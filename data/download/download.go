// Package download puts the registry's data sets in place: from their
// publishers or from a mirror, verified, and all or nothing. A set is staged in
// a hidden folder beside its target and renamed when every file is the one the
// registry knows; whatever fails, nothing of it stays behind.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/atomicdir"
)

// Options of Fetch.
type Options struct {
	// To is the folder of all sets; empty is registry.DefaultDir.
	To string
	// From is a mirror, a folder or an http(s) address, that has a set's files
	// as NAME/FILE; empty fetches them from their publishers.
	From string
	// Log is told what happens, a line at a time; nil is silent.
	Log func(line string)
	// Progress is called when a file begins and returns where to count its
	// bytes; size is -1 where it is not known. Close ends the file. Nil shows nothing.
	Progress func(file string, size int64) io.WriteCloser
	// Client makes the requests; nil is a client with time-outs that follows a
	// few redirections.
	Client *http.Client
	// Wait is the pause before the second try of a request, doubled before each
	// further one; 0 is a second.
	Wait time.Duration
	// Patience is how long 64 KiB may take to come, or what is left of a file;
	// 0 is a minute. A server that is slower is given up, and tried again.
	Patience time.Duration
}

// UsageError says that the caller asked for what cannot be, as opposed to a
// network or a disk that failed.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

// stageSuffix ends the names of the staging folders, .NAME + stageSuffix + number.
const stageSuffix = ".engram-fetch-"

// staleAge is after how long a staging folder belongs to nobody.
const staleAge = 24 * time.Hour

// Fetch puts a set in place under opts.To. A set that is there and unaltered is
// left alone without touching the network; one that is damaged or incomplete is
// fetched again. Errors are a *UsageError, a *registry.ChecksumError, an
// *ArchiveError, or those of the network and the disk.
func Fetch(ctx context.Context, set registry.Set, opts Options) (err error) {
	opts = opts.withDefaults()
	defer opts.Client.CloseIdleConnections()
	target := filepath.Join(opts.To, set.Name)
	state := set.Verify(target)
	if state == nil {
		opts.Log(fmt.Sprintf("%s: there already, verified: %s", set.Name, target))
		return nil
	}
	if err := replaceable(set, target); err != nil {
		return err
	}
	if !errors.Is(state, fs.ErrNotExist) {
		opts.Log(fmt.Sprintf("%s: damaged (%v), fetching it again", set.Name, state))
	}
	src, err := newOrigin(set, opts)
	if err != nil {
		return err
	}
	made, err := mkdirAll(opts.To)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	sweep(opts.To)
	stage, err := os.MkdirTemp(opts.To, "."+set.Name+stageSuffix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	whole := filepath.Join(stage, "set")
	if err := os.Mkdir(whole, 0o777); err != nil {
		return err
	}
	for _, s := range set.Sources {
		if err := src.place(ctx, s, stage, whole); err != nil {
			return fmt.Errorf("%s: %w", set.Name, err)
		}
	}
	if err := set.Verify(whole); err != nil {
		return fmt.Errorf("%s: %w", set.Name, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := install(whole, target, filepath.Join(stage, "old")); err != nil {
		return err
	}
	opts.Log(fmt.Sprintf("%s: %s, verified by %s: %s", set.Name, count(len(set.Installed())), algorithms(set), target))
	return nil
}

func (o Options) withDefaults() Options {
	if o.To == "" {
		o.To = registry.DefaultDir
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string, int64) io.WriteCloser { return silent{io.Discard} }
	}
	if o.Client == nil {
		o.Client = newClient()
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	return o
}

type silent struct{ io.Writer }

func (silent) Close() error { return nil }

// replaceable refuses a target that holds what is not of the set, because
// replacing it would delete that.
func replaceable(set registry.Set, target string) error {
	entries, err := os.ReadDir(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	installed := set.Installed()
	for _, e := range entries {
		if _, ok := installed[e.Name()]; !ok {
			return fmt.Errorf("%s is not whole, and holds %s, which is not of the set %s: move that away, and run this again", target, e.Name(), set.Name)
		}
	}
	return nil
}

// install renames whole to target. A target that is there is moved aside first
// and back again if the second rename fails.
func install(whole, target, aside string) error {
	if err := syncTree(whole); err != nil {
		return err
	}
	moved := false
	switch err := os.Rename(target, aside); {
	case err == nil:
		moved = true
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.Rename(whole, target); err != nil {
		if moved {
			err = errors.Join(err, os.Rename(aside, target))
		}
		return err
	}
	return atomicdir.OS.SyncDir(filepath.Dir(target))
}

// syncTree syncs the folders of a tree; their files were synced when written.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return atomicdir.OS.SyncDir(path)
	})
}

// mkdirAll makes dir and its parents and returns those it made, the deepest first.
func mkdirAll(dir string) (made []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	return made, os.MkdirAll(dir, 0o777)
}

// removeEmpty removes folders that were made for nothing; one that holds
// something by now stays.
func removeEmpty(dirs []string) {
	for _, d := range dirs {
		os.Remove(d)
	}
}

// sweep removes staging folders that killed programs left; it is best effort.
func sweep(dir string) {
	stages, err := filepath.Glob(filepath.Join(dir, ".*"+stageSuffix+"*"))
	if err != nil {
		return
	}
	for _, stage := range stages {
		if info, err := os.Stat(stage); err == nil && info.IsDir() && time.Since(info.ModTime()) > staleAge {
			os.RemoveAll(stage)
		}
	}
}

func count(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// algorithms names what the sources of a set are verified by; it says so where
// that is only the publisher's MD5.
func algorithms(set registry.Set) string {
	md5 := func(s registry.Source) bool { return s.SHA256 == "" }
	if !slices.ContainsFunc(set.Sources, md5) {
		return "SHA-256"
	}
	var names []string
	for _, s := range set.Sources {
		if md5(s) {
			names = append(names, s.Name)
		}
	}
	return "SHA-256 (" + strings.Join(names, ", ") + ": the publisher's MD5, the only sum known)"
}
