package main

import (
	"fmt"
	"strings"
)

var splits = []string{"train", "valid", "test"}

const (
	// minCount is how often a word must come in train to be kept. The Penn
	// Treebank keeps the 10,000 most frequent of a text ten times as long.
	minCount = 2
	// minSentence is the fewest tokens of a sentence; shorter ones are what
	// the book's layout left: "Scholium.", a number alone.
	minSentence = 3
	unknown     = "<unk>"
)

// corpus holds the sentences of each split.
type corpus map[string][][]string

// makeCorpus makes the splits of the book. Which words are rare is decided by
// train alone; in all three they become <unk>.
func makeCorpus(source string) corpus {
	c := make(corpus)
	for _, p := range paragraphs(source) {
		split := splitOf(p.chapter)
		for _, s := range sentences(p.text) {
			if len(s) >= minSentence {
				c[split] = append(c[split], s)
			}
		}
	}
	counts := make(map[string]int)
	for _, s := range c["train"] {
		for _, w := range s {
			counts[w]++
		}
	}
	for _, list := range c {
		for _, s := range list {
			for i, w := range s {
				if counts[w] < minCount {
					s[i] = unknown
				}
			}
		}
	}
	return c
}

// text returns a split as it is written: a sentence a line.
func (c corpus) text(split string) string {
	var b strings.Builder
	for _, s := range c[split] {
		b.WriteString(strings.Join(s, " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// summary is the table of data/sample/README.md; tokens count each line's <eos>.
func (c corpus) summary() string {
	types := map[string]bool{"<eos>": true}
	total := 0
	var b strings.Builder
	fmt.Fprintf(&b, "| split | sentences | tokens | of them <unk> |\n| --- | --- | --- | --- |\n")
	for _, split := range splits {
		tokens, unk := 0, 0
		for _, s := range c[split] {
			tokens += len(s) + 1
			for _, w := range s {
				types[w] = true
				if w == unknown {
					unk++
				}
			}
		}
		total += tokens
		fmt.Fprintf(&b, "| %s | %d | %d | %d (%.1f%%) |\n", split, len(c[split]), tokens, unk, 100*float64(unk)/float64(tokens))
	}
	fmt.Fprintf(&b, "%d tokens, %d types\n", total, len(types))
	return b.String()
}
