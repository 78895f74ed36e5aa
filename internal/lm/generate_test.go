package lm

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/tokenizer"
)

// Words come as often as the softmax over temperature says, of those allowed and
// among the K likeliest.
func TestChoose(t *testing.T) {
	const draws = 40000
	logits := []float32{1, 3, -2, 3, 2.5, 0}
	for _, c := range []struct {
		Sampling
		among []int32
	}{
		{Sampling{Temperature: 1}, []int32{0, 1, 2, 3, 4, 5}},
		{Sampling{Temperature: 2.5, Never: []int32{1, 5}}, []int32{0, 2, 3, 4}},
		{Sampling{Temperature: 0.5, TopK: 3}, []int32{1, 3, 4}},
		{Sampling{Temperature: 1, TopK: 2, Never: []int32{3}}, []int32{1, 4}},
		{Sampling{Temperature: 1, TopK: 100}, []int32{0, 1, 2, 3, 4, 5}},
		{Sampling{Temperature: 1e300}, []int32{0, 1, 2, 3, 4, 5}},
		{Sampling{Temperature: 5e-324}, []int32{1, 3}},     // equally likely
		{Sampling{Temperature: 0}, []int32{1}},             // the first of them
		{Sampling{Temperature: 9, TopK: 1}, []int32{1}},    // likewise
		{Sampling{Never: []int32{0, 1, 3, 4}}, []int32{5}}, // 2 is less likely
		{Sampling{Temperature: 5e-324, TopK: 1}, []int32{1}},
	} {
		choice := newChooser[float32](c.Sampling, len(logits), rng.New(1, "sampling"))
		count := make([]float64, len(logits))
		for range draws {
			id, err := choice.choose(logits)
			if err != nil {
				t.Fatal(err)
			}
			count[id]++
		}
		sum := 0.0
		p := make([]float64, len(logits))
		for _, id := range c.among {
			p[id] = 1
			if c.Temperature > 0 {
				p[id] = math.Exp(float64(logits[id]-3) / c.Temperature)
			}
			sum += p[id]
		}
		for id := range p {
			want := p[id] / sum
			if off := math.Abs(count[id]/draws - want); !(off <= 5*math.Sqrt(want*(1-want)/draws)) {
				t.Errorf("%+v: word %d came in %.4f of the draws, want %.4f", c.Sampling, id, count[id]/draws, want)
			}
		}
	}
}

// The K likeliest are those at the front of all in order, of equally likely words the
// first ones.
func TestLikeliest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	logits := make([]float32, 300)
	for i := range logits {
		logits[i] = float32(r.IntN(40))
	}
	never := []int32{7, 100, 299}
	for _, k := range []int{2, 3, 50, 296, 297, 298} {
		choice := newChooser[float32](Sampling{Temperature: 1, TopK: k, Never: never}, len(logits), rng.New(1, "sampling"))
		want := slices.Clone(choice.allowed)
		if k < len(want) {
			slices.SortStableFunc(want, func(a, b int32) int { return cmp.Compare(logits[b], logits[a]) })
			want = want[:k]
		}
		if _, err := choice.choose(logits); err != nil || !slices.Equal(choice.order, want) {
			t.Errorf("the %d likeliest are %v (%v), want %v", k, choice.order, err, want)
		}
	}
}

func TestChooseRefuses(t *testing.T) {
	for _, z := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		choice := newChooser[float64](Sampling{Temperature: 1}, 3, rng.New(1, "sampling"))
		if id, err := choice.choose([]float64{0, z, 1}); err == nil {
			t.Errorf("a logit of %v: word %d", z, id)
		}
	}
	choice := newChooser[float64](Sampling{Temperature: 1, Never: []int32{0, 1}}, 2, rng.New(1, "sampling"))
	if id, err := choice.choose([]float64{0, 1}); err == nil {
		t.Errorf("word %d, though none is allowed", id)
	}
}

// Generate does what it says, one token after the other: it reads the prompt,
// which is longer than it reads at once, then takes the likeliest word and reads
// that, with the traces put back after each word if they are frozen.
func TestGenerate(t *testing.T) {
	const words = 60
	m, _, err := Load[float64]("testdata/cases/retroactive-connection-connection-previous_hidden-clip/model")
	must(t, err)
	prompt := make([]int32, 2*promptSteps+5)
	for i := range prompt {
		prompt[i] = int32(i*i) % int32(m.Config.VocabSize)
	}
	byHand := func(frozen bool) (ids []int32) {
		state, last := m.NewState(1), int32(0)
		read := func(id int32) {
			logits, err := m.Logits([]int32{id}, state)
			must(t, err)
			last = int32(slices.Index(logits, slices.Max(logits)))
		}
		for _, id := range prompt {
			read(id)
		}
		held := [][]float64{}
		for _, layer := range state {
			held = append(held, slices.Clone(layer.Part("hebb")), slices.Clone(layer.Part("trace")))
		}
		for range words {
			ids = append(ids, last)
			read(last)
			for l, layer := range state {
				if slices.Equal(layer.Part("hebb"), held[2*l]) || slices.Equal(layer.Part("trace"), held[2*l+1]) {
					t.Fatalf("the traces of layer %d stand still: this test shows nothing", l)
				}
				if frozen {
					copy(layer.Part("hebb"), held[2*l])
					copy(layer.Part("trace"), held[2*l+1])
				}
			}
		}
		return ids
	}
	for _, frozen := range []bool{false, true} {
		var got []int32
		for id, err := range m.Generate(prompt, Sampling{Frozen: frozen}, nil) {
			must(t, err)
			if got = append(got, id); len(got) == words {
				break
			}
		}
		if want := byHand(frozen); !slices.Equal(got, want) {
			t.Errorf("frozen %v: %v, want %v", frozen, got, want)
		}
	}
	for id, err := range m.Generate(nil, Sampling{}, nil) {
		if err == nil {
			t.Fatalf("word %d after an empty prompt", id)
		}
	}
}

func TestPromptAndText(t *testing.T) {
	tok, err := tokenizer.Build(strings.NewReader("a b\nc\n"), "train.txt", tokenizer.Options{})
	must(t, err)
	for _, c := range []struct{ prompt, words, text string }{
		{"", "<eos>", "\n"},
		{" \t", "<eos>", "\n"},
		{"\n", "<eos>", "\n"},
		{"a  b", "a b", "a b"},
		{"a b\n", "a b <eos>", "a b\n"},
		{"\na\n\nb c", "<eos> a <eos> <eos> b c", "\na\n\nb c"},
		{"a <eos> b", "a <eos> b", "a\nb"},
	} {
		ids, err := Prompt(tok, c.prompt)
		must(t, err)
		words, err := tok.Decode(ids)
		must(t, err)
		var text strings.Builder
		w := NewTextWriter(&text, tok)
		for _, id := range ids {
			must(t, w.Word(id))
		}
		if words != c.words || text.String() != c.text || w.InLine() == strings.HasSuffix(c.text, "\n") {
			t.Errorf("%q: words %q, text %q; want %q, %q", c.prompt, words, text.String(), c.words, c.text)
		}
	}
	if ids, err := Prompt(tok, "a z"); err == nil {
		t.Errorf("a word outside the vocabulary became %v", ids)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
