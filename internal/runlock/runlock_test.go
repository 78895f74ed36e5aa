package runlock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gofrs/flock"
)

// A locked folder is refused, to the process itself too, and free again after
// the release, which leaves nothing.
func TestSecondIsRefused(t *testing.T) {
	dir := t.TempDir()
	first, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(dir)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.Dir != dir || held.Process != strconv.Itoa(os.Getpid()) {
		t.Fatalf("%v, want a HeldError that names %s and process %d", err, dir, os.Getpid())
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v (%v)", left, err)
	}
	second, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
}

// However many try at once, one at a time has the folder.
func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	var inside, most, entered int
	var mu sync.Mutex
	count := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		inside += by
		entered += max(by, 0)
		most = max(most, inside)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				l, err := Acquire(dir)
				if _, held := errors.AsType[*HeldError](err); held {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				count(1)
				count(-1)
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if most != 1 || entered < 8 {
		t.Errorf("%d at once, want 1; %d entered", most, entered)
	}
}

// The lock of a process that is killed is gone, though its file is there.
func TestKilledHolder(t *testing.T) {
	dir := t.TempDir()
	if os.Getenv("RUNLOCK_DIR") != "" {
		if _, err := Acquire(os.Getenv("RUNLOCK_DIR")); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		select {}
	}
	c := exec.Command(os.Args[0], "-test.run=TestKilledHolder")
	c.Env = append(os.Environ(), "RUNLOCK_DIR="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("locked\n"))
	if _, err := out.Read(line); err != nil || !strings.HasPrefix(string(line), "locked") {
		t.Fatalf("%q, %v", line, err)
	}
	_, err = Acquire(dir)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.Process != strconv.Itoa(c.Process.Pid) {
		t.Errorf("%v, want a HeldError that names process %d", err, c.Process.Pid)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if _, err := os.Stat(filepath.Join(dir, File)); err != nil {
		t.Fatalf("the killed process left no file: %v", err)
	}
	l, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

func TestFolderThatIsNotThere(t *testing.T) {
	if _, err := Acquire(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want that it does not exist", err)
	}
}

// A lock on a file that its holder before has removed is a lock on nothing.
func TestRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	l := flock.New(path)
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer l.Unlock()
	if !current(l, path) {
		t.Error("the file is there")
	}
	if err := os.Remove(path); err != nil {
		t.Logf("this system removes no open file: %v", err)
		return
	}
	if current(l, path) {
		t.Error("the file is gone")
	}
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if current(l, path) {
		t.Error("the file is another one")
	}
}
