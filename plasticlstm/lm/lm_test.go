package lm_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm/lm"
)

func cases(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("../../internal/lm/testdata/cases/*/model")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d cases, %v", len(dirs), err)
	}
	return dirs
}

// A loaded model gives a text the loss that an independent implementation gives it.
func TestScore(t *testing.T) {
	for _, dir := range cases(t) {
		m, err := lm.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			NLL    float64 `json:"nll_batch1"`
			Tokens int     `json:"tokens_batch1"`
		}
		b, err := os.ReadFile(filepath.Join(dir, "../expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "../corpus/test.txt"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := m.Score(t.Context(), f)
		if err != nil || got.Tokens != want.Tokens || math.Abs(got.NLL-want.NLL) > 1e-5 || got.Unknown != 0 {
			t.Errorf("%s: %+v, %v, want %+v", dir, got, err, want)
		}
		if p := got.Perplexity(); math.Abs(p-math.Exp(want.NLL)) > 1e-3 || !(got.BPC > 0) {
			t.Errorf("%s: perplexity %v, %v bits a character", dir, p, got.BPC)
		}
	}
}

// The layers of a loaded model are at work outside it.
func TestLayer(t *testing.T) {
	for _, dir := range cases(t) {
		m, err := lm.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for l := range m.Layers() {
			layer, params, err := m.Layer(l)
			if err != nil {
				t.Fatal(err)
			}
			state := lstm.NewState[float32](layer, 1)
			s := lstm.NewScan[float32](layer)
			s.Begin(1, 1, params, state.Data)
			out := make([]float32, layer.HiddenSize())
			s.Forward(1, m.Tensor("embedding.weight")[:layer.InputSize()], out)
			if out[0] == 0 {
				t.Errorf("%s: layer %d gives %v", dir, l, out)
			}
		}
		for _, l := range []int{-1, m.Layers()} {
			if layer, _, err := m.Layer(l); err == nil {
				t.Errorf("%s: layer %d of %d is %v", dir, l, m.Layers(), layer)
			}
		}
	}
}

// What a model writes comes from its vocabulary, the same for the same seed, without
// the unknown word; the likeliest words need none.
func TestText(t *testing.T) {
	m, err := lm.Load(cases(t)[1])
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind() != "modulated" {
		t.Errorf("the model is %s", m.Kind())
	}
	some := lm.Sampling{Temperature: 1, Seed: 7}
	first, err := m.Text("", 30, some)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for word, err := range m.Words("", some) {
		if err != nil {
			t.Fatal(err)
		}
		if words = append(words, word); len(words) == 30 {
			break
		}
	}
	again := strings.NewReplacer("<eos> ", "\n", " <eos>", "\n", "<eos>", "\n").Replace(strings.Join(words, " "))
	if strings.Join(strings.Fields(first), " ") != strings.Join(strings.Fields(again), " ") || strings.Contains(first, "<unk>") {
		t.Errorf("%q, and word by word %q", first, again)
	}
	if other, err := m.Text("", 30, lm.Sampling{Temperature: 1, Seed: 8}); err != nil || other == first {
		t.Errorf("another seed writes %q, %v", other, err)
	}
	one, err := m.Text("", 30, lm.Sampling{})
	if two, err2 := m.Text("", 30, lm.Sampling{Seed: 9}); err != nil || err2 != nil || one != two {
		t.Errorf("the likeliest words are %q and %q", one, two)
	}
}

// What cannot be is refused in one line.
func TestRefused(t *testing.T) {
	m, err := lm.Load(cases(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	_, none := lm.Load(t.TempDir())
	_, short := m.Score(t.Context(), strings.NewReader(""))
	_, cold := m.Text("", 3, lm.Sampling{Temperature: -1})
	_, few := m.Text("", 3, lm.Sampling{TopK: -1})
	_, zero := m.Text("", 0, lm.Sampling{})
	for want, err := range map[string]error{
		"is not a model folder":     none,
		"text":                      short,
		"temperature -1: want":      cold,
		"the -1 likeliest words":    few,
		"0 tokens: want at least 1": zero,
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
