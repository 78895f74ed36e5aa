// Package faultfs is a file system that fails where a test wants it to: with no
// space left, an I/O error or a short write, at the n-th operation that saving a
// file or a folder makes, or the n-th of one kind.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"syscall"

	"github.com/engram-lm/engram/internal/atomicdir"
)

// Op is a kind of operation.
type Op string

// The operations, in the order in which a save comes to them. Rename stands for
// the exchange of two folders too.
const (
	Any    Op = ""
	Mkdir  Op = "mkdir"
	Create Op = "create"
	Write  Op = "write"
	Sync   Op = "sync"
	Close  Op = "close"
	Rename Op = "rename"
	Remove Op = "remove"
)

// Ops are all kinds of operation.
var Ops = []Op{Mkdir, Create, Write, Sync, Close, Rename, Remove}

// ErrShort makes a Write take half of its bytes and report no error. Every other
// operation then goes well.
var ErrShort = errors.New("short write")

// Errors are the ways to fail that a test of a save goes through.
var Errors = []error{syscall.ENOSPC, syscall.EIO, ErrShort}

// FS is the machine's file system with one fault; the zero value has none. It
// does not wait for the disk: no power goes in a test.
type FS struct {
	N          int   // counts down; the operation that takes it to 0 fails
	Op         Op    // what counts
	Err        error // what it fails with; nil is ENOSPC
	Dead       bool  // and every operation after it, as after a crash
	NoExchange bool  // Exchange is unsupported

	failed bool
}

// Every gives each fault that a save can meet: every error at every operation of
// every kind. The save must run on it once in each round of the loop, in the same
// way; the last fault of a kind is not met.
func Every() iter.Seq[*FS] {
	return func(yield func(*FS) bool) {
		for _, err := range Errors {
			for _, op := range Ops {
				for n := 1; ; n++ {
					f := &FS{N: n, Op: op, Err: err}
					if !yield(f) {
						return
					}
					if !f.failed {
						break
					}
				}
			}
		}
	}
}

// Misreported says what is wrong with the error of a save that this fault has
// befallen: nothing, or that there is none, or that it is not the fault in one
// line that names path.
func (f *FS) Misreported(err error, path string) error {
	want := f.err()
	if want == ErrShort {
		want = io.ErrShortWrite
	}
	switch {
	case f.failed != (err != nil):
		return fmt.Errorf("fault met: %t; error: %v", f.failed, err)
	case err == nil:
		return nil
	case !errors.Is(err, want):
		return fmt.Errorf("error %v; want %v", err, want)
	case strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path):
		return fmt.Errorf("error %q; want one line that names %s", err, path)
	}
	return nil
}

// String tells which fault it is, N being counted down.
func (f *FS) String() string { return fmt.Sprintf("%s: %v", f.Op, f.err()) }

// Failed reports whether the fault has been met.
func (f *FS) Failed() bool { return f.failed }

// fail counts an operation and returns what it fails with, or nil.
func (f *FS) fail(op Op) error {
	if f.failed && f.Dead {
		return f.err()
	}
	if f.Op != Any && f.Op != op || f.err() == ErrShort && op != Write {
		return nil
	}
	f.N--
	if f.N != 0 {
		return nil
	}
	f.failed = true
	return f.err()
}

func (f *FS) err() error {
	if f.Err == nil {
		return syscall.ENOSPC
	}
	return f.Err
}

// do fails as the operating system does, naming the path, or does it.
func (f *FS) do(op Op, path string, it func() error) error {
	if err := f.fail(op); err != nil {
		return &fs.PathError{Op: string(op), Path: path, Err: err}
	}
	return it()
}

// Mkdir makes a folder.
func (f *FS) Mkdir(path string) error {
	return f.do(Mkdir, path, func() error { return atomicdir.OS.Mkdir(path) })
}

// SyncDir counts as a Sync.
func (f *FS) SyncDir(path string) error {
	return f.do(Sync, path, func() error { return nil })
}

// Rename fails with an *os.LinkError.
func (f *FS) Rename(from, to string) error {
	if err := f.fail(Rename); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return atomicdir.OS.Rename(from, to)
}

// RemoveAll counts as a Remove.
func (f *FS) RemoveAll(path string) error {
	return f.do(Remove, path, func() error { return atomicdir.OS.RemoveAll(path) })
}

// Exchange counts as a Rename.
func (f *FS) Exchange(a, b string) error {
	if f.NoExchange {
		return errors.ErrUnsupported
	}
	if err := f.fail(Rename); err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return atomicdir.OS.Exchange(a, b)
}

// Create makes a file whose operations count too.
func (f *FS) Create(path string) (created atomicdir.File, err error) {
	err = f.do(Create, path, func() error {
		created, err = atomicdir.OS.Create(path)
		return err
	})
	return &file{created, f, path}, err
}

type file struct {
	atomicdir.File
	fs   *FS
	path string
}

// Write fails after half of its bytes, as a full disk does.
func (f *file) Write(b []byte) (n int, err error) {
	failed := f.fs.fail(Write)
	if failed == nil {
		return f.File.Write(b)
	}
	if n, err = f.File.Write(b[:len(b)/2]); err != nil || failed == ErrShort {
		return n, err
	}
	return n, &fs.PathError{Op: string(Write), Path: f.path, Err: failed}
}

func (f *file) Sync() error { return f.fs.do(Sync, f.path, func() error { return nil }) }

// Close closes the file even where it fails.
func (f *file) Close() error {
	err := f.File.Close()
	return f.fs.do(Close, f.path, func() error { return err })
}
