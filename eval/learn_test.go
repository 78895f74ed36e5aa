package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"
)

// learnt reads what perplexity prints with --json and --dynamic or --pointer.
func learnt(t *testing.T, args ...string) (nll float64, dynamic, pointer map[string]any) {
	t.Helper()
	var got struct {
		NLL              float64
		Dynamic, Pointer map[string]any
	}
	must(t, json.Unmarshal([]byte(succeed(t, append([]string{"perplexity", "--json"}, args...)...)), &got))
	return got.NLL, got.Dynamic, got.Pointer
}

// A rate that leads beyond all numbers is blamed, not the model.
func TestDynamicLedAstray(t *testing.T) {
	fail(t, 1, []string{"the mean NLL is", "want a --dynamic-rate below 1e+30"}, "perplexity", "--model", lstmCase+"/model", "--text", lstmCase+"/corpus/test.txt",
		"--dynamic", "--dynamic-rule", "sgd", "--dynamic-rate", "1e30")
}

// Of every kind of model: rate 0 and weight 0 are the model alone, to the bit; other
// settings are not; what is tuned is what is then used.
func TestDynamicAndPointer(t *testing.T) {
	dirs, err := filepath.Glob(cases + "/*/model")
	must(t, err)
	for i, dir := range dirs {
		corpus := filepath.Join(filepath.Dir(dir), "corpus")
		base := []string{"--model", dir, "--data", corpus, "--cache", t.TempDir(), "--bptt", "5"}
		with := func(args ...string) []string { return append(append([]string{}, base...), args...) }
		alone := measured(t, base...)["nll"]
		for _, args := range [][]string{
			{"--dynamic", "--dynamic-rate", "0"},
			{"--dynamic", "--dynamic-rule", "sgd", "--dynamic-rate", "0"},
			{"--pointer", "--pointer-weight", "0"},
			{"--dynamic", "--dynamic-rate", "0", "--pointer", "--pointer-weight", "0"},
		} {
			if nll, _, _ := learnt(t, with(args...)...); nll != alone {
				t.Errorf("%s, %v: nll %v, the model alone %v", dir, args, nll, alone)
			}
		}
		if i > 0 {
			continue
		}
		for _, args := range [][]string{{"--dynamic"}, {"--dynamic", "--dynamic-rule", "sgd"}, {"--pointer"}} {
			if nll, _, _ := learnt(t, with(args...)...); nll == alone {
				t.Errorf("%s, %v: nll %v is that of the model alone", dir, args, nll)
			}
		}
		nll, dynamic, pointer := learnt(t, with("--dynamic", "--dynamic-rule", "sgd", "--dynamic-decay", "0.25", "--pointer", "--tune", "--tune-tokens", "30")...)
		if dynamic["decay"] != 0.25 {
			t.Errorf("a flag does not stay: %v", dynamic)
		}
		flag := func(v any) string { b, _ := json.Marshal(v); return string(b) }
		again, _, _ := learnt(t, with("--dynamic", "--dynamic-rule", "sgd", "--dynamic-decay", "0.25", "--dynamic-rate", flag(dynamic["rate"]),
			"--pointer", "--pointer-theta", flag(pointer["theta"]), "--pointer-weight", flag(pointer["weight"]))...)
		if again != nll || math.IsNaN(nll) {
			t.Errorf("tuned to %v and %v: nll %v, by flags %v", dynamic, pointer, nll, again)
		}
	}
}

func TestDynamicRefused(t *testing.T) {
	text := file(t, "w2 w3 w4 w5\n")
	for _, c := range []struct {
		words []string
		args  []string
	}{
		{[]string{"--dynamic-rate", "--dynamic"}, []string{"--dynamic-rate", "1"}},
		{[]string{"--pointer-size", "--pointer"}, []string{"--pointer-size", "1"}},
		{[]string{"--tune", "--dynamic or --pointer"}, []string{"--tune"}},
		{[]string{"--tune-tokens", "--tune"}, []string{"--pointer", "--tune-tokens", "5"}},
		{[]string{"--dynamic-rule", "adam", "rms or sgd"}, []string{"--dynamic", "--dynamic-rule", "adam"}},
		{[]string{"--dynamic-rate", "-1"}, []string{"--dynamic", "--dynamic-rate", "-1", "--dynamic-rule", "sgd"}},
		{[]string{"--dynamic-decay", "1.5", "0 to 1"}, []string{"--dynamic", "--dynamic-decay", "1.5", "--dynamic-rule", "sgd"}},
		{[]string{"--dynamic-epsilon", "0"}, []string{"--dynamic", "--dynamic-epsilon", "0", "--dynamic-text", text}},
		{[]string{"--dynamic-epsilon", "rms"}, []string{"--dynamic", "--dynamic-epsilon", "1", "--dynamic-rule", "sgd"}},
		{[]string{"--dynamic-text", "missing"}, []string{"--dynamic"}},
		{[]string{"--batch", "--dynamic"}, []string{"--dynamic", "--dynamic-rule", "sgd", "--batch", "2"}},
		{[]string{"--pointer-theta", "NaN"}, []string{"--pointer", "--pointer-theta", "NaN"}},
		{[]string{"--pointer-weight", "1", "below 1"}, []string{"--pointer", "--pointer-weight", "1"}},
		{[]string{"--pointer-size", "0", "1 to"}, []string{"--pointer", "--pointer-size", "0"}},
		{[]string{"--tune-text", "missing"}, []string{"--pointer", "--tune"}},
		{[]string{"--tune-tokens", "-1"}, []string{"--pointer", "--tune", "--tune-text", text, "--tune-tokens", "-1"}},
		{[]string{"--lines", "--pointer"}, []string{"--pointer", "--lines"}},
		{[]string{"--tune-text", "1 token to tune on"}, []string{"--pointer", "--tune", "--tune-text", text, "--tune-tokens", "1"}},
	} {
		fail(t, 2, c.words, append([]string{"perplexity", "--model", lstmCase + "/model", "--text", text}, c.args...)...)
	}
}
