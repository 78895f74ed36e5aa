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
	"github.com/engram-lm/engram/internal/regular"
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
const formatVersion = "engram-corpus/3"

// maxManifest is the size in bytes that a manifest may have.
const maxManifest = 1 << 16

// name of the key's files, without what follows the dot.
func (k cacheKey) name() string {
	sum := sha256.Sum256([]byte(formatVersion + "\n" + k.Split + "\n" + k.Source + "\n" + k.Tokenizer))
	return hex.EncodeToString(sum[:16]) + "-" + k.Split
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
	data, err := regular.Read(base+".json", maxManifest)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := strictjson.DecodeFormat(base+".json", data, formatVersion, "", &m); err != nil {
		return nil, err
	}
	if m.Split != k.Split || m.Source != k.Source || m.Tokenizer != k.Tokenizer {
		return nil, badfile.New(base+".json", "", "belongs to another text or tokenizer")
	}
	s, err := ReadArrow(base+".arrow", m)
	if err != nil {
		return nil, err
	}
	// Ids outside the vocabulary would be indices out of range later.
	for i, id := range s.Tokens {
		if id < 0 || int(id) >= vocabulary {
			return nil, badfile.New(base+".arrow", columnToken, "row %d is id %d; want 0 to %d", i, id, vocabulary-1)
		}
	}
	return s, nil
}

// save writes the Arrow file and then its manifest, so that a manifest never
// stands without the file it speaks of.
func (c cache) save(k cacheKey, s *Split) error {
	base := filepath.Join(c.dir, k.name())
	var m Manifest
	err := atomicfile.Write(base+".arrow", func(w io.Writer) (err error) {
		m, err = WriteArrow(w, *s, k.Tokenizer)
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
