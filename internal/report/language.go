package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// page has the sections of a report of language models.
func (r *Report) page() (*page, error) {
	r.Summarise()
	p := &page{Kicker: kicker(r.Data, r.Preset), Title: r.title(), Finding: r.find()}
	p.result(r.compare(typographic).led("test ppl", r.versusHead(), "p", "p corrected", "p ranks", "valid ppl"), r.Notes, r.forest(), r.forestNote())
	p.add("worth", "What the traces are worth", r.worth()...)
	legend := legendOf(r.models())
	if learning := charts(legend, r.learning(), r.learningNote()); learning != nil {
		epochs := plainTable("Validation perplexity by epoch", "Mean validation perplexity after each epoch, over the seeds that finished or are under way.", r.epochColumns())
		p.add("learning", "Learning curves", append(learning, part{More: &more{"Mean validation perplexity after each epoch, as a table", []part{{Table: epochs}}}})...)
	}
	p.add("steps", "Step by step", charts(legend, r.steps(), "While training. Lines are medians over seeds, bands their interquartile ranges.")...)
	p.add("parameters", "Where the parameters are", r.parameters()...)
	p.add("traces", "What the traces did", r.traces()...)
	p.add("neuromodulator", "The neuromodulator, word by word", r.neuromodulators()...)
	for i := range p.Sections {
		id := p.Sections[i].ID
		p.Sections[i].HTMLOnly = id == "steps" || id == "neuromodulator"
	}
	var written []part
	for _, s := range r.samples() {
		written = append(written, part{Sample: &s})
	}
	p.add("samples", "Text the models write", written...)
	p.add("runs", "Every run", part{Table: r.runs()})
	p.making(r.Command, r.facts(), r.System, r.Config)
	return p, nil
}

// kicker is what stands above a headline.
func kicker(what, preset string) []string {
	if preset == "" {
		return []string{what}
	}
	return []string{what, "preset " + preset}
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

// worth is what the traces are worth, in a table and as curves.
func (r *Report) worth() []part {
	columns := r.ledWorth()
	if columns == nil {
		return nil
	}
	note := "Test perplexity. On: the traces learn while the text is read. Off: without them (α = 0). Frozen: they stand still at what the validation text has left. Mean: they stand still at their average over 20 streams of the validation text, a constant weight by another name. What is learned while reading is worth mean − on."
	figure := charts(r.legendWhere((*Arm).stood), r.worthPanels(), "Validation perplexity at the end of each epoch: what it rises by when the traces stand still at their mean over the streams of the train text, and when they are off. Mean over seeds; the dashed line is zero.")
	return append([]part{{Table: plainTable("Test perplexity with the traces on, off, frozen and at their mean", note, columns)}}, figure...)
}

// legendWhere is the legend of some of the arms, with the looks that all have.
func (r *Report) legendWhere(which func(*Arm) bool) (legend []legendEntry) {
	for i, entry := range legendOf(r.models()) {
		if which(&r.Arms[i]) {
			legend = append(legend, entry)
		}
	}
	return legend
}

// epochColumns are the mean validation perplexity of each arm after each epoch.
func (r *Report) epochColumns() []column {
	columns := []column{{Head: "epoch"}}
	for e := range r.epochs() {
		columns[0].add(strconv.Itoa(e + 1))
	}
	for i := range r.Arms {
		c := column{Head: r.Arms[i].Model}
		for e := range r.epochs() {
			var values []float64
			for _, s := range r.Arms[i].Seeds {
				for _, p := range s.Curve {
					if (s.Finished() || s.Status == UnderWay) && p.Epoch == e+1 && p.ValidPPL >= 1 {
						values = append(values, p.ValidPPL)
					}
				}
			}
			c.add(typographic.perplexity(stats.Mean(values)))
		}
		columns = append(columns, c)
	}
	return columns
}

// parameters is how the parameters of each arm divide.
func (r *Report) parameters() []part {
	var legend []legendEntry
	t := plainTable("Parameters of each model by part", "Trained numbers in each part of each model.", []column{{Head: "model", Text: true}, {Head: "all"}, {Head: "of the budget"}})
	for _, g := range groups {
		legend = append(legend, legendEntry{Model: g, Chip: g})
		t.Columns = append(t.Columns, column{Head: g})
	}
	t.Columns = append(t.Columns, column{Head: "embedding size"})
	caption := "Plasticity is all that a standard LSTM does not have: the coefficients alpha, the rates or the neuromodulator that sets them, a plastic readout."
	if r.Budget > 0 {
		legend = append(legend, legendEntry{Model: "budget", Chip: "budget"})
		caption = fmt.Sprintf("Each model has the largest hidden size whose parameters fit the budget of %s. ", progress.Thousands(r.Budget)) + caption
	}
	var tensors []part
	for i := range r.Arms {
		a := &r.Arms[i]
		if len(a.Accounting) == 0 {
			continue
		}
		cells := []string{a.Model, progress.Thousands(a.Params), typographic.percent(float64(a.Params) / float64(r.Budget))}
		for _, n := range a.divide() {
			cells = append(cells, progress.Thousands(n))
		}
		t.add(append(cells, progress.Thousands(a.Embedding))...)
		all := plainTable("Tensors of "+a.Model, a.Model, []column{{Head: "tensor", Text: true}, {Head: "shape"}, {Head: "parameters"}})
		for _, n := range a.Accounting {
			all.add(n.Name, shape(n.Shape), progress.Thousands(n.Count))
		}
		tensors = append(tensors, part{Table: all, HTMLOnly: true})
	}
	if tensors == nil {
		return nil
	}
	return append(charts(legend, r.division(), caption), part{Table: t}, part{More: &more{"Every tensor of every model", tensors}})
}

// traces is what the traces did, as curves and in a table.
func (r *Report) traces() []part {
	t := r.traceTable()
	if len(t.Rows()) == 0 {
		return nil
	}
	parts := []part{{Text: "A plastic connection’s weight is w + α A: the Hebbian trace A changes with every token read, and α says how much it counts."}}
	figure := charts(r.legendWhere(func(a *Arm) bool { return len(a.traced()) > 0 }), r.tracePanels(),
		"After the validation text, at the end of each epoch, mean over seeds. Solid lines are layer 0, dashed lines the layers above.")
	return append(append(parts, figure...), part{Table: t})
}

// neuromodulators shows the neuromodulator of each arm that has one.
func (r *Report) neuromodulators() (parts []part) {
	for _, v := range r.passages() {
		parts = append(parts, part{Heading: fmt.Sprintf("%s, seed %d", v.Model, v.Seed)}, part{Passage: &v})
	}
	if parts == nil {
		return nil
	}
	return append([]part{{Text: "M(t) is the network’s own signal for how strongly, and with which sign, the traces change as it reads a token of the test text."}}, parts...)
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

// runs lists each seed of each arm.
func (r *Report) runs() *table {
	t := plainTable("Every run", "The parameters of the epoch with the lowest validation perplexity are the ones that read the test text.", []column{
		{Head: "model", Text: true}, {Head: "seed"}, {Head: "best epoch"}, {Head: "valid ppl"}, {Head: "test ppl"},
		{Head: "off"}, {Head: "frozen"}, {Head: "mean"}, {Head: "tokens/s"}, {Head: "status", Text: true},
	})
	n := typographic
	for _, a := range r.Arms {
		for _, s := range a.Seeds {
			epoch := n.dash
			if s.BestEpoch > 0 {
				epoch = strconv.Itoa(s.BestEpoch)
			}
			t.add(a.Model, strconv.FormatUint(s.Seed, 10), epoch, n.perplexity(s.ValidPPL), n.perplexity(s.TestPPL), n.perplexity(s.TestPPLOff),
				n.perplexity(s.TestPPLFrozen), n.perplexity(s.TestPPLMean), n.speed(s.TokensPerS), cmp.Or(s.Status, Done))
			t.Failed = append(t.Failed, !s.Finished() && s.Status != UnderWay)
		}
	}
	if len(r.legendWhere((*Arm).stood)) == 0 {
		t.Columns = slices.Delete(t.Columns, 5, 8)
	}
	return t
}

// facts lists what one needs to repeat the run, beside command and configuration.
func (r *Report) facts() []fact {
	var seeds []uint64
	for _, a := range r.Arms {
		for _, s := range a.Seeds {
			seeds = append(seeds, s.Seed)
		}
	}
	return []fact{
		{"Engram", r.Version}, {"data", r.Data}, {"preset", r.Preset}, {"vocabulary", known(r.Dataset.Vocab)},
		{"training tokens", known(r.Dataset.TrainTokens)}, {"validation tokens", known(r.Dataset.ValidTokens)}, {"test tokens", known(r.Dataset.TestTokens)},
		{"words of the two read as <unk>", known(r.Unknown)}, {"SHA-256 of the text", r.Dataset.SourceHash},
		{"parameter budget", known(r.Budget)}, {"precision of products", r.Precision}, {"seeds", listed(seeds)},
	}
}
