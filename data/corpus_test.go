package data

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/tokenizer"
)

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// options that keep a test to itself: an own cache, and no warning expected.
func options(t *testing.T) Options {
	t.Helper()
	return Options{CacheDir: t.TempDir(), SetsDir: t.TempDir(), Warn: func(line string) { t.Errorf("warning: %s", line) }}
}

func open(t *testing.T, name string, opts Options) *Corpus {
	t.Helper()
	c, err := Open(name, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func split(t *testing.T, c *Corpus, name string) *Split {
	t.Helper()
	s, err := c.Split(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenEveryLayout(t *testing.T) {
	for _, layout := range layouts {
		files := make(map[string]string)
		for split, name := range splitFiles(layout) {
			files[name] = map[string]string{"train": "a b a\nb <unk>\n", "valid": "b\n", "test": "c\n\n"}[split]
		}
		dir := write(t, files)
		c := open(t, dir, options(t))
		if c.Name != filepath.Base(dir) || c.Dir != dir || c.Tokenizer.Size() != 4 {
			t.Errorf("%s: %q in %s, %d words", layout, c.Name, c.Dir, c.Tokenizer.Size())
		}
		want := &Split{
			Name: "test", Tokens: []int32{3, 2, 2}, Lines: 2, Characters: 6 + 1 + 1, Unknown: 1,
		}
		got := split(t, c, "test")
		want.SourceHash = got.SourceHash
		if diff := cmp.Diff(want, got); diff != "" || len(got.SourceHash) != 64 {
			t.Errorf("%s (-want +got):\n%s", layout, diff)
		}
		if again := split(t, c, "test"); again != got {
			t.Errorf("%s: the second call read again", layout)
		}
	}
}

func TestOpenPrefersNoHalfLayout(t *testing.T) {
	dir := write(t, map[string]string{"ptb.train.txt": "x", "train.txt": "a\n", "valid.txt": "a\n", "test.txt": "a\n"})
	if c := open(t, dir, options(t)); c.Tokenizer.Size() != 2 {
		t.Errorf("%d words, want those of train.txt", c.Tokenizer.Size())
	}
}

func TestOpenNothing(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"nosuch", `no corpus "nosuch": want a folder, a text, or sample, ptb, wikitext-2`},
		{"ptb", "scripts/download ptb"},
		{"omniglot", "want a text corpus"},
		{"", `no corpus ""`},
		{filepath.Join(write(t, map[string]string{"f": "x"}), "f"), "its last tenth has fewer than two lines"},
	} {
		_, err := Open(c.name, options(t))
		var none *NotFoundError
		if !errors.As(err, &none) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := open(t, "sample", options(t)).Split("dev"); err == nil {
		t.Error("a split of another name was found")
	}
}

func TestMissingFile(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{}, "train.txt is missing"},
		{map[string]string{"train.txt": "a", "test.txt": "a"}, "valid.txt is missing"},
		{map[string]string{"ptb.train.txt": "a", "ptb.valid.txt": "a"}, "ptb.test.txt is missing"},
		{map[string]string{"wiki.valid.tokens": "a"}, "wiki.train.tokens is missing"},
	} {
		dir := write(t, c.files)
		_, err := Open(dir, options(t))
		var missing *MissingFileError
		if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

func TestBadTexts(t *testing.T) {
	good := "a b\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"empty train", map[string]string{"train.txt": "", "valid.txt": good, "test.txt": good}, "train.txt: is empty"},
		{"binary train", map[string]string{"train.txt": "a\nb\x00", "valid.txt": good, "test.txt": good}, "train.txt:2: holds a NUL byte"},
		{"binary valid", map[string]string{"train.txt": good, "valid.txt": "\x89PNG", "test.txt": good}, "valid.txt:1: is not valid UTF-8"},
		{"empty valid", map[string]string{"train.txt": good, "valid.txt": "\n \n", "test.txt": good}, "valid.txt: is empty"},
		{"overlong word", map[string]string{"train.txt": good, "valid.txt": strings.Repeat("x", 1<<17), "test.txt": good}, "valid.txt:1: has a word of more than"},
		{"unknown word", map[string]string{"train.txt": good, "valid.txt": "a\nb z\n", "test.txt": good}, `valid.txt:2: the word "z" is outside the vocabulary`},
	} {
		opts := options(t)
		dir := write(t, c.files)
		corpus, err := Open(dir, opts)
		if err == nil {
			_, err = corpus.Split("valid")
		}
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "")+string(filepath.Separator)+c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if left, _ := os.ReadDir(opts.CacheDir); len(left) > 0 {
			t.Errorf("%s: left %v in the cache", c.name, left)
		}
	}
}

func TestOpenWithAModelsTokenizer(t *testing.T) {
	tok, err := tokenizer.Build(strings.NewReader("b a <unk> a"), "t", tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t)
	opts.Tokenizer = tok
	// The train text is not read: it need not even be a text.
	c := open(t, write(t, map[string]string{"train.txt": "\x00", "valid.txt": "a", "test.txt": "a c"}), opts)
	if diff := cmp.Diff([]int32{0, 2, 3}, split(t, c, "test").Tokens); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOpenText(t *testing.T) {
	tok, err := tokenizer.Build(strings.NewReader("a a b"), "t", tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{"x": "b a\na", "y": "c"})
	s, err := OpenText(filepath.Join(dir, "x"), tok)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{1, 0, 2, 0, 2}, s.Tokens); diff != "" || s.Lines != 2 || s.Characters != 2+2+1+2+1 {
		t.Errorf("%d lines, %d characters (-want +got):\n%s", s.Lines, s.Characters, diff)
	}
	var unknown *tokenizer.UnknownWordError
	if _, err := OpenText(filepath.Join(dir, "y"), tok); !errors.As(err, &unknown) || unknown.Line != 1 {
		t.Errorf("error %v", err)
	}
	if _, err := OpenText(filepath.Join(dir, "z"), tok); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestSampleIsAsDocumented(t *testing.T) {
	c := open(t, "sample", options(t))
	if c.Dir != "" || c.Tokenizer.Size() != 2606 {
		t.Errorf("%d types in %q, want 2606", c.Tokenizer.Size(), c.Dir)
	}
	for name, want := range map[string]struct {
		tokens int
		lines  int64
	}{"train": {82217, 1877}, "valid": {8260, 193}, "test": {9712, 212}} {
		if s := split(t, c, name); len(s.Tokens) != want.tokens || s.Lines != want.lines || s.Unknown != 0 {
			t.Errorf("%s: %d tokens, %d lines, %d unknown; want %+v and none", name, len(s.Tokens), s.Lines, s.Unknown, want)
		}
	}
}

// The counts of the literature, where the set is at hand.
func TestPennTreebankCounts(t *testing.T) {
	opts := options(t)
	opts.SetsDir = filepath.Join("sets")
	if _, err := os.Stat(filepath.Join(opts.SetsDir, "ptb")); err != nil {
		t.Logf("NOT COUNTED: data/sets/ptb is not there; scripts/download ptb fetches it")
		return
	}
	c := open(t, "ptb", opts)
	if c.Tokenizer.Size() != 10000 {
		t.Errorf("%d types, want 10,000", c.Tokenizer.Size())
	}
	for name, want := range map[string]int{"train": 929589, "valid": 73760, "test": 82430} {
		if s := split(t, c, name); len(s.Tokens) != want {
			t.Errorf("%s: %d tokens, want %d", name, len(s.Tokens), want)
		}
	}
}

func TestRegisteredTextsHaveALayout(t *testing.T) {
	for _, set := range registry.Sets() {
		if !set.Text {
			continue
		}
		files := make(map[string]string)
		for name := range set.Installed() {
			files[name] = "a\n"
		}
		if _, err := findLayout(write(t, files)); err != nil {
			t.Errorf("%s: %v", set.Name, err)
		}
	}
}
