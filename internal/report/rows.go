package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
)

// row is an object of what --json prints, with its keys in their order; a float that is
// no finite number is null. The first keys of each are a contract.
type row []struct {
	key   string
	value any
}

func (r *row) add(key string, value any) {
	*r = append(*r, struct {
		key   string
		value any
	}{key, value})
}

func (r row) encode(b *bytes.Buffer) (err error) {
	for i, c := range r {
		fmt.Fprintf(b, "%c%q:", "{,"[min(i, 1)], c.key)
		if inner, ok := c.value.(row); ok {
			err = inner.encode(b)
		} else {
			err = encode(b, reflect.ValueOf(c.value), "")
		}
		if err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// writeRows writes one object a line.
func writeRows(w io.Writer, rows []row) error {
	var b bytes.Buffer
	for _, r := range rows {
		if err := r.encode(&b); err != nil {
			return err
		}
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteJSON writes one object an arm and seed, each on a line.
func (r *Report) WriteJSON(w io.Writer) error {
	var rows []row
	for _, a := range r.Arms {
		for _, s := range a.Seeds {
			rows = append(rows, row{
				{"model", a.Model}, {"kind", a.Kind}, {"seed", s.Seed}, {"params", a.Params}, {"best_epoch", s.BestEpoch}, {"valid_ppl", s.ValidPPL}, {"test_ppl", s.TestPPL},
				{"test_ppl_off", s.TestPPLOff}, {"test_ppl_frozen", s.TestPPLFrozen}, {"test_ppl_mean", s.TestPPLMean}, {"tokens_per_s", s.TokensPerS}, {"status", s.Status},
			})
		}
	}
	return writeRows(w, rows)
}

// WriteJSON writes one object a model and seed, each on a line; control is the control's
// value under the same seed.
func (s *Study) WriteJSON(w io.Writer) error {
	control := map[uint64]float64{}
	if c := s.control(); c != nil {
		for _, t := range c.Seeds {
			control[t.Seed] = t.Value
		}
	}
	var rows []row
	for _, a := range s.Models {
		for _, t := range a.Seeds {
			held, ok := control[t.Seed]
			if !ok {
				held = math.NaN()
			}
			r := row{
				{"task", s.Task}, {"model", a.Model}, {"seed", t.Seed}, {"params", a.Params}, {"episodes", t.Episodes}, {"metric", s.Metric.Name},
				{"value", t.Value}, {"control", held}, {"is_control", a.Control}, {"seconds", t.Seconds},
			}
			if s.Goal != nil && t.LearnedAt > 0 {
				r.add("learned_at", t.LearnedAt)
			}
			if t.Status != "" {
				r.add("status", t.Status)
			}
			extra := map[string]float64{}
			for _, m := range t.Extra {
				extra[m.Name] = m.Value
			}
			if len(extra) > 0 {
				var all row
				for _, name := range slices.Sorted(maps.Keys(extra)) {
					all.add(name, extra[name])
				}
				r.add("extra", all)
			}
			for _, m := range t.Extra {
				if m.Key {
					r.add(m.Name, m.Value)
				}
			}
			for _, list := range t.Series {
				r.add(list.Name, list.Values)
			}
			rows = append(rows, r)
		}
	}
	return writeRows(w, rows)
}
