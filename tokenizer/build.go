package tokenizer

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Options of Build. The zero value keeps every word of the text.
type Options struct {
	// MinCount makes every type that comes less often an unknown word. <eos>
	// and <unk> themselves are always kept.
	MinCount int
}

// A text may have freeTypes types and one more every bytesPerType bytes. A type
// costs some 300 bytes, so that a text without a word that comes again would
// cost a great multiple of its size; texts in any language have far fewer.
const (
	freeTypes    = 200_000
	bytesPerType = 40
)

// Build counts the words of a training text and numbers them by falling
// frequency, ties by first appearance; <eos>, one a line, and <unk> are counted
// like words. <unk> is in the vocabulary only if the text has it or MinCount
// makes it, and then it counts for all the words it replaces. Errors name file;
// they are those of EncodeText, and a *TextError for a text of too many types.
func Build(text io.Reader, file string, opts Options) (*Tokenizer, error) {
	index := make(map[string]int) // of a type in order
	var order []entry             // by first appearance
	words, size := 0, 0
	add := func(w string) {
		index[w] = len(order)
		order = append(order, entry{w, 1})
	}
	err := scan(text, file, func(w []byte, line int) error {
		words++
		size += len(w) + 1
		if i, ok := index[string(w)]; ok { // the usual case; makes no string
			order[i].n++
			return nil
		}
		if len(order) > freeTypes+size/bytesPerType {
			return &TextError{file, line, fmt.Sprintf("has %d different words in the %d bytes so far; want a text in a language, whose words come again", len(order), size)}
		}
		add(string(w))
		return nil
	}, func(int) error {
		size++
		if i, ok := index[EOS]; ok {
			order[i].n++
		} else {
			add(EOS)
		}
		return nil
	})
	if err == nil && words == 0 {
		err = &TextError{file, 0, "is empty; want at least one word"}
	}
	if err != nil {
		return nil, err
	}
	order = replaceRare(order, opts.MinCount)
	slices.SortStableFunc(order, func(a, b entry) int { return cmp.Compare(b.n, a.n) })
	clear(index) // keeps its memory for the vocabulary
	vocabulary := make([]string, len(order))
	for id, e := range order {
		vocabulary[id], index[e.word] = e.word, id
	}
	t, err := newTokenizer(vocabulary, index, Unknown)
	if err != nil {
		return nil, &TextError{file, 0, err.Error()}
	}
	return t, nil
}

// entry is a type of word and how often it came.
type entry struct {
	word string
	n    int64
}

// replaceRare puts one <unk> where the first of the types rarer than min (or
// <unk> itself) first appeared, with the counts of all of them, as if the text
// had been written so. The result takes the place of order.
func replaceRare(order []entry, min int) []entry {
	unk := -1
	kept := order[:0]
	for _, e := range order {
		rare := e.n < int64(min) && e.word != EOS
		switch {
		case !rare && e.word != Unknown:
			kept = append(kept, e)
		case unk < 0:
			unk = len(kept)
			kept = append(kept, entry{Unknown, e.n})
		default:
			kept[unk].n += e.n
		}
	}
	return kept
}
