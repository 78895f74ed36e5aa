package data

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const text = "the sun 's light is white\nis it\n\n<unk>\n"

func textFolder(t *testing.T) string {
	return write(t, map[string]string{"train.txt": text, "valid.txt": "is the sun\n", "test.txt": "white light\n"})
}

// cached returns the one file in dir that ends in suffix.
func cached(t *testing.T, dir, suffix string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files *%s in the cache, %v; want 1", len(files), suffix, err)
	}
	return files[0]
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCacheIsUsedAndGivesTheSame(t *testing.T) {
	dir, opts := textFolder(t), options(t)
	first := open(t, dir, opts)
	fresh := split(t, first, "valid")
	key := cacheKey{"valid", fresh.SourceHash, first.Tokenizer.Hash()}
	kept, err := readCached(opts.CacheDir, key, first.Tokenizer.Size())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, kept); diff != "" {
		t.Errorf("-encoded +cached:\n%s", diff)
	}
	arrow := cached(t, opts.CacheDir, "-valid.arrow")
	before, err := os.Stat(arrow)
	if err != nil {
		t.Fatal(err)
	}
	split(t, open(t, dir, opts), "valid")
	if after, err := os.Stat(arrow); err != nil || !os.SameFile(before, after) {
		t.Errorf("the second opening wrote the file again, %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("the corpus folder holds %v", entries)
	}
}

func TestCacheFollowsSourceAndTokenizer(t *testing.T) {
	dir, opts := textFolder(t), options(t)
	split(t, open(t, dir, opts), "test")
	if err := os.WriteFile(filepath.Join(dir, "test.txt"), []byte("light white\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir, opts)
	if s, _ := c.Tokenizer.Decode(split(t, c, "test").Tokens); s != "light white <eos>" {
		t.Errorf("after the source changed: %q", s)
	}
	if err := os.WriteFile(filepath.Join(dir, "train.txt"), []byte(text+"white white white white\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir, opts)
	if s, _ := c.Tokenizer.Decode(split(t, c, "test").Tokens); s != "light white <eos>" {
		t.Errorf("after the vocabulary changed: %q", s)
	}
	if files, _ := filepath.Glob(filepath.Join(opts.CacheDir, "*-test.arrow")); len(files) != 3 {
		t.Errorf("%d files, want one for each source and tokenizer", len(files))
	}
}

// Whatever happens to a cache file: one warning, the right tokens, and a sound
// file afterwards.
func TestDamagedCacheIsRebuilt(t *testing.T) {
	overwrite := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, change(read(t, path)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for _, c := range []struct {
		name, suffix string
		damage       func(*testing.T, string)
	}{
		{"Arrow file cut", ".arrow", overwrite(half)},
		{"Arrow file empty", ".arrow", overwrite(func([]byte) []byte { return nil })},
		{"Arrow file longer", ".arrow", overwrite(func(b []byte) []byte { return append(b, 0) })},
		{"first byte of the Arrow file", ".arrow", overwrite(flip(0))},
		{"byte amid the Arrow file", ".arrow", overwrite(flip(600))},
		{"last byte of the Arrow file", ".arrow", overwrite(flip(-1))},
		{"manifest cut", ".json", overwrite(half)},
		{"manifest empty", ".json", overwrite(func([]byte) []byte { return nil })},
		{"manifest of other size", ".json", overwrite(func(b []byte) []byte { return bytes.Replace(b, []byte(`"size": `), []byte(`"size": 1`), 1) })},
		{"manifest of negative size", ".json", overwrite(func(b []byte) []byte { return bytes.Replace(b, []byte(`"size": `), []byte(`"size": -`), 1) })},
		{"manifest of other hash", ".json", overwrite(func(b []byte) []byte { return bytes.Replace(b, []byte(`"sha256": "`), []byte(`"sha256": "0`), 1) })},
		{"manifest of other format", ".json", overwrite(func(b []byte) []byte { return bytes.Replace(b, []byte(formatVersion), []byte(`engram-corpus/9`), 1) })},
		{"manifest of more tokens", ".json", overwrite(func(b []byte) []byte { return bytes.Replace(b, []byte(`"tokens": `), []byte(`"tokens": 1`), 1) })},
		{"manifest of another text", ".json", overwrite(func(b []byte) []byte { return bytes.Replace(b, []byte(`_sha256": "`), []byte(`_sha256": "0`), 1) })},
		{"manifest is large", ".json", overwrite(func(b []byte) []byte { return bytes.Repeat([]byte(" "), 1<<17) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, opts := textFolder(t), options(t)
			want := split(t, open(t, dir, opts), "train")
			path := cached(t, opts.CacheDir, "-train"+c.suffix)
			sound := read(t, path)
			c.damage(t, path)
			var warnings []string
			opts.Warn = func(line string) { warnings = append(warnings, line) }
			if diff := cmp.Diff(want, split(t, open(t, dir, opts), "train")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], opts.CacheDir) || !strings.HasSuffix(warnings[0], "; encoding the text again") || strings.Contains(warnings[0], "\n") {
				t.Errorf("warnings %q, want one line that names the file", warnings)
			}
			if !bytes.Equal(read(t, path), sound) {
				t.Error("the file was not mended")
			}
		})
	}
}

// A file that is sound but belongs to another text or vocabulary is not taken.
func TestCacheFileOfAnother(t *testing.T) {
	dir, opts := textFolder(t), options(t)
	c := open(t, dir, opts)
	want := split(t, c, "valid")
	split(t, c, "test")
	for _, suffix := range []string{".arrow", ".json"} {
		if err := os.WriteFile(cached(t, opts.CacheDir, "-valid"+suffix), read(t, cached(t, opts.CacheDir, "-test"+suffix)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	warned := 0
	opts.Warn = func(string) { warned++ }
	if diff := cmp.Diff(want, split(t, open(t, dir, opts), "valid")); diff != "" || warned != 1 {
		t.Errorf("%d warnings (-want +got):\n%s", warned, diff)
	}
}

// Ids outside the vocabulary are refused even where the file is as it was written.
func TestCacheOfALargerVocabulary(t *testing.T) {
	c := cache{dir: t.TempDir()}
	key := cacheKey{"valid", "s", "t"}
	if err := c.save(key, &Split{Name: "valid", Tokens: []int32{0, 7}, SourceHash: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, err := readCached(c.dir, key, 8); err != nil {
		t.Error(err)
	}
	if _, err := readCached(c.dir, key, 7); err == nil || !strings.Contains(err.Error(), "row 1 is id 7; want 0 to 6") {
		t.Errorf("an id outside the vocabulary: %v", err)
	}
}

func TestConcurrentOpeningsShareACache(t *testing.T) {
	dir, opts := textFolder(t), options(t)
	want := split(t, open(t, dir, Options{CacheDir: t.TempDir()}), "train")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := Open(dir, opts)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := c.Split("train")
			if err != nil || !slices.Equal(got.Tokens, want.Tokens) {
				t.Errorf("tokens %v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if entries, _ := os.ReadDir(opts.CacheDir); len(entries) != 2 {
		t.Errorf("the cache holds %v, want an Arrow file and its manifest", entries)
	}
}

func TestCacheFolderThatCannotBe(t *testing.T) {
	opts := options(t)
	opts.CacheDir = filepath.Join(write(t, map[string]string{"file": ""}), "file", "cache")
	if _, err := Open("sample", opts); err == nil || !strings.Contains(err.Error(), "--cache DIR") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutACache(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("LocalAppData", "")
	t.Setenv("home", "")
	warned := 0
	c := open(t, "sample", Options{Warn: func(string) { warned++ }})
	if n := len(split(t, c, "test").Tokens); n != 9712 || warned != 1 {
		t.Errorf("%d tokens, %d warnings", n, warned)
	}
}
