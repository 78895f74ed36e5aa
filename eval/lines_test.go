package main

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

type lineScore struct {
	NLL     *float64
	Tokens  *int
	Unknown *int
}

// Each line is scored as a file of that line after an empty one, whose <eos> the
// first word is predicted from: by itself, so that the same line gives the same.
func TestLines(t *testing.T) {
	lines := []string{"w2 w10 w3", "", "w5 zebra w5 yak w5 w2 w3", "w2 w10 w3", "w7 <eos> w2"}
	text := strings.Join(lines, "\n") + "\n"
	for _, model := range []string{lstmCase, plasticCase} {
		for _, traces := range [][]string{nil, {"--traces", "off"}, {"--traces", "mean"}, {"--traces", "frozen"}} {
			if model == lstmCase && traces != nil {
				continue
			}
			if len(traces) > 0 && traces[1] != "off" {
				traces = append(traces, "--warm-up", model+"/corpus/valid.txt")
			}
			args := append([]string{"perplexity", "--json", "--model", model + "/model", "--bptt", "3"}, traces...)
			out := strings.Split(strings.TrimSpace(succeed(t, append(args, "--lines", "--text", file(t, text))...)), "\n")
			if len(out) != len(lines)+1 {
				t.Fatalf("%d lines of output: %q", len(out), out)
			}
			var nll, tokens, unknown float64
			for i, line := range lines {
				var got lineScore
				d := json.NewDecoder(strings.NewReader(out[i]))
				d.DisallowUnknownFields()
				must(t, d.Decode(&got))
				want := map[string]float64{"nll": *got.NLL, "tokens": 1} // a text of nothing but <eos> is refused
				if line != "" {
					want = measured(t, append(args[2:], "--text", file(t, "\n"+line+"\n"))...)
				}
				if !(math.Abs(*got.NLL-want["nll"]*want["tokens"]) <= 1e-5) || *got.Tokens != int(want["tokens"]) || *got.Unknown != int(want["unknown"]) {
					t.Errorf("%s %v: line %q: %s, want %v", model, traces, line, out[i], want)
				}
				nll, tokens, unknown = nll+*got.NLL, tokens+float64(*got.Tokens), unknown+float64(*got.Unknown)
			}
			if out[0] != out[3] {
				t.Errorf("%s: the same line twice: %s, %s", model, out[0], out[3])
			}
			var total map[string]float64
			must(t, json.Unmarshal([]byte(out[len(lines)]), &total))
			if len(total) != 5 || math.Abs(total["nll"]*tokens-nll) > 1e-9 || total["tokens"] != tokens || total["unknown"] != unknown || tokens != 4+1+8+4+4 || unknown != 2 {
				t.Errorf("the total %v is not that of %v nats over %v tokens, %v unknown", total, nll, tokens, unknown)
			}
		}
	}
}

// A line without words is a sentence of its <eos>, which costs what it costs among
// other lines; a text without lines is none.
func TestEmptyLines(t *testing.T) {
	args := []string{"perplexity", "--json", "--model", lstmCase + "/model", "--lines", "--text"}
	among := strings.SplitAfter(succeed(t, append(args, file(t, "w2 w10\n\n"))...), "\n")
	alone := strings.SplitAfter(succeed(t, append(args, file(t, "\n \n"))...), "\n")
	if len(alone) != 4 || alone[0] != among[1] || alone[1] != among[1] {
		t.Errorf("two lines without words give %q, one after another line %q", alone, among)
	}
	var total map[string]float64
	must(t, json.Unmarshal([]byte(alone[2]), &total))
	if total["tokens"] != 2 || !(total["perplexity"] > 1) || !(total["bpc"] > 0) {
		t.Errorf("the total of two lines without words is %v", total)
	}
	fail(t, cli.Failure, []string{"is empty; want at least one line"}, append(args, file(t, ""))...)
}

// What would make a text another than it looks is told of line by line as well.
func TestLinesAreWarnedOf(t *testing.T) {
	for text, warning := range map[string]string{
		"w2 w3 <eos>\n\nw4 <eos>\n": "every line of standard input already ends in <eos>",
		"\ufeffw2 w3\n":             "standard input begins with a byte order mark",
		"w2 <eos>\nw3\n":            "",
	} {
		for _, lines := range []string{"--lines", "--lines=false"} {
			out, errs, status := evalOf(t, text, "perplexity", "--quiet", "--model", lstmCase+"/model", "--text", "-", lines)
			if status != 0 || out == "" || !strings.Contains(errs, warning) || warning == "" && errs != "" {
				t.Errorf("%q, %s: status %d, %q; want %q", text, lines, status, errs, warning)
			}
		}
	}
}

// A corpus is scored line by line too, and what is read from standard input is a
// text like any other.
func TestLinesOfCorpusAndStandardInput(t *testing.T) {
	args := []string{"perplexity", "--json", "--model", lstmCase + "/model", "--lines"}
	cache := []string{"--cache", t.TempDir()}
	corpus := succeed(t, append(append(args, "--data", lstmCase+"/corpus", "--split", "valid"), cache...)...)
	b, err := os.ReadFile(lstmCase + "/corpus/valid.txt")
	must(t, err)
	text := string(b)
	if got := succeed(t, append(args, "--text", lstmCase+"/corpus/valid.txt")...); got != corpus || strings.Count(got, "\n") != strings.Count(text, "\n")+1 {
		t.Errorf("the corpus gives\n%s, its text\n%s", corpus, got)
	}
	for _, a := range [][]string{args, args[:4]} {
		out, errs, status := evalOf(t, text, append(a, "--text", "-")...)
		if want := succeed(t, append(a, "--text", lstmCase+"/corpus/valid.txt")...); status != 0 || out != want {
			t.Errorf("%v: status %d, %s, %s, want %s", a, status, out, errs, want)
		}
	}
	if out, errs, status := evalOf(t, "w2 \x00", append(args, "--text", "-")...); status != cli.Failure || out != "" || !strings.Contains(errs, "standard input:1: holds a NUL byte") {
		t.Errorf("status %d, %s, %s", status, out, errs)
	}
	fail(t, cli.Usage, []string{"--batch", "--lines"}, append(args, "--text", "x", "--batch", "2")...)
	plain := succeed(t, "perplexity", "--model", lstmCase+"/model", "--lines", "--text", file(t, "w2 w3\nw4\n"))
	if got := strings.Split(plain, "\n"); len(got) < 6 || strings.Join(strings.Fields(got[0]), " ") != "line nll tokens unknown" || !strings.HasSuffix(got[3], "5 tokens scored in 2 lines, each by itself") {
		t.Error(plain)
	}
	plain = succeed(t, "perplexity", "--model", lstmCase+"/model", "--lines", "--text", file(t, "w2 w3\n"))
	if !strings.Contains(plain, ": 3 tokens scored in 1 line, each by itself\n") {
		t.Error(plain)
	}
}
