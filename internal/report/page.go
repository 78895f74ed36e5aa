package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/progress"
)

// page is a report as it is shown, in HTML and in Markdown: what it found, and
// sections of parts.
type page struct {
	Kicker   []string // what the run was of, above the headline
	Title    string
	Finding  finding
	Sections []section
	Style    template.CSS
}

// section is a part of the page with a heading of its own.
type section struct {
	ID, Title string
	Parts     []part
	HTMLOnly  bool
}

// part is a piece of a section: that of its fields which is not empty.
type part struct {
	Text, Note, Heading string // paragraphs, and a heading within the section
	Table               *table
	Figure              *figure
	Passage             *passageView
	Sample              *sampleView
	More                *more
	Code, Language      string
	Facts               []fact
	HTMLOnly            bool
}

// figure is charts over one legend, or a picture.
type figure struct {
	Title, Caption string
	Legend         []legendEntry
	Panels         []panel
	Data           template.URL // of a picture
	File, Alt      string       // where it lies, from the run's folder
	Width          int          // in CSS pixels; 0: as wide as it is
}

// more is what unfolds under its summary.
type more struct {
	Summary string
	Parts   []part
}

// legendEntry names a look: a model's, or that of a chip of the style sheet.
type legendEntry struct {
	Model string
	Hue   hue
	Chip  string
}

type fact struct{ Name, Value string }

// legendOf is the legend of models.
func legendOf(models []string) (legend []legendEntry) {
	for i, h := range huesOf(models) {
		legend = append(legend, legendEntry{Model: models[i], Hue: h})
	}
	return legend
}

// add adds a section, unless it has no parts.
func (p *page) add(id, title string, parts ...part) {
	if len(parts) > 0 {
		p.Sections = append(p.Sections, section{ID: id, Title: title, Parts: parts})
	}
}

// charts is a figure of panels; nothing without any.
func charts(legend []legendEntry, panels []panel, caption string) []part {
	if len(panels) == 0 {
		return nil
	}
	return []part{{Figure: &figure{Legend: legend, Panels: panels, Caption: caption}}}
}

// result is the section of the comparison: the table, a chart, what there is to note.
func (p *page) result(t table, notes []string, forest []panel, forestNote string) {
	t.Label = "Comparison of the models"
	parts := append([]part{{Table: &t}}, charts(nil, forest, forestNote)...)
	for _, n := range notes {
		parts = append(parts, part{Note: n})
	}
	p.add("result", "Result", parts...)
}

// making is the section of what it takes to repeat the run.
func (p *page) making(command string, facts []fact, system System, config string) {
	facts = append(facts, []fact{
		{"Go", system.Go}, {"system", strings.Trim(system.OS+"/"+system.Arch, "/")}, {"processor", system.CPU},
		{"kernels", system.Kernel}, {"threads", known(system.Threads)},
	}...)
	var has []fact
	for _, f := range facts {
		if f.Value != "" {
			has = append(has, f)
		}
	}
	parts := []part{{Code: command, Language: "sh"}, {Facts: has}}
	if config != "" {
		parts = append(parts, part{More: &more{"The whole configuration", []part{{Code: config, Language: "yaml"}}}})
	}
	p.add("making", "How to repeat it", parts...)
}

// known writes a count, nothing for zero.
func known(n int) string {
	if n == 0 {
		return ""
	}
	return progress.Thousands(n)
}

//go:embed page
var pageFiles embed.FS

// pageTemplate is the page and the parts it is made of.
var pageTemplate = template.Must(template.New("page.html.tmpl").Funcs(template.FuncMap{
	"add":    func(a, b float64) float64 { return a + b },
	"half":   func(v float64) float64 { return v / 2 },
	"px":     func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
	"colour": colour,
	"dict":   dict,
	"whole":  func(head string) string { return strings.ReplaceAll(head, "|", "\u2060|\u2060") }, // no line breaks at a bar
}).ParseFS(pageFiles, "page/page.html.tmpl", "page/chart.svg.tmpl"))

// dict makes a map of keys and values, so that a template can be given more than
// one argument.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// html returns report.html: one file that needs no other and no network.
func (p *page) html() ([]byte, error) {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return nil, fmt.Errorf("report.html: %w", err)
	}
	p.Style = template.CSS(style)
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("report.html: %w", err)
	}
	return out.Bytes(), nil
}

// document is a Report or a Study.
type document interface{ page() (*page, error) }

// file is one of the report's.
type file struct {
	name string
	text []byte
}

// render returns the files of a report, the page last.
func render(r document) ([]file, error) {
	p, err := r.page()
	if err != nil {
		return nil, err
	}
	json, err := indented(r)
	if err != nil {
		return nil, err
	}
	html, err := p.html()
	if err != nil {
		return nil, err
	}
	return []file{{"report.json", json}, {"report.md", p.markdown()}, {"report.html", html}}, nil
}

// Write puts report.json, report.md and report.html into the folder dir, which
// must exist. All are rendered before the first is written, and each appears
// whole or not at all.
func (r *Report) Write(dir string) error { return renderTo(dir, r) }

// Write puts report.json, report.md and report.html into the folder dir; see
// Report.Write.
func (s *Study) Write(dir string) error { return renderTo(dir, s) }

func renderTo(dir string, r document) error {
	files, err := render(r)
	if err != nil {
		return err
	}
	return write(atomicdir.OS, dir, files)
}

func write(fsys atomicdir.FS, dir string, files []file) error {
	for _, f := range files {
		err := atomicfile.WriteTo(fsys, filepath.Join(dir, f.name), func(w io.Writer) error {
			_, err := w.Write(f.text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
