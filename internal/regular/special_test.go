//go:build unix

package regular

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Nothing is opened that has no end or waits for somebody to write.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "zero")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		pipe: "is a pipe; want a regular file", link: "is a device; want a regular file", "/dev/null": "is a device",
	} {
		if _, err := Read(path, 1<<20); !bad(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
