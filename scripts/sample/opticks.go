package main

import (
	"regexp"
	"strings"
	"unicode"
)

// chapter is where a paragraph of the book stands.
type chapter struct {
	book, part string // roman numerals
	item       string // the proposition (roman) or query (arabic) within the part; empty before the first
}

// paragraph is a paragraph of prose, on one line, without the marks of the edition.
type paragraph struct {
	chapter chapter
	text    string
}

var (
	blankLines = regexp.MustCompile(`\n\s*\n`)
	bookLine   = regexp.MustCompile(`^(?:THE )?(FIRST|SECOND|THIRD) BOOK`)
	partLine   = regexp.MustCompile(`^PART ([IV]+)\.$`)
	propLine   = regexp.MustCompile(`^PROP\. ([IVX]+)\.`)
	query      = regexp.MustCompile(`^(?:Query|Qu|Quest)\. ([0-9]+)\. `)
	// Titles of definitions, axioms and propositions, set in one line.
	title = regexp.MustCompile(`^(?:DEFIN|AX)\. [IVX]+\.?$|^The PROOF by Experiments\.$|^(?:PROPOSITIONS|DEFINITIONS?|AXIOMS)\.?$`)
	// Pictures and notes at the side or foot of the page.
	apparatus = regexp.MustCompile(`^\[(?:Illustration|Sidenote|[A-Z]\])|^FOOTNOTES:$|^[* ]+$`)
	// "Exper. 3." and the like, with which many paragraphs begin.
	label        = regexp.MustCompile(`^(?:Exper|Obs|Qu|Query|Quest|Cas)\. ?[0-9]+\.? |^(?:Illustration|Scholium)\. `)
	footnoteMark = regexp.MustCompile(`\[[A-Z]\]`)
	figure       = regexp.MustCompile(`[\[(](?:in |see |of )?(?:the )?Figs?\.[^\]]*\]`)
	greek        = regexp.MustCompile(`\[Greek: ([^\]]*)\]`)
)

var bookNumber = map[string]string{"FIRST": "I", "SECOND": "II", "THIRD": "III"}

// paragraphs returns the prose of the three books: no title page, headings,
// tables, pictures or footnotes.
func paragraphs(source string) (list []paragraph) {
	var at chapter
	for _, block := range blankLines.Split(source, -1) {
		if strings.ContainsAny(block, "|{") {
			continue // a table
		}
		text := strings.Join(strings.Fields(strings.ReplaceAll(block, "_", "")), " ")
		if m := bookLine.FindStringSubmatch(text); m != nil {
			at = chapter{book: bookNumber[m[1]]}
			continue
		}
		if at.book == "" || text == "" || apparatus.MatchString(text) || title.MatchString(text) {
			continue
		}
		if m := partLine.FindStringSubmatch(text); m != nil {
			at.part, at.item = m[1], ""
			continue
		}
		if m := propLine.FindStringSubmatch(text); m != nil {
			at.item = m[1]
			continue
		}
		if m := query.FindStringSubmatch(text); m != nil {
			at.item = m[1]
		}
		if strings.ToUpper(text) == text {
			continue // what is left of headings: "THE", "OF", "OPTICKS"
		}
		text = label.ReplaceAllString(text, "")
		text = footnoteMark.ReplaceAllString(text, "")
		text = figure.ReplaceAllString(text, "")
		text = greek.ReplaceAllString(text, "$1")
		list = append(list, paragraph{at, text})
	}
	return list
}

// heldOut are the chapters that are not trained on: whole propositions and
// parts, so that no sentence of theirs is beside one of train.
var heldOut = map[chapter]string{
	{"I", "II", "VII"}: "valid", {"I", "II", "VIII"}: "valid", {"I", "II", "IX"}: "valid",
	{"I", "II", "X"}: "valid", {"I", "II", "XI"}: "valid",
	{"II", "III", "XII"}: "test", {"II", "III", "XIII"}: "test", {"II", "III", "XIV"}: "test",
	{"II", "III", "XV"}: "test", {"II", "III", "XVI"}: "test", {"II", "III", "XVII"}: "test",
	{"II", "III", "XVIII"}: "test", {"II", "III", "XIX"}: "test", {"II", "III", "XX"}: "test",
	{"II", "IV", ""}: "test",
}

// splitOf says which split a chapter goes to.
func splitOf(c chapter) string {
	if split, ok := heldOut[c]; ok {
		return split
	}
	return "train"
}

// Abbreviations, whose period is theirs and no sentence's end; printed with it,
// as the Penn Treebank does.
var abbreviations = map[string]bool{
	"&c.": true, "viz.": true, "fig.": true, "prop.": true, "exper.": true, "obs.": true, "theor.": true,
	"prob.": true, "sect.": true, "lect.": true, "optic.": true, "p.": true, "pag.": true, "mr.": true,
	"dr.": true, "deg.": true, "degr.": true, "min.": true, "gr.": true, "qu.": true, "cas.": true, "i.e.": true,
}

// mayEnd are abbreviations that a sentence may end with.
var mayEnd = map[string]bool{"&c.": true, "deg.": true, "degr.": true, "min.": true, "gr.": true}

// sentences returns the tokens of each sentence of a paragraph.
func sentences(text string) (list [][]string) {
	raw := strings.Fields(strings.ReplaceAll(text, "--", " "))
	var tokens []string
	flush := func() {
		if len(tokens) > 0 {
			list = append(list, tokens)
		}
		tokens = nil
	}
	for i, word := range raw {
		tokens = append(tokens, tokenize(word)...)
		if i+1 < len(raw) && ends(raw[max(i-1, 0)], word, raw[i+1]) {
			flush()
		}
	}
	flush()
	return list
}

// ends reports whether a sentence ends between word and next. A colon with a
// capital after it ends one too: the book's sentences are long.
func ends(before, word, next string) bool {
	word = strings.TrimRight(word, ")]\"'")
	next = strings.TrimLeft(next, "([\"'")
	if word == "" || next == "" {
		return false
	}
	capital := unicode.IsUpper([]rune(next)[0])
	switch word[len(word)-1] {
	case '?', '!', ':':
		return capital
	case '.':
		lower := strings.ToLower(strings.TrimLeft(word, "(["))
		if numbered := abbreviations[strings.ToLower(strings.TrimLeft(before, "(["))]; numbered && numeral.MatchString(word) {
			return false // "Prop. 1. Part 2."
		}
		return capital && (!abbreviations[lower] || mayEnd[lower])
	}
	return false
}

var (
	numeral = regexp.MustCompile(`^[0-9][0-9.,'/-]*(?:st|d|nd|rd|th)?$`)
	clitic  = regexp.MustCompile(`^(.+)('s|n't)$`)
	elided  = regexp.MustCompile(`^'t(is|was|were|will)$`)
)

// tokenize returns what a word as printed becomes: lower case, without
// punctuation, numbers as N, with 's and n't apart.
func tokenize(word string) []string {
	word = strings.ToLower(word)
	if lead := strings.TrimLeft(word, "([\""); abbreviations[strings.TrimRight(lead, ",;:)]")] {
		return []string{strings.TrimRight(lead, ",;:)]")}
	}
	var out []string
	for _, w := range strings.FieldsFunc(word, func(r rune) bool {
		return r > '~' && !unicode.IsLetter(r) || strings.ContainsRune("()[]\"*+=,;:?!\\", r)
	}) {
		w = strings.Trim(w, ".-/")
		switch {
		case w == "" || w == "'":
			continue
		case numeral.MatchString(w):
			out = append(out, "N")
			continue
		}
		for _, w := range strings.FieldsFunc(w, func(r rune) bool { return r == '/' || r == '.' }) {
			out = append(out, apart(w)...)
		}
	}
	return out
}

// apart splits clitics off.
func apart(w string) []string {
	if m := elided.FindStringSubmatch(w); m != nil {
		return []string{"'t", m[1]}
	}
	if m := clitic.FindStringSubmatch(w); m != nil {
		return []string{m[1], m[2]}
	}
	switch {
	case w == "'till":
		return []string{"till"}
	case w == "tho'" || w == "altho'" || w == "'em":
		return []string{w}
	case strings.HasSuffix(w, "'") && len(w) > 1: // a possessive, or a closing quote
		return []string{strings.TrimSuffix(w, "'"), "'"}
	}
	return []string{strings.TrimPrefix(w, "'")}
}
