package report

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// markdown returns report.md: the essentials of the page, without its charts.
func (p *page) markdown() []byte {
	blocks := []string{"# " + escapeMarkdown(p.Finding.Headline)}
	for _, sentence := range p.Finding.Support {
		blocks = append(blocks, escapeMarkdown(sentence))
	}
	for _, s := range p.Sections {
		if s.HTMLOnly {
			continue
		}
		blocks = append(blocks, "## "+escapeMarkdown(s.Title))
		for _, part := range s.Parts {
			blocks = append(blocks, part.markdown()...)
		}
	}
	return []byte(strings.Join(blocks, "\n\n") + "\n")
}

// markdown returns the part as blocks of Markdown.
func (p *part) markdown() (blocks []string) {
	add := func(text string) {
		if text != "" {
			blocks = append(blocks, text)
		}
	}
	switch {
	case p.HTMLOnly:
	case p.Heading != "":
		add("### " + escapeMarkdown(p.Heading))
	case p.Table != nil:
		add(markdownTable(p.Table.Columns))
		add(escapeMarkdown(p.Table.Note))
	case p.Figure != nil:
		if f := p.Figure; f.File != "" {
			add(fmt.Sprintf("![%s](%s)", escapeMarkdown(f.Alt), f.File))
			add(escapeMarkdown(f.Caption))
		}
	case p.Sample != nil:
		add(fmt.Sprintf("%s, seed %d:", escapeMarkdown(p.Sample.Model), p.Sample.Seed))
		add(fenced("text", p.Sample.written()))
	case p.More != nil:
		for i := range p.More.Parts {
			blocks = append(blocks, p.More.Parts[i].markdown()...)
		}
	case p.Code != "":
		add(fenced(p.Language, p.Code))
	case p.Facts != nil:
		var lines []string
		for _, f := range p.Facts {
			lines = append(lines, "- "+escapeMarkdown(f.Name)+": "+escapeMarkdown(f.Value))
		}
		add(strings.Join(lines, "\n"))
	default:
		add(escapeMarkdown(p.Text + p.Note))
	}
	return blocks
}

// escapeMarkdown keeps text from being read as Markdown or HTML.
func escapeMarkdown(text string) string {
	text = html.EscapeString(text)
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`,
		"&#34;", `"`, "&#39;", "'", "\n", " ").Replace(text)
}

// fenced sets text as a block of code, in a fence longer than any run of
// backticks within.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

// markdownTable writes columns as a table whose source is aligned too.
func markdownTable(columns []column) string {
	var heads, rules []string
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = max(3, utf8.RuneCountInString(escapeMarkdown(c.Head)))
		for _, cell := range c.Cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(escapeMarkdown(cell)))
		}
		heads = append(heads, escapeMarkdown(c.Head))
		if c.Text {
			rules = append(rules, strings.Repeat("-", widths[i]))
		} else {
			rules = append(rules, strings.Repeat("-", widths[i]-1)+":")
		}
	}
	lines := []string{markdownRow(columns, widths, heads), markdownRow(columns, widths, rules)}
	for _, row := range (table{Columns: columns}).Rows() {
		for i := range row {
			row[i] = escapeMarkdown(row[i])
		}
		lines = append(lines, markdownRow(columns, widths, row))
	}
	return strings.Join(lines, "\n")
}

func markdownRow(columns []column, widths []int, cells []string) string {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if columns[i].Text {
			padded[i] = cell + pad
		} else {
			padded[i] = pad + cell
		}
	}
	return "| " + strings.Join(padded, " | ") + " |"
}

// written is the sample as plain text, a sentence a line.
func (s sampleView) written() string {
	var lines []string
	for _, line := range s.Lines {
		words := make([]string, len(line))
		for i, w := range line {
			words[i] = w.Text
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}
