package modeldir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// missing says of a folder in which there is no configuration what it is instead:
// nothing, a file, or a folder of a run that has model folders in it.
func missing(dir string, err error) error {
	want := fmt.Sprintf("want the folder of %s, %s and %s that a training run writes, such as runs/NAME/lstm-seed1/best", ConfigFile, TensorsFile, TokenizerFile)
	info, statErr := os.Stat(dir)
	switch {
	case statErr == nil && !info.IsDir():
		return fmt.Errorf("%s is not a model folder but a file: %s", dir, want)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case statErr == nil:
		if found := within(dir); len(found) > 0 {
			want = "want one in it: " + strings.Join(found, ", ")
		}
	}
	return fmt.Errorf("%s is not a model folder: %w; %s", dir, err, want)
}

// within returns the best models in the folder of a run, or in that of one of its
// trainings; at most four.
func within(dir string) (found []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	paths := []string{filepath.Join(dir, "best")}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name(), "best"))
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(path, ConfigFile)); err == nil && len(found) < 4 {
			found = append(found, path)
		}
	}
	return found
}
