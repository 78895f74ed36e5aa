package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/tensorfile"
)

// Latest sweeps what killed writers left in root and returns the newest
// checkpoint that is whole, with its folder. Each newer one that is not is named
// by a warning. Without any the snapshot is nil and the path empty; a missing
// root is no error. One that cannot be opened may well be whole: that is an
// error, lest an older one is gone on from and the better ones are pruned.
// Nobody may be writing to root meanwhile.
func Latest(root string) (s *Snapshot, path string, warnings []string, err error) {
	if err := atomicdir.Sweep(atomicdir.OS, root); err != nil {
		return nil, "", nil, err
	}
	steps, err := list(root)
	if err != nil {
		return nil, "", nil, err
	}
	for _, step := range slices.Backward(steps) {
		path := filepath.Join(root, Name(step))
		s, err := Read(path)
		if err == nil && s.Step != step {
			err = badfile.New(path, "step", "is %d in %s; want %d, as in the folder's name", s.Step, stateFile, step)
		}
		if err == nil {
			return s, path, warnings, nil
		}
		if !damaged(err) {
			return nil, "", nil, fmt.Errorf("%w; want a checkpoint that can be read, or none: whether this one is damaged is unknown", err)
		}
		warnings = append(warnings, "skipping the damaged checkpoint "+path+": "+err.Error())
	}
	return nil, "", warnings, nil
}

// damaged reports whether an error of Read is the checkpoint's own: its content,
// or a disk that no longer gives it back.
func damaged(err error) bool {
	if _, ok := errors.AsType[*badfile.Error](err); ok {
		return true
	}
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && path.Op == "read" || errors.Is(err, syscall.EIO)
}

// list returns the steps of root's checkpoint folders, rising.
func list(root string) (steps []int, err error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "step-")
		step, err := strconv.Atoi(digits)
		if ok && err == nil && 0 <= step && step <= maxStep && e.Name() == Name(step) && e.IsDir() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// Read returns the checkpoint in the folder dir. Any byte that is not as it was
// written makes it a *badfile.Error. Sizes and sums are checked before the files
// are parsed, and a file before memory for it is asked for.
func Read(dir string) (*Snapshot, error) {
	m, err := readManifest(filepath.Join(dir, manifestFile))
	if err != nil {
		return nil, missing(dir, err)
	}
	for _, r := range m.Files {
		if err := verify(filepath.Join(dir, r.Name), r); err != nil {
			return nil, missing(dir, err)
		}
	}
	s, err := readState(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	if s.Tensors, err = tensorfile.Read(filepath.Join(dir, tensorsFile)); err != nil {
		return nil, err
	}
	return s, nil
}

// missing makes a file that is not there the checkpoint's fault, not the disk's.
func missing(dir string, err error) error {
	var path *fs.PathError
	if errors.Is(err, fs.ErrNotExist) && errors.As(err, &path) {
		return badfile.New(dir, filepath.Base(path.Path), "is missing; want a whole checkpoint")
	}
	return err
}

func readManifest(path string) (manifest, error) {
	b, err := regular.Read(path, maxManifest)
	if err != nil {
		return manifest{}, err
	}
	return parseManifest(path, b)
}

func parseManifest(path string, b []byte) (manifest, error) {
	var m manifest
	if err := strictjson.DecodeFormat(path, b, Format, "", &m); err != nil {
		return manifest{}, err
	}
	if len(m.Files) != 2 || m.Files[0].Name != tensorsFile || m.Files[1].Name != stateFile {
		return manifest{}, badfile.New(path, "files", "has %d entries; want %s and %s", len(m.Files), tensorsFile, stateFile)
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, b) {
		return manifest{}, badfile.New(path, "", "is not as it was written; want another checkpoint")
	}
	return m, nil
}

// verify holds a file against its record.
func verify(path string, want record) error {
	f, size, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if size != want.Size {
		return badfile.New(path, "", "has %s; want the %d of %s", badfile.Bytes(size), want.Size, manifestFile)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.SHA256 {
		return badfile.New(path, "", "has SHA-256 %s; want %s of %s", got, want.SHA256, manifestFile)
	}
	return nil
}

func readState(path string) (*Snapshot, error) {
	b, err := regular.Read(path, maxState)
	if err != nil {
		return nil, err
	}
	return parseState(path, b)
}

func parseState(path string, b []byte) (*Snapshot, error) {
	var st state
	if err := strictjson.Decode(path, b, &st); err != nil {
		return nil, err
	}
	if st.Step < 0 || st.Epoch < 0 {
		return nil, badfile.New(path, "step", "is %d, epoch %d; want neither below 0", st.Step, st.Epoch)
	}
	return &Snapshot{Step: st.Step, Epoch: st.Epoch, Blobs: st.Blobs, Meta: st.Meta}, nil
}
