package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/stats"
)

//go:embed page
var pageFiles embed.FS

// pageFuncs are what the templates of pages call.
var pageFuncs = template.FuncMap{
	"add":     func(a, b float64) float64 { return a + b },
	"half":    func(v float64) float64 { return v / 2 },
	"px":      func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
	"colour":  colour,
	"grouped": grouped,
	"shape":   shape,
	"dict":    dict,
	"whole":   func(head string) string { return strings.ReplaceAll(head, "|", "\u2060|\u2060") }, // no line breaks at a bar
}

// pageTemplate is the page and the parts it is made of.
var pageTemplate = template.Must(template.New("report.html.tmpl").Funcs(pageFuncs).
	ParseFS(pageFiles, "page/report.html.tmpl", "page/chart.svg.tmpl"))

// dict makes a map of keys and values, so that a template can be given more than
// one argument.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// page is what the templates of the HTML page and of the Markdown show. A
// section whose field is empty is left out.
type page struct {
	*Report
	Style                               template.CSS
	Title                               string
	Finding                             finding
	Table                               table
	TableNote, ForestNote, LearningNote string
	Legend                              []legendEntry
	PlasticLegend                       []legendEntry // of the arms that have traces
	WorthLegend                         []legendEntry // of the arms that were read with theirs standing still
	Forest                              []panel
	Learning, Steps                     []panel
	Epochs                              epochTable
	Division                            []panel
	Parts                               []partRow
	Groups                              []string
	Traces                              []traceRow
	TraceFigs                           []panel
	Worth                               []column // what the traces are worth
	WorthFigs                           []panel
	Passages                            []passageView
	Samples                             []sampleView
	Runs                                []runRow
	Facts                               []fact
}

type legendEntry struct {
	Model string
	Hue   hue
}

// epochTable is the mean validation perplexity of each arm after each epoch.
type epochTable struct {
	Models []string
	Rows   [][]string
}

// partRow is how the parameters of an arm divide, with its tensors.
type partRow struct {
	Model, Embedding string
	Counts           []string
	Total, OfBudget  string
	Tensors          []TensorCount
}

type sampleView struct {
	Model, Class string
	Seed         uint64
	Lines        [][]sampleWord
}

type sampleWord struct {
	Text    string
	Unknown bool
}

// runRow is one seed of one arm.
type runRow struct {
	Model, Seed, Epoch, Valid, Test, Off, Frozen, Mean, Speed, Status string
	Failed                                                            bool
}

type fact struct{ Name, Value string }

// WorthRows are the rows of Worth.
func (p *page) WorthRows() [][]string { return table{Columns: p.Worth}.Rows() }

// HTML returns report.html: one file that needs no other and no network.
func (r *Report) HTML() ([]byte, error) {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return nil, fmt.Errorf("report.html: %w", err)
	}
	p := r.page()
	p.Style = template.CSS(style)
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("report.html: %w", err)
	}
	return out.Bytes(), nil
}

// page derives everything that is shown.
func (r *Report) page() *page {
	r.Summarise()
	p := &page{
		Report: r, Title: r.title(), Finding: r.find(), Table: r.compare(typographic).led("test ppl", r.versusHead(), "p", "p corrected", "p ranks", "valid ppl"),
		Forest: r.forest(), Learning: r.learning(), Steps: r.steps(), Epochs: r.epochTable(),
		Division: r.division(), Parts: r.parts(), Groups: groups,
		Traces: r.traceRows(), TraceFigs: r.tracePanels(), Worth: r.ledWorth(), WorthFigs: r.worthPanels(), Passages: r.passages(),
		Samples: r.samples(), Runs: r.runs(), Facts: r.facts(),
	}
	p.TableNote, p.ForestNote, p.LearningNote = r.tableNote(), r.forestNote(), r.learningNote()
	for i, h := range r.hues() {
		entry := legendEntry{Model: r.Arms[i].Model, Hue: h}
		p.Legend = append(p.Legend, entry)
		if len(r.Arms[i].traced()) > 0 {
			p.PlasticLegend = append(p.PlasticLegend, entry)
		}
		if r.Arms[i].stood() {
			p.WorthLegend = append(p.WorthLegend, entry)
		}
	}
	return p
}

func (r *Report) title() string {
	models := make([]string, len(r.Arms))
	for i, a := range r.Arms {
		models[i] = a.Model
	}
	return fmt.Sprintf("Engram on %s: %s", r.Data, joined(models))
}

// tableNote says how the table's numbers were made.
func (r *Report) tableNote() string {
	note := "Perplexity of the validation and the test text, lower is better."
	repeated := false
	for _, a := range r.Arms {
		repeated = repeated || !math.IsNaN(a.TestPPL.CI95) || !math.IsNaN(a.ValidPPL.CI95)
	}
	if repeated {
		note += " Mean over seeds ± half-width of the 95% confidence interval (Student’s t)."
	}
	if ref := r.reference(); ref != nil && len(r.Arms) > 1 {
		note += " " + r.versusHead() + ": difference of the mean test perplexities"
		if tested := r.tested(); tested > 0 {
			note += "; p: Welch’s t-test, uncorrected"
			if tested > 1 {
				note += fmt.Sprintf("; p corrected: by Holm’s method for %d comparisons", tested)
			}
			note += "; p ranks: exact two-sided rank-sum test, uncorrected"
		}
		note += "."
	}
	return note
}

func (r *Report) epochTable() epochTable {
	t := epochTable{}
	rows := make([][]string, r.epochs())
	for i := range r.Arms {
		t.Models = append(t.Models, r.Arms[i].Model)
		for e := range rows {
			var values []float64
			for _, s := range r.Arms[i].Seeds {
				for _, p := range s.Curve {
					if s.Finished() && p.Epoch == e+1 && p.ValidPPL >= 1 {
						values = append(values, p.ValidPPL)
					}
				}
			}
			rows[e] = append(rows[e], typographic.perplexity(stats.Mean(values)))
		}
	}
	for e, row := range rows {
		t.Rows = append(t.Rows, append([]string{strconv.Itoa(e + 1)}, row...))
	}
	return t
}

func (r *Report) parts() []partRow {
	var rows []partRow
	for i := range r.Arms {
		a := &r.Arms[i]
		if len(a.Accounting) == 0 {
			continue
		}
		row := partRow{Model: a.Model, Embedding: grouped(a.Embedding), Total: grouped(a.Params), Tensors: a.Accounting}
		for _, n := range a.divide() {
			row.Counts = append(row.Counts, grouped(n))
		}
		if r.Budget > 0 {
			row.OfBudget = typographic.percent(float64(a.Params) / float64(r.Budget))
		}
		rows = append(rows, row)
	}
	return rows
}

const (
	eos = "<eos>"
	unk = "<unk>"
)

// samples sets what each arm wrote, a sentence a line.
func (r *Report) samples() []sampleView {
	hues := r.hues()
	var views []sampleView
	for i := range r.Arms {
		s := r.Arms[i].shown(func(s *Seed) bool { return strings.TrimSpace(s.Sample) != "" })
		if s == nil {
			continue
		}
		v := sampleView{Model: r.Arms[i].Model, Class: colour(hues[i]), Seed: s.Seed}
		var line []sampleWord
		for _, token := range strings.Fields(s.Sample) {
			if token != eos {
				line = append(line, sampleWord{Text: token, Unknown: token == unk})
			} else if len(line) > 0 {
				v.Lines, line = append(v.Lines, line), nil
			}
		}
		if len(line) > 0 {
			v.Lines = append(v.Lines, line)
		}
		views = append(views, v)
	}
	return views
}

func (r *Report) runs() []runRow {
	var rows []runRow
	n := typographic
	for _, a := range r.Arms {
		for _, s := range a.Seeds {
			row := runRow{Model: a.Model, Seed: strconv.FormatUint(s.Seed, 10), Epoch: n.dash,
				Valid: n.perplexity(s.ValidPPL), Test: n.perplexity(s.TestPPL),
				Off: n.perplexity(s.TestPPLOff), Frozen: n.perplexity(s.TestPPLFrozen), Mean: n.perplexity(s.TestPPLMean), Speed: n.speed(s.TokensPerS),
				Status: s.Status, Failed: !s.Finished()}
			if s.BestEpoch > 0 {
				row.Epoch = strconv.Itoa(s.BestEpoch)
			}
			if s.Status == "" {
				row.Status = Done
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// facts lists what one needs to repeat the run, beside command and configuration.
func (r *Report) facts() []fact {
	var facts []fact
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	add("Engram", r.Version)
	add("data", r.Data)
	add("preset", r.Preset)
	add("vocabulary", known(r.Dataset.Vocab))
	add("training tokens", known(r.Dataset.TrainTokens))
	add("validation tokens", known(r.Dataset.ValidTokens))
	add("test tokens", known(r.Dataset.TestTokens))
	add("words of the two read as <unk>", known(r.Unknown))
	add("SHA-256 of the text", r.Dataset.SourceHash)
	add("parameter budget", known(r.Budget))
	add("precision of products", r.Precision)
	add("seeds", r.seedList())
	return append(facts, systemFacts(r.System)...)
}

// systemFacts lists what is known of the system.
func systemFacts(s System) []fact {
	var facts []fact
	for _, f := range []fact{
		{"Go", s.Go}, {"system", strings.Trim(s.OS+"/"+s.Arch, "/")}, {"processor", s.CPU},
		{"kernels", s.Kernel}, {"threads", known(s.Threads)},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// known writes a count, nothing for zero.
func known(n int) string {
	if n == 0 {
		return ""
	}
	return grouped(n)
}

// seedList returns the seeds of all arms, each once, in order of appearance.
func (r *Report) seedList() string {
	seen := map[uint64]bool{}
	var seeds []string
	for _, a := range r.Arms {
		for _, s := range a.Seeds {
			if !seen[s.Seed] {
				seen[s.Seed] = true
				seeds = append(seeds, strconv.FormatUint(s.Seed, 10))
			}
		}
	}
	return strings.Join(seeds, ", ")
}
