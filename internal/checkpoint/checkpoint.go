// Package checkpoint keeps the moments of a run from which it can go on as if it
// had never stopped, bit for bit. A checkpoint is a folder step-00001234 of
//
//	tensors.safetensors   parameters, optimiser state, carried state
//	state.json            step, epoch, blobs (random streams) and the run's own record
//	manifest.json         the size and SHA-256 of the other two, written last
//
// It appears whole or not at all (internal/atomicdir), and is read only if every
// byte is what was written: the manifest covers the two files, and must itself
// be, byte for byte, what this package would write.
package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/tensorfile"
)

// Format is the version of the folder that this package reads and writes.
const Format = "engram-checkpoint/1"

const (
	tensorsFile  = "tensors.safetensors"
	stateFile    = "state.json"
	manifestFile = "manifest.json"

	maxManifest = 4 << 10
	maxState    = 4 << 20       // its worst case costs some 25 times as much memory
	maxStep     = math.MaxInt32 // on every platform
)

// Tensor is a named tensor's shape and row-major values.
type Tensor = tensorfile.Tensor

// Snapshot is the state of a run after Step optimiser steps, in epoch Epoch.
type Snapshot struct {
	Step, Epoch int
	Tensors     map[string]Tensor // values may be anything, NaN too
	Blobs       map[string][]byte // streams of randomness and the like
	Meta        json.RawMessage   // cursor, schedule, hashes: one JSON value, or nothing
}

// state is state.json.
type state struct {
	Step  int               `json:"step"`
	Epoch int               `json:"epoch"`
	Blobs map[string][]byte `json:"blobs"`
	Meta  json.RawMessage   `json:"meta,omitempty"`
}

// manifest is manifest.json.
type manifest struct {
	Format string   `json:"format"`
	Files  []record `json:"files"`
}

type record struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (m manifest) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	return append(b, '\n'), err
}

// Name returns the name of the checkpoint folder of a step.
func Name(step int) string { return fmt.Sprintf("step-%08d", step) }

// Write saves s under root, which is made if it is missing, and returns the
// folder. A checkpoint of the same step is replaced. s must not change
// meanwhile: hand over copies to write while training goes on. After an error
// every other checkpoint is as it was.
func Write(root string, s *Snapshot) (path string, err error) {
	return write(atomicdir.OS, root, s)
}

func write(fsys atomicdir.FS, root string, s *Snapshot) (path string, err error) {
	if s.Step < 0 || s.Step > maxStep || s.Epoch < 0 {
		return "", fmt.Errorf("checkpoint of step %d, epoch %d; want steps of 0 to %d and an epoch of at least 0", s.Step, s.Epoch, maxStep)
	}
	encoded, err := encodeState(s)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(root, 0o777); err != nil {
		return "", err
	}
	path = filepath.Join(root, Name(s.Step))
	m := manifest{Format: Format}
	// hashed adds what a file's writer writes to the manifest.
	hashed := func(name string, write func(io.Writer) error) atomicdir.Content {
		return atomicdir.Content{Name: name, Write: func(w io.Writer) error {
			sum := sha256.New()
			size := &counter{}
			if err := write(io.MultiWriter(w, sum, size)); err != nil {
				return err
			}
			m.Files = append(m.Files, record{name, size.n, hex.EncodeToString(sum.Sum(nil))})
			return nil
		}}
	}
	err = atomicdir.Write(fsys, path, []atomicdir.Content{
		hashed(tensorsFile, func(w io.Writer) error { return tensorfile.Write(w, s.Tensors, nil) }),
		hashed(stateFile, func(w io.Writer) error { _, err := w.Write(encoded); return err }),
		{Name: manifestFile, Write: func(w io.Writer) error {
			b, err := m.encode()
			if err != nil {
				return err
			}
			_, err = w.Write(b)
			return err
		}},
	})
	if err != nil {
		return "", fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return path, nil
}

func encodeState(s *Snapshot) ([]byte, error) {
	st := state{Step: s.Step, Epoch: s.Epoch, Blobs: make(map[string][]byte, len(s.Blobs)), Meta: s.Meta}
	for name, b := range s.Blobs {
		st.Blobs[name] = append([]byte{}, b...) // an empty blob is "", not null
	}
	encoded, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("checkpoint state: %w", err)
	}
	if len(encoded) > maxState {
		return nil, fmt.Errorf("checkpoint state has %d bytes; want at most %d: large vectors belong in the tensors", len(encoded), maxState)
	}
	return encoded, nil
}

// counter counts the bytes written to it.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// Prune removes all but the newest keepLast checkpoints of root up to the step
// newest, the oldest first. Call it when newest has been written or read, and is
// so known to be whole: those after it are damaged, or Latest would have returned
// them, and go as well, for they would outlive better ones.
func Prune(root string, keepLast, newest int) error {
	if keepLast < 1 {
		return fmt.Errorf("keep %d checkpoints; want at least 1", keepLast)
	}
	steps, err := list(root)
	if err != nil {
		return err
	}
	sound, found := slices.BinarySearch(steps, newest)
	if found {
		sound++
	}
	var failed error
	for i, step := range steps {
		if i < sound-keepLast || i >= sound {
			failed = errors.Join(failed, atomicdir.Remove(atomicdir.OS, filepath.Join(root, Name(step))))
		}
	}
	return failed
}
