package report

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/progress"
)

// terminal is the text of a report as a terminal shows it.
type terminal struct {
	strings.Builder
	width int // of its lines; 0: without end
}

// newTerminal returns a text for w, as wide as that is.
func newTerminal(w io.Writer) *terminal { return &terminal{width: progress.Width(w)} }

// table writes a table in ASCII, each column as wide as its widest cell. Those that the
// lines have no room for come below, the first column before them once more.
func (t *terminal) table(of table) {
	for rest := of.Columns[1:]; ; {
		n, used := 0, of.Columns[0].width()
		for n < len(rest) && (n == 0 || t.width == 0 || used+2+rest[n].width() <= t.width) {
			used += 2 + rest[n].width()
			n++
		}
		block := table{Columns: append(of.Columns[:1:1], rest[:n]...)}
		writeRow(&t.Builder, block.Columns, block.heads())
		for _, row := range block.Rows() {
			writeRow(&t.Builder, block.Columns, row)
		}
		t.WriteByte('\n')
		if rest = rest[n:]; len(rest) == 0 {
			return
		}
	}
}

// sentences writes one a line, broken between words where it is longer than that.
func (t *terminal) sentences(all ...string) {
	for _, s := range all {
		t.WriteString(progress.Fold(plain.Replace(s), t.width) + "\n")
	}
}

// width is that of the widest cell, in characters.
func (c column) width() int {
	width := utf8.RuneCountInString(c.Head)
	for _, cell := range c.Cells {
		width = max(width, utf8.RuneCountInString(cell))
	}
	return width
}
