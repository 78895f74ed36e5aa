// Package lm loads the language models that go run ./train writes, in programs of
// others: it scores texts, writes some, and hands out the layers.
//
//	model, err := lm.Load("runs/NAME/modulated-seed1/best")
//	score, err := model.Score(ctx, file)
//	text, err := model.Text("the rays of light", 100, lm.Sampling{Temperature: 1, Seed: 1})
package lm

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/score"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/tokenizer"
)

// Model is a trained language model of any kind. It is not safe for concurrent use,
// but uses several cores itself.
type Model struct {
	model *lm.Model[float32]
	words *tokenizer.Tokenizer
}

// Load returns the model of a model folder: config.json, model.safetensors and
// tokenizer.json. Its error is one line that names the file and what is wrong with it.
func Load(folder string) (*Model, error) {
	m, words, err := lm.Load[float32](folder)
	if err != nil {
		return nil, err
	}
	return &Model{m, words}, nil
}

// Kind is what the model is: lstm, plastic, modulated, retroactive or readout.
func (m *Model) Kind() string { return m.model.Config.Model }

// Tokenizer returns the model's vocabulary.
func (m *Model) Tokenizer() *tokenizer.Tokenizer { return m.words }

// Layers is the number of recurrent layers.
func (m *Model) Layers() int { return m.model.Config.NumLayers }

// Layer returns recurrent layer l, the first being 0, and its parameters, the model's
// own, as lstm.NewScan and lstm.Fused take them. Its inputs are the words' embeddings,
// Tensor("embedding.weight") [V, E], or the outputs of the layer below. It is an error
// to ask for a layer that the model has not.
func (m *Model) Layer(l int) (lstm.Layer, [][]float32, error) {
	if l < 0 || l >= m.Layers() {
		return nil, nil, fmt.Errorf("lm: layer %d of a model of %d: want one from 0 to %d", l, m.Layers(), m.Layers()-1)
	}
	layer, err := m.model.Config.Layer(l)
	if err != nil {
		return nil, nil, err
	}
	var params [][]float32
	for _, p := range layer.Params() {
		params = append(params, m.Tensor(fmt.Sprintf("layers.%d.%s", l, p.Name)))
	}
	return layer, params, nil
}

// Tensor returns a parameter by its name in the model folder, the model's own; nil if
// there is none.
func (m *Model) Tensor(name string) []float32 {
	for _, p := range m.model.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return nil
}

// Score says how well a text was predicted.
type Score struct {
	NLL     float64 // mean over the tokens, in nats
	Tokens  int     // scored: all but the first
	Unknown int     // words outside the vocabulary, read as the unknown word
	BPC     float64 // bits a character, as go run ./eval perplexity counts them
}

// Perplexity is e to the NLL.
func (s Score) Perplexity() float64 { return lm.Perplexity(s.NLL) }

// scoredSteps is how many tokens are read at a time, as by the command.
const scoredSteps = 35

// Score reads a text from a state of zero, in one stream, and scores every token but
// the first, as go run ./eval perplexity --text does. It is an error to read a word
// outside a vocabulary without an unknown word, or a text of fewer than two tokens.
func (m *Model) Score(ctx context.Context, text io.Reader) (Score, error) {
	t, err := m.words.EncodeText(text, "text")
	if err != nil {
		return Score{}, err
	}
	losses, err := score.Read(ctx, m.model, t.Tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: scoredSteps}, nil)
	if err != nil {
		return Score{}, err
	}
	s := Score{NLL: losses.Mean(), Tokens: len(losses), Unknown: int(t.Unknown)}
	if math.IsNaN(s.NLL) || math.IsInf(s.NLL, 0) {
		return Score{}, fmt.Errorf("lm: the mean NLL is %v: the model's parameters are not those of a trained model", s.NLL)
	}
	s.BPC = s.NLL * float64(s.Tokens) / math.Ln2 / float64(m.words.Characters(score.Targets(t.Tokens, 1)))
	return s, nil
}

// Sampling says how a model chooses each word; the zero value takes the likeliest.
type Sampling struct {
	Temperature  float64 // divides the logits
	TopK         int     // the number of likeliest words that are drawn among; 0: all
	Seed         uint64  // of the draws
	Frozen       bool    // traces stay as they are after the prompt
	AllowUnknown bool    // the unknown word may be written too
}

// Words reads a prompt from a state of zero and continues it word by word, without end
// unless the caller breaks off or after an error; the word "<eos>" is a line's end. An
// empty prompt is the start of a line. The model is in use all the while.
func (m *Model) Words(prompt string, s Sampling) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for id, err := range m.ids(prompt, s) {
			word := ""
			if err == nil {
				word = m.words.Token(id)
			}
			if !yield(word, err) {
				return
			}
		}
	}
}

// Text is the text of the first tokens of Words, as go run ./eval generate writes it.
func (m *Model) Text(prompt string, tokens int, s Sampling) (string, error) {
	if tokens < 1 {
		return "", fmt.Errorf("lm: %d tokens: want at least 1", tokens)
	}
	var b strings.Builder
	text := lm.NewTextWriter(&b, m.words)
	for id, err := range m.ids(prompt, s) {
		if err != nil {
			return "", err
		}
		if err := text.Word(id); err != nil {
			return "", err
		}
		if tokens--; tokens == 0 {
			break
		}
	}
	return b.String(), nil
}

// ids is Words by number.
func (m *Model) ids(prompt string, s Sampling) iter.Seq2[int32, error] {
	fail := func(err error) iter.Seq2[int32, error] {
		return func(yield func(int32, error) bool) { yield(0, err) }
	}
	if !(s.Temperature >= 0) || math.IsInf(s.Temperature, 0) {
		return fail(fmt.Errorf("lm: temperature %v: want a number, 0 or above", s.Temperature))
	}
	if s.TopK < 0 {
		return fail(fmt.Errorf("lm: the %d likeliest words: want at least 1, or 0 for all", s.TopK))
	}
	ids, err := lm.Prompt(m.words, prompt)
	if err != nil {
		return fail(err)
	}
	sampling := lm.Sampling{Temperature: s.Temperature, TopK: s.TopK, Frozen: s.Frozen}
	if !s.AllowUnknown {
		sampling.Never = lm.Unknown(m.words)
	}
	return m.model.Generate(ids, sampling, rng.New(s.Seed, "sampling"))
}
