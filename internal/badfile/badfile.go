// Package badfile is the one error that every reader of an outside file returns
// when the content cannot be used: a damaged checkpoint, a model folder whose
// tensors do not fit, an unknown key in a configuration. It tells bad content
// apart from a failing disk, which stays an *fs.PathError.
package badfile

import (
	"errors"
	"fmt"
	"strings"
)

// Error says what is wrong with a file, and what would be right.
type Error struct {
	Path    string // the file or folder
	Field   string // the key or tensor at fault; empty when it is the whole file
	Problem string // one line
}

// New returns an error about field (which may be empty) of the file at path.
func New(path, field, format string, args ...any) *Error {
	return &Error{Path: path, Field: field, Problem: oneLine(fmt.Sprintf(format, args...))}
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Path + ": " + e.Problem
	}
	return e.Path + ": " + oneLine(e.Field) + ": " + e.Problem
}

// Bytes writes the size of a file or of a part of it: "1 byte", "8 bytes".
func Bytes(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// At returns err with its path replaced, for a parser that was handed bytes by
// a caller who knows the file they came from. Other errors pass unchanged.
func At(path string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Path = path
	return &moved
}

// oneLine keeps a message to a readable line, because part of it may come from
// the file that is being complained about.
func oneLine(s string) string {
	const limit = 600
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
