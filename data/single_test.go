package data

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A single text is cut after the lines that end at or after 90% and 95% of its
// bytes, whatever the lines' lengths.
func TestSingleText(t *testing.T) {
	tenth := strings.Repeat("a b c d\n", 100) // 800 bytes, the cuts at 720 and 760
	for name, c := range map[string]struct{ text, train, valid, test string }{
		"at line ends":       {tenth, strings.Repeat("a b c d\n", 90), strings.Repeat("a b c d\n", 5), strings.Repeat("a b c d\n", 5)},
		"within lines":       {strings.Repeat("a b c d e\n", 10) + "a\nb\nc\nd\n", strings.Repeat("a b c d e\n", 10), "a\nb\n", "c\nd\n"},
		"no last newline":    {strings.TrimSuffix(tenth, "\n"), strings.Repeat("a b c d\n", 90), strings.Repeat("a b c d\n", 5), strings.Repeat("a b c d\n", 4) + "a b c d"},
		"a long line before": {strings.Repeat("a ", 1<<17) + "\nb\na\n", strings.Repeat("a ", 1<<17) + "\n", "b\n", "a\n"},
	} {
		path := filepath.Join(write(t, map[string]string{"my letters.txt": c.text}), "my letters.txt")
		corpus := open(t, path, options(t))
		if corpus.Name != "my letters" || corpus.Dir != "" {
			t.Errorf("%s: name %q, folder %q", name, corpus.Name, corpus.Dir)
		}
		got := map[string]string{}
		for _, split := range Splits {
			text, _, err := corpus.Text(split)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(text)
			if err := errors.Join(err, text.Close()); err != nil {
				t.Fatal(err)
			}
			got[split] = string(b)
		}
		if got["train"] != c.train || got["valid"] != c.valid || got["test"] != c.test {
			t.Errorf("%s: %.60q, %q, %q", name, got["train"], got["valid"], got["test"])
		}
	}
	for name, text := range map[string]string{"one line": "a b c", "two lines": "a\nb\n", "a long last line": "a\nb\nc\n" + strings.Repeat("a ", 100)} {
		path := filepath.Join(write(t, map[string]string{"f.txt": text}), "f.txt")
		_, err := Open(path, options(t))
		var none *NotFoundError
		if !errors.As(err, &none) || !strings.Contains(err.Error(), "its last tenth has fewer than two lines") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The parts of a single text are encoded, cached and complained about as files are.
func TestSingleTextAsCorpus(t *testing.T) {
	path := filepath.Join(write(t, map[string]string{"f.txt": strings.Repeat("a b\n", 45) + "a zebra\nb b\na a\na b\n"}), "f.txt")
	o := options(t)
	o.CacheDir = t.TempDir()
	corpus := open(t, path, o)
	if s, err := corpus.Split("test"); err != nil || s.Lines != 2 {
		t.Fatalf("%v, %v", s, err)
	}
	if again, err := open(t, path, o).Split("test"); err != nil || again.Lines != 2 {
		t.Fatalf("from the cache: %v, %v", again, err)
	}
	if _, err := corpus.Split("valid"); err == nil || !strings.HasPrefix(err.Error(), path+`[valid]:1: the word "zebra"`) {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("a"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := corpus.Split("train"); err == nil || !strings.Contains(err.Error(), "changed while it was being read") {
		t.Error(err)
	}
}

// Files that are no text are named for what they are, wherever a text is wanted, and
// a byte order mark is told of.
func TestNoText(t *testing.T) {
	for head, want := range map[string]string{
		"":                              "is empty",
		"\x1f\x8b\x08\x00 rest":         "is compressed by gzip; unpack it first (gunzip)",
		"BZh91AY&SY":                    "is compressed by bzip2",
		"\xfd7zXZ\x00":                  "is compressed by xz",
		"\x28\xb5\x2f\xfd":              "is compressed by zstd",
		"PK\x03\x04 a zip":              "is a zip archive",
		"PAR1\x15\x04\x15":              "is a Parquet file",
		"ARROW1\x00\x00":                "is an Arrow file",
		"\x93NUMPY\x01\x00":             "is a NumPy array",
		"\xff\xfea\x00 \x00b\x00\n\x00": "is in UTF-16; want UTF-8 (iconv",
		"\xfe\xff\x00a\x00\n":           "is in UTF-16",
	} {
		dir := write(t, map[string]string{"f.txt": head, "train.txt": head, "valid.txt": "a\n", "test.txt": "a\n"})
		paths := []string{filepath.Join(dir, "f.txt"), dir}
		if head == "" {
			paths = paths[:1] // an empty train text is another matter
		}
		for _, path := range paths {
			if _, err := Open(path, options(t)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", head, err, want)
			}
		}
	}
	for _, text := range []string{"BZhello", "PAR1 is a word", "ARROW1 too", "PK", "\ufeffa"} {
		dir := write(t, map[string]string{"train.txt": text + "\n", "valid.txt": text + "\n", "test.txt": text + "\n"})
		o, warned := options(t), ""
		o.Warn = func(line string) { warned += line + "\n" }
		c, err := Open(dir, o)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if first := strings.Fields(text)[0]; c.Tokenizer == nil || strings.Count(warned, "byte order mark") != 3*strings.Count(first, "\ufeff") {
			t.Errorf("%q: %q", text, warned)
		}
	}
}
