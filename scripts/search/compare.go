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

	"github.com/engram-lm/engram/internal/compare"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/stats"
)

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

// gather joins the runs into one report, and names the commits that they were trained
// at. What Join tells apart is an error: which of them counts is not for a published
// table to choose.
func gather(dirs []string) (rep *report.Report, commits []string, err error) {
	var runs []*compare.Run
	for _, dir := range dirs {
		r, err := compare.Open(dir)
		if err != nil {
			return nil, nil, err
		}
		if r.Report == nil {
			return nil, nil, fmt.Errorf("%s is the run of a learning task; want runs of train", dir)
		}
		commit := r.Report.System.Revision
		if text, err := os.ReadFile(filepath.Join(dir, commitFile)); err == nil {
			commit = strings.TrimSpace(string(text))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
		if commit != "" && !slices.Contains(commits, commit) {
			commits = append(commits, commit)
		}
		runs = append(runs, r)
	}
	joined, err := compare.Join(runs, "", "", "")
	if err != nil {
		return nil, nil, err
	}
	rep = joined.(*report.Report)
	for _, note := range rep.Notes {
		if strings.Contains(note, compare.ToldApart) {
			return nil, nil, fmt.Errorf("%s Want one label for one model, and each training once", note)
		}
	}
	rep.Summarise()
	return rep, commits, nil
}

// table writes the arms of a report as a Markdown table: means with 95% confidence
// intervals, and of the differences to the LSTM and to the control Welch's p with
// Holm's correction over the arms, and the rank-sum test's.
func table(rep *report.Report, commits []string, stdout io.Writer) error {
	heads, rows := []string{"model", "parameters", "seeds"}, make([][]string, len(rep.Arms))
	for i := range rep.Arms {
		a := &rep.Arms[i]
		n := 0
		for _, s := range a.Seeds {
			if s.Finished() && !math.IsNaN(s.TestPPL) {
				n++
			}
		}
		rows[i] = []string{a.Model, fmt.Sprint(a.Params), fmt.Sprint(n)}
	}
	// add appends a column unless nothing is in it: where there is one seed each there
	// is no test.
	add := func(head, empty string, of func(i int) string) {
		cells, some := make([]string, len(rows)), false
		for i := range rows {
			if cells[i] = of(i); cells[i] == "" {
				cells[i] = empty
			} else {
				some = true
			}
		}
		if !some {
			return
		}
		heads = append(heads, head)
		for i := range rows {
			rows[i] = append(rows[i], cells[i])
		}
	}
	for _, c := range []struct {
		head string
		of   func(*report.Arm) stats.Interval
	}{
		{"valid ppl", func(a *report.Arm) stats.Interval { return a.ValidPPL }},
		{"test ppl", func(a *report.Arm) stats.Interval { return a.TestPPL }},
		{"traces off", func(a *report.Arm) stats.Interval { return a.TestPPLOff }},
		{"frozen", func(a *report.Arm) stats.Interval { return a.TestPPLFrozen }},
		{"at their mean", func(a *report.Arm) stats.Interval { return a.TestPPLMean }},
	} {
		add(c.head, "–", func(i int) string { return interval(c.of(&rep.Arms[i])) })
	}
	for _, reference := range []string{"lstm", "still"} {
		versus := rep.Versus(reference)
		for _, c := range []struct {
			head  string
			value func(v *report.Versus) float64
			write func(float64) string
		}{
			{"vs " + reference, func(v *report.Versus) float64 { return v.Diff }, func(d float64) string { return fmt.Sprintf("%+.2f", d) }},
			{"p (Welch, Holm)", func(v *report.Versus) float64 { return v.Holm }, probability},
			{"p (rank sum)", func(v *report.Versus) float64 { return v.RankSum }, probability},
		} {
			add(c.head, "", func(i int) string {
				if versus[i] == nil || math.IsNaN(c.value(versus[i])) {
					return ""
				}
				return c.write(c.value(versus[i]))
			})
		}
	}
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(heads)
	line(slices.Repeat([]string{"---"}, len(heads)))
	for _, row := range rows {
		line(row)
	}
	if len(commits) > 0 {
		fmt.Fprintf(&b, "\nTrained at %s.\n", strings.Join(commits, ", "))
	}
	_, err := io.WriteString(stdout, b.String())
	return err
}

func interval(v stats.Interval) string {
	switch {
	case math.IsNaN(v.Mean):
		return ""
	case math.IsNaN(v.CI95):
		return fmt.Sprintf("%.2f", v.Mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", v.Mean, v.CI95)
}

func probability(p float64) string {
	if p < 0.001 {
		return fmt.Sprintf("%.0e", p)
	}
	return fmt.Sprintf("%.3f", p)
}
