package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// measured reads what perplexity prints with --json; other keys, or fewer, fail.
func measured(t *testing.T, args ...string) map[string]float64 {
	t.Helper()
	out := succeed(t, append([]string{"perplexity", "--json"}, args...)...)
	var got map[string]float64
	must(t, json.Unmarshal([]byte(out), &got))
	for _, key := range []string{"nll", "tokens", "perplexity", "bpc", "unknown"} {
		if _, ok := got[key]; !ok || len(got) != 5 {
			t.Fatalf("want nll, tokens, perplexity, bpc and unknown: %s", out)
		}
	}
	if got["perplexity"] != math.Exp(got["nll"]) {
		t.Errorf("perplexity is not e^nll: %s", out)
	}
	return got
}

func TestPerplexityOfCases(t *testing.T) {
	files, err := filepath.Glob(cases + "/*/expected.json")
	must(t, err)
	if len(files) != 5 {
		t.Fatalf("%d cases, want 5", len(files))
	}
	for _, name := range files {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var want struct {
				Batch, BPTT  int
				NLL          float64
				Tokens       float64
				NLLBatch1    float64 `json:"nll_batch1"`
				TokensBatch1 float64 `json:"tokens_batch1"`
			}
			b, err := os.ReadFile(name)
			must(t, err)
			must(t, json.Unmarshal(b, &want))
			check := func(nll, tokens float64, args ...string) {
				t.Helper()
				got := measured(t, append([]string{"--model", dir + "/model"}, args...)...)
				if !(math.Abs(got["nll"]-nll) <= 1e-5) || got["tokens"] != tokens {
					t.Errorf("%v: nll %.9f over %v tokens, want %.9f over %v", args, got["nll"], got["tokens"], nll, tokens)
				}
			}
			cache := t.TempDir()
			bptt := []string{"--bptt", strconv.Itoa(want.BPTT)}
			many := append(bptt, "--batch", strconv.Itoa(want.Batch))
			check(want.NLL, want.Tokens, append(many, "--data", dir+"/corpus", "--cache", cache)...)
			check(want.NLL, want.Tokens, append(many, "--data", dir+"/corpus", "--cache", cache, "--split", "valid", "--threads", "1")...)
			check(want.NLLBatch1, want.TokensBatch1, append(bptt, "--data", dir+"/corpus", "--cache", cache)...)
			check(want.NLLBatch1, want.TokensBatch1, "--text", dir+"/corpus/train.txt") // at the default window
			check(want.NLLBatch1, want.TokensBatch1, "--text", dir+"/corpus/train.txt", "--bptt", "1")
		})
	}
}

// The words are w2 w10 <eos> w3 <eos>. One stream scores all but w2, and they
// have 3+1 + 1 + 2+1 + 1 characters, <eos> being the newline; two streams are w2 w10 and <eos> w3, the
// last <eos> dropped, and score w10 and w3: 3+1 + 2+1.
func TestBitsPerCharacter(t *testing.T) {
	text := file(t, "w2 w10\nw3")
	for _, c := range []struct {
		batch              string
		tokens, characters float64
	}{{"1", 4, 9}, {"2", 2, 7}} {
		got := measured(t, "--model", lstmCase+"/model", "--text", text, "--batch", c.batch)
		want := got["nll"] * c.tokens / math.Log(2) / c.characters
		if got["tokens"] != c.tokens || !(math.Abs(got["bpc"]-want) < 1e-12) {
			t.Errorf("batch %s: %v tokens and bpc %v, want %v and %v", c.batch, got["tokens"], got["bpc"], c.tokens, want)
		}
	}
}

func TestPerplexityToRead(t *testing.T) {
	out := succeed(t, "perplexity", "--model", lstmCase+"/model", "--text", file(t, "w2 zebra <unk>\nyak w3\n"))
	for _, want := range []string{"6 tokens scored in 1 stream\n", "perplexity  ", "nll  ", "bpc  ", "outside the vocabulary, read as the unknown word: 2\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
}

// One of a thing is one, not several.
func TestOneToRead(t *testing.T) {
	text := file(t, "w2 w3 w4\n")
	out := succeed(t, "perplexity", "--model", plasticCase+"/model", "--text", text, "--pointer", "--pointer-size", "1", "--reset-every", "1")
	if !strings.Contains(out, "traces reset every token, continuous cache (theta 0.4, weight 0.1, 1 word): 3 tokens") {
		t.Error(out)
	}
	fail(t, cli.Usage, []string{"has 1 token to tune on"}, "perplexity", "--model", plasticCase+"/model", "--text", text, "--pointer", "--tune", "--tune-text", text, "--tune-tokens", "1")
}

// The embedded sample needs no files; nearly all its words are unknown to the
// model of a case.
func TestPerplexityOfSample(t *testing.T) {
	got := measured(t, "--model", lstmCase+"/model", "--data", "sample", "--split", "valid", "--batch", "20")
	if got["tokens"] < 1000 || !(got["nll"] > 0) {
		t.Errorf("%v", got)
	}
}

// Nothing finite can be said of a model whose logits are beyond all bounds.
func TestPerplexityBeyondNumbers(t *testing.T) {
	dir := wild(t)
	fail(t, 1, []string{"perplexity too large"}, "perplexity", "--model", dir, "--text", file(t, "w2 w3 w4 w5\n"))
}
