package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if b, err := Read(path, 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := Read(path, 4); !bad(err, "has 5 bytes; want at most 4") {
		t.Errorf("too long: %v", err)
	}
	if err := os.Symlink("file", link); err == nil { // not every Windows user may
		if b, err := Read(link, 5); err != nil || string(b) != "12345" {
			t.Errorf("by a link: %q, %v", b, err)
		}
	}
	if _, err := Read(dir, 5); !bad(err, "is a folder; want a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func bad(err error, want string) bool {
	var e *badfile.Error
	return errors.As(err, &e) && strings.Contains(err.Error(), want)
}
