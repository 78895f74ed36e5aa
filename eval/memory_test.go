package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// Resets as far apart as the text is long change nothing, closer ones do; the groups
// of --by hold every token that was scored.
func TestMemory(t *testing.T) {
	base := []string{"--model", plasticCase + "/model", "--text", plasticCase + "/corpus/test.txt"}
	with := func(args ...string) []string { return append(append([]string{}, base...), args...) }
	alone := measured(t, base...)["nll"]
	if nll := measured(t, with("--reset-every", "1000")...)["nll"]; nll != alone {
		t.Errorf("a reset after the end: nll %v, want %v", nll, alone)
	}
	traces, state := measured(t, with("--reset-every", "10")...)["nll"], measured(t, with("--reset-every", "10", "--reset", "state")...)["nll"]
	if traces == alone || state == alone || traces == state {
		t.Errorf("nll %v, traces reset %v, state reset %v", alone, traces, state)
	}
	var got struct {
		Tokens int
		By     map[string][]struct {
			From, To, Tokens int
			NLL, Perplexity  float64
		}
	}
	must(t, json.Unmarshal([]byte(succeed(t, append([]string{"perplexity", "--json"}, with("--by", "position,recency,frequency")...)...)), &got))
	for _, by := range []string{"position", "frequency", "recency"} {
		n := 0
		for _, g := range got.By[by] {
			n += g.Tokens
		}
		if n != got.Tokens || len(got.By[by]) < 2 {
			t.Errorf("by %s: %d of %d tokens in %v", by, n, got.Tokens, got.By[by])
		}
	}
	out := succeed(t, append([]string{"perplexity"}, with("--by", "recency", "--reset-every", "10")...)...)
	for _, want := range []string{"traces reset every 10 tokens", "seen before, words ago", "never ", "4 to 10 "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestMemoryRefused(t *testing.T) {
	text := file(t, "w2 w3 w4 w5\n")
	for _, c := range []struct {
		words []string
		model string
		args  []string
	}{
		{[]string{"--reset-every", "0"}, plasticCase, []string{"--reset-every", "0"}},
		{[]string{"--reset", "weights", "traces or state"}, plasticCase, []string{"--reset-every", "5", "--reset", "weights"}},
		{[]string{"--reset", "--reset-every"}, plasticCase, []string{"--reset", "state"}},
		{[]string{"--reset-every", "--traces on"}, plasticCase, []string{"--reset-every", "5", "--traces", "off"}},
		{[]string{"--reset-every", "lstm", "--reset state"}, lstmCase, []string{"--reset-every", "5"}},
		{[]string{"--by", "age", "position"}, plasticCase, []string{"--by", "age"}},
		{[]string{"--by", "recency"}, plasticCase, []string{"--by", "recency,recency"}},
		{[]string{"--lines", "--by"}, plasticCase, []string{"--by", "recency", "--lines"}},
	} {
		fail(t, 2, c.words, append([]string{"perplexity", "--model", c.model + "/model", "--text", text}, c.args...)...)
	}
}
