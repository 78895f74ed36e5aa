package tokenizer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
)

// MaxFile is the most bytes a tokenizer.json may have: some half a million words.
// What is made of a file, the library's two maps above all, allocates some
// twenty times its size; up to here that is within 64 MB and sixteen times.
const MaxFile = 12 << 20

// file is a Hugging Face tokenizer.json as far as it is supported. What would
// change the tokens (a normalizer, truncation, padding, a post-processor) must
// be null; so must the decoder, because words are joined by spaces.
type file struct {
	Version       string          `json:"version,omitempty"`
	Truncation    json.RawMessage `json:"truncation,omitempty"`
	Padding       json.RawMessage `json:"padding,omitempty"`
	AddedTokens   []addedToken    `json:"added_tokens,omitempty"`
	Normalizer    json.RawMessage `json:"normalizer,omitempty"`
	PreTokenizer  preTokenizer    `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor,omitempty"`
	Decoder       json.RawMessage `json:"decoder,omitempty"`
	Model         model           `json:"model"`
}

// preTokenizer is how a text is cut into words.
type preTokenizer struct {
	Type  string            `json:"type"`
	Parts []json.RawMessage `json:"pretokenizers,omitempty"` // of a Sequence; each is one again
}

// check reports anything but a WhitespaceSplit, or a Sequence of that alone, which
// is the same.
func (p preTokenizer) check() error {
	const key = "pre_tokenizer.type"
	switch {
	case p.Type == whitespaceSplit && p.Parts == nil:
		return nil
	case p.Type != sequence:
		return badfile.New(fileName, key, "is %.40q with parts; want %q", p.Type, whitespaceSplit)
	}
	var parts []string
	for _, part := range p.Parts {
		kind, _ := strictjson.Stated(part, "type")
		parts = append(parts, fmt.Sprintf("%.40q", kind))
	}
	if len(parts) != 1 || parts[0] != strconv.Quote(whitespaceSplit) {
		return badfile.New(fileName, key, "is %q of [%s]; want %q", sequence, strings.Join(parts, ", "), whitespaceSplit)
	}
	var only preTokenizer
	return strictjson.Decode(fileName, p.Parts[0], &only)
}

// What a tokenizer.json must be.
const (
	wordLevel       = "WordLevel"
	whitespaceSplit = "WhitespaceSplit"
	sequence        = "Sequence"
)

// checkKind reports what the file says it is, if that is another kind of tokenizer:
// those have keys of their own, none of which is what is wrong with them.
func checkKind(data []byte) error {
	kind, ok := strictjson.Stated(data, "model", "type")
	otherModel := ok && kind != wordLevel
	splits, ok := strictjson.Stated(data, "pre_tokenizer", "type")
	otherSplits := ok && splits != whitespaceSplit && splits != sequence
	switch {
	case otherModel && otherSplits:
		return badfile.New(fileName, "model.type", "is %.40q; want %q (and pre_tokenizer.type: is %.40q; want %q)", kind, wordLevel, splits, whitespaceSplit)
	case otherModel:
		return badfile.New(fileName, "model.type", "is %.40q; want %q", kind, wordLevel)
	case otherSplits && splits == "Whitespace":
		return badfile.New(fileName, "pre_tokenizer.type", "is %q; want %q (%[1]q would cut <unk> into three)", splits, whitespaceSplit)
	case otherSplits:
		return badfile.New(fileName, "pre_tokenizer.type", "is %.40q; want %q", splits, whitespaceSplit)
	}
	return nil
}

type model struct {
	Type    string         `json:"type"`
	Vocab   map[string]int `json:"vocab"`
	Unknown string         `json:"unk_token"`
}

// addedToken is how Hugging Face's trainers list <unk> and <eos> a second time.
type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word,omitempty"`
	LStrip     bool   `json:"lstrip,omitempty"`
	RStrip     bool   `json:"rstrip,omitempty"`
	Normalized bool   `json:"normalized,omitempty"`
	Special    bool   `json:"special,omitempty"`
}

const fileName = "tokenizer.json"

// Load reads the tokenizer.json at path. A malformed one is a *badfile.Error.
func Load(path string) (*Tokenizer, error) {
	data, err := regular.Read(path, MaxFile)
	if err != nil {
		return nil, err
	}
	t, err := Parse(data)
	if err != nil {
		return nil, badfile.At(path, err)
	}
	return t, nil
}

// Parse reads a tokenizer.json. Whatever is malformed in it is a *badfile.Error
// that names the key and says what would be right.
func Parse(data []byte) (*Tokenizer, error) {
	if len(data) > MaxFile {
		return nil, badfile.New(fileName, "", "is larger than %d MiB", MaxFile>>20)
	}
	if err := checkKind(data); err != nil {
		return nil, err
	}
	var f file
	// A map that grows to its size is allocated twice over. A word takes at
	// least six bytes: "a":0 and a comma.
	f.Model.Vocab = make(map[string]int, min(bytes.Count(data, []byte(":")), len(data)/6))
	if err := strictjson.Decode(fileName, data, &f); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	words, err := f.Model.words()
	if err != nil {
		return nil, err
	}
	for _, a := range f.AddedTokens {
		if id, ok := f.Model.Vocab[a.Content]; !ok || id != a.ID {
			return nil, badfile.New(fileName, "added_tokens", "gives %.60q the id %d, model.vocab does not; want only words of the vocabulary, under their ids", a.Content, a.ID)
		}
	}
	t, err := newTokenizer(words, f.Model.Vocab, f.Model.Unknown)
	if err != nil {
		return nil, badfile.New(fileName, "model.vocab", "%v", err)
	}
	return t, nil
}

func (f *file) check() error {
	if f.Version != "" && f.Version != "1.0" {
		return badfile.New(fileName, "version", "is %.20q; want \"1.0\"", f.Version)
	}
	for _, part := range []struct {
		key   string
		value json.RawMessage
	}{
		{"truncation", f.Truncation}, {"padding", f.Padding}, {"normalizer", f.Normalizer},
		{"post_processor", f.PostProcessor}, {"decoder", f.Decoder},
	} {
		if len(part.value) > 0 && string(part.value) != "null" {
			return badfile.New(fileName, part.key, "is not supported; want null")
		}
	}
	return f.PreTokenizer.check()
}

// words returns the vocabulary in the order of its ids, which must be 0 to n-1.
func (m *model) words() ([]string, error) {
	const key = "model.vocab"
	n := len(m.Vocab)
	if n == 0 {
		return nil, badfile.New(fileName, key, "is empty; want at least one word")
	}
	words := make([]string, n)
	taken := make([]bool, n)
	for word, id := range m.Vocab {
		if problem := wordProblem(word); problem != "" {
			return nil, badfile.New(fileName, key, "the word %.60q %s", word, problem)
		}
		if id < 0 || id >= n {
			return nil, badfile.New(fileName, key, "the word %.60q has id %d; want 0 to %d, one id for each word", word, id, n-1)
		}
		if taken[id] {
			return nil, badfile.New(fileName, key, "the words %.60q and %.60q both have id %d", min(word, words[id]), max(word, words[id]), id)
		}
		words[id], taken[id] = word, true
	}
	if problem := wordProblem(m.Unknown); problem != "" {
		return nil, badfile.New(fileName, "model.unk_token", "%.60q %s", m.Unknown, problem)
	}
	return words, nil
}

// wordProblem says why no text can ever hold word; such a vocabulary was meant
// for another way of splitting.
func wordProblem(word string) string {
	switch {
	case word == "":
		return "is empty"
	case len(word) > MaxWord:
		return fmt.Sprintf("has more than %d bytes", MaxWord)
	case strings.ContainsFunc(word, unicode.IsSpace):
		return "has white space in it, which separates words"
	case strings.ContainsRune(word, 0) || !utf8.ValidString(word):
		return "has a byte in it that is no text"
	}
	return ""
}

// JSON returns the canonical tokenizer.json: the same bytes for the same
// vocabulary on every machine, the words in the order of their ids.
func (t *Tokenizer) JSON() ([]byte, error) {
	var b bytes.Buffer
	err := t.write(&b)
	return b.Bytes(), err
}

// write writes the canonical tokenizer.json.
func (t *Tokenizer) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	w.WriteString("{\n \"version\": \"1.0\",\n \"truncation\": null,\n \"padding\": null,\n \"added_tokens\": [],\n" +
		" \"normalizer\": null,\n \"pre_tokenizer\": {\n  \"type\": \"WhitespaceSplit\"\n },\n" +
		" \"post_processor\": null,\n \"decoder\": null,\n \"model\": {\n  \"type\": \"WordLevel\",\n  \"vocab\": {\n")
	var word bytes.Buffer
	quote := json.NewEncoder(&word)
	quote.SetEscapeHTML(false) // <unk> as it is and not as \u003cunk\u003e
	quoted := func(s string) ([]byte, error) {
		word.Reset()
		if err := quote.Encode(s); err != nil {
			return nil, fmt.Errorf("the word %q: %w", s, err)
		}
		return bytes.TrimSuffix(word.Bytes(), []byte("\n")), nil
	}
	for id, s := range t.words {
		q, err := quoted(s)
		if err != nil {
			return err
		}
		w.WriteString("   ")
		w.Write(q)
		w.WriteString(": ")
		w.WriteString(strconv.Itoa(id))
		if id < len(t.words)-1 {
			w.WriteByte(',')
		}
		w.WriteByte('\n')
	}
	w.WriteString("  },\n  \"unk_token\": ")
	q, err := quoted(t.unk)
	if err != nil {
		return err
	}
	w.Write(q)
	w.WriteString("\n }\n}\n")
	return w.Flush() // the first error of all the writes
}

// Save writes the canonical tokenizer.json to path; whoever reads it meanwhile
// finds the old file or the new one.
func (t *Tokenizer) Save(path string) error {
	return atomicfile.Write(path, t.write)
}
