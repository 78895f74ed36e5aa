package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
)

// resultFile is in the folder of a model and seed whose training has ended.
const resultFile = "result.json"

// result is the content of resultFile.
type result struct {
	Identity identity `json:"identity"`
	Episodes int      `json:"episodes"`
	Seconds  float64  `json:"seconds"`          // of training
	Status   string   `json:"status,omitempty"` // empty, or what went wrong: "diverged at episode 12: ..."
	SolvedAt int      `json:"solved_at,omitempty"`

	Value    *float64  `json:"value"` // nil: none
	Extra    []measure `json:"extra,omitempty"`
	Series   []series  `json:"series,omitempty"`
	Pictures []figure  `json:"pictures,omitempty"`
}

type series struct {
	Name   string     `json:"name"`
	Values []*float64 `json:"values"`
}

type measure struct {
	Name    string   `json:"name"`
	Value   *float64 `json:"value"`
	Percent bool     `json:"percent,omitempty"`
	Single  bool     `json:"single,omitempty"`
	Key     bool     `json:"key,omitempty"`
}

// figure is a Picture whose image is in a file.
type figure struct {
	Title   string  `json:"title"`
	Caption string  `json:"caption"`
	File    string  `json:"file,omitempty"`
	Width   int     `json:"width,omitempty"`
	Curves  []curve `json:"curves,omitempty"`
	X       string  `json:"x,omitempty"`
	Y       string  `json:"y,omitempty"`
}

type curve struct {
	Name   string     `json:"name"`
	X      []*float64 `json:"x"`
	Y      []*float64 `json:"y"`
	Events bool       `json:"events,omitempty"`
}

// maxResult is how large a result may be: most of it are the points of curves.
const maxResult = 16 << 20

// readResult returns the result in the folder of a model and seed; nil if there is
// none.
func readResult(dir string) (*result, error) {
	path := filepath.Join(dir, resultFile)
	b, err := regular.Read(path, maxResult)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r result
	if err := strictjson.Decode(path, b, &r); err != nil {
		return nil, fmt.Errorf("%w; remove it to have it made again from the last checkpoint", err)
	}
	return &r, nil
}

// write puts the result, and the outcome's pictures before it, into dir.
func (r *result) write(dir string, out *Outcome) error {
	if out != nil {
		r.Value = finite(out.Value)
		for _, m := range out.Extra {
			r.Extra = append(r.Extra, measure{m.Name, finite(m.Value), m.Percent, m.Single, m.Key})
		}
		for _, s := range out.Series {
			r.Series = append(r.Series, series{s.Name, finites(s.Values)})
		}
		for _, p := range out.Pictures {
			f := figure{Title: p.Title, Caption: p.Caption, File: p.File, Width: p.Width, X: p.X, Y: p.Y}
			for _, c := range p.Curves {
				f.Curves = append(f.Curves, curve{c.Name, finites(c.X), finites(c.Y), c.Events})
			}
			r.Pictures = append(r.Pictures, f)
			if p.File == "" {
				continue
			}
			if err := writeFile(filepath.Join(dir, p.File), p.Image); err != nil {
				return err
			}
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, resultFile), append(b, '\n'))
}

func finites(x []float64) []*float64 {
	all := make([]*float64, len(x))
	for i, v := range x {
		all[i] = finite(v)
	}
	return all
}

func writeFile(path string, b []byte) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// reached reports whether a training that has come so far ends there.
func (l limits) reached(episodes int, seconds float64, solvedAt int) bool {
	return episodes >= l.episodes || l.stopAtGoal && solvedAt > 0 || l.time > 0 && seconds >= l.time.Seconds()
}

// cut reports whether it was the bound on its time that ended the training.
func (r *result) cut(l limits) bool {
	l.time = 0
	return r.Status == "" && !l.reached(r.Episodes, r.Seconds, r.SolvedAt)
}

// final reports whether the result is that of a run with these limits; a run may
// have been resumed to go on for longer.
func (r *result) final(l limits) bool {
	return r.Status != "" || l.reached(r.Episodes, r.Seconds, r.SolvedAt)
}
