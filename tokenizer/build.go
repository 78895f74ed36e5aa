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

// Build counts the words of a training text and numbers them by falling
// frequency, ties by first appearance; <eos>, one a line, and <unk> are counted
// like words. <unk> is in the vocabulary only if the text has it or MinCount
// makes it, and then it counts for all the words it replaces. Errors name file;
// they are those of EncodeText.
func Build(text io.Reader, file string, opts Options) (*Tokenizer, error) {
	counts := make(map[string]*entry)
	var order []*entry // by first appearance
	count := func(w string) {
		e := counts[w]
		if e == nil {
			e = &entry{word: w}
			counts[w] = e
			order = append(order, e)
		}
		e.n++
	}
	words := 0
	err := scan(text, file, func(w []byte, _ int) error {
		words++
		if e := counts[string(w)]; e != nil { // the usual case; makes no string
			e.n++
			return nil
		}
		count(string(w))
		return nil
	}, func(int) error {
		count(EOS)
		return nil
	})
	if err == nil && words == 0 {
		err = &TextError{file, 0, "is empty; want at least one word"}
	}
	if err != nil {
		return nil, err
	}
	order = replaceRare(order, opts.MinCount)
	slices.SortStableFunc(order, func(a, b *entry) int { return cmp.Compare(b.n, a.n) })
	vocabulary := make([]string, len(order))
	for i, e := range order {
		vocabulary[i] = e.word
	}
	t, err := fromWords(vocabulary, Unknown)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
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
// had been written so.
func replaceRare(order []*entry, min int) []*entry {
	var unk *entry
	kept := order[:0:0]
	for _, e := range order {
		rare := e.n < int64(min) && e.word != EOS
		switch {
		case !rare && e.word != Unknown:
			kept = append(kept, e)
		case unk == nil:
			unk = &entry{Unknown, e.n}
			kept = append(kept, unk)
		default:
			unk.n += e.n
		}
	}
	return kept
}
