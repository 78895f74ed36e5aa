package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/stats"
)

// result is an arm of the published table: its trainings may come from several
// runs, a seed or more each.
type result struct {
	label, kind string
	params      int
	seeds       []reportSeed
	from        []string // the runs' commits
}

// find lists the folders with a report.json among dirs and below them.
func find(dirs []string) (runs []string, err error) {
	for _, dir := range dirs {
		before := len(runs)
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "report.json" {
				runs = append(runs, filepath.Dir(path))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(runs) == before {
			return nil, fmt.Errorf("%s: no report.json in it or below: want folders of finished runs", dir)
		}
	}
	return runs, nil
}

// gather reads the runs and puts the seeds of an arm together. Trainings of one
// arm and seed that do not agree are an error: which of them counts is not for a
// table to choose.
func gather(runs []string) (results []*result, err error) {
	for _, dir := range runs {
		r, err := readReport(dir)
		if err != nil {
			return nil, err
		}
		commit := r.System.Revision
		if text, err := os.ReadFile(filepath.Join(dir, commitFile)); err == nil {
			commit = strings.TrimSpace(string(text))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, a := range r.Arms {
			i := slices.IndexFunc(results, func(x *result) bool { return x.label == a.Model })
			if i < 0 {
				i = len(results)
				results = append(results, &result{label: a.Model, kind: a.Kind, params: a.Params})
			}
			to := results[i]
			if to.kind != a.Kind || to.params != a.Params {
				return nil, fmt.Errorf("%s: arm %s is of kind %s with %d parameters, in another run of kind %s with %d: want one label for one model",
					dir, a.Model, a.Kind, a.Params, to.kind, to.params)
			}
			if err := to.add(dir, a.Seeds); err != nil {
				return nil, err
			}
			if commit != "" && !slices.Contains(to.from, commit) {
				to.from = append(to.from, commit)
			}
		}
	}
	return results, nil
}

func (r *result) add(dir string, seeds []reportSeed) error {
	for _, s := range seeds {
		if i := slices.IndexFunc(r.seeds, func(x reportSeed) bool { return x.Seed == s.Seed }); i >= 0 {
			if had := r.seeds[i]; figure(had.TestPPL) != figure(s.TestPPL) {
				return fmt.Errorf("%s: %s, seed %d has test perplexity %s, and %s in another run: want each training once", dir, r.label, s.Seed, figure(s.TestPPL), figure(had.TestPPL))
			}
			continue
		}
		r.seeds = append(r.seeds, s)
	}
	return nil
}

func figure(ppl *float64) string {
	if ppl == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *ppl)
}

// collect returns a figure of every finished seed that has it.
func (r *result) collect(of func(*reportSeed) *float64) (values []float64) {
	for i := range r.seeds {
		if v := of(&r.seeds[i]); v != nil && r.seeds[i].finished() {
			values = append(values, *v)
		}
	}
	return values
}

func testPPL(s *reportSeed) *float64 { return s.TestPPL }

// compare writes the arms as a Markdown table: means with 95% confidence
// intervals, and of the differences to the LSTM and to the control Welch's p with
// Holm's correction over the arms, and the rank-sum test's.
func compare(results []*result, stdout io.Writer) error {
	columns := []struct {
		head string
		of   func(*reportSeed) *float64
	}{
		{"valid ppl", func(s *reportSeed) *float64 { return s.ValidPPL }},
		{"test ppl", testPPL},
		{"traces off", func(s *reportSeed) *float64 { return s.OffPPL }},
		{"frozen", func(s *reportSeed) *float64 { return s.FrozenPPL }},
		{"at their mean", func(s *reportSeed) *float64 { return s.MeanPPL }},
	}
	heads, rows := []string{"model", "parameters", "seeds"}, make([][]string, len(results))
	for i, r := range results {
		rows[i] = []string{r.label, fmt.Sprint(r.params), fmt.Sprint(len(r.collect(testPPL)))}
	}
	for _, c := range columns {
		some := false
		cells := make([]string, len(results))
		for i, r := range results {
			values := r.collect(c.of)
			some = some || len(values) > 0
			cells[i] = interval(values)
		}
		if some {
			heads = append(heads, c.head)
			for i := range rows {
				rows[i] = append(rows[i], cells[i])
			}
		}
	}
	for _, against := range []string{"lstm", "still"} {
		ref := slices.IndexFunc(results, func(r *result) bool { return r.label == against })
		if ref < 0 || len(results) < 2 {
			continue
		}
		base := results[ref].collect(testPPL)
		diff, welch, ranks := make([]float64, len(results)), make([]float64, len(results)), make([]float64, len(results))
		for i, r := range results {
			diff[i], welch[i], ranks[i] = math.NaN(), math.NaN(), math.NaN()
			if i == ref {
				continue
			}
			values := r.collect(testPPL)
			diff[i] = stats.Mean(values) - stats.Mean(base)
			welch[i] = stats.Welch(values, base).P
			if len(values) > 1 && len(base) > 1 {
				ranks[i] = stats.RankSum(values, base)
			}
		}
		for _, c := range []struct {
			head   string
			values []float64
			write  func(float64) string
		}{
			{"vs " + against, diff, func(d float64) string { return fmt.Sprintf("%+.2f", d) }},
			{"p (Welch, Holm)", stats.Holm(welch), probability},
			{"p (rank sum)", ranks, probability},
		} {
			if !slices.ContainsFunc(c.values, func(v float64) bool { return !math.IsNaN(v) }) {
				continue // of one seed each there is no test
			}
			heads = append(heads, c.head)
			for i, v := range c.values {
				cell := ""
				if !math.IsNaN(v) {
					cell = c.write(v)
				}
				rows[i] = append(rows[i], cell)
			}
		}
	}
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(heads)
	line(slices.Repeat([]string{"---"}, len(heads)))
	var commits []string
	for i, r := range results {
		line(rows[i])
		for _, c := range r.from {
			if !slices.Contains(commits, c) {
				commits = append(commits, c)
			}
		}
	}
	if len(commits) > 0 {
		fmt.Fprintf(&b, "\nTrained at %s.\n", strings.Join(commits, ", "))
	}
	_, err := io.WriteString(stdout, b.String())
	return err
}

func interval(values []float64) string {
	s := stats.Summary(values)
	switch {
	case len(values) == 0:
		return "–"
	case math.IsNaN(s.CI95):
		return fmt.Sprintf("%.2f", s.Mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", s.Mean, s.CI95)
}

func probability(p float64) string {
	if p < 0.001 {
		return fmt.Sprintf("%.0e", p)
	}
	return fmt.Sprintf("%.3f", p)
}
