package checkpoint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/engram-lm/engram/internal/atomicdir"
)

// A Writer writes the checkpoints of a run while the run goes on. It keeps a
// copy of what it writes, and uses its memory again for the next one. It is not
// safe for concurrent use.
type Writer struct {
	Root string // the folder of the checkpoints
	Keep int    // how many stay
	// Before, unless nil, is called before a checkpoint appears: what it refers
	// to, such as lines of metrics, must be on the disk by then.
	Before func() error

	fs      atomicdir.FS // nil: the machine's
	copies  map[string][]float32
	written chan error // holds the outcome of the one under way; nil if there is none
}

// Write begins to write a checkpoint, once the one before it is written; s may
// change after it returns. The error may be that of the one before.
func (w *Writer) Write(s *Snapshot) error {
	if err := w.Wait(); err != nil {
		return err
	}
	c := *s
	c.Tensors = make(map[string]Tensor, len(s.Tensors))
	if w.copies == nil {
		w.copies = map[string][]float32{}
	}
	for name, t := range s.Tensors {
		data := append(w.copies[name][:0], t.Data...)
		w.copies[name] = data
		c.Tensors[name] = Tensor{Shape: slices.Clone(t.Shape), Data: data}
	}
	c.Blobs = maps.Clone(s.Blobs)
	w.written = make(chan error, 1)
	go func() { w.written <- w.write(&c) }()
	return nil
}

func (w *Writer) write(s *Snapshot) error {
	if w.Before != nil {
		if err := w.Before(); err != nil {
			return fmt.Errorf("saving a checkpoint: %w", err)
		}
	}
	fsys := w.fs
	if fsys == nil {
		fsys = atomicdir.OS
	}
	if _, err := write(fsys, w.Root, s); err != nil {
		return fmt.Errorf("saving a checkpoint: %w", err)
	}
	return Prune(w.Root, w.Keep, s.Step)
}

// Wait waits until the checkpoint under way, if there is one, is on the disk.
func (w *Writer) Wait() error {
	if w.written == nil {
		return nil
	}
	err := <-w.written
	w.written = nil
	return err
}

// Failed returns the error of the checkpoint under way if it has failed already.
func (w *Writer) Failed() error {
	select {
	case err := <-w.written: // never of a nil channel
		w.written = nil
		return err
	default:
		return nil
	}
}
