package atomicdir

import (
	"errors"
	"io"
	"os"
	"runtime"
)

// FS is what writing a folder asks of a file system, small enough for a test
// that makes any one of its operations fail.
type FS interface {
	Mkdir(path string) error
	Create(path string) (File, error)
	// SyncDir makes the entries of a folder durable.
	SyncDir(path string) error
	Rename(from, to string) error
	// Exchange swaps two folders in one step, or returns errors.ErrUnsupported.
	Exchange(a, b string) error
	RemoveAll(path string) error
}

// File is a file open for writing.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// OS is the file system of the machine.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Mkdir(path string) error      { return os.Mkdir(path, 0o777) }
func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Exchange(a, b string) error   { return exchange(a, b) }
func (osFS) RemoveAll(path string) error  { return os.RemoveAll(path) }
func (osFS) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (osFS) SyncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there; NTFS journals its entries
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
