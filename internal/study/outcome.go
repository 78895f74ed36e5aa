package study

import (
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/run"
)

// outcome is an Outcome as result.json keeps it. What is no finite number is null.
type outcome struct {
	Value    *float64  `json:"value"`
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

// keep puts the pictures of an outcome into dir, and returns the rest.
func keep(dir string, out *Outcome) (*outcome, error) {
	kept := &outcome{Value: finite(out.Value)}
	for _, m := range out.Extra {
		kept.Extra = append(kept.Extra, measure{m.Name, finite(m.Value), m.Percent, m.Single, m.Key})
	}
	for _, s := range out.Series {
		kept.Series = append(kept.Series, series{s.Name, finites(s.Values)})
	}
	for _, p := range out.Pictures {
		f := figure{Title: p.Title, Caption: p.Caption, File: p.File, Width: p.Width, X: p.X, Y: p.Y}
		for _, c := range p.Curves {
			f.Curves = append(f.Curves, curve{c.Name, finites(c.X), finites(c.Y), c.Events})
		}
		kept.Pictures = append(kept.Pictures, f)
		if p.File == "" {
			continue
		}
		if err := run.WriteFile(filepath.Join(dir, p.File), p.Image); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func finites(x []float64) []*float64 {
	all := make([]*float64, len(x))
	for i, v := range x {
		all[i] = finite(v)
	}
	return all
}

// finite returns nil for what is no finite number: JSON's null.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// orNaN is the number of finite again.
func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
