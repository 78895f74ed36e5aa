package lm

import (
	"fmt"
	"io"
	"strings"

	"github.com/engram-lm/engram/tokenizer"
)

// Prompt encodes the beginning of a text that a model is to continue: the end of
// each line but the last becomes <eos>. Without any word it is <eos> alone: the
// start of a line. A word outside a vocabulary without an unknown word is a
// *tokenizer.UnknownWordError.
func Prompt(tok *tokenizer.Tokenizer, text string) ([]int32, error) {
	eos, hasEOS := tok.EOS()
	var ids []int32
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		words, err := tok.Encode(line)
		if err != nil {
			return nil, err
		}
		ids = append(ids, words...)
		if i == len(lines)-1 && len(ids) > 0 {
			break
		}
		if !hasEOS {
			return nil, fmt.Errorf("the vocabulary has no %s to end or begin a line with; want words on one line", tokenizer.EOS)
		}
		ids = append(ids, eos)
	}
	return ids, nil
}

// TextWriter writes words as text: a space between two words of a line, and
// <eos> as the line's end.
type TextWriter struct {
	w      io.Writer
	tok    *tokenizer.Tokenizer
	inLine bool
}

// NewTextWriter returns a TextWriter at the start of a line.
func NewTextWriter(w io.Writer, tok *tokenizer.Tokenizer) *TextWriter {
	return &TextWriter{w: w, tok: tok}
}

// Word writes the word of an id in the vocabulary.
func (t *TextWriter) Word(id int32) error {
	s := t.tok.Token(id)
	eos, hasEOS := t.tok.EOS()
	switch {
	case hasEOS && id == eos:
		return t.EndLine()
	case t.inLine:
		s = " " + s
	}
	t.inLine = true
	_, err := io.WriteString(t.w, s)
	return err
}

// EndLine ends the line.
func (t *TextWriter) EndLine() error {
	t.inLine = false
	_, err := io.WriteString(t.w, "\n")
	return err
}

// InLine reports whether the last line has words and no end.
func (t *TextWriter) InLine() bool { return t.inLine }

// Unknown returns the ids of <unk>, by that name and by the vocabulary's own.
func Unknown(tok *tokenizer.Tokenizer) []int32 {
	var ids []int32
	if id, ok := tok.Unknown(); ok {
		ids = append(ids, id)
	}
	if id, ok := tok.ID(tokenizer.Unknown); ok {
		ids = append(ids, id)
	}
	return ids
}
