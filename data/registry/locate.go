package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/nearest"
)

// NotFoundError says that no data set has the asked name: a mistake of usage.
type NotFoundError struct {
	Name string // empty where any of several would have done
	Hint string // what would be right
}

func (e *NotFoundError) Error() string {
	if e.Name == "" {
		return "no data set: " + e.Hint
	}
	return fmt.Sprintf("no data set %q: %s", e.Name, e.Hint)
}

// Locate returns the folder of a data set that a reader of some format can
// read. nameOrDir is one of names, which are looked for under setsDir (empty is
// DefaultDir); or a folder; or empty for the first of names that is there.
// Errors are a *NotFoundError, or those of the disk.
func Locate(nameOrDir, setsDir string, names ...string) (dir string, err error) {
	if setsDir == "" {
		setsDir = DefaultDir
	}
	if nameOrDir == "" {
		for _, name := range names {
			dir := filepath.Join(setsDir, name)
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				return dir, nil
			}
		}
		return "", &NotFoundError{"", fmt.Sprintf("%s holds none of %s; fetch one with scripts/download", setsDir, strings.Join(names, ", "))}
	}
	dir = nameOrDir
	named := slices.Contains(names, nameOrDir)
	if named {
		dir = filepath.Join(setsDir, nameOrDir)
	} else if set, ok := Find(nameOrDir); ok {
		return "", &NotFoundError{nameOrDir, fmt.Sprintf("that set is %s; want %s, or a folder", set.About, strings.Join(names, ", "))}
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named:
		return "", &NotFoundError{nameOrDir, fmt.Sprintf("%s is not there; fetch it with scripts/download %s", dir, nameOrDir)}
	case errors.Is(err, fs.ErrNotExist):
		return "", &NotFoundError{nameOrDir, fmt.Sprintf("want %s, or a folder%s", strings.Join(names, ", "), nearest.DidYouMean(nameOrDir, "", names))}
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", &NotFoundError{nameOrDir, fmt.Sprintf("that is a file; want its folder, or %s", strings.Join(names, ", "))}
	}
	return dir, nil
}
