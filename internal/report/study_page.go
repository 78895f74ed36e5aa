package report

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"path/filepath"

	"github.com/engram-lm/engram/internal/regular"
)

// page has the sections of a study.
func (s *Study) page() (*page, error) {
	s.Summarise()
	p := &page{Kicker: kicker(s.Task, s.Preset), Title: s.Title, Finding: s.find()}
	var about []part
	for _, text := range s.About {
		about = append(about, part{Text: text})
	}
	p.add("task", "The task", about...)
	heads := append([]string{s.Metric.label(), "p", "learned at"}, s.measureLabels()...)
	p.result(s.compare(typographic).led(heads...), s.Notes, s.forest(), s.forestNote())
	if len(s.Pairs) > 0 {
		p.add("pairs", "Each model against each other", part{Table: plainTable("Each model against each other", s.pairsNote(), s.pairColumns())})
	}
	p.add("learning", "Learning curves", charts(legendOf(s.models()), s.learning(), s.learningNote())...)
	gallery, err := s.gallery()
	if err != nil {
		return nil, err
	}
	p.add("gallery", "What was learned", gallery...)
	p.add("runs", "Every run", part{Table: s.runs()})
	var seeds []uint64
	for _, a := range s.Models {
		for _, seed := range a.Seeds {
			seeds = append(seeds, seed.Seed)
		}
	}
	facts := []fact{{"Engram", s.Version}, {"task", s.Task}, {"preset", s.Preset}, {"seeds", listed(seeds)}}
	p.making(s.Command, facts, s.System, s.Config)
	return p, nil
}

// images are the media types of the images that a figure may have.
var images = map[string]string{".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml"}

// gallery shows the figures of the first seed of each model that has some: to take
// the best instead would flatter it.
func (s *Study) gallery() (parts []part, err error) {
	hues := s.hues()
	for m, a := range s.Models {
		for _, seed := range a.Seeds {
			if len(seed.Figures) == 0 {
				continue
			}
			parts = append(parts, part{Heading: fmt.Sprintf("%s, seed %d", a.Model, seed.Seed)})
			for i := range seed.Figures {
				f, err := seed.Figures[i].figure(hues[m])
				if err != nil {
					return nil, fmt.Errorf("%s, seed %d: %w", a.Model, seed.Seed, err)
				}
				parts = append(parts, part{Figure: f})
			}
			break
		}
	}
	return parts, nil
}

// maxImage is how large the image of a figure may be.
const maxImage = 16 << 20

// Load reads the image of a figure, if it is one, from the folder in which it lies under
// the last part of its name. From then on it is named by its path from the folder of the
// report, which need not be there yet.
func (f *Figure) Load(dir, report string) (err error) {
	if f.File == "" {
		return nil
	}
	path := filepath.Join(dir, filepath.Base(f.File))
	if f.Image, err = regular.Read(path, maxImage); err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err == nil {
		report, err = filepath.Abs(report)
	}
	if err != nil {
		return err
	}
	path, err = filepath.Rel(report, path)
	f.File = filepath.ToSlash(path)
	return err
}

func (f *Figure) figure(model hue) (*figure, error) {
	for _, c := range f.Curves {
		if len(c.X) != len(c.Y) {
			return nil, fmt.Errorf("curve %q of figure %q has %d numbers on the one axis and %d on the other; want as many", c.Name, f.Title, len(c.X), len(c.Y))
		}
	}
	shown := &figure{Title: f.Title, Caption: f.Caption, Panels: f.lines(model), File: f.File, Alt: f.Title, Width: f.Width}
	if f.File != "" {
		media, ok := images[filepath.Ext(f.File)]
		if !ok {
			return nil, fmt.Errorf("figure %q is in %q; want a .png, a .gif or an .svg", f.Title, f.File)
		}
		shown.Data = template.URL("data:" + media + ";base64," + base64.StdEncoding.EncodeToString(f.Image))
	}
	for i, l := range f.curves() {
		shown.Legend = append(shown.Legend, legendEntry{Model: l.Name, Hue: figureHue(model, i)})
	}
	return shown, nil
}
