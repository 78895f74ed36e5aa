package data

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/strictjson"
)

// cache is a folder of encoded texts. Each is two files named by content: an
// Arrow file, and a manifest that says what the Arrow file must be. What is
// under a name never changes, so any number of processes may read and write:
// whoever comes second replaces a file by the same bytes.
type cache struct {
	dir  string // empty: there is none
	warn func(string)
}

// cacheKey is what an encoded text depends on.
type cacheKey struct {
	Split     string
	Source    string // SHA-256 of the text
	Tokenizer string // tokenizer.Tokenizer.Hash
}

// formatVersion is part of every name: another layout never meets this one's files.
const formatVersion = "engram-corpus/1"

// name of the key's files, without what follows the dot.
func (k cacheKey) name() string {
	sum := sha256.Sum256([]byte(formatVersion + "\n" + k.Split + "\n" + k.Source + "\n" + k.Tokenizer))
	return hex.EncodeToString(sum[:16]) + "-" + k.Split
}

// manifest stands beside an Arrow file. The reader of that format is not safe
// against damage (it may panic, take all memory, or give other numbers without
// a word), so no file reaches it whose size and hash are not the written ones.
type manifest struct {
	Format string `json:"format"`
	Size   int64  `json:"size"`   // of the Arrow file, in bytes
	SHA256 string `json:"sha256"` // of the Arrow file
}

// DefaultCacheDir is the folder "engram" in the user's cache directory.
func DefaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "engram"), nil
}

// staleAge is after how long an unfinished file in the cache belongs to nobody.
const staleAge = 24 * time.Hour

func openCache(opts Options) (cache, error) {
	c := cache{dir: opts.CacheDir, warn: opts.Warn}
	if c.warn == nil {
		c.warn = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	if c.dir == "" {
		dir, err := DefaultCacheDir()
		if err != nil {
			// A machine without a home directory still trains.
			c.warn(fmt.Sprintf("texts are encoded anew, not cached: %v; --cache DIR names a folder for them", err))
			return c, nil
		}
		c.dir = dir
	}
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return c, fmt.Errorf("cache folder: %w; --cache DIR names another", err)
	}
	// A sweep that fails leaves only litter; a cache that cannot be used at all
	// fails at the first write.
	_ = atomicfile.Sweep(c.dir, staleAge)
	return c, nil
}

// load returns the split of the key, or nil where it is not there. A damaged
// one counts as not there, after a warning.
func (c cache) load(k cacheKey, vocabulary int) *Split {
	s, err := readCached(c.dir, k, vocabulary)
	if err == nil {
		return s
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.warn(fmt.Sprintf("%v; encoding the text again", err))
	}
	return nil
}

// readCached reads a cached split. Errors wrap fs.ErrNotExist where there is
// none, and are a *badfile.Error where it is damaged.
func readCached(dir string, k cacheKey, vocabulary int) (*Split, error) {
	base := filepath.Join(dir, k.name())
	data, err := readLimited(base+".json", 1<<16)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := strictjson.Decode(base+".json", data, &m); err != nil {
		return nil, err
	}
	if m.Format != formatVersion {
		return nil, badfile.New(base+".json", "format", "is %.40q; want %q", m.Format, formatVersion)
	}
	s, err := ReadArrow(base+".arrow", m.Size, m.SHA256)
	if err != nil {
		return nil, err
	}
	if err := s.matches(base+".arrow", k, vocabulary); err != nil {
		return nil, err
	}
	return &s.Split, nil
}

// matches reports whether an Arrow file, sound in itself, is the one the key
// means; ids outside the vocabulary would be indices out of range later.
func (s *ArrowSplit) matches(path string, k cacheKey, vocabulary int) error {
	if s.Name != k.Split || s.SourceHash != k.Source || s.TokenizerHash != k.Tokenizer {
		return badfile.New(path, "schema", "belongs to another text or tokenizer")
	}
	for i, id := range s.Tokens {
		if id < 0 || int(id) >= vocabulary {
			return badfile.New(path, "token", "row %d is id %d; want 0 to %d", i, id, vocabulary-1)
		}
	}
	return nil
}

// save writes the Arrow file and then its manifest, so that a manifest never
// stands without the file it speaks of.
func (c cache) save(k cacheKey, s *Split) error {
	base := filepath.Join(c.dir, k.name())
	m := manifest{Format: formatVersion}
	err := atomicfile.Write(base+".arrow", func(w io.Writer) (err error) {
		m.Size, m.SHA256, err = WriteArrow(w, ArrowSplit{Split: *s, TokenizerHash: k.Tokenizer})
		return err
	})
	if err != nil {
		return fmt.Errorf("cache folder: %w; --cache DIR names another", err)
	}
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	err = atomicfile.Write(base+".json", func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("cache folder: %w; --cache DIR names another", err)
	}
	return nil
}

// readLimited reads a file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, badfile.New(path, "", "is larger than %d bytes", limit)
	}
	return data, nil
}
