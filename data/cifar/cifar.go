// Package cifar reads CIFAR-10 (Krizhevsky 2009) in its binary layout as the
// grey images that the image completion task remembers: 32x32 pixels, zero
// mean, greatest absolute value 1 (Miconi, Clune, Stanley 2018, section 4.3).
package cifar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/badfile"
)

// Names are the registered sets that Open reads, the first being the better.
var Names = []string{"cifar-10", "cifar-10-sample"}

// batches is how many training files the whole set has.
const batches = 5

// Set is an opened set. Its split is fixed: Test is test_batch.bin where that
// is there, and otherwise the last tenth of the images in the order of their
// files (of the sample's 1,000 the last 100); Train is the rest.
type Set struct {
	Name string // the registered name, or the folder's
	Dir  string

	Train, Test *Images
}

// Open opens a set: a registered one by its name (under setsDir; empty is
// data/sets of the working directory), or a folder of data_batch_1.bin up to
// data_batch_5.bin and test_batch.bin, of which the first alone must be there;
// or, named by the empty string, the first of Names that has been fetched.
//
// Errors are a *registry.NotFoundError for a name that means nothing, a
// *badfile.Error for a file that is missing or damaged, and those of the disk.
func Open(nameOrDir, setsDir string) (*Set, error) {
	dir, err := registry.Locate(nameOrDir, setsDir, Names...)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir) // what "." is called
	if err != nil {
		return nil, err
	}
	s := &Set{Name: filepath.Base(abs), Dir: dir, Train: new(Images), Test: new(Images)}
	files, err := trainFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		if err := s.Train.readFile(path); err != nil {
			return nil, err
		}
	}
	test := filepath.Join(dir, "test_batch.bin")
	switch err := s.Test.readFile(test); {
	case err == nil:
		return s, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case len(files) == batches:
		return nil, badfile.New(test, "", "is missing: want it beside the %d training files", batches)
	}
	n := s.Train.Len()
	if n < 2 {
		return nil, badfile.New(files[0], "", "has 1 image; want 2 or more, to hold some out")
	}
	s.Train, s.Test = s.Train.cut(n - max(1, n/10))
	return s, nil
}

// trainFiles returns the training files, which must be numbered without a gap.
func trainFiles(dir string) (files []string, err error) {
	missing := ""
	for i := range batches {
		path := filepath.Join(dir, fmt.Sprintf("data_batch_%d.bin", i+1))
		_, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if missing == "" {
				missing = path
			}
			continue
		case err != nil:
			return nil, err
		case missing != "":
			return nil, badfile.New(missing, "", "is missing: want it beside %s", filepath.Base(path))
		}
		files = append(files, path)
	}
	if len(files) == 0 {
		return nil, badfile.New(missing, "", "is missing: want the binary version of CIFAR-10 in that folder")
	}
	return files, nil
}
