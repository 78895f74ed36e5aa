// Package data makes token streams of corpora. A corpus is a folder with a
// train, a valid and a test text, or a single text that is cut into the three; Open finds it and its vocabulary, Split
// encodes a text once and keeps the tokens in an Arrow file in the user's cache
// directory, and Windows cuts them into the [T, B] windows that a model reads.
//
// Which data sets there are is data/registry's, fetching them data/download's.
// A sample in the public domain is embedded, so that there is always a corpus.
package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/nearest"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/tokenizer"
)

// Splits are the names of a corpus's texts.
var Splits = []string{"train", "valid", "test"}

// layouts are the file names a corpus may have, %s being the split's name, in
// the order in which they are looked for.
var layouts = []string{"ptb.%s.txt", "wiki.%s.tokens", "%s.txt"}

// Options of Open. The zero value is what the commands do without flags.
type Options struct {
	// CacheDir holds the Arrow files; empty is DefaultCacheDir. Where that does
	// not exist either, texts are encoded anew each time.
	CacheDir string
	// SetsDir is where registered sets lie; empty is registry.DefaultDir.
	SetsDir string
	// MinCount is tokenizer.Options.MinCount. Without effect if Tokenizer is set.
	MinCount int
	// Tokenizer is the vocabulary to encode by, that of a trained model; nil
	// builds one from the train text.
	Tokenizer *tokenizer.Tokenizer
	// Warn is told of what went wrong but was mended, such as a damaged cache
	// file, in one line; nil writes it to standard error.
	Warn func(string)
}

// Corpus is an opened corpus. Its methods may be called from several goroutines.
type Corpus struct {
	Name      string // the registered name, "sample", or that of the folder or the text
	Dir       string // the folder; empty for the embedded sample and for a single text
	Tokenizer *tokenizer.Tokenizer

	open  func(split string) (io.ReadCloser, error)
	path  func(split string) string // what an error calls the text
	cache cache

	mu     sync.Mutex
	splits map[string]*Split
}

// Split is one encoded text of a corpus.
type Split struct {
	Name       string // train, valid, test; for OpenText the file
	Tokens     []int32
	Lines      int64
	Characters int64  // of the tokens; see tokenizer.Tokenizer.Characters
	Unknown    int64  // words outside the vocabulary, now the unknown word
	SourceHash string // SHA-256 of the text, in hexadecimal
}

// NotFoundError says that no corpus has the asked name: a mistake of usage.
type NotFoundError struct {
	Name string
	Hint string // what would be right
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no corpus %q: %s", e.Name, e.Hint)
}

// MissingFileError says that a folder lacks a text that a corpus has. It wraps
// fs.ErrNotExist.
type MissingFileError struct {
	Path string
	Hint string // what would be right
}

func (e *MissingFileError) Error() string { return fmt.Sprintf("%s is missing: %s", e.Path, e.Hint) }
func (e *MissingFileError) Unwrap() error { return fs.ErrNotExist }

// Open opens a corpus: a registered set by its name (under data/sets of the
// working directory, or Options.SetsDir), "sample" for the embedded one, a folder,
// or a single text, of which the first nine tenths are the train text and the halves
// of the rest the others, cut at ends of lines. Without Options.Tokenizer it reads the train text and builds the
// vocabulary; the other texts are read by Split.
//
// Errors are a *NotFoundError for a name that means nothing, a
// *MissingFileError for a folder without a text, and those of tokenizer.Build.
func Open(nameOrDir string, opts Options) (*Corpus, error) {
	c, err := locate(nameOrDir, opts)
	if err != nil {
		return nil, err
	}
	if c.cache, err = openCache(opts); err != nil {
		return nil, err
	}
	c.splits = make(map[string]*Split)
	if c.Tokenizer = opts.Tokenizer; c.Tokenizer == nil {
		c.Tokenizer, err = c.build(opts.MinCount)
	}
	if err != nil {
		return nil, err
	}
	return c, c.warnOfMarks(opts.Warn)
}

// warnOfMarks tells of texts that begin with a byte order mark.
func (c *Corpus) warnOfMarks(warn func(line string)) error {
	if warn == nil {
		return nil
	}
	for _, split := range Splits {
		text, err := c.open(split)
		if err != nil {
			return err
		}
		var head [len(badfile.ByteOrderMark)]byte
		_, err = io.ReadFull(text, head[:])
		if err == nil && string(head[:]) == badfile.ByteOrderMark {
			warn(c.path(split) + " " + badfile.MarkWarning)
		}
		if err := text.Close(); err != nil {
			return err
		}
	}
	return nil
}

func locate(nameOrDir string, opts Options) (*Corpus, error) {
	if nameOrDir == "sample" {
		return folderCorpus("sample", "", sampleFS(), splitFiles("%s.txt")), nil
	}
	setsDir := opts.SetsDir
	if setsDir == "" {
		setsDir = registry.DefaultDir
	}
	dir := nameOrDir
	set, registered := registry.Find(nameOrDir)
	if registered {
		if !set.Text {
			return nil, &NotFoundError{nameOrDir, fmt.Sprintf("that set is %s; want a text corpus: %s", set.About, known())}
		}
		dir = filepath.Join(setsDir, set.Name)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && registered:
		return nil, &NotFoundError{nameOrDir, fmt.Sprintf("%s is not there; fetch it with scripts/download %s", dir, set.Name)}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &NotFoundError{nameOrDir, fmt.Sprintf("want a folder, a text, or %s%s", known(), nearest.DidYouMean(nameOrDir, "", texts()))}
	case err != nil:
		return nil, err
	case !info.IsDir() && registered:
		return nil, &NotFoundError{nameOrDir, fmt.Sprintf("%s is a file; want the folder of a train, a valid and a test text", dir)}
	case !info.IsDir():
		return singleCorpus(dir)
	}
	files, err := findLayout(dir)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir) // what "." is called
	if err != nil {
		return nil, err
	}
	return folderCorpus(filepath.Base(abs), dir, os.DirFS(dir), files), nil
}

// folderCorpus is the corpus of three files of fsys, which is the folder dir unless
// that is empty.
func folderCorpus(name, dir string, fsys fs.FS, files map[string]string) *Corpus {
	c := &Corpus{Name: name, Dir: dir}
	c.path = func(split string) string {
		if dir == "" {
			return name + "/" + files[split]
		}
		return filepath.Join(dir, files[split])
	}
	c.open = func(split string) (io.ReadCloser, error) {
		f, err := fsys.Open(files[split])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.path(split), err)
		}
		return f, nil
	}
	return c
}

// known lists the corpora that have names.
func known() string { return strings.Join(texts(), ", ") }

// texts are the names of the text corpora.
func texts() []string {
	names := []string{"sample"}
	for _, set := range registry.Sets() {
		if set.Text {
			names = append(names, set.Name)
		}
	}
	return names
}

func splitFiles(layout string) map[string]string {
	files := make(map[string]string, len(Splits))
	for _, split := range Splits {
		files[split] = fmt.Sprintf(layout, split)
	}
	return files
}

// findLayout returns the files of the first layout that dir has all three of.
// The error names the file missing from the layout that dir has most of.
func findLayout(dir string) (map[string]string, error) {
	var most int
	var lacking string
	for _, layout := range layouts {
		files := splitFiles(layout)
		have, missing := 0, ""
		for _, split := range Splits {
			info, err := os.Stat(filepath.Join(dir, files[split]))
			switch {
			case err == nil && info.Mode().IsRegular():
				have++
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return nil, err
			case missing == "":
				missing = files[split]
			}
		}
		if have == len(Splits) {
			return files, nil
		}
		if have > most {
			most, lacking = have, missing
		}
	}
	const want = "want {train,valid,test}.txt, ptb.{train,valid,test}.txt or wiki.{train,valid,test}.tokens in the folder"
	if most == 0 {
		return nil, &MissingFileError{filepath.Join(dir, "train.txt"), want}
	}
	return nil, &MissingFileError{filepath.Join(dir, lacking), want}
}

func (c *Corpus) build(minCount int) (*tokenizer.Tokenizer, error) {
	f, err := c.open("train")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return tokenizer.Build(f, c.path("train"), tokenizer.Options{MinCount: minCount})
}

// Split returns the encoded text of a split: train, valid or test. The first
// call takes it from the cache, or encodes the text and puts it there; later
// calls return the same. Errors are those of tokenizer.EncodeText, and an
// *fs.PathError when a disk fails.
func (c *Corpus) Split(name string) (*Split, error) {
	if err := aSplit(name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.splits[name]; s != nil {
		return s, nil
	}
	s, err := c.load(name)
	if err != nil {
		return nil, err
	}
	c.splits[name] = s
	return s, nil
}

func (c *Corpus) load(name string) (*Split, error) {
	f, err := c.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if c.cache.dir == "" {
		return encode(f, name, c.path(name), c.Tokenizer)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path(name), err)
	}
	key := cacheKey{Split: name, Source: hex.EncodeToString(hash.Sum(nil)), Tokenizer: c.Tokenizer.Hash()}
	if s := c.cache.load(key, c.Tokenizer.Size()); s != nil {
		return s, nil
	}
	again, err := c.open(name)
	if err != nil {
		return nil, err
	}
	defer again.Close()
	s, err := encode(again, name, c.path(name), c.Tokenizer)
	if err != nil {
		return nil, err
	}
	if s.SourceHash != key.Source {
		return nil, fmt.Errorf("%s: changed while it was being read; run this again", c.path(name))
	}
	return s, c.cache.save(key, s)
}

// Text opens the text of a split as it is; the name is what errors call it.
func (c *Corpus) Text(split string) (text io.ReadCloser, name string, err error) {
	if err := aSplit(split); err != nil {
		return nil, "", err
	}
	text, err = c.open(split)
	return text, c.path(split), err
}

func aSplit(name string) error {
	if slices.Contains(Splits, name) {
		return nil
	}
	return &NotFoundError{name, "a corpus has the splits " + strings.Join(Splits, ", ")}
}

// ReadText encodes a text by tok; name is what errors call it. Errors are those of
// Corpus.Split.
func ReadText(text io.Reader, name string, tok *tokenizer.Tokenizer) (*Split, error) {
	return encode(text, name, name, tok)
}

// OpenText encodes one text file by tok, past the cache. Errors are those of
// Corpus.Split.
func OpenText(path string, tok *tokenizer.Tokenizer) (*Split, error) {
	f, _, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return encode(f, path, path, tok)
}

func encode(text io.Reader, name, path string, tok *tokenizer.Tokenizer) (*Split, error) {
	hash := sha256.New()
	encoded, err := tok.EncodeText(io.TeeReader(text, hash), path)
	if err != nil {
		return nil, err
	}
	return &Split{
		Name:       name,
		Tokens:     encoded.Tokens,
		Lines:      encoded.Lines,
		Characters: tok.Characters(encoded.Tokens),
		Unknown:    encoded.Unknown,
		SourceHash: hex.EncodeToString(hash.Sum(nil)),
	}, nil
}
