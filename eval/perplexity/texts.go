package perplexity

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/tokenizer"
)

// texts finds and encodes what is to be read, by the vocabulary of the model.
type texts struct {
	tok    *tokenizer.Tokenizer
	cache  string
	stdin  io.Reader // nil once it has been read
	stderr io.Writer
	data   string       // what --data names, "" without it
	corpus *data.Corpus // opened by split
}

// scored returns the text to score and what to call it.
func (o *options) scored(t *texts) (*data.Split, string, error) {
	if o.text != "" {
		return t.file(o.text)
	}
	return t.split(o.split)
}

// standardInput is what --text calls it.
const standardInput = "-"

// open opens a text file, or standard input, and tells of what would become a part of
// its first word.
func (t *texts) open(path string) (text io.ReadCloser, name string, err error) {
	if path != standardInput {
		text, _, err = regular.Open(path)
		if _, other := errors.AsType[*badfile.Error](err); other { // a folder, a pipe
			err = fmt.Errorf("%w, or %s for standard input", err, standardInput)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; want a text file, or %s for standard input", err, standardInput)
		}
		if err != nil {
			return nil, path, err
		}
		name = path
	} else {
		if t.stdin == nil {
			return nil, "", cli.Usagef("standard input is one text; want a file for the other")
		}
		text, name, t.stdin = io.NopCloser(t.stdin), "standard input", nil
	}
	in := bufio.NewReader(text)
	if head, _ := in.Peek(len(badfile.ByteOrderMark)); string(head) == badfile.ByteOrderMark { // an error shows when it is read
		fmt.Fprintf(t.stderr, "eval: %s %s\n", name, badfile.MarkWarning)
	}
	return struct {
		io.Reader
		io.Closer
	}{in, text}, name, nil
}

// file encodes a text file, or standard input.
func (t *texts) file(path string) (*data.Split, string, error) {
	text, name, err := t.open(path)
	if err != nil {
		return nil, "", err
	}
	defer text.Close()
	split, err := data.ReadText(text, name, t.tok)
	return split, name, err
}

// other returns a further text: a split of the corpus, or else a file.
func (t *texts) other(splitOrFile string) (*data.Split, string, error) {
	if t.data != "" && slices.Contains(data.Splits, splitOrFile) {
		return t.split(splitOrFile)
	}
	text, name, err := t.file(splitOrFile)
	if t.data != "" && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w, or a split of the corpus: %s", err, strings.Join(data.Splits, ", "))
	}
	return text, name, err
}

func (t *texts) split(name string) (*data.Split, string, error) {
	if err := t.openCorpus(); err != nil {
		return nil, "", err
	}
	text, err := t.corpus.Split(name)
	return text, t.corpus.Name + ", " + name, err
}

func (t *texts) openCorpus() error {
	if t.corpus != nil {
		return nil
	}
	corpus, err := data.Open(t.data, data.Options{
		CacheDir:  t.cache,
		Tokenizer: t.tok,
		Warn:      func(line string) { fmt.Fprintln(t.stderr, "eval:", line) },
	})
	if unknown, ok := errors.AsType[*data.NotFoundError](err); ok {
		return cli.Usagef("--data: %w", unknown)
	}
	t.corpus = corpus
	return err
}

// endTwice warns of a text whose lines bring an <eos> of their own.
func (t *texts) endTwice(text *data.Split, name string) {
	if eos, ok := t.tok.EOS(); ok && text.EndsTwice(eos) {
		fmt.Fprintf(t.stderr, "eval: every line of %s already ends in %s, and each gets another, which is easy to predict and lowers the perplexity: remove those of the text\n", name, tokenizer.EOS)
	}
}
