package runfolder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

func stage(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, Record), []byte("{}"), 0o666)
}

func TestCreate(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "run")
	if err := Create(dir, stage); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, Record)); err != nil {
		t.Error(err)
	}
	empty := filepath.Join(parent, "empty")
	link := filepath.Join(parent, "link")
	for _, err := range []error{os.Mkdir(empty, 0o777), os.Symlink(empty, link), Create(link, stage)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(empty, Record)); err != nil {
		t.Errorf("a link to an empty folder: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	parent := t.TempDir()
	full, file := filepath.Join(parent, "full"), filepath.Join(parent, "file")
	for _, err := range []error{os.Mkdir(full, 0o777), os.WriteFile(filepath.Join(full, "x"), nil, 0o666), os.WriteFile(file, nil, 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	never := func(string) error { t.Error("staged"); return nil }
	for dir, want := range map[string]string{full: "not empty", file: "want a new or an empty folder", filepath.Join(file, "run"): "--out"} {
		if err := Create(dir, never); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if err := os.Rename(filepath.Join(full, "x"), filepath.Join(full, Record)); err != nil {
		t.Fatal(err)
	}
	err := Create(full, never)
	if _, usage := errors.AsType[*cli.UsageError](err); !usage || !strings.Contains(err.Error(), "--resume "+full) {
		t.Error(err)
	}
}

// Whatever fails leaves nothing behind.
func TestCreateFails(t *testing.T) {
	parent := t.TempDir()
	bad := errors.New("no room")
	err := Create(filepath.Join(parent, "run"), func(dir string) error {
		return errors.Join(stage(dir), bad)
	})
	if !errors.Is(err, bad) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Error(entries, err)
	}
}

func TestUnused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, want := range []string{"x-1", "x-2"} {
		dir := Unused("x")
		if filepath.Base(dir) != want {
			t.Errorf("%s, want %s", dir, want)
		}
		if err := Create(dir, stage); err != nil {
			t.Fatal(err)
		}
	}
}
