package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/engram-lm/engram/internal/progress"
)

// status says how far each arm is.
func status(s *sweep, dir string, stdout io.Writer) error {
	st, err := readState(s, dir)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	head := []string{"arm"}
	for i, r := range s.Rounds {
		head = append(head, fmt.Sprintf("round %d (%s)", i+1, progress.Count(r.Epochs, "epoch")))
	}
	fmt.Fprintln(w, strings.Join(append(head, "best valid ppl", "trial"), "\t"))
	for i := range s.Arms {
		a := &s.Arms[i]
		row := []string{a.label}
		for round := range s.Rounds {
			ranked, _ := st.ranked(a, round)
			trials, known := st.entrants(a, round)
			if !known {
				row = append(row, "-")
				continue
			}
			row = append(row, fmt.Sprintf("%d of %d", len(ranked), len(trials)))
		}
		if best, ok := st.best(a); ok {
			row = append(row, perplexity(best.ppl), best.job.String())
		} else {
			row = append(row, "-", "-")
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

func perplexity(ppl float64) string {
	if math.IsInf(ppl, 1) {
		return "diverged"
	}
	return fmt.Sprintf("%.2f", ppl)
}

// sweepReport writes every trial as Markdown, and the models that the search has
// come to as train takes them.
func sweepReport(s *sweep, dir string, stdout io.Writer) error {
	st, err := readState(s, dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	var models []string
	for i := range s.Arms {
		a := &s.Arms[i]
		fmt.Fprintf(&b, "### %s\n\n| trial | settings |", a.label)
		for i, r := range s.Rounds {
			fmt.Fprintf(&b, " round %d: %s |", i+1, progress.Count(r.Epochs, "epoch"))
		}
		b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(s.Rounds)) + "\n")
		for trial := range s.Trials {
			fmt.Fprintf(&b, "| %d | %s |", trial+1, list(s.draws(a, trial), ", "))
			for round := range s.Rounds {
				cell := ""
				if ppl, ok := st.scores[job{a, trial, round}.String()]; ok {
					cell = perplexity(ppl)
				}
				fmt.Fprintf(&b, " %s |", cell)
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
		if best, ok := st.best(a); ok && !math.IsInf(best.ppl, 1) {
			fmt.Fprintf(&b, "Best: trial %d, validation perplexity %s.\n\n", best.job.trial+1, perplexity(best.ppl))
			models = append(models, chosen(s, a, best.job.trial))
		}
	}
	if len(models) > 0 {
		fmt.Fprintf(&b, "The best of each: `--models %s`\n", strings.Join(models, ","))
	}
	_, err = io.WriteString(stdout, b.String())
	return err
}

// chosen is an arm with a trial's settings, as an item of --models.
func chosen(s *sweep, a *arm, trial int) string {
	drawn := s.draws(a, trial)
	if len(drawn) == 0 {
		return a.Model
	}
	return a.Model + ":" + list(drawn, ":")
}

func list(settings []setting, between string) string {
	items := make([]string, len(settings))
	for i, s := range settings {
		items[i] = s.Key + "=" + s.Value
	}
	return strings.Join(items, between)
}
