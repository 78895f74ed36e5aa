package data

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/tokenizer"
)

func TestEndsTwice(t *testing.T) {
	for text, want := range map[string]bool{
		"a b <eos>\nb <eos>\n":     true,
		"a <eos>\n\nb <eos>":       true,
		"\na <eos>\n":              true,
		"a b\nb\n":                 false,
		"a b <eos>\nb\n":           false,
		"a\n\nb\n\n":               false,
		"a <eos> b <eos>\nb <eos>": false, // <eos> within a line too: it means something else here
		"<eos>\n":                  false,
		"a <eos> <eos>\n":          false,
	} {
		tok, err := tokenizer.Build(strings.NewReader(text), "f", tokenizer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenText(filepath.Join(write(t, map[string]string{"f": text}), "f"), tok)
		if err != nil {
			t.Fatal(err)
		}
		eos, _ := tok.EOS()
		if got := s.EndsTwice(eos); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
