package lm_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/tokenizer"
)

// expected are the answers of an independent implementation in float64.
type expected struct {
	Batch        int     `json:"batch"`
	BPTT         int     `json:"bptt"`
	LR           float64 `json:"lr"`
	NLL          float64 `json:"nll"`
	Tokens       int     `json:"tokens"`
	NLLBatch1    float64 `json:"nll_batch1"`
	TokensBatch1 int     `json:"tokens_batch1"`
	NLLAfter2    float64 `json:"nll_after_2_steps"`
}

func TestCases(t *testing.T) {
	dirs, err := filepath.Glob("testdata/cases/*/expected.json")
	if err != nil || len(dirs) != 5 {
		t.Fatalf("%d cases (%v), want 5", len(dirs), err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir)+"/float32", func(t *testing.T) { testCase[float32](t, dir, kernel.F32, 1e-5) })
		t.Run(filepath.Base(dir)+"/float64", func(t *testing.T) { testCase[float64](t, dir, kernel.F32, 1e-9) })
		t.Run(filepath.Base(dir)+"/bf16", func(t *testing.T) { testCase[float32](t, dir, kernel.BF16, 2e-3) })
	}
}

func testCase[F lm.Float](t *testing.T, dir string, in kernel.Precision, tol float64) {
	var want expected
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	must(t, err)
	must(t, json.Unmarshal(b, &want))
	folder, err := modeldir.Load(filepath.Join(dir, "model"))
	must(t, err)
	tok, err := tokenizer.Parse(folder.TokenizerJSON)
	must(t, err)
	text, err := os.Open(filepath.Join(dir, "corpus", "train.txt"))
	must(t, err)
	defer text.Close()
	encoded, err := tok.EncodeText(text, "train.txt")
	must(t, err)
	m, err := lm.FromTensors[F](folder.Config, folder.Tensors)
	must(t, err)
	must(t, m.Round(in))

	score := func(what string, batch int, nll float64, tokens int) {
		t.Helper()
		got, err := m.Evaluate(context.Background(), encoded.Tokens, batch, want.BPTT, nil)
		must(t, err)
		if got.Tokens != tokens || !(math.Abs(got.NLL-nll) <= tol) {
			t.Errorf("%s: NLL %.9f over %d tokens, want %.9f over %d", what, got.NLL, got.Tokens, nll, tokens)
		}
	}
	score("before", want.Batch, want.NLL, want.Tokens)
	score("one stream", 1, want.NLLBatch1, want.TokensBatch1)

	before := m.Tensors()
	windows, err := data.NewWindows(encoded.Tokens, want.Batch, want.BPTT)
	must(t, err)
	state := m.NewState(want.Batch)
	for range 2 {
		w, ok := windows.Next()
		if !ok {
			t.Fatal("the corpus has fewer than two windows")
		}
		_, err := m.Train(w.X, w.Y, state, 0, nil)
		must(t, err)
		for _, p := range m.Params {
			for i, g := range dense(p) {
				p.Value[i] -= F(want.LR) * g
			}
		}
	}
	score("after two steps", want.Batch, want.NLLAfter2, want.Tokens)
	after, err := modeldir.ReadTensors(filepath.Join(dir, "after2.safetensors"))
	must(t, err)
	if len(after) != len(m.Params) {
		t.Fatalf("%d tensors after two steps, want %d", len(m.Params), len(after))
	}
	for name, got := range m.Tensors() {
		if in == kernel.BF16 {
			holdRounded(t, name, before[name], after[name], got)
			continue
		}
		change, largest, off := 0.0, 0.0, 0.0
		for i, w := range after[name] {
			change = max(change, math.Abs(float64(w-before[name][i])))
			largest = max(largest, math.Abs(float64(w)))
			off = max(off, math.Abs(float64(got[i]-w)))
		}
		if limit := 1e-3*change + 3e-7*largest; len(got) != len(after[name]) || !(off <= limit) {
			t.Errorf("%s is off by %.3g after two steps, allowed %.3g", name, off, limit)
		}
	}
}

// holdRounded holds what steps with products in bfloat16 changed of a parameter to
// what they should have changed. Each number in a product is off by up to 2^-9 and
// errors cancel in part, so the change as a whole is within 2%. What traces lead to
// is rougher: of one that comes to its clip an error decides whether its gradient is
// there at all, and the rates' gradients are sums whose terms cancel.
func holdRounded(t *testing.T, name string, before, want, got []float32) {
	t.Helper()
	change, off := 0.0, 0.0
	for i, w := range want {
		change += math.Pow(float64(w-before[i]), 2)
		off += math.Pow(float64(w-got[i]), 2)
	}
	limit := 0.02
	for _, plastic := range []string{"eta", "fanout", "modulator", "trace_rate"} {
		if strings.Contains(name, plastic) {
			limit = 0.3
		}
	}
	if share := math.Sqrt(off / change); !(share <= limit) {
		t.Errorf("the change of %s is off by %.2g of it, allowed %v", name, share, limit)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
