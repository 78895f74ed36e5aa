package report

import (
	"io"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/atomicfile"
)

// Write puts report.json, report.md and report.html into the folder dir, which
// must exist. All are rendered before the first is written, and each appears
// whole or not at all.
func (r *Report) Write(dir string) error {
	files, err := r.render()
	if err != nil {
		return err
	}
	return write(atomicdir.OS, dir, files)
}

// file is one of the report's.
type file struct {
	name string
	text []byte
}

func (r *Report) render() ([]file, error) {
	json, err := r.JSON()
	if err != nil {
		return nil, err
	}
	markdown, err := r.Markdown()
	if err != nil {
		return nil, err
	}
	html, err := r.HTML()
	if err != nil {
		return nil, err
	}
	return pages(json, markdown, html), nil
}

// pages are the files of a report, the page last.
func pages(json, markdown, html []byte) []file {
	return []file{{"report.json", json}, {"report.md", markdown}, {"report.html", html}}
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
