// Package regular opens the files that come from outside. A path that a user, a
// link or an archive gives may lead to anything: opening a pipe waits for a
// writer that never comes, and a device such as /dev/zero has no end. Only
// regular files have a size that can be checked before memory is asked for.
package regular

import (
	"io"
	"io/fs"
	"os"

	"github.com/engram-lm/engram/internal/badfile"
)

// Open opens the regular file at path, or that its links lead to, and returns it
// with its size. Anything else is a *badfile.Error; a file that is not there or
// cannot be opened is an *fs.PathError.
func Open(path string) (*os.File, int64, error) {
	// Before it is opened, for opening a pipe may already wait.
	info, err := os.Stat(path)
	if err == nil {
		err = Check(path, info)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	// And once more, for it may have been replaced meanwhile.
	if info, err = f.Stat(); err == nil {
		err = Check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Read returns the content of the regular file at path. Errors are those of Open,
// and a *badfile.Error for a file of more than limit bytes, of which none is read.
func Read(path string, limit int64) ([]byte, error) {
	f, size, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, badfile.New(path, "", "has %d bytes; want at most %d", size, limit)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, badfile.New(path, "", "became shorter while it was read; try again")
	} else if err != nil {
		return nil, err
	}
	return data, nil
}

// Check returns a *badfile.Error unless info is that of a regular file.
func Check(path string, info fs.FileInfo) error {
	var kind string
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	default:
		kind = "a special file"
	}
	return badfile.New(path, "", "is %s; want a regular file", kind)
}
