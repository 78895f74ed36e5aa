package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var nan = math.NaN()

// arm returns an arm whose seeds 1, 2, ... reached the given test perplexities,
// and 10 more on the validation text. NaN is a seed that diverged.
func arm(model string, test ...float64) Arm {
	a := Arm{Model: model, Hidden: 20, Embedding: 20, Params: 1234}
	for i, v := range test {
		s := Seed{Seed: uint64(i + 1), BestEpoch: 1, ValidPPL: v + 10, TestPPL: v, TokensPerS: 100, Status: Done}
		if math.IsNaN(v) {
			s.BestEpoch, s.Status = 0, "diverged: the loss is infinite at step 7"
		}
		a.Seeds = append(a.Seeds, s)
	}
	return a
}

func mustJSON(t *testing.T, r *Report) []byte {
	t.Helper()
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// mustRender returns a file of a report.
func mustRender(t *testing.T, r document, name string) string {
	t.Helper()
	files, err := render(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.name == name {
			return string(f.text)
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

func mustHTML(t *testing.T, r *Report) string     { return mustRender(t, r, "report.html") }
func mustMarkdown(t *testing.T, r *Report) string { return mustRender(t, r, "report.md") }

// The contract's part of report.json, with a mean and an interval worked by hand:
// 102, 101, 103 has mean 102, standard deviation 1 and half-width 4.302653 / √3.
func TestJSONContract(t *testing.T) {
	r := &Report{Command: "go run ./train", Version: "0.1.0", Data: "sample", Preset: "tiny",
		Arms: []Arm{arm("plastic", 102, 101, 103), arm("lstm", 104.5)}}
	type interval struct{ Mean, CI95 *float64 }
	var got struct {
		Command, Version, Data, Preset string
		Arms                           []struct {
			Model                     string
			Hidden, Embedding, Params int
			Seeds                     []struct {
				Seed       uint64
				BestEpoch  int      `json:"best_epoch"`
				ValidPPL   *float64 `json:"valid_ppl"`
				TestPPL    *float64 `json:"test_ppl"`
				TokensPerS *float64 `json:"tokens_per_s"`
			}
			ValidPPL interval `json:"valid_ppl"`
			TestPPL  interval `json:"test_ppl"`
		}
	}
	if err := json.Unmarshal(mustJSON(t, r), &got); err != nil {
		t.Fatal(err)
	}
	if got.Command != r.Command || got.Version != r.Version || got.Data != r.Data || got.Preset != r.Preset {
		t.Errorf("head is %+v", got)
	}
	if len(got.Arms) != 2 || len(got.Arms[0].Seeds) != 3 {
		t.Fatalf("arms are %+v", got.Arms)
	}
	first := got.Arms[0]
	if first.Model != "plastic" || first.Hidden != 20 || first.Embedding != 20 || first.Params != 1234 {
		t.Errorf("first arm is %+v", first)
	}
	if s := first.Seeds[1]; s.Seed != 2 || s.BestEpoch != 1 || *s.ValidPPL != 111 || *s.TestPPL != 101 || *s.TokensPerS != 100 {
		t.Errorf("its second seed is %+v", s)
	}
	if *first.TestPPL.Mean != 102 || !(math.Abs(*first.TestPPL.CI95-2.484137717) <= 1e-8) || *first.ValidPPL.Mean != 112 {
		t.Errorf("its perplexities are %v ± %v and %v", *first.TestPPL.Mean, *first.TestPPL.CI95, *first.ValidPPL.Mean)
	}
	if second := got.Arms[1]; *second.TestPPL.Mean != 104.5 || second.TestPPL.CI95 != nil {
		t.Errorf("one seed has %+v, want a mean and a null ci95", second.TestPPL)
	}
	for _, key := range []string{`"command"`, `"best_epoch"`, `"tokens_per_s"`, `"mean"`, `"ci95": null`} {
		if !bytes.Contains(mustJSON(t, r), []byte(key)) {
			t.Errorf("report.json has no %s", key)
		}
	}
}

func TestNotANumberIsNull(t *testing.T) {
	r := &Report{Data: `a "quoted" <name>`, Arms: []Arm{arm("lstm", nan)}}
	r.Arms[0].Seeds[0].Curve = []EpochPoint{{Epoch: 1, TrainNLL: math.Inf(1), ValidPPL: nan, LR: math.Inf(-1)}}
	r.Arms[0].Seeds[0].Traces = []LayerTrace{{AtClip: nan, EtaMean: nan}}
	r.Arms[0].Seeds[0].Passage = &Passage{Tokens: []string{"a", "b"}, M: [][]float64{{nan, 1}}, NLL: []float64{2, nan}}
	var got map[string]any
	if err := json.Unmarshal(mustJSON(t, r), &got); err != nil {
		t.Fatal(err)
	}
	first := got["arms"].([]any)[0].(map[string]any)
	if diff := cmp.Diff(map[string]any{"mean": nil, "ci95": nil}, first["test_ppl"]); diff != "" {
		t.Error(diff)
	}
	seed := first["seeds"].([]any)[0].(map[string]any)
	want := map[string]any{"tokens": []any{"a", "b"}, "m": []any{[]any{nil, 1.0}}, "nll": []any{2.0, nil}}
	if diff := cmp.Diff(want, seed["passage"]); diff != "" {
		t.Error(diff)
	}
	if seed["test_ppl"] != nil || got["data"] != r.Data {
		t.Errorf("test_ppl %v, data %v", seed["test_ppl"], got["data"])
	}
}

func TestUnmeasuredIsNotZero(t *testing.T) {
	r := &Report{Arms: []Arm{{Model: "lstm", Seeds: []Seed{{Seed: 1, ValidPPL: 120}}}}}
	r.Summarise()
	if a := r.Arms[0]; !math.IsNaN(a.TestPPL.Mean) || !math.IsNaN(a.Seeds[0].TokensPerS) || a.ValidPPL.Mean != 120 {
		t.Errorf("summary is %+v", a)
	}
}

func TestWriteTable(t *testing.T) {
	for _, test := range []struct {
		name string
		arms []Arm
		want string
	}{
		{"several seeds, one diverged",
			[]Arm{arm("lstm", 104, 105, 106), arm("plastic", 102, 101, 103), arm("modulated", 104.5, nan)}, `
model      hidden  parameters       valid ppl        test ppl        vs LSTM      p  p ranks  tokens/s   seeds
lstm           20       1,234  115.00 +- 2.48  105.00 +- 2.48              -      -        -       100       3
plastic        20       1,234  112.00 +- 2.48  102.00 +- 2.48  -3.00 +- 2.27  0.021    0.100       100       3
modulated      20       1,234          114.50          104.50          -0.50      -        -       100  1 of 2

The plastic model has the lowest test perplexity: 102.00 +- 2.48, which is 3.00 below the LSTM.
The difference is significant (Welch's t-test, p = 0.021; 3 seeds each).
The modulated model finished 1 of 2 runs (seed 2 diverged: the loss is infinite at step 7); its means are over those that did.
`},
		{"one seed", []Arm{arm("lstm", 180.25)}, `
model  hidden  parameters  valid ppl  test ppl  tokens/s  seeds
lstm       20       1,234     190.25    180.25       100      1

The LSTM reaches a test perplexity of 180.25.
This is one seed: how far another would land from it is unknown.
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Report{Arms: test.arms}
			var out strings.Builder
			if err := r.WriteTable(&out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), out.String()); diff != "" {
				t.Error(diff)
			}
			for _, c := range out.String() {
				if c > 126 || c == '\x1b' {
					t.Errorf("the table has the character %q", c)
				}
			}
		})
	}
	for _, c := range []struct {
		report *Report
		best   bool // the second arm
	}{
		{&Report{Arms: []Arm{arm("lstm", 104, 105), arm("plastic", 102, 103)}}, true},
		{&Report{Arms: []Arm{arm("lstm", 104), arm("plastic", 102)}}, false}, // a single seed names no winner
		{&Report{Arms: []Arm{arm("lstm", 104), arm("plastic", 102, 103)}}, false},
	} {
		c.report.Summarise()
		if got := c.report.compare(ascii); (got.stands() && got.Best == 1) != c.best {
			t.Errorf("the best of %v: %d, %t", c.report.models(), got.Best, got.stands())
		}
	}
}

// A perplexity above the vocabulary's size is no knowledge, and is not left without
// a word.
func TestKnowsNothing(t *testing.T) {
	for _, c := range []struct {
		vocabulary int
		want       string
	}{
		{0, ""}, {105, ""}, {104, "The LSTM has learned nothing that helps here: a model that knows nothing has the vocabulary’s size, 104,"},
		{102, "The LSTM and the plastic model have learned nothing"},
	} {
		r := &Report{Arms: []Arm{arm("lstm", 104), arm("plastic", 102)}, Dataset: Dataset{Vocab: c.vocabulary}}
		r.Summarise()
		if got := strings.Join(r.find().Support, "\n"); !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "nothing that helps") {
			t.Errorf("%d: %s", c.vocabulary, got)
		}
	}
}

// How many words were read as <unk> stands with the perplexities.
func TestUnknownWordsAreTold(t *testing.T) {
	r := &Report{Arms: []Arm{arm("lstm", 21)}, Dataset: Dataset{ValidTokens: 8260, TestTokens: 9712, ValidUnknown: 3000, TestUnknown: 3582}}
	r.Summarise()
	want := "3,000 (36.3%) of the validation text, 3,582 (36.9%) of the test text"
	if got := strings.Join(r.find().Support, "\n"); !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), want) {
		t.Errorf("%s, %v", table.String(), err)
	}
	if md := mustMarkdown(t, r); !strings.Contains(md, "36.9%") {
		t.Error(md)
	}
	r.Dataset.ValidUnknown, r.Dataset.TestUnknown = 0, 0
	if got := strings.Join(r.find().Support, "\n"); strings.Contains(got, "outside the vocabulary") {
		t.Error(got)
	}
}

func TestFinding(t *testing.T) {
	for _, test := range []struct {
		name string
		arms []Arm
		want []string // one fragment for each sentence
	}{
		{"no arm", nil, []string{"No perplexity was measured."}},
		{"all diverged", []Arm{arm("lstm", nan, nan)},
			[]string{"Every training diverged: there is no perplexity that means anything.", "finished 0 of 2 runs (seeds 1 and 2 diverged"}},
		{"diverged beyond numbers", []Arm{{Model: "lstm", Seeds: []Seed{{Seed: 1, BestEpoch: 2, ValidPPL: nan, TestPPL: nan, Status: "diverged: too far"}}}},
			[]string{"The training diverged: the perplexity is too large for a number.", "finished 0 of 1 run (seed 1 diverged"}},
		{"not measured", []Arm{{Model: "lstm", Seeds: []Seed{{Seed: 1, ValidPPL: nan, TestPPL: nan}}}}, []string{"No perplexity was measured."}},
		{"single seeds", []Arm{arm("lstm", 104), arm("plastic", 102)},
			[]string{"A single seed names no winner", "--seeds 3"}},
		{"not significant", []Arm{arm("lstm", 104, 102, 106), arm("plastic", 103, 101, 105)},
			[]string{"1.00 below the LSTM", "The difference is not significant (Welch’s t-test, p\u00a0=\u00a00.573; 3 seeds each): it may be chance."}},
		{"the LSTM is best", []Arm{arm("plastic", 103, 104, 105), arm("lstm", 100, 101, 102), arm("modulated", 102, 103, 104)},
			[]string{"The LSTM has the lowest", "2.00 below the modulated model", "not significant", "after Holm’s correction for 2 comparisons"}},
		{"no LSTM", []Arm{arm("plastic", 103, 104), arm("modulated", 101, 102)},
			[]string{"The modulated model has the lowest test perplexity", "2 seeds each"}},
		{"no variance", []Arm{arm("lstm", 104, 104), arm("plastic", 102, 102)},
			[]string{"The plastic model", "No test applies"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Report{Arms: test.arms}
			r.Summarise()
			f := r.find()
			got := strings.Join(append([]string{f.Headline}, f.Support...), "\n")
			for _, fragment := range test.want {
				if !strings.Contains(got, fragment) {
					t.Errorf("the finding lacks %q:\n%s", fragment, got)
				}
			}
		})
	}
}

// Four arms are three comparisons with the LSTM: the p-value in the headline is
// three times that of the table, where it is the smallest.
func TestFindingIsCorrectedForTheNumberOfArms(t *testing.T) {
	r := &Report{Arms: []Arm{arm("lstm", 104, 105, 106), arm("plastic", 102, 101, 103),
		arm("modulated", 104.1, 105, 106), arm("retroactive", 104.2, 105, 106)}}
	r.Summarise()
	if got := strings.Join(r.find().Support, " "); !strings.Contains(got, "not significant") ||
		!strings.Contains(got, "p\u00a0=\u00a00.064 after Holm’s correction for 3 comparisons") {
		t.Errorf("finding is %s", got)
	}
}
