package examine

import (
	"strings"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/tokenizer"
)

// How long a passage and a sample are.
const (
	passageTokens = 120
	sampleTokens  = 80
)

// Passage reads the beginning of the test text, after the end of the
// validation text has warmed the traces up, and records each token's NLL and
// what the neuromodulators said when it was read.
func Passage(m *lm.Model[float32], tok *tokenizer.Tokenizer, valid, test []int32) (*report.Passage, error) {
	n := min(passageTokens, len(test))
	text := append(append([]int32{}, valid[max(0, len(valid)-2000):]...), test[:n]...)
	warm := len(text) - n
	out := &report.Passage{Readout: m.Config.Memory != nil}
	state := m.NewState(1)
	for i := range text {
		if i == len(text)-1 {
			break
		}
		nll, err := m.Score(text[i:i+1], text[i+1:i+2], state)
		if err != nil {
			return nil, err
		}
		if i+1 < warm {
			continue
		}
		// The modulator of a token speaks when it is read, a step after its NLL.
		out.Tokens = append(out.Tokens, tok.Token(text[i+1]))
		out.NLL = append(out.NLL, nll[0])
		if i < warm {
			continue
		}
		out.M = appendModulation(out.M, m.Modulation())
	}
	if len(out.M) > 0 { // the last token is scored but not read
		last := len(out.M[0])
		out.Tokens, out.NLL = out.Tokens[:last], out.NLL[:last]
	}
	return out, nil
}

// appendModulation appends what each neuromodulator said in a window of one token; a
// layer without one said nothing.
func appendModulation(m [][]float64, said [][]float32) [][]float64 {
	l := 0
	for _, v := range said {
		if len(v) == 0 {
			continue
		}
		if len(m) == l {
			m = append(m, nil)
		}
		m[l] = append(m[l], float64(v[0]))
		l++
	}
	return m
}

// Sample lets the model write, its traces learning, from the start of a line. With
// an error it returns what was written until then.
func Sample(m *lm.Model[float32], tok *tokenizer.Tokenizer, seed uint64) (string, error) {
	prompt, err := lm.Prompt(tok, "")
	if err != nil {
		return "", nil // a corpus of one line has no start to write from
	}
	sampling := lm.Sampling{Temperature: 0.9, TopK: 50}
	if unk, ok := tok.Unknown(); ok {
		sampling.Never = []int32{unk}
	}
	var words []string
	for id, err := range m.Generate(prompt, sampling, rng.New(seed, "sampling")) {
		if err != nil {
			return strings.Join(words, " "), err
		}
		if words = append(words, tok.Token(id)); len(words) == sampleTokens {
			break
		}
	}
	return strings.Join(words, " "), nil
}
