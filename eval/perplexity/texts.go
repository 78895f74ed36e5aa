package perplexity

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/tokenizer"
)

// texts finds and encodes what is to be read, by the vocabulary of the model.
type texts struct {
	tok    *tokenizer.Tokenizer
	cache  string
	stderr io.Writer
	data   string       // what --data names, "" without it
	corpus *data.Corpus // opened by split
}

// scored returns the text to score and what to call it.
func (o *options) scored(t *texts) (*data.Split, string, error) {
	if o.text != "" {
		text, err := data.OpenText(o.text, t.tok)
		return text, o.text, err
	}
	return t.split(o.split)
}

// other returns a further text: a split of the corpus, or else a file.
func (t *texts) other(splitOrFile string) (*data.Split, string, error) {
	if t.data != "" && slices.Contains(data.Splits, splitOrFile) {
		return t.split(splitOrFile)
	}
	text, err := data.OpenText(splitOrFile, t.tok)
	return text, splitOrFile, err
}

func (t *texts) split(name string) (*data.Split, string, error) {
	if t.corpus == nil {
		corpus, err := data.Open(t.data, data.Options{
			CacheDir:  t.cache,
			Tokenizer: t.tok,
			Warn:      func(line string) { fmt.Fprintln(t.stderr, "eval:", line) },
		})
		if unknown, ok := errors.AsType[*data.NotFoundError](err); ok {
			return nil, "", cli.Usagef("--data: %w", unknown)
		}
		if err != nil {
			return nil, "", err
		}
		t.corpus = corpus
	}
	text, err := t.corpus.Split(name)
	return text, t.corpus.Name + ", " + name, err
}
