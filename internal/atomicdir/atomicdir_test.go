package atomicdir_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/atomicdir/faultfs"
)

// What a killed writer of X leaves is called .X and one of these.
const (
	stagedSuffix = ".engram-new"
	asideSuffix  = ".engram-old"
)

func contents(version string) []atomicdir.Content {
	return []atomicdir.Content{
		atomicdir.Bytes("a.txt", []byte(version)),
		atomicdir.Bytes("b.txt", []byte(strings.Repeat(version, 1000))),
	}
}

// version tells which version a folder holds, and fails unless it is whole.
func version(t *testing.T, dir string) string {
	t.Helper()
	_, err := os.Stat(dir)
	a, errA := os.ReadFile(filepath.Join(dir, "a.txt"))
	b, errB := os.ReadFile(filepath.Join(dir, "b.txt"))
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if errA != nil || errB != nil || string(b) != strings.Repeat(string(a), 1000) {
		t.Fatalf("%s is not whole: %q, %v, %v", dir, a, errA, errB)
	}
	return string(a)
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWriteAndReplace(t *testing.T) {
	for _, noExchange := range []bool{false, true} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "x")
		fsys := &faultfs.FS{NoExchange: noExchange}
		for _, v := range []string{"one", "two", "three"} {
			if err := atomicdir.Write(fsys, dir, contents(v)); err != nil {
				t.Fatal(err)
			}
			if got := version(t, dir); got != v {
				t.Fatalf("holds %q, want %q", got, v)
			}
		}
		if err := atomicdir.Write(fsys, dir, contents("four")[:1]); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); !slices.Equal(got, []string{"a.txt"}) {
			t.Errorf("files of the version before stay: %v", got)
		}
		if err := atomicdir.Remove(fsys, dir); err != nil {
			t.Fatal(err)
		}
		if got := names(t, parent); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	}
}

func TestWriteRefusesAFileInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := atomicdir.Write(atomicdir.OS, path, contents("one")); err == nil {
		t.Fatal("a file was replaced by a folder")
	}
	if b, _ := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("the file now holds %q", b)
	}
}

// TestEveryFailure makes each operation of a save fail in turn, alone and with
// everything after it. A whole folder must stand there each time, at once when
// the error was returned and after the sweep when the program died; the next
// save must work and leave nothing behind.
func TestEveryFailure(t *testing.T) {
	for _, had := range []string{"", "old"} {
		for _, noExchange := range []bool{false, true} {
			for _, dead := range []bool{false, true} {
				failures := 0
				for n := 1; ; n++ {
					parent := t.TempDir()
					dir := filepath.Join(parent, "x")
					if had != "" {
						if err := atomicdir.Write(atomicdir.OS, dir, contents(had)); err != nil {
							t.Fatal(err)
						}
					}
					fsys := &faultfs.FS{N: n, Dead: dead, NoExchange: noExchange}
					err := atomicdir.Write(fsys, dir, contents("new"))
					if err == nil {
						break
					}
					failures++
					if !errors.Is(err, syscall.ENOSPC) {
						t.Fatalf("operation %d: %v", n, err)
					}
					if dead {
						if err := atomicdir.Sweep(atomicdir.OS, parent); err != nil {
							t.Fatal(err)
						}
					}
					if got := version(t, dir); got != had && got != "new" {
						t.Fatalf("operation %d: holds %q, want %q or new", n, got, had)
					}
					if err := atomicdir.Write(atomicdir.OS, dir, contents("again")); err != nil {
						t.Fatalf("operation %d: the next save: %v", n, err)
					}
					if got := names(t, parent); version(t, dir) != "again" || !slices.Equal(got, []string{"x"}) {
						t.Fatalf("operation %d: the next save left %v", n, got)
					}
				}
				if failures < 10 {
					t.Errorf("only %d operations could fail; want at least 10", failures)
				}
			}
		}
	}
}

func TestSweepTouchesOnlyItsOwn(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{".x" + stagedSuffix, ".y" + asideSuffix, ".git", "z" + stagedSuffix, stagedSuffix} {
		if err := os.Mkdir(filepath.Join(parent, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, ".file"+stagedSuffix), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := atomicdir.Sweep(atomicdir.OS, parent); err != nil {
		t.Fatal(err)
	}
	want := []string{stagedSuffix, ".file" + stagedSuffix, ".git", "y", "z" + stagedSuffix}
	if got := names(t, parent); !slices.Equal(got, want) {
		t.Errorf("after the sweep %v, want %v", got, want)
	}
	if err := atomicdir.Sweep(atomicdir.OS, filepath.Join(parent, "none")); err != nil {
		t.Errorf("a missing parent: %v", err)
	}
}

func TestAFailingContentLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	broken := errors.New("broken")
	err := atomicdir.Write(atomicdir.OS, filepath.Join(parent, "x"), []atomicdir.Content{
		atomicdir.Bytes("a", []byte("a")), {Name: "b", Write: func(io.Writer) error { return broken }},
	})
	if !errors.Is(err, broken) || len(names(t, parent)) != 0 {
		t.Errorf("error %v, left %v", err, names(t, parent))
	}
}
