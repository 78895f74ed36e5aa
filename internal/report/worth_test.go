package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// still gives the seeds of an arm test perplexities with the traces standing still,
// so much above those with the traces on.
func still(a Arm, off, frozen float64, mean ...float64) Arm {
	for i := range a.Seeds {
		s := &a.Seeds[i]
		s.TestPPLOff, s.TestPPLFrozen, s.TestPPLMean = s.TestPPL+off, s.TestPPL+frozen, s.TestPPL+mean[i%len(mean)]
	}
	return a
}

// remembering makes of an arm one with a plastic readout.
func remembering(a Arm) Arm {
	a.Kind = readout
	a = still(a, 20, 12, math.NaN())
	for i := range a.Seeds {
		a.Seeds[i].TestPPLOff += 0.1 * float64(i)
	}
	return a
}

// The headline's figure is mean minus on, whatever off minus on is; traces that do
// nothing are given no credit, and one seed names no winner.
func TestWorthFinding(t *testing.T) {
	for _, test := range []struct {
		name          string
		arms          []Arm
		headline      string
		want, wantNot []string
	}{
		{"one seed", []Arm{arm("lstm", 104), still(arm("plastic", 102), 9, 8, 0.84), still(arm("modulated", 101), 7, 6, -0.001)},
			"Learned while reading, of the test perplexity (mean minus on): +0.84 in the plastic model and 0.00 in the modulated model; one seed.",
			[]string{"A single seed names no winner"}, []string{"lowest", "worth", "9.00"}},
		{"inert and best", []Arm{arm("lstm", 104, 104.2, 103.8), still(arm("modulated", 101, 101.2, 100.8), 3, 3, 0.01, -0.02, 0.02)},
			"Nothing that the traces learn while reading shows in the test perplexity: mean minus on is 0.00 ± 0.05 in the modulated model.",
			[]string{"The modulated model has the lowest test perplexity", "The difference is significant", "That is no credit to plasticity"}, []string{"worth"}},
		{"off alone", []Arm{arm("lstm", 104, 104.2, 103.8), still(arm("plastic", 101, 101.2, 100.8), 9, 3, -0.4, -0.5, -0.45)},
			"Nothing that the traces learn while reading shows in the test perplexity: mean minus on is −0.45 ± 0.12 in the plastic model.",
			[]string{"no credit"}, []string{"worth"}},
		{"at work", []Arm{arm("lstm", 104, 104.2, 103.8), still(arm("plastic", 101, 101.2, 100.8), 9, 3, 0.8, 0.9, 0.85), still(arm("modulated", 102, 102.2, 101.8), 9, 3, 0.1, -0.1, 0.05)},
			"What the traces learn while reading is worth +0.85 ± 0.12 in the plastic model, of the test perplexity (mean minus on).",
			[]string{"Elsewhere it does not show: mean minus on is +0.02 ± 0.26 in the modulated model.", "The plastic model has the lowest"}, []string{"no credit"}},
		{"a memory has no mean", []Arm{arm("lstm", 104, 104.2, 103.8), remembering(arm("readout", 90, 90.2, 89.8))},
			"What the traces learn while reading is worth +20.10 ± 0.25 in the readout model (off minus on), of the test perplexity.",
			[]string{"The readout model has the lowest"}, []string{"no credit"}},
		{"the LSTM is best", []Arm{arm("lstm", 100, 100.2, 99.8), still(arm("plastic", 101, 101.2, 100.8), 9, 3, 0.01, -0.01, 0.01)},
			"Nothing that the traces learn while reading shows in the test perplexity: mean minus on is 0.00 ± 0.03 in the plastic model.",
			[]string{"The LSTM has the lowest"}, []string{"no credit"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Report{Arms: test.arms}
			r.Summarise()
			f := r.find()
			if got := strings.ReplaceAll(f.Headline, "\u00a0", " "); got != test.headline {
				t.Errorf("the headline is %q", got)
			}
			all := f.Headline + "\n" + strings.Join(f.Support, "\n")
			for _, fragment := range test.want {
				if !strings.Contains(strings.ReplaceAll(all, "\u00a0", " "), fragment) {
					t.Errorf("no %q in\n%s", fragment, all)
				}
			}
			for _, fragment := range test.wantNot {
				if strings.Contains(all, fragment) {
					t.Errorf("%q in\n%s", fragment, all)
				}
			}
		})
	}
}

// The contract's part: null for a model without traces, mean and ci95 for an arm.
func TestWorthJSON(t *testing.T) {
	r := &Report{Unknown: 7, Arms: []Arm{arm("lstm", 104, 105), still(arm("plastic", 102, 103), 9, 8, 1, 2)}}
	var got struct {
		Unknown int
		Arms    []struct {
			Seeds []map[string]any
			Off   map[string]*float64 `json:"test_ppl_off"`
			Froz  map[string]*float64 `json:"test_ppl_frozen"`
			Mean  map[string]*float64 `json:"test_ppl_mean"`
			Worth map[string]*float64 `json:"mean_minus_on"`
		}
	}
	if err := json.Unmarshal(mustJSON(t, r), &got); err != nil {
		t.Fatal(err)
	}
	lstm, plastic := got.Arms[0], got.Arms[1]
	for _, key := range []string{"test_ppl_off", "test_ppl_frozen", "test_ppl_mean"} {
		if v, ok := lstm.Seeds[0][key]; !ok || v != nil {
			t.Errorf("the LSTM's %s is %v, %v; want null", key, v, ok)
		}
	}
	for _, m := range []map[string]*float64{lstm.Off, lstm.Froz, lstm.Mean, lstm.Worth} {
		if v, ok := m["mean"]; !ok || v != nil {
			t.Errorf("the LSTM's arm has %v", m)
		}
	}
	if s := plastic.Seeds[1]; s["test_ppl_off"] != 112.0 || s["test_ppl_frozen"] != 111.0 || s["test_ppl_mean"] != 105.0 {
		t.Errorf("the seed has %v", s)
	}
	if *plastic.Off["mean"] != 111.5 || *plastic.Froz["mean"] != 110.5 || *plastic.Mean["mean"] != 104 || *plastic.Worth["mean"] != 1.5 ||
		!(math.Abs(*plastic.Worth["ci95"]-12.706204736/2) < 1e-6) || got.Unknown != 7 {
		t.Errorf("%+v, %d unknown", plastic, got.Unknown)
	}
}

// The table has its place in the terminal and in both pages, each seed in the list
// of runs, and none of it where nothing has traces.
func TestWorthShown(t *testing.T) {
	r := &Report{Arms: []Arm{arm("lstm", 104), still(arm("plastic", 102), 9.25, 8, 0.84)}}
	var out strings.Builder
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `
Test perplexity with the traces on, off, frozen, at their mean:
model        on     off  frozen    mean  off - on  mean - on
plastic  102.00  111.25  110.00  102.84     +9.25      +0.84
`
	if !strings.Contains(out.String(), want) {
		t.Errorf("the terminal shows\n%s", out.String())
	}
	for name, text := range map[string]string{"Markdown": mustMarkdown(t, r), "HTML": visible(t, mustHTML(t, r))} {
		if !strings.Contains(text, "What the traces are worth") || strings.Count(text, "111.25") != 2 {
			t.Errorf("%s lacks the table, or the seed:\n%s", name, text)
		}
	}
	r.Unknown = 12345
	if text := visible(t, mustHTML(t, r)); !strings.Contains(text, "words of the two read as <unk>") || !strings.Contains(text, "12,345") {
		t.Error("the page does not count the unknown words")
	}
	lstm := &Report{Arms: []Arm{arm("lstm", 104)}}
	if text := mustMarkdown(t, lstm) + mustHTML(t, lstm); strings.Contains(text, "What the traces are worth") || strings.Contains(text, "frozen") {
		t.Error("a report without traces speaks of them")
	}
}
