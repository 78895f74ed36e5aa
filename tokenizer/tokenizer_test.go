package tokenizer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sugarme/tokenizer/pretrained"
)

func build(t testing.TB, text string, opts Options) *Tokenizer {
	t.Helper()
	tok, err := Build(strings.NewReader(text), "train.txt", opts)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestBuildNumbersByFrequencyThenFirstAppearance(t *testing.T) {
	for _, c := range []struct {
		name, text string
		min        int
		want       string
	}{
		{"frequency", "b a a c c c\n", 0, "c a b <eos>"},
		{"ties by first appearance, <eos> among them", "x y\nz\n", 0, "<eos> x y z"},
		{"<eos> of empty lines and of a last line without newline", "a\n\n\na", 0, "<eos> a"},
		{"<unk> counts like a word", "a <unk> b <unk>\n", 0, "<unk> a b <eos>"},
		{"<eos> in the text is the same word", "<eos> a\n", 0, "<eos> a"},
		{"every kind of white space separates", "a\u00a0b\u2003a\tb\va\r\n", 0, "a b <eos>"},
		{"rare words become one <unk>, where the first of them stood", "r a a s a r2\na\n", 2, "a <unk> <eos>"},
		{"<unk> ties by the first rare word's appearance", "r a a s\na a <unk>\n", 2, "a <unk> <eos>"},
		{"no <unk> where no word is rare", "a a\n", 2, "a <eos>"},
		{"<unk> of the text is never rare, nor is <eos>", "a a a <unk>\n", 3, "a <unk> <eos>"},
		{"min count 1 keeps all", "a b\n", 1, "a b <eos>"},
	} {
		tok := build(t, c.text, Options{MinCount: c.min})
		var got []string
		for id := range tok.Size() {
			got = append(got, tok.Token(int32(id)))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: vocabulary %q, want %q", c.name, s, c.want)
		}
	}
}

func TestEncodeText(t *testing.T) {
	tok := build(t, "a a a <unk> b\n", Options{}) // a <unk> b <eos>
	got, err := tok.EncodeText(strings.NewReader("b a\n\n zzz  a"), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := Text{Tokens: []int32{2, 0, 3, 3, 1, 0, 3}, Lines: 3, Unknown: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := tok.Characters(got.Tokens); n != 2+2+1+1+6+2+1 {
		t.Errorf("%d characters", n)
	}
}

func TestCharactersCountsCodePoints(t *testing.T) {
	tok := build(t, "æther Ω\n", Options{})
	ids, err := tok.Encode("æther Ω")
	if err != nil {
		t.Fatal(err)
	}
	if n := tok.Characters(ids); n != 5+1+1+1 {
		t.Errorf("%d characters, want 8", n)
	}
}

func TestUnknownWord(t *testing.T) {
	tok := build(t, "a b\n", Options{})
	_, err := tok.EncodeText(strings.NewReader("a b\n\na c\n"), "dir/valid.txt")
	var unknown *UnknownWordError
	if !errors.As(err, &unknown) || *unknown != (UnknownWordError{Word: "c", File: "dir/valid.txt", Line: 3}) {
		t.Fatalf("error %#v", err)
	}
	if s := err.Error(); !strings.HasPrefix(s, `dir/valid.txt:3: the word "c" is outside the vocabulary`) || strings.Contains(s, "\n") {
		t.Error(s)
	}
	if _, err := tok.Encode("a zz"); !errors.As(err, &unknown) || unknown.Word != "zz" {
		t.Errorf("Encode: error %v", err)
	}
	if _, ok := tok.Unknown(); ok {
		t.Error("says it has an unknown word")
	}
}

func TestNoText(t *testing.T) {
	tok := build(t, "a <unk>\n", Options{})
	for _, c := range []struct{ name, text, want string }{
		{"NUL", "a\nb\x00c", "f:2: holds a NUL byte"},
		{"not UTF-8", "a\xff", "f:1: is not valid UTF-8"},
		{"cut UTF-8", "a\n\n\xc3", "f:3: is not valid UTF-8"},
		{"empty", "", "f: is empty"},
		{"white space only", " \n\t\n", "f: is empty"},
		{"overlong word", "a\n" + strings.Repeat("x", MaxWord+1), "f:2: has a word of more than 65536 bytes"},
	} {
		_, err := tok.EncodeText(strings.NewReader(c.text), "f")
		var bad *TextError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: EncodeText: %v, want %s", c.name, err, c.want)
		}
		if c.name != "white space only" { // it has lines
			if _, err = tok.EncodeLines(strings.NewReader(c.text), "f"); !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: EncodeLines: %v, want %s", c.name, err, c.want)
			}
		}
		_, err = Build(strings.NewReader(c.text), "f", Options{})
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: Build: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := tok.EncodeText(strings.NewReader(strings.Repeat("x", MaxWord)), "f"); err != nil {
		t.Errorf("the longest word allowed: %v", err)
	}
	if _, err := tok.Encode("\xff"); err == nil {
		t.Error("Encode took invalid UTF-8")
	}
}

// A line without words is a sentence of nothing but its end, among others or alone.
func TestLinesWithoutWords(t *testing.T) {
	tok := build(t, "a <unk>\n", Options{})
	eos, _ := tok.EOS()
	for text, want := range map[string]int{"\n": 1, "\n\n": 2, " \n\t\n": 2, " ": 1, "\n\r\n ": 3} {
		lines, err := tok.EncodeLines(strings.NewReader(text), "f")
		if err != nil || len(lines) != want {
			t.Fatalf("%q: %d lines, %v; want %d", text, len(lines), err, want)
		}
		for _, line := range lines {
			if !slices.Equal(line.Tokens, []int32{eos}) || line.Unknown != 0 {
				t.Errorf("%q: a line is %v, want <eos> alone", text, line)
			}
		}
	}
}

func TestVocabularyWithoutEOSEncodesNoText(t *testing.T) {
	tok, err := newTokenizer([]string{"a"}, map[string]int{"a": 0}, Unknown)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.EncodeText(strings.NewReader("a"), "f"); err == nil || !strings.Contains(err.Error(), "lacks <eos>") {
		t.Errorf("error %v", err)
	}
	if ids, err := tok.Encode("a a"); err != nil || len(ids) != 2 {
		t.Errorf("Encode: %v, %v", ids, err)
	}
}

func TestDecode(t *testing.T) {
	tok := build(t, "a b <unk>\n", Options{})
	ids, err := tok.Encode("  b\ta c ")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := tok.Decode(ids); err != nil || s != "b a <unk>" {
		t.Errorf("%q, %v", s, err)
	}
	for _, id := range []int32{-1, 4} {
		if _, err := tok.Decode([]int32{0, id}); err == nil {
			t.Errorf("id %d was decoded", id)
		}
	}
}

// The library reads what JSON writes, and its own way through its pre-tokenizer
// gives the same ids.
func TestLibraryReadsItsFileAndAgrees(t *testing.T) {
	lines := []string{"the <unk> sun 's \"light\" & n't", "æther  mr. <eos> a\tb", "unseen words <b>", "", "\u2028x \\ back\u0301"}
	tok := build(t, strings.Join(lines[:2], "\n")+"\n"+lines[4], Options{})
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := tok.Save(path); err != nil {
		t.Fatal(err)
	}
	theirs, err := pretrained.FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := theirs.GetVocabSize(false); n != tok.Size() {
		t.Fatalf("%d words, want %d", n, tok.Size())
	}
	for _, line := range lines[:4] {
		want, err := theirs.EncodeSingle(line)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tok.Encode(line)
		if err != nil {
			t.Fatal(err)
		}
		wide := make([]int, len(got))
		for i, id := range got {
			wide[i] = int(id)
		}
		if diff := cmp.Diff(want.Ids, wide); len(want.Ids)+len(wide) > 0 && diff != "" {
			t.Errorf("%q (-library +ours):\n%s", line, diff)
		}
	}
}

func TestSaveLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tokenizer.json")
	tok := build(t, "c <unk> b b \"q\" \\\n", Options{})
	for range 2 { // the second replaces the first
		if err := tok.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	back, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != tok.Hash() || len(tok.Hash()) != 64 {
		t.Errorf("hash %s became %s", tok.Hash(), back.Hash())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if other := build(t, "\\ <unk> b b \"q\" c\n", Options{}); other.Hash() == tok.Hash() {
		t.Error("another order of ids has the same hash")
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}
