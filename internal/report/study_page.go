package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/atomicdir"
)

var studyTemplate = template.Must(template.New("study.html.tmpl").Funcs(pageFuncs).
	ParseFS(pageFiles, "page/study.html.tmpl", "page/chart.svg.tmpl"))

// studyPage is what the templates of a study's page and Markdown show.
type studyPage struct {
	*Study
	Style                               template.CSS
	Finding                             finding
	Table, PairTable, Runs              table
	TableNote, ForestNote, LearningNote string
	PairsNote                           string
	Legend                              []legendEntry
	Forest, Learning                    []panel
	Gallery                             []exhibit
	Facts                               []fact
}

// exhibit is what one model shows of what it has learned.
type exhibit struct {
	Model   string
	Seed    uint64
	Figures []figureView
}

type figureView struct {
	*Figure
	Alt    string
	Data   template.URL // the image
	Names  []legendEntry
	Panels []panel
}

// Write puts report.json, report.md and report.html into the folder dir, which
// must exist; see Report.Write.
func (s *Study) Write(dir string) error {
	s.Summarise()
	json, err := s.JSON()
	if err != nil {
		return err
	}
	p, err := s.page()
	if err != nil {
		return err
	}
	var markdown, html bytes.Buffer
	if err := studyMarkdown.Execute(&markdown, p); err != nil {
		return fmt.Errorf("report.md: %w", err)
	}
	if err := studyTemplate.Execute(&html, p); err != nil {
		return fmt.Errorf("report.html: %w", err)
	}
	return write(atomicdir.OS, dir, pages(json, markdown.Bytes(), html.Bytes()))
}

// JSON returns report.json.
func (s *Study) JSON() ([]byte, error) {
	s.Summarise()
	return indented(s)
}

// page derives everything that is shown.
func (s *Study) page() (*studyPage, error) {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return nil, fmt.Errorf("report.html: %w", err)
	}
	p := &studyPage{
		Study: s, Style: template.CSS(style), Finding: s.find(), Table: s.compare(typographic).led(append([]string{s.Metric.label(), "p", "learned at"}, s.measureLabels()...)...), Runs: table{Columns: s.runs()},
		PairTable: table{Columns: s.pairColumns()}, PairsNote: s.pairsNote(),
		TableNote: s.tableNote(), ForestNote: s.forestNote(), LearningNote: s.learningNote(),
		Forest: s.forest(), Learning: s.learning(), Facts: s.facts(),
	}
	for i, h := range s.hues() {
		p.Legend = append(p.Legend, legendEntry{Model: s.Models[i].Model, Hue: h})
	}
	p.Gallery, err = s.gallery()
	return p, err
}

// images are the media types of the images that a figure may have.
var images = map[string]string{".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml"}

// gallery shows the figures of the first seed of each model that has some: to take
// the best instead would flatter it.
func (s *Study) gallery() ([]exhibit, error) {
	var all []exhibit
	hues := s.hues()
	for m, a := range s.Models {
		for _, seed := range a.Seeds {
			if len(seed.Figures) == 0 {
				continue
			}
			e := exhibit{Model: a.Model, Seed: seed.Seed}
			for i := range seed.Figures {
				v, err := seed.Figures[i].view(hues[m])
				if err != nil {
					return nil, fmt.Errorf("%s, seed %d: %w", a.Model, seed.Seed, err)
				}
				e.Figures = append(e.Figures, v)
			}
			all = append(all, e)
			break
		}
	}
	return all, nil
}

func (f *Figure) view(model hue) (figureView, error) {
	v := figureView{Figure: f, Alt: f.Title, Panels: f.lines(model)}
	if f.File != "" {
		media, ok := images[filepath.Ext(f.File)]
		if !ok {
			return v, fmt.Errorf("figure %q is in %q; want a .png, a .gif or an .svg", f.Title, f.File)
		}
		v.Data = template.URL("data:" + media + ";base64," + base64.StdEncoding.EncodeToString(f.Image))
	}
	for i, l := range f.curves() {
		v.Names = append(v.Names, legendEntry{Model: l.Name, Hue: figureHue(model, i)})
	}
	return v, nil
}

// facts lists what one needs to repeat the run, beside command and configuration.
func (s *Study) facts() []fact {
	var seeds []string
	seen := map[uint64]bool{}
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			if !seen[seed.Seed] {
				seen[seed.Seed] = true
				seeds = append(seeds, strconv.FormatUint(seed.Seed, 10))
			}
		}
	}
	facts := []fact{{"Engram", s.Version}, {"task", s.Task}, {"preset", s.Preset}, {"seeds", strings.Join(seeds, ", ")}}
	return append(facts, systemFacts(s.System)...)
}
