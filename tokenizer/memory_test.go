package tokenizer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/membound"
)

// The largest vocabulary that a file may have, of the shortest words there are.
func TestLoadMemoryIsBounded(t *testing.T) {
	var vocab strings.Builder
	for id := 0; vocab.Len()+7*id < MaxFile-500; id++ {
		if id > 0 {
			vocab.WriteByte(',')
		}
		fmt.Fprintf(&vocab, `"%s":%d`, short(id), id)
	}
	for what, text := range map[string]string{
		"vocabulary": fmt.Sprintf(document, "", vocab.String()),
		"colons":     fmt.Sprintf(document, "", `"`+strings.Repeat(":", MaxFile/3)+`":0`),
		"added":      fmt.Sprintf(document, `{"id":0,"content":"a"}`+strings.Repeat(`,{"id":0,"content":"a"}`, MaxFile/69), `"a":0`),
		"numbers":    fmt.Sprintf(document, "0"+strings.Repeat(",0", MaxFile/6), `"a":0`),
		"fractions":  fmt.Sprintf(document, "", strings.ReplaceAll(vocab.String()[:MaxFile/3], ",", ".5,")),
	} {
		path := filepath.Join(t.TempDir(), "tokenizer.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		membound.Check(t, len(text), membound.Tree, func() { _, err = Load(path) })
		if (err == nil) != (what == "vocabulary" || what == "added") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// short returns words in the order of their length.
func short(n int) string {
	var b []byte
	for {
		b = append(b, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[n%62])
		if n = n/62 - 1; n < 0 {
			return string(b)
		}
	}
}

func TestTextMemoryIsBounded(t *testing.T) {
	const size = 4 << 20
	var types strings.Builder
	for n := 0; types.Len() < size; n++ {
		types.WriteString(short(n))
		types.WriteByte(' ')
	}
	tok := build(t, "a b <unk>\n", Options{})
	for what, text := range map[string]string{
		"lines":       "a" + strings.Repeat("\n", size),
		"short words": strings.Repeat("a ", size/2),
		"long words":  strings.Repeat(strings.Repeat("a", MaxWord)+" ", size/MaxWord),
		"other words": types.String(),
	} {
		var err error
		membound.Check(t, len(text), membound.Text, func() { _, err = tok.EncodeText(strings.NewReader(text), "f") })
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		membound.Check(t, len(text), membound.Text, func() { _, err = Build(strings.NewReader(text), "f", Options{}) })
		if (err != nil) != (what == "other words") {
			t.Errorf("%s: %v", what, err)
		}
		var bad *TextError
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a *TextError", what, err)
		}
	}
}

// A vocabulary whose file could not be read again is not built.
func TestVocabularyBeyondAFile(t *testing.T) {
	var text strings.Builder
	for i := range MaxFile/MaxWord + 1 {
		fmt.Fprintf(&text, "%d%s\n", 100000+i, strings.Repeat("x", MaxWord-6))
	}
	if _, err := Build(strings.NewReader(text.String()), "f", Options{}); err == nil || !strings.Contains(err.Error(), "--min-count") {
		t.Errorf("error %v", err)
	}
	if _, err := Build(strings.NewReader(text.String()), "f", Options{MinCount: 2}); err != nil {
		t.Error(err)
	}
}
