package omniglot

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/engram-lm/engram/internal/badfile"
)

const (
	maxZip = 16 << 20 // bytes; the largest official zip has 9.5 million
	maxPNG = 16 << 10 // bytes; the official drawings have some 300
	// header is what an entry takes in a zip beside its content and, twice, its
	// name.
	header = 30 + 46
)

// entry is a drawing in a zip, ROOT/Greek/character01/0394_01.png.
type entry struct {
	alphabet, character string
	drawer              int // 1 to 20
	file                *zip.File
}

// drawingName is how an official drawing's path looks without its root: the
// alphabet, the character, a number that stands for both, and the drawer.
var drawingName = regexp.MustCompile(`^([\pL\pN][\pL\pN_().-]{0,63})/(character[0-9]{1,4})/[0-9]{1,6}_([0-9]{2})\.png$`)

// readFile reads the characters of a zip.
func readFile(path string) ([]*Character, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, badfile.New(path, "", "is no regular file; want a zip of Omniglot")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(path, f, info.Size())
}

// read reads the characters of a zip of the given size, ordered. What it keeps
// is bounded by the number of whole characters, and that by the zip's size.
func read(path string, in io.ReaderAt, size int64) ([]*Character, error) {
	if size > maxZip {
		return nil, badfile.New(path, "", "has %d bytes; want at most %d", size, maxZip)
	}
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, blame(path, "", "is no zip archive", err)
	}
	entries, err := list(path, z.File, size)
	if err != nil {
		return nil, err
	}
	characters := make([]*Character, len(entries)/Drawings)
	errs := make([]error, len(characters))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0) // decoding takes 0.2 ms a drawing
	for w := range workers {
		wg.Go(func() {
			var b bytes.Buffer
			for i := w; i < len(characters); i += workers {
				characters[i], errs[i] = readCharacter(path, entries[i*Drawings:][:Drawings], &b)
			}
		})
	}
	wg.Wait()
	for _, err := range errs { // the first in the zip's order, at any number of workers
		if err != nil {
			return nil, err
		}
	}
	return characters, nil
}

// list returns the drawings among the files, ordered by alphabet, character and
// drawer, after it has seen that each character has all of its 20.
func list(path string, files []*zip.File, size int64) ([]entry, error) {
	var entries []entry
	left := size
	for _, f := range files {
		// Entries that share bytes could make a small zip a large set.
		if left -= header + 2*int64(len(f.Name)); left < 0 || f.CompressedSize64 > uint64(left) {
			return nil, badfile.New(path, f.Name, "makes the entries larger than the zip; want none that overlap")
		}
		left -= int64(f.CompressedSize64)
		if ignored(f) {
			continue
		}
		_, name, _ := strings.Cut(f.Name, "/")
		m := drawingName.FindStringSubmatch(name)
		if m == nil {
			return nil, badfile.New(path, f.Name, "is no drawing's name; want ROOT/Greek/character01/0394_01.png")
		}
		drawer, err := strconv.Atoi(m[3])
		if err != nil || drawer < 1 || drawer > Drawings {
			return nil, badfile.New(path, f.Name, "is of drawer %s; want 01 to %d", m[3], Drawings)
		}
		if f.UncompressedSize64 > maxPNG {
			return nil, badfile.New(path, f.Name, "unpacks to %d bytes; want at most %d", f.UncompressedSize64, maxPNG)
		}
		entries = append(entries, entry{m[1], m[2], drawer, f})
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.alphabet, b.alphabet), cmp.Compare(a.character, b.character), cmp.Compare(a.drawer, b.drawer))
	})
	for i, e := range entries {
		first := entries[i-i%Drawings]
		if e.alphabet != first.alphabet || e.character != first.character || e.drawer != i%Drawings+1 {
			return nil, badfile.New(path, first.alphabet+"/"+first.character, "has not one drawing of each drawer; want 01 to %d", Drawings)
		}
	}
	if len(entries) == 0 {
		return nil, badfile.New(path, "", "holds no drawings; want ROOT/Greek/character01/0394_01.png and its like")
	}
	if len(entries)%Drawings != 0 {
		last := entries[len(entries)-1]
		return nil, badfile.New(path, last.alphabet+"/"+last.character, "has not one drawing of each drawer; want 01 to %d", Drawings)
	}
	return entries, nil
}

// ignored reports whether a file is a folder, or what a file manager leaves.
func ignored(f *zip.File) bool {
	return f.Mode().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || strings.HasPrefix(path.Base(f.Name), ".")
}

// readCharacter reads a character's 20 drawings, each through b.
func readCharacter(path string, entries []entry, b *bytes.Buffer) (*Character, error) {
	c := &Character{Alphabet: entries[0].alphabet, Name: entries[0].character}
	for i, e := range entries {
		if err := unpack(e.file, b); err != nil {
			return nil, blame(path, e.file.Name, "cannot be unpacked", err)
		}
		var err error
		if c.Drawings[i], err = decode(b.Bytes()); err != nil {
			return nil, badfile.New(path, e.file.Name, "%v", err)
		}
	}
	return c, nil
}

// unpack puts a file in b. It ends in an error where the file turns out to be
// another size than it says, which list has bounded.
func unpack(f *zip.File, b *bytes.Buffer) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	b.Reset()
	_, err = b.ReadFrom(in)
	return errors.Join(err, in.Close())
}

// blame makes an error of reading a zip the file's, unless the disk failed.
func blame(path, entry, problem string, err error) error {
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return err
	}
	return badfile.New(path, entry, "%s: %v; fetch it again", problem, err)
}
