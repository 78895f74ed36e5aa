package report

import (
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// table is a table as text: a column each of cells.
type table struct {
	Columns []column
	Label   string        // what a screen reader says of it
	Note    string        // how its numbers were made
	Legend  []legendEntry // the looks of its rows; none if nil
	Best    int           // row that stands out, -1 without one
	Shaded  string        // a sentence that says what that row is
	Failed  []bool        // rows of trainings that came to nothing
}

// plainTable is a table in which no row stands out.
func plainTable(label, note string, columns []column) *table {
	return &table{Label: label, Note: note, Columns: columns, Best: -1}
}

// stands reports whether a row stands out.
func (t *table) stands() bool { return t.Best >= 0 && len(t.Rows()) > 1 }

// Caption is the note, and what the row is that stands out.
func (t *table) Caption() string {
	if t.stands() && t.Shaded != "" {
		return strings.TrimSpace(t.Note + " " + t.Shaded)
	}
	return t.Note
}

// Class is the class of a row.
func (t *table) Class(row int) string {
	switch {
	case row < len(t.Failed) && t.Failed[row]:
		return "failed"
	case t.stands() && row == t.Best:
		return "best"
	}
	return ""
}

// add adds a row.
func (t *table) add(cells ...string) { addRow(t.Columns, cells) }

func addRow(columns []column, cells []string) {
	for i := range columns {
		columns[i].add(cells[i])
	}
}

type column struct {
	Head  string
	Text  bool // left-aligned, as words are; numbers are right-aligned
	Cells []string
}

func (t table) heads() []string {
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = c.Head
	}
	return heads
}

// Rows returns the cells row by row.
func (t table) Rows() [][]string {
	if len(t.Columns) == 0 {
		return nil
	}
	rows := make([][]string, len(t.Columns[0].Cells))
	for _, c := range t.Columns {
		for i, cell := range c.Cells {
			rows[i] = append(rows[i], cell)
		}
	}
	return rows
}

// led returns the table with the columns of these heads right after the first, as far
// as they are there: on a narrow screen the first columns are all there is to see.
func (t table) led(heads ...string) table {
	rest := slices.Clone(t.Columns[1:])
	columns := t.Columns[:1:1]
	for _, head := range heads {
		if i := slices.IndexFunc(rest, func(c column) bool { return c.Head == head }); i >= 0 {
			columns = append(columns, rest[i])
			rest = slices.Delete(rest, i, i+1)
		}
	}
	t.Columns = append(columns, rest...)
	return t
}

// compare builds the table of the arms. The report must have been summarised.
// The difference to the LSTM and its p-values have columns only where an arm has
// one, and the corrected ones only where several have.
func (r *Report) compare(n notation) table {
	model := column{Head: "model", Text: true}
	hidden, params := column{Head: "hidden"}, column{Head: "parameters"}
	valid, test := column{Head: "valid ppl"}, column{Head: "test ppl"}
	diff, p := column{Head: r.versusHead()}, column{Head: "p"}
	holm, ranks := column{Head: "p corrected"}, column{Head: "p ranks"}
	speed, seeds := column{Head: "tokens/s"}, column{Head: "seeds"}

	validCI, testCI := false, false
	for _, a := range r.Arms {
		validCI = validCI || !math.IsNaN(a.ValidPPL.CI95)
		testCI = testCI || !math.IsNaN(a.TestPPL.CI95)
	}
	var diffs, ranked int
	for i := range r.Arms {
		a := &r.Arms[i]
		v := Versus{Diff: math.NaN(), CI95: math.NaN(), P: math.NaN(), Holm: math.NaN(), RankSum: math.NaN()}
		if a.Versus != nil {
			v = *a.Versus
		}
		if !math.IsNaN(v.Diff) {
			diffs++
		}
		if !math.IsNaN(v.RankSum) {
			ranked++
		}
		model.add(a.Model)
		hidden.add(progress.Thousands(a.Hidden))
		params.add(progress.Thousands(a.Params))
		valid.add(n.interval(a.ValidPPL, validCI))
		test.add(n.interval(a.TestPPL, testCI))
		diff.add(n.difference(stats.Comparison{Diff: v.Diff, CI95: v.CI95}, !math.IsNaN(v.CI95)))
		p.add(n.pValue(v.P))
		holm.add(n.pValue(v.Holm))
		ranks.add(n.pValue(v.RankSum))
		speed.add(n.speed(stats.Mean(a.collect(tokensPerS))))
		seeds.add(ofSeeds(a.Seeds))
	}

	t := table{
		Columns: []column{model, hidden, params, valid, test}, Note: r.tableNote(), Legend: legendOf(r.models()),
		Best: r.best(), Shaded: "The shaded row is the lowest.",
	}
	for _, c := range []struct {
		column
		shown bool
	}{{diff, diffs > 0}, {p, r.tested() > 0}, {holm, r.tested() > 1}, {ranks, ranked > 0}} {
		if c.shown {
			t.Columns = append(t.Columns, c.column)
		}
	}
	t.Columns = append(t.Columns, speed, seeds)
	return t
}

func (c *column) add(cell string) { c.Cells = append(c.Cells, cell) }

// reference returns the arm that the others are held against, or nil.
func (r *Report) reference() *Arm {
	for i := range r.Arms {
		if r.Arms[i].Model == r.against() {
			return &r.Arms[i]
		}
	}
	return nil
}

// best returns the index of the arm with the lowest mean test perplexity, -1 if
// no arm has one, or if that of a single seed would make a winner of it.
func (r *Report) best() int {
	best := -1
	for i, a := range r.Arms {
		if !math.IsNaN(a.TestPPL.Mean) && (best < 0 || a.TestPPL.Mean < r.Arms[best].TestPPL.Mean) {
			best = i
		}
	}
	single := func(a *Arm) bool { return a != nil && len(a.collect(testPPL)) == 1 }
	if best >= 0 && len(r.Arms) > 1 && (single(&r.Arms[best]) || single(r.reference())) {
		return -1
	}
	return best
}

// WriteTable writes the comparison of the arms for a terminal: aligned columns
// in ASCII, as many beside each other as it has room for, and below them what the run
// showed.
func (r *Report) WriteTable(w io.Writer) error {
	r.Summarise()
	return writeText(w, r.find(), r.compare(ascii),
		table{Note: "Test perplexity with the traces on, off, frozen, at their mean:", Columns: r.worthTable(ascii), Best: -1})
}

// WriteTable writes the comparison of the models for a terminal, in ASCII.
func (s *Study) WriteTable(w io.Writer) error {
	s.Summarise()
	return writeText(w, s.find(), s.compare(ascii))
}

// writeText writes tables, those after the first under their notes, and a finding.
func writeText(w io.Writer, f finding, tables ...table) error {
	b := newTerminal(w)
	for i, t := range tables {
		if t.Columns == nil {
			continue
		}
		if i > 0 {
			b.sentences(t.Note)
		}
		b.table(t)
	}
	b.sentences(append([]string{f.Headline}, f.Support...)...)
	_, err := io.WriteString(w, b.String())
	return err
}

// plain turns a sentence of a page into ASCII.
var plain = strings.NewReplacer("±", "+-", "−", "-", "–", "-", "\u00a0", " ", "’", "'")

// writeRow writes one line, each cell padded to its column's width.
func writeRow(b *strings.Builder, columns []column, cells []string) {
	var line strings.Builder
	for i, c := range columns {
		pad := strings.Repeat(" ", c.width()-utf8.RuneCountInString(cells[i]))
		if i > 0 {
			line.WriteString("  ")
		}
		if c.Text {
			line.WriteString(cells[i] + pad)
		} else {
			line.WriteString(pad + cells[i])
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}
