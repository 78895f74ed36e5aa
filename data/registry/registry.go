// Package registry lists the data sets that the project knows: where their
// publishers have them, and what each file must be, byte for byte. It fetches
// nothing (data/download does) and needs no network.
package registry

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultDir is where sets lie, under the working directory of the commands.
var DefaultDir = filepath.Join("data", "sets")

// Set is a data set: some files of a publisher, and the files they become.
type Set struct {
	Name  string
	About string // what it is, in a few words
	Text  bool   // a corpus with train, valid and test texts
	// Sources are fetched, each verified before it is used.
	Sources []Source
	// Mirrors are folder names under which a mirror may keep the files, beside Name.
	Mirrors []string
}

// Fetch is the command that puts the set in place.
func (s Set) Fetch() string {
	command := "scripts/download " + s.Name
	if slices.ContainsFunc(s.Sources, func(f Source) bool { return f.URL == "" }) {
		command += " --from MIRROR"
	}
	return command
}

// Source is one file of a publisher.
type Source struct {
	File
	URL string // empty where only a mirror has it
	// Unpack is the folder inside an archive (.zip, .tar.gz) whose Members are
	// wanted; empty keeps the file as it is.
	Unpack  string
	Members []File
	// Instead are other files that a mirror may hold in this one's place.
	Instead []Alternative
}

// File is a file and what it must be.
type File struct {
	Name   string
	Size   int64  // bytes; 0 where it is not known
	SHA256 string // hexadecimal; empty where only MD5 is known
	MD5    string // the publisher's, for files of which no SHA-256 is known
}

// Alternative is another file that serves as a source.
type Alternative struct {
	File
	Note string // how it differs, told to the user
}

// Sets returns all sets by name.
func Sets() []Set { return slices.Clone(sets) }

// Find returns the set of that name.
func Find(name string) (Set, bool) {
	i := slices.IndexFunc(sets, func(s Set) bool { return s.Name == name })
	if i < 0 {
		return Set{}, false
	}
	return sets[i], true
}

// Names returns the sets' names with commas between them.
func Names() string {
	names := make([]string, len(sets))
	for i, s := range sets {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// Size returns the bytes that fetching the set takes, as far as they are known.
func (s Set) Size() (n int64) {
	for _, src := range s.Sources {
		n += src.Size
	}
	return n
}

// Installed returns the files a set consists of once it is in place: for each,
// the contents it may have.
func (s Set) Installed() map[string][]File {
	files := make(map[string][]File)
	for _, src := range s.Sources {
		if src.Unpack != "" {
			for _, m := range src.Members {
				files[m.Name] = []File{m}
			}
			continue
		}
		files[src.Name] = []File{src.File}
		for _, alt := range src.Instead {
			files[src.Name] = append(files[src.Name], alt.File)
		}
	}
	return files
}

// ChecksumError says that a file is not the one it should be.
type ChecksumError struct {
	File      string
	Algorithm string
	Got, Want string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s has the %s %s; want %s", e.File, e.Algorithm, e.Got, e.Want)
}

// Verifier computes what Check compares; write a file's bytes to it.
type Verifier struct {
	file File
	name string
	hash hash.Hash
	n    int64
}

// NewVerifier returns a verifier of file; name is what errors call it.
func (f File) NewVerifier(name string) *Verifier {
	v := &Verifier{file: f, name: name, hash: sha256.New()}
	if f.SHA256 == "" {
		v.hash = md5.New()
	}
	return v
}

func (v *Verifier) Write(b []byte) (int, error) {
	v.n += int64(len(b))
	return v.hash.Write(b)
}

// Check reports whether the bytes written were the file's: the size, and the
// SHA-256, or the MD5 where only that is known. Errors are a *ChecksumError.
func (v *Verifier) Check() error {
	if v.file.Size > 0 && v.n != v.file.Size {
		return &ChecksumError{v.name, "size", fmt.Sprint(v.n), fmt.Sprint(v.file.Size)}
	}
	algorithm, want := "SHA-256", v.file.SHA256
	if want == "" {
		algorithm, want = "MD5", v.file.MD5
	}
	if got := hex.EncodeToString(v.hash.Sum(nil)); got != want {
		return &ChecksumError{v.name, algorithm, got, want}
	}
	return nil
}

// VerifyFile reports whether the file at path is f. Beside a *ChecksumError it
// may be an *fs.PathError.
func (f File) VerifyFile(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	v := f.NewVerifier(path)
	if _, err := io.Copy(v, in); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return v.Check()
}

// Verify reports whether dir holds the set, whole and unaltered. The error
// wraps fs.ErrNotExist where dir or a file of the set is missing.
func (s Set) Verify(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	installed := s.Installed()
	names := make([]string, 0, len(installed))
	for name := range installed {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := verifyAny(filepath.Join(dir, name), installed[name]); err != nil {
			return err
		}
	}
	return nil
}

// verifyAny reports whether the file at path is one of files; the error is of the first.
func verifyAny(path string, files []File) error {
	var first error
	for _, f := range files {
		err := f.VerifyFile(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}
