package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
)

// Whatever Parse takes is a vocabulary that round-trips; all else is an error of
// one line. The committed corpus is the malformed table plus testdata/fuzz.
func FuzzParse(f *testing.F) {
	f.Add(fmt.Appendf(nil, document, "", `"<unk>":0,"<eos>":1,"a":2`))
	for _, c := range malformed {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var tok *Tokenizer
		var err error
		membound.Check(t, len(data), membound.Tree, func() { tok, err = Parse(data) })
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("error %v, want a *badfile.Error of one line", err)
			}
			return
		}
		for id := range int32(tok.Size()) {
			if got, ok := tok.ID(tok.Token(id)); !ok || got != id {
				t.Fatalf("id %d is %q, which is id %d, %v", id, tok.Token(id), got, ok)
			}
		}
		canonical, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(canonical)
		if err != nil {
			t.Fatalf("its own file: %v\n%s", err, canonical)
		}
		if back.Hash() != tok.Hash() || !slices.Equal(back.words, tok.words) || back.unk != tok.unk {
			t.Fatal("the vocabulary changed on the way through a file")
		}
	})
}

// isText says whether text is one, by what the standard library thinks of it.
func isText(text string) bool {
	words := strings.Fields(text)
	return len(words) > 0 && utf8.ValidString(text) && !strings.Contains(text, "\x00") &&
		!slices.ContainsFunc(words, func(w string) bool { return len(w) > MaxWord })
}

// lines counts the lines of a text, an open last one too.
func lines(text string) int64 {
	n := int64(strings.Count(text, "\n"))
	if !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}

func textError(t *testing.T, err error) {
	t.Helper()
	var bad *TextError
	if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
		t.Fatalf("error %v, want a *TextError of one line", err)
	}
}

// Every text that Build takes encodes to one id a word and decodes to its words.
func FuzzBuild(f *testing.F) {
	f.Add("a b\n\nc", 0)
	f.Add("<unk> <eos>\u2028x\r\n", 2)
	f.Add("a\x00", 1)
	f.Fuzz(func(t *testing.T, text string, min int) {
		var tok *Tokenizer
		var err error
		membound.Check(t, len(text), membound.Text, func() { tok, err = Build(strings.NewReader(text), "f", Options{MinCount: min}) })
		if (err == nil) != isText(text) {
			t.Fatalf("Build says %v", err)
		}
		if err != nil {
			textError(t, err)
			return
		}
		got, err := tok.EncodeText(strings.NewReader(text), "f")
		if err != nil {
			t.Fatalf("a text of its own words: %v", err)
		}
		words := strings.Fields(text)
		if got.Lines != lines(text) || int64(len(got.Tokens)) != int64(len(words))+got.Lines {
			t.Fatalf("%d tokens for %d words in %d lines", len(got.Tokens), len(words), got.Lines)
		}
		if min > 1 {
			return
		}
		ids, err := tok.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := tok.Decode(ids); err != nil || s != strings.Join(words, " ") {
			t.Fatalf("%q became %q, %v", text, s, err)
		}
	})
}

// A text encoded by another's vocabulary decodes to its words, those outside
// <unk>, and an <eos> a line; without <unk> the first of them is the error.
func FuzzEncodeText(f *testing.F) {
	f.Add("a b\n\nc")
	f.Add("a\u0085b\xc2\x85 a\r\n<eos> <unk>")
	f.Add("a\x00")
	f.Add("b " + strings.Repeat("a", MaxWord+1))
	with, without := build(f, "a b <unk>\n", Options{}), build(f, "a b\n", Options{})
	f.Fuzz(func(t *testing.T, text string) {
		var got Text
		var err error
		membound.Check(t, len(text), membound.Text, func() { got, err = with.EncodeText(strings.NewReader(text), "f") })
		if (err == nil) != isText(text) {
			t.Fatalf("EncodeText says %v", err)
		}
		if err != nil {
			textError(t, err)
			return
		}
		var want []string
		var unknown int64
		for line := range strings.Lines(text) {
			for _, word := range strings.Fields(line) {
				if _, ok := with.ID(word); !ok {
					word = Unknown
					unknown++
				}
				want = append(want, word)
			}
			want = append(want, EOS)
		}
		s, err := with.Decode(got.Tokens)
		if err != nil || s != strings.Join(want, " ") || got.Lines != lines(text) || got.Unknown != unknown {
			t.Fatalf("%q became %q in %d lines, %d unknown, %v; want %q", text, s, got.Lines, got.Unknown, err, want)
		}
		byLine, err := with.EncodeLines(strings.NewReader(text), "f")
		var joined []int32
		for _, line := range byLine {
			joined = append(joined, line.Tokens...)
			unknown -= line.Unknown
		}
		if err != nil || !slices.Equal(joined, got.Tokens) || int64(len(byLine)) != got.Lines || unknown != 0 {
			t.Fatalf("line by line %q became %d lines of tokens %v, %v", text, len(byLine), joined, err)
		}
		_, err = without.EncodeText(strings.NewReader(text), "f")
		var outside *UnknownWordError
		if known := !slices.Contains(want, Unknown); known != (err == nil) || !known && (!errors.As(err, &outside) || strings.ContainsAny(err.Error(), "\n\r")) {
			t.Fatalf("without <unk>: %v", err)
		}
	})
}
