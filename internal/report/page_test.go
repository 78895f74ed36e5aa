package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/atomicdir/faultfs"
)

func TestSections(t *testing.T) {
	everything := []string{"result", "worth", "learning", "parameters", "traces", "neuromodulator", "samples", "runs", "making"}
	for _, test := range []struct {
		name   string
		report *Report
		want   []string
	}{
		{"four arms", fourArms(), everything},
		{"one seed", oneSeed(), []string{"result", "runs", "making"}},
		{"empty", &Report{}, []string{"result", "runs", "making"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			page := mustHTML(t, test.report)
			var got []string
			for _, id := range everything {
				if strings.Contains(page, `<h2 id="`+id+`"`) {
					got = append(got, id)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if text := visible(t, page); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Error("the page shows a NaN or an Inf")
			}
			for _, outside := range []string{"http:", "https:", "src=", "<link", "<script", "@import", "url("} {
				if strings.Contains(page, outside) {
					t.Errorf("the page must stand alone, but has %q", outside)
				}
			}
		})
	}
}

// visible returns the text of a page. The page is written as well-formed XML, so
// that this strict parser finds any tag left open and any character unescaped.
func visible(t *testing.T, page string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	var text strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		if chars, ok := token.(xml.CharData); ok {
			text.Write(chars)
		}
	}
}

// However many notes there are, the chart of the result follows its table.
func TestNotesFollowTheChart(t *testing.T) {
	r := fourArms()
	r.Notes = []string{"A first note.", "A second note."}
	page := mustHTML(t, r)
	at := strings.Index(page, `<h2 id="result">`)
	for _, next := range []string{"</table>", "<svg", "</svg>", r.Notes[0], r.Notes[1], "</section>"} {
		found := strings.Index(page[at:], next)
		if found < 0 || strings.Contains(page[at:at+found], "</section>") {
			t.Fatalf("no %s in its place in the section of the result", next)
		}
		at += found
	}
}

func TestEscaping(t *testing.T) {
	const evil = `</title><script>alert("1")</script>&'|` + "`*_"
	r := fourArms()
	r.Command, r.Version, r.Data, r.Preset, r.Config = evil, evil, evil, evil, evil
	r.Notes = []string{evil}
	r.System.CPU = evil
	a := &r.Arms[3]
	a.Model = evil
	a.Accounting[0].Name = evil
	a.Seeds[0].Sample = evil
	a.Seeds[0].Passage.Tokens[0] = evil
	a.Seeds[1].Status = evil

	page := mustHTML(t, r)
	if strings.Contains(page, "<script") {
		t.Error("the page lets a script in")
	}
	if got := strings.Count(visible(t, page), evil); got < 12 {
		t.Errorf("the page shows the text %d times, want it wherever it was put", got)
	}
	markdown := mustMarkdown(t, r)
	if want := "| &lt;/title&gt;&lt;script&gt;alert(\"1\")&lt;/script&gt;&amp;'\\|\\`\\*\\_ |"; !strings.Contains(markdown, want) {
		t.Errorf("no cell of the Markdown is %s", want)
	}
	for _, line := range strings.Split(markdown, "\n") {
		if strings.Contains(line, "<script") && !strings.HasPrefix(line, evil) {
			t.Errorf("outside its code blocks the Markdown lets a script in: %s", line)
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := oneSeed()
	r.Config = "lr: 20\n"
	want := "# The LSTM reaches a test perplexity of 180.25.\n" + `
This is one seed: how far another would land from it is unknown.

## Result

| model | test ppl | valid ppl | hidden | parameters | tokens/s | seeds |
| ----- | -------: | --------: | -----: | ---------: | -------: | ----: |
| lstm  |   180.25 |    187.40 |     64 |      1,000 |   52,000 |     1 |

Perplexity of the validation and the test text, lower is better.

## Every run

| model | seed | best epoch | valid ppl | test ppl | tokens/s | status |
| ----- | ---: | ---------: | --------: | -------: | -------: | ------ |
| lstm  |    1 |          1 |    187.40 |   180.25 |   52,000 | done   |

The parameters of the epoch with the lowest validation perplexity are the ones that read the test text.

## How to repeat it

` + "```sh\ngo run ./train --models lstm --epochs 1\n```\n" + `
- Engram: 0.1.0
- data: sample
- preset: sample
- seeds: 1

` + "```yaml\nlr: 20\n```\n"
	if diff := cmp.Diff(want, mustMarkdown(t, r)); diff != "" {
		t.Error(diff)
	}
	long := mustMarkdown(t, fourArms())
	for _, head := range []string{"## Learning curves", "## Where the parameters are", "## What the traces did", "## Text the models write"} {
		if !strings.Contains(long, head) {
			t.Errorf("report.md of four arms has no %q", head)
		}
	}
}

func TestDivergedArmIsShown(t *testing.T) {
	r := fourArms()
	r.Arms[3] = arm("retroactive", nan, nan)
	r.Arms[2].Seeds[0].Status = "diverged: loss infinite at step 9000"
	r.Arms[2].Seeds[0].Curve[4].ValidPPL = 1e12
	page := visible(t, mustHTML(t, r))
	for _, want := range []string{"no run finished", "stopped early", "diverged: loss infinite at step 9000", "0 of 2", "A cross ends a run"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if got := r.Arms[2].collect(testPPL); len(got) != 2 {
		t.Errorf("the mean is over %d seeds, want the 2 that finished", len(got))
	}
}

// What a run cut short may leave behind must neither fail nor panic.
func TestOddReports(t *testing.T) {
	ragged := fourArms()
	ragged.Arms[2].Seeds[0].Passage = &Passage{Tokens: []string{"one"}, M: [][]float64{{nan, 2, 3}, {}}, NLL: []float64{1, 2}}
	ragged.Arms[3].Seeds[0].Passage = &Passage{Tokens: []string{"one", "two"}, M: [][]float64{{0}, {0, 0}}}
	ragged.Arms[1].Seeds[0].Curve = nil
	ragged.Arms[1].Seeds[1].Curve = ragged.Arms[1].Seeds[1].Curve[:2]
	strangers := &Report{}
	for _, model := range []string{"a", "b", "c", "d", "e", "f", "g", ""} {
		strangers.Arms = append(strangers.Arms, arm(model, 1e7, 3))
	}
	for name, r := range map[string]*Report{
		"ragged": ragged, "strangers": strangers, "no seeds": {Arms: []Arm{{Model: "lstm"}}},
		"equal": {Arms: []Arm{arm("lstm", 100, 100), arm("plastic", 100, 100)}},
	} {
		t.Run(name, func(t *testing.T) {
			if text := visible(t, mustHTML(t, r)); strings.Contains(text, "NaN") {
				t.Error("the page shows a NaN")
			}
			mustMarkdown(t, r)
			mustJSON(t, r)
			if err := r.WriteTable(io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "report.md"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := fourArms().Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"report.html", "report.json", "report.md"}, names); diff != "" {
		t.Error(diff)
	}
	for _, name := range names {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != mustRender(t, fourArms(), name) {
			t.Errorf("%s is not what a second rendering gives", name)
		}
	}

	missing := filepath.Join(dir, "no", "such")
	if err := fourArms().Write(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("writing into a missing folder: %v", err)
	}
}

// A sample has a sentence a line.
// Each file of a report is whole, of the report before or the new one, whatever
// fault the writing meets.
func TestWriteMeetsEveryFault(t *testing.T) {
	another := fourArms()
	another.Command = "another"
	before, err := render(fourArms())
	if err != nil {
		t.Fatal(err)
	}
	after, err := render(another)
	if err != nil {
		t.Fatal(err)
	}
	for fsys := range faultfs.Every() {
		dir := t.TempDir()
		if err := write(&faultfs.FS{}, dir, before); err != nil {
			t.Fatal(err)
		}
		if wrong := fsys.Misreported(write(fsys, dir, after), dir); wrong != nil {
			t.Errorf("%v: %v", fsys, wrong)
		}
		for i := range before {
			b, err := os.ReadFile(filepath.Join(dir, before[i].name))
			if err != nil || !bytes.Equal(b, before[i].text) && !bytes.Equal(b, after[i].text) {
				t.Errorf("%v: %s is not whole: %v", fsys, before[i].name, err)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(before) {
			t.Errorf("%v: %d files, %v; want %d", fsys, len(entries), err, len(before))
		}
	}
}

func TestSampleLines(t *testing.T) {
	r := oneSeed()
	r.Arms[0].Seeds[0].Sample = "<eos> the <unk> rose <eos> <eos> it fell"
	samples := r.samples()
	if len(samples) != 1 {
		t.Fatalf("%d samples, want 1", len(samples))
	}
	if got, want := samples[0].written(), "the <unk> rose\nit fell"; got != want {
		t.Errorf("the sample is %q, want %q", got, want)
	}
	if line := samples[0].Lines[0]; !line[1].Unknown || line[0].Unknown {
		t.Errorf("the unknown word is not marked as such: %+v", line)
	}
}

// A word's ground has the sign of M and its share of the greatest |M|.
func TestPassageColours(t *testing.T) {
	p := Passage{Tokens: []string{"a", "b", "<eos>", "d"}, M: [][]float64{{0.2, -0.4, 0, nan}}, NLL: []float64{1, 2, 3, 4}}
	v := p.view("modulated", 1, 2)
	want := []passageWord{
		{Text: "a", Side: "plus", Strength: 0.5, Title: "a: M in layer 0 is 0.2, NLL is 1 nats"},
		{Text: "b", Side: "minus", Strength: 1, Title: "b: M in layer 0 is −0.4, NLL is 2 nats"},
		{Text: "<eos>", Side: "plus", Title: "<eos>: M in layer 0 is 0, NLL is 3 nats", Ends: true},
		{Text: "d", Title: "d: M in layer 0 is –, NLL is 4 nats"},
	}
	if diff := cmp.Diff(want, v.Layers[0].Words); diff != "" {
		t.Error(diff)
	}
	if v.Most != "0.4" {
		t.Errorf("full colour is |M| = %s, want 0.4", v.Most)
	}
}

// On a telephone some three columns show: they are what a reader comes for.
func TestTablesBeginWithWhatMatters(t *testing.T) {
	r := fourArms()
	p, err := r.page()
	if err != nil {
		t.Fatal(err)
	}
	result, worth := p.Sections[0].Parts[0].Table, p.Sections[1].Parts
	if got := strings.Join(result.heads()[:3], ", "); got != "model, test ppl, vs LSTM" {
		t.Error(got)
	}
	if got := strings.Join(worth[0].Table.heads(), ", "); got != "model, mean − on, off − on, on, off, frozen, mean" {
		t.Error(got)
	}
	if rows, was := result.Rows(), r.compare(typographic).Rows(); len(rows) != 4 || len(rows[0]) != len(was[0]) || rows[2][1] != was[2][4] {
		t.Errorf("%q, from %q", rows, was)
	}
	if legend, rows := worth[1].Figure.Legend, worth[0].Table.Rows(); len(legend) != len(rows) {
		t.Errorf("%d models in the legend of what the traces are worth, %d in its table", len(legend), len(rows))
	}
	if strings.Contains(mustHTML(t, r), ">mean |") { // a browser breaks lines at the bar
		t.Error("a head that may break within its bars")
	}
	s := study()
	if p, err = s.page(); err != nil {
		t.Fatal(err)
	}
	if got := p.Sections[1].Parts[0].Table.heads(); got[0] != "model" || got[1] != s.Metric.label() || got[len(got)-1] != "seeds" {
		t.Error(got)
	}
}
