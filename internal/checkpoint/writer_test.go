package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/atomicdir/faultfs"
)

// What the writer writes is what it was handed at that moment, whatever becomes
// of it meanwhile, and it keeps as many as it is told to.
func TestWriterTakesACopy(t *testing.T) {
	held := make(chan bool)
	w := &Writer{Root: t.TempDir(), Keep: 2, Before: func() error { <-held; return nil }}
	for step := 1; step <= 4; step++ {
		s := snapshot(step)
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
		for _, tensor := range s.Tensors {
			clear(tensor.Data)
			clear(tensor.Shape)
		}
		s.Blobs["rng.dropout"] = nil
		if got := names(t, w.Root); len(got) > 2 {
			t.Fatalf("%v while step %d is held back, want at most 2", got, step)
		}
		held <- true
		if err := w.Wait(); err != nil {
			t.Fatal(err)
		}
		got, err := Read(filepath.Join(w.Root, Name(step)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(snapshot(step), got); d != "" {
			t.Fatal(d)
		}
	}
	if d := cmp.Diff([]string{Name(3), Name(4)}, names(t, w.Root)); d != "" {
		t.Error(d)
	}
}

// The one before is on the disk when the next one begins.
func TestWriterWaitsForTheOneBefore(t *testing.T) {
	held := make(chan bool)
	w := &Writer{Root: t.TempDir(), Keep: 2, Before: func() error { <-held; return nil }}
	if err := w.Write(snapshot(1)); err != nil {
		t.Fatal(err)
	}
	go func() { held <- true; held <- true }()
	if err := w.Write(snapshot(2)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(filepath.Join(w.Root, Name(1))); err != nil {
		t.Error(err)
	}
	if err := w.Wait(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{Name(1), Name(2)}, names(t, w.Root)); d != "" {
		t.Error(d)
	}
}

// One that cannot be written is reported once, as soon as that is known; the
// one before it is still there, and so is the next.
func TestWriterFails(t *testing.T) {
	w := &Writer{Root: t.TempDir(), Keep: 2}
	write := func(step int) error { return errors.Join(w.Write(snapshot(step)), w.Wait()) }
	if err := write(1); err != nil {
		t.Fatal(err)
	}
	w.fs = &faultfs.FS{N: 3}
	if err := w.Write(snapshot(2)); err != nil {
		t.Fatal(err)
	}
	var err error
	for end := time.Now().Add(time.Minute); err == nil && time.Now().Before(end); {
		err = w.Failed()
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v, want no space left", err)
	}
	if err := errors.Join(w.Failed(), w.Wait()); err != nil {
		t.Errorf("%v, reported twice", err)
	}
	if s, _, _, err := Latest(w.Root); err != nil || s.Step != 1 {
		t.Errorf("%v, %v, want step 1", s, err)
	}
	w.fs = nil
	w.Before = func() error { return os.ErrClosed }
	if err := write(3); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, want what came before it", err)
	}
	w.Before = nil
	if err := write(4); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{Name(1), Name(4)}, names(t, w.Root)); d != "" {
		t.Error(d)
	}
}

// The memory of a copy serves again.
func TestWriterReusesItsMemory(t *testing.T) {
	w := &Writer{Root: t.TempDir(), Keep: 1}
	var first *float32
	for step := 1; step <= 3; step++ {
		if err := errors.Join(w.Write(snapshot(step)), w.Wait()); err != nil {
			t.Fatal(err)
		}
		at := &w.copies["state.hebb"][0]
		if first == nil {
			first = at
		}
		if at != first {
			t.Error("another copy was made")
		}
	}
}
