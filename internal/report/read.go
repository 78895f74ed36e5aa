package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
)

// maxRead is how large a report.json may be: curves, passages and samples of some
// dozens of trainings.
const maxRead = 64 << 20

// Read returns what a report.json says: a Report, or a Study if a learning task wrote
// it. A number that was not measured is NaN again. Keys that it does not know are of
// another version, and of no account.
func Read(path string) (*Report, *Study, error) {
	text, err := regular.Read(path, maxRead)
	if err != nil {
		return nil, nil, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, nil, badfile.New(path, "", "%v; want the report of a run", err)
	}
	if _, ok := keys["task"]; ok {
		s := new(Study)
		if err := decode(text, reflect.ValueOf(s), "report"); err != nil {
			return nil, nil, badfile.New(path, "", "%v; want the report of a learning task", err)
		}
		if err := s.check(); err != nil {
			return nil, nil, badfile.New(path, "", "%v", err)
		}
		s.Summarise()
		return nil, s, nil
	}
	if _, ok := keys["arms"]; !ok {
		return nil, nil, badfile.New(path, "", "has neither arms nor a task; want the report of a run")
	}
	r := new(Report)
	if err := decode(text, reflect.ValueOf(r), "report"); err != nil {
		return nil, nil, badfile.New(path, "", "%v; want the report of a run", err)
	}
	if err := r.check(); err != nil {
		return nil, nil, badfile.New(path, "", "%v", err)
	}
	r.Summarise()
	return r, nil, nil
}

// maxEpochs bounds the rows of a table of epochs.
const maxEpochs = 100_000

// check refuses what no report has and a page cannot show.
func (r *Report) check() error {
	var names []string
	for i := range r.Arms {
		a := &r.Arms[i]
		names = append(names, a.Model)
		for _, s := range a.Seeds {
			var at []int
			for _, p := range s.Curve {
				at = append(at, p.Epoch)
			}
			if err := rising(a.Model, at, maxEpochs); err != nil {
				return err
			}
			at = at[:0]
			for _, p := range s.Steps {
				at = append(at, p.Step)
			}
			if err := rising(a.Model, at, math.MaxInt); err != nil {
				return err
			}
			for _, t := range s.Traces {
				at = at[:0]
				for _, p := range t.Epochs {
					at = append(at, p.Epoch)
				}
				if err := rising(a.Model, at, maxEpochs); err != nil {
					return err
				}
			}
			if p := s.Passage; p != nil {
				for _, values := range append(slices.Clip(p.M), p.NLL) {
					if len(values) != 0 && len(values) != len(p.Tokens) {
						return fmt.Errorf("the passage of %s has %d numbers; want one for each of its %d tokens", a.Model, len(values), len(p.Tokens))
					}
				}
			}
		}
	}
	return named(names)
}

func (s *Study) check() error {
	if s.Metric.Name == "" {
		return errors.New("metric.name is missing")
	}
	var names []string
	for i := range s.Models {
		a := &s.Models[i]
		names = append(names, a.Model)
		for _, seed := range a.Seeds {
			var at []int
			for _, p := range seed.Curve {
				at = append(at, p.Episode)
			}
			if err := rising(a.Model, at, math.MaxInt); err != nil {
				return err
			}
		}
	}
	return named(names)
}

// named checks the names of models.
func named(names []string) error {
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			return fmt.Errorf("model %q is there twice, or has no name; want a name for each", name)
		}
	}
	return nil
}

// rising checks where the points of a curve lie.
func rising(model string, at []int, most int) error {
	last := 0
	for _, n := range at {
		if n <= last || n > most {
			return fmt.Errorf("a curve of %s goes from %d to %d; want numbers that rise from 1 on, to %d at most", model, last, n, most)
		}
		last = n
	}
	return nil
}

// decode is the inverse of encode: null fills a float with NaN, where encoding/json
// would leave it at zero.
func decode(text json.RawMessage, v reflect.Value, skip string) error {
	null := string(text) == "null"
	switch v.Kind() {
	case reflect.Pointer:
		if null {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return decode(text, v.Elem(), skip)
	case reflect.Struct:
		var values map[string]json.RawMessage
		if err := json.Unmarshal(text, &values); err != nil {
			return err
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			value, ok := values[name]
			switch {
			case skip != "" && v.Type().Field(i).Tag.Get(skip) == "-":
			case ok && name != "-":
				if err := decode(value, v.Field(i), skip); err != nil {
					return err
				}
			case v.Field(i).Kind() == reflect.Float64 && !strings.Contains(v.Type().Field(i).Tag.Get("json"), ",omitempty"):
				v.Field(i).SetFloat(math.NaN()) // an older version did not measure it
			}
		}
		return nil
	case reflect.Slice:
		var values []json.RawMessage
		if err := json.Unmarshal(text, &values); err != nil {
			return err
		}
		v.Set(reflect.MakeSlice(v.Type(), len(values), len(values)))
		for i, value := range values {
			if err := decode(value, v.Index(i), skip); err != nil {
				return err
			}
		}
		return nil
	case reflect.Float64:
		if null {
			v.SetFloat(math.NaN())
			return nil
		}
	}
	return json.Unmarshal(text, v.Addr().Interface())
}
