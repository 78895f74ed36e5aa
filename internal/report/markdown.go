package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"
)

var (
	//go:embed page/report.md.tmpl
	markdownSource string
	//go:embed page/study.md.tmpl
	studySource string
)

// markdownFuncs are what the templates of Markdown call.
var markdownFuncs = template.FuncMap{
	"md":     escapeMarkdown,
	"fenced": fenced,
	"table":  markdownTable,
}

var markdownTemplate = template.Must(template.New("report.md").Funcs(markdownFuncs).Parse(markdownSource))

// studyMarkdown is that of a Study.
var studyMarkdown = template.Must(template.New("report.md").Funcs(markdownFuncs).Parse(studySource))

// Markdown returns report.md: the essentials of the page, without its charts.
func (r *Report) Markdown() ([]byte, error) {
	var out bytes.Buffer
	if err := markdownTemplate.Execute(&out, r.page()); err != nil {
		return nil, fmt.Errorf("report.md: %w", err)
	}
	return out.Bytes(), nil
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

// PartColumns are the parts as the columns of a table.
func (p *page) PartColumns() []column {
	columns := []column{{Head: "model", Text: true}}
	for _, g := range p.Groups {
		columns = append(columns, column{Head: g})
	}
	columns = append(columns, column{Head: "all"})
	for _, row := range p.Parts {
		addRow(columns, append(append([]string{row.Model}, row.Counts...), row.Total))
	}
	return columns
}

// TraceColumns are the traces as the columns of a table.
func (p *page) TraceColumns() []column {
	columns := []column{{Head: "model", Text: true}, {Head: "layer"}, {Head: "mean |A|"}, {Head: "at the clip"},
		{Head: "mean |α|"}, {Head: "mean |rate|"}}
	for _, t := range p.Traces {
		addRow(columns, []string{t.Model, fmt.Sprint(t.Layer), t.MeanAbs, t.AtClip, t.Alpha, t.Rate})
	}
	return columns
}

// EpochColumns are the mean validation perplexities as the columns of a table.
func (p *page) EpochColumns() []column {
	columns := []column{{Head: "epoch"}}
	for _, model := range p.Epochs.Models {
		columns = append(columns, column{Head: model})
	}
	for _, row := range p.Epochs.Rows {
		addRow(columns, row)
	}
	return columns
}

// RunColumns are the seeds of all arms as the columns of a table.
func (p *page) RunColumns() []column {
	columns := []column{{Head: "model", Text: true}, {Head: "seed"}, {Head: "best epoch"}, {Head: "valid ppl"},
		{Head: "test ppl"}, {Head: "off"}, {Head: "frozen"}, {Head: "mean"}, {Head: "tokens/s"}, {Head: "status", Text: true}}
	for _, r := range p.Runs {
		addRow(columns, []string{r.Model, r.Seed, r.Epoch, r.Valid, r.Test, r.Off, r.Frozen, r.Mean, r.Speed, r.Status})
	}
	if p.Worth == nil {
		columns = slices.Delete(columns, 5, 8)
	}
	return columns
}

func addRow(columns []column, cells []string) {
	for i := range columns {
		columns[i].add(cells[i])
	}
}

// Written is the sample as plain text, a sentence a line.
func (s sampleView) Written() string {
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
