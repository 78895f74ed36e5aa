package examine_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/examine"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/tokenizer"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever kind a model is, with a plastic readout joined to its layers or without, a
// passage has an NLL for each word and M(t) of those that have a neuromodulator, and
// there are traces of each plastic layer, in numbers that JSON can hold.
func TestEveryKind(t *testing.T) {
	const text = "a b c d\nb a d c\na c b d\n"
	tok, err := tokenizer.Build(strings.NewReader(text), "text", tokenizer.Options{})
	must(t, err)
	words, err := tok.EncodeText(strings.NewReader(text), "text")
	must(t, err)
	const layers = 2
	for _, kind := range modeldir.Models {
		for _, memory := range []bool{false, true} {
			c := modeldir.Config{Format: modeldir.Format, Model: kind, VocabSize: tok.Size(), EmbeddingSize: 3, HiddenSize: 4, NumLayers: layers}
			plastic := kind != modeldir.LSTM && kind != modeldir.Readout
			if plastic {
				c.Plasticity = &modeldir.Plasticity{Alpha: "neuron", Rate: "neuron", ModulatorInput: "hidden", Rule: "clip", Clip: 1}
			}
			if memory {
				c.Memory = &modeldir.Memory{KeySize: 2, Slots: 3}
			}
			if c.Validate() != nil {
				continue // an LSTM with a memory is kind readout, which has one
			}
			name := kind
			if plastic && memory {
				name += " and readout"
			}
			t.Run(name, func(t *testing.T) {
				m, err := lm.New[float32](c, 1)
				must(t, err)
				speakers, traces := 0, 0
				if kind == modeldir.Modulated || kind == modeldir.Retroactive {
					speakers = layers
				}
				if memory {
					speakers++
				}
				if plastic {
					traces = layers
				}
				p, err := examine.Passage(m, tok, words.Tokens, words.Tokens)
				must(t, err)
				want := len(words.Tokens)
				if speakers > 0 {
					want-- // the last is scored but not read
				}
				if len(p.Tokens) != want || len(p.NLL) != want || len(p.M) != speakers {
					t.Errorf("%d words, %d NLLs, %d neuromodulators; want %d, %[4]d, %d", len(p.Tokens), len(p.NLL), len(p.M), want, speakers)
				}
				for _, said := range p.M {
					if len(said) != len(p.Tokens) {
						t.Errorf("M(t) of %d words; want %d", len(said), len(p.Tokens))
					}
				}
				state := m.NewState(1)
				must(t, m.Absorb(t.Context(), words.Tokens, state, 5, nil))
				got := examine.Traces(m, state)
				if len(got) != traces {
					t.Errorf("traces of %d layers; want %d", len(got), traces)
				}
				if _, err := json.Marshal(got); err != nil {
					t.Errorf("%v: %+v", err, got)
				}
				for l, a := range got {
					if !(a.MeanAbs > 0) {
						t.Errorf("layer %d: mean |A| %v", l, a.MeanAbs)
					}
				}
			})
		}
	}
}
