// Package faultfs is a file system that fails where a test wants it to: no space
// left, at the n-th operation that saving a folder makes.
package faultfs

import (
	"errors"
	"syscall"

	"github.com/engram-lm/engram/internal/atomicdir"
)

// FS is the machine's file system with one fault. The zero value has none.
type FS struct {
	N          int  // counts down; the operation that takes it to 0 fails
	Dead       bool // and every operation after it, as after a crash
	NoExchange bool // Exchange is unsupported
}

func (f *FS) fail() error {
	f.N--
	if f.N == 0 || f.Dead && f.N < 0 {
		return syscall.ENOSPC
	}
	return nil
}

func (f *FS) do(op func() error) error {
	if err := f.fail(); err != nil {
		return err
	}
	return op()
}

func (f *FS) Mkdir(path string) error { return f.do(func() error { return atomicdir.OS.Mkdir(path) }) }
func (f *FS) SyncDir(path string) error {
	return f.do(func() error { return atomicdir.OS.SyncDir(path) })
}
func (f *FS) Rename(from, to string) error {
	return f.do(func() error { return atomicdir.OS.Rename(from, to) })
}
func (f *FS) RemoveAll(path string) error {
	return f.do(func() error { return atomicdir.OS.RemoveAll(path) })
}

func (f *FS) Exchange(a, b string) error {
	if f.NoExchange {
		return errors.ErrUnsupported
	}
	return f.do(func() error { return atomicdir.OS.Exchange(a, b) })
}

func (f *FS) Create(path string) (atomicdir.File, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	created, err := atomicdir.OS.Create(path)
	return &file{created, f}, err
}

type file struct {
	atomicdir.File
	fs *FS
}

// Write fails after half of its bytes, as a full disk does.
func (f *file) Write(b []byte) (int, error) {
	if err := f.fs.fail(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *file) Sync() error { return f.fs.do(f.File.Sync) }

func (f *file) Close() error {
	err := f.File.Close()
	if failed := f.fs.fail(); failed != nil {
		return failed
	}
	return err
}
