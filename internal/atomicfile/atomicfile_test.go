package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/atomicdir/faultfs"
)

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Write(path, func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := Write(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
		t.Errorf("holds %q, %v; want the old content", b, err)
	}
	if list := names(t, filepath.Dir(path)); len(list) != 1 {
		t.Errorf("the folder holds %v, want the file alone", list)
	}
}

// TestEveryFailure lets a write meet every fault: the old file stands there whole
// after it, or the new one if all but the last sync went well.
func TestEveryFailure(t *testing.T) {
	write := func(fsys atomicdir.FS, path, text string) error {
		return WriteTo(fsys, path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	}
	met := 0
	for fsys := range faultfs.Every() {
		path := filepath.Join(t.TempDir(), "a")
		if err := write(&faultfs.FS{}, path, "old"); err != nil {
			t.Fatal(err)
		}
		err := write(fsys, path, "new")
		named := path
		if b, err := os.ReadFile(path); err == nil && fsys.Failed() && string(b) == "new" {
			named = filepath.Dir(path)
		} else if want := map[bool]string{true: "old", false: "new"}[fsys.Failed()]; err != nil || string(b) != want {
			t.Errorf("%v: holds %q, %v; want %q", fsys, b, err, want)
		}
		if wrong := fsys.Misreported(err, named); wrong != nil {
			t.Errorf("%v: %v", fsys, wrong)
		}
		if fsys.Failed() {
			met++
		}
		if list := names(t, filepath.Dir(path)); len(list) != 1 {
			t.Errorf("%v: the folder holds %v, want the file alone", fsys, list)
		}
	}
	if met < 12 {
		t.Errorf("%d faults were met; want at least 12", met)
	}
}

func TestWritersDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				if err := Write(path, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%[1]d%[1]d%[1]d", i)
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(path)
	if err != nil || len(b) != 3 || b[0] != b[1] || b[1] != b[2] {
		t.Errorf("holds %q, %v; want the content of one writer", b, err)
	}
	if list := names(t, filepath.Dir(path)); len(list) != 1 {
		t.Errorf("the folder holds %v, want the file alone", list)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".a" + partMark + "1", ".b" + partMark + "2", "kept", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{".a" + partMark + "1", "kept", ".hidden"} {
		if err := os.Chtimes(filepath.Join(dir, name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if list := names(t, dir); len(list) != 3 || list[0] != ".b"+partMark+"2" {
		t.Errorf("left %v; want all but the old unfinished file", list)
	}
	if err := Sweep(filepath.Join(dir, "missing"), 0); err != nil {
		t.Error(err)
	}
}
