package tokenizer

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/badfile"
)

// MaxWord is the most bytes a word may have. No language has one as long; a
// file that does is not a text.
const MaxWord = 1 << 16

// TextError says why a file is no text that can be tokenized.
type TextError struct {
	File    string // empty for text that came from no file
	Line    int    // from 1; 0 where the whole file is meant
	Problem string
}

func (e *TextError) Error() string { return place(e.File, e.Line, "the text") + ": " + e.Problem }

// UnknownWordError says which word a vocabulary without an unknown word lacks.
type UnknownWordError struct {
	Word string
	File string // empty for text that came from no file
	Line int    // from 1; 0 for text that came from no file
	// Advice is what to do, for whoever knows where the vocabulary is from; empty
	// stands for what is right where that cannot be changed.
	Advice string
}

func (e *UnknownWordError) Error() string {
	word := e.Word
	if r := []rune(word); len(r) > 60 {
		word = string(r[:60]) + "..."
	}
	advice := e.Advice
	if advice == "" {
		advice = "use a text of its words only, or a model trained with --min-count, whose vocabulary has " + Unknown
	}
	return fmt.Sprintf("%s: the word %q is outside the vocabulary, which has no %s to stand for it; %s",
		place(e.File, e.Line, "the text"), word, Unknown, advice)
}

func place(file string, line int, otherwise string) string {
	switch {
	case file == "":
		return otherwise
	case line == 0:
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// scan reads text to its end, hands each word to word and calls eol after each
// line, both with the line's number. The bytes of a word are only valid during
// the call. It keeps one word in memory, so lines may have any length.
func scan(text io.Reader, file string, word func(w []byte, line int) error, eol func(line int) error) error {
	in := bufio.NewReaderSize(text, 1<<16)
	if head, _ := in.Peek(8); badfile.NotText(head) != "" { // an error shows when it is read
		return &TextError{file, 0, badfile.NotText(head)}
	}
	line, open := 1, false // open: the line has begun
	buf := make([]byte, 0, 64)
	flush := func() error {
		if len(buf) == 0 {
			return nil
		}
		err := word(buf, line)
		buf = buf[:0]
		return err
	}
	for {
		r, size, err := in.ReadRune()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", place(file, line, "the text"), err)
		}
		open = true
		switch {
		case r == 0:
			return &TextError{file, line, "holds a NUL byte; this is a binary file, not a text"}
		case r == utf8.RuneError && size == 1:
			return &TextError{file, line, "is not valid UTF-8; this is a binary file, or a text in another encoding"}
		case unicode.IsSpace(r):
			if err := flush(); err != nil {
				return err
			}
			if r == '\n' {
				if err := eol(line); err != nil {
					return err
				}
				line, open = line+1, false
			}
		case len(buf)+size > MaxWord:
			return &TextError{file, line, fmt.Sprintf("has a word of more than %d bytes; want words separated by white space", MaxWord)}
		default:
			buf = utf8.AppendRune(buf, r)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if open {
		return eol(line)
	}
	return nil
}

// Text is an encoded text.
type Text struct {
	Tokens  []int32 // ids of the words, each line's followed by <eos>
	Lines   int64   // how many lines, and so how many <eos> were added
	Unknown int64   // how many words outside the vocabulary became the unknown word
}

// EncodeText reads text to its end and encodes it; file is its name in errors.
// They are an *UnknownWordError for a word outside a vocabulary without an
// unknown word, and a *TextError for a file without any word or that is no text.
func (t *Tokenizer) EncodeText(text io.Reader, file string) (Text, error) {
	e, err := t.encoder(file)
	if err != nil {
		return Text{}, err
	}
	var out Text
	var tokens blocks
	err = e.encode(text, func(id int32, unknown bool) {
		if unknown {
			out.Unknown++
		}
		tokens.add(id)
	}, func() {
		out.Lines++
		tokens.add(e.eos)
	})
	if err != nil {
		return Text{}, err
	}
	if out.Tokens = tokens.all(); len(out.Tokens) == int(out.Lines) {
		return Text{}, &TextError{file, 0, "is empty; want at least one word"}
	}
	return out, nil
}

// encoder encodes a text.
type encoder struct {
	tokenizer *Tokenizer
	file      string
	eos, unk  int32
	hasUnk    bool
}

func (t *Tokenizer) encoder(file string) (*encoder, error) {
	e := &encoder{tokenizer: t, file: file}
	var ok bool
	if e.eos, ok = t.EOS(); !ok {
		return nil, fmt.Errorf("%s: cannot be encoded: the vocabulary lacks %s, which ends every line; use a tokenizer built from a corpus", place(file, 0, "the text"), EOS)
	}
	e.unk, e.hasUnk = t.Unknown()
	return e, nil
}

// encode reads text to its end, hands the id of each word to word, and calls eol
// after each line.
func (e *encoder) encode(text io.Reader, word func(id int32, unknown bool), eol func()) error {
	return scan(text, e.file, func(w []byte, line int) error {
		id, ok := e.tokenizer.ID(string(w))
		if !ok {
			if !e.hasUnk {
				return &UnknownWordError{Word: string(w), File: e.file, Line: line}
			}
			id = e.unk
		}
		word(id, !ok)
		return nil
	}, func(int) error {
		eol()
		return nil
	})
}

// blocks collects tokens whose number is not known. Appending them to one slice
// would in all allocate five times what they take, which for a text of one-byte
// lines is a lot.
type blocks struct {
	full [][]int32
	last []int32
}

func (b *blocks) add(id int32) {
	if len(b.last) == cap(b.last) {
		if b.last != nil {
			b.full = append(b.full, b.last)
		}
		b.last = make([]int32, 0, min(max(256, 2*cap(b.last)), 1<<16))
	}
	b.last = append(b.last, id)
}

func (b *blocks) all() []int32 {
	return slices.Concat(append(b.full, b.last)...)
}
