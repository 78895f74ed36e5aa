// Package tokenizer turns text into word numbers and back: word level, one
// number (id) a type of word, over github.com/sugarme/tokenizer.
//
// Words are what white space (unicode.IsSpace) separates, and every line, an
// empty one and a last one without a newline too, ends in the word <eos>. A
// vocabulary is counted from a training text (Build) or read from a Hugging
// Face tokenizer.json with a WordLevel model and the WhitespaceSplit
// pre-tokenizer (Parse, Load).
//
// The library holds the vocabulary, looks words up in both directions, and
// joins them on decoding. Three things it cannot do are done here: its readers
// panic on malformed files, so Parse validates before the library sees
// anything; its writers write nothing, so JSON is written here; and its
// WhitespaceSplit knows four kinds of white space, and takes 9 microseconds a
// word, so text is cut into words here and each is looked up.
package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	library "github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/model/wordlevel"
	"github.com/sugarme/tokenizer/pretokenizer"
)

const (
	// EOS ends every line of a text.
	EOS = "<eos>"
	// Unknown is the word that stands for all that the vocabulary lacks.
	Unknown = "<unk>"
)

// Tokenizer maps the words of one vocabulary to the ids 0 to Size()-1 and back.
// It does not change after it was made; any number of goroutines may share it.
type Tokenizer struct {
	library *library.Tokenizer
	words   []string // by id
	unk     string   // the name of the unknown word, which words need not hold
	hash    string
}

// newTokenizer makes the tokenizer whose vocabulary is words in the order of
// their ids, and vocab, which it keeps, the way back. The caller has seen to it
// that no word is empty, has white space in it, or comes twice.
func newTokenizer(words []string, vocab map[string]int, unk string) (*Tokenizer, error) {
	// Not by the library's builder: its UnkToken method renumbers <unk>.
	model, err := wordlevel.New(vocab, unk)
	if err != nil {
		return nil, err
	}
	lib := library.NewTokenizer(model)
	lib.WithPreTokenizer(pretokenizer.NewWhitespaceSplit())
	t := &Tokenizer{library: lib, words: words, unk: unk}
	hash := sha256.New()
	size := &counter{}
	if err := t.write(io.MultiWriter(hash, size)); err != nil {
		return nil, err
	}
	if size.n > MaxFile {
		return nil, fmt.Errorf("has %d different words, for which a %s would take more than %d MiB; keep fewer, by a higher --min-count", len(words), fileName, MaxFile>>20)
	}
	t.hash = hex.EncodeToString(hash.Sum(nil))
	return t, nil
}

// counter counts the bytes written to it.
type counter struct{ n int }

func (c *counter) Write(b []byte) (int, error) {
	c.n += len(b)
	return len(b), nil
}

// Size returns the number of words in the vocabulary.
func (t *Tokenizer) Size() int { return len(t.words) }

// ID returns the id of word, and whether the vocabulary has it.
func (t *Tokenizer) ID(word string) (id int32, ok bool) {
	n, ok := t.library.TokenToId(word)
	return int32(n), ok
}

// Token returns the word of an id, which must lie in [0, Size()); like an
// index out of range, any other panics.
func (t *Tokenizer) Token(id int32) string { return t.words[id] }

// Unknown returns the id of the unknown word; ok is false where the vocabulary
// has none, and then a word outside of it is an error.
func (t *Tokenizer) Unknown() (id int32, ok bool) { return t.ID(t.unk) }

// EOS returns the id of <eos>; ok is false where the vocabulary lacks it.
func (t *Tokenizer) EOS() (id int32, ok bool) { return t.ID(EOS) }

// Hash returns the SHA-256, in hexadecimal, of the canonical tokenizer.json:
// equal exactly when two tokenizers give every word the same id.
func (t *Tokenizer) Hash() string { return t.hash }

// Encode returns the ids of the words in line, without an <eos>. A word outside
// the vocabulary becomes the unknown word, or is an *UnknownWordError where
// there is none.
func (t *Tokenizer) Encode(line string) ([]int32, error) {
	if !utf8.ValidString(line) {
		return nil, &TextError{Problem: "is not valid UTF-8"}
	}
	words := strings.Fields(line)
	ids := make([]int32, len(words))
	unk, hasUnk := t.Unknown()
	for i, word := range words {
		id, ok := t.ID(word)
		if !ok && !hasUnk {
			return nil, &UnknownWordError{Word: word}
		}
		if !ok {
			id = unk
		}
		ids[i] = id
	}
	return ids, nil
}

// Decode returns the words of ids with a space between each two, <eos> and
// <unk> among them as they are. An id outside the vocabulary is an error.
func (t *Tokenizer) Decode(ids []int32) (string, error) {
	wide := make([]int, len(ids))
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.words) {
			return "", fmt.Errorf("token %d is id %d; the vocabulary's ids are 0 to %d", i, id, len(t.words)-1)
		}
		wide[i] = int(id)
	}
	return t.library.Decode(wide, false), nil
}

// Characters returns how many characters (Unicode code points) the text of ids
// has, what bits per character are counted by: each word's own and one for the
// space that follows it. <eos> is the newline, one character; <unk> counts as it
// is written.
func (t *Tokenizer) Characters(ids []int32) int64 {
	eos, ends := t.EOS()
	var n int64
	for _, id := range ids {
		if n++; !ends || id != eos {
			n += int64(utf8.RuneCountInString(t.words[id]))
		}
	}
	return n
}
