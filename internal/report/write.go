package report

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicfile"
)

// Write puts report.json, report.md and report.html into the folder dir, which
// must exist. All are rendered before the first is written, and each appears
// whole or not at all.
func (r *Report) Write(dir string) error {
	json, err := r.JSON()
	if err != nil {
		return err
	}
	markdown, err := r.Markdown()
	if err != nil {
		return err
	}
	html, err := r.HTML()
	if err != nil {
		return err
	}
	return write(dir, json, markdown, html)
}

// write puts the files of a report into dir, the page last.
func write(dir string, json, markdown, html []byte) error {
	for _, f := range []struct {
		name string
		text []byte
	}{{"report.json", json}, {"report.md", markdown}, {"report.html", html}} {
		path := filepath.Join(dir, f.name)
		err := atomicfile.Write(path, func(w io.Writer) error {
			_, err := w.Write(f.text)
			return err
		})
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}
